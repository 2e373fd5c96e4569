// Command mailfetch is a mail fetcher in one program: it signs in with OAuth, keeps the tokens encrypted, lists the inbox,
// writes every message and attachment to files, answers one message in its thread, marks what it fetched as read and
// moves it to a folder. It is there to be read and copied from; read run.go first, top to bottom.
//
//	go run ./examples/mailfetch
//
// runs it against a demo tenant in this process; mailfetch -help says how to point it at a real one. With -watch it stays and
// fetches what arrives, on the library's fetcher: see watch.go.
//
// Below -out it writes
//
//	messages/0001-<subject>.eml                the message, byte for byte
//	attachments/0001-<subject>/01-<name>       its attachments; a message inside it as .eml
//
// A file is there completely or not at all, and a file of an earlier run is never replaced. A message leaves the inbox
// only after its files are on the disk; whatever fails stays in the inbox for the next run.
//
// The exit status is 0 only if everything worked, 1 if something failed and 2 if the settings are wrong: flags, the
// registration as far as it can be checked here, a key that does not open the store, folders that cannot be used.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first Ctrl-C lets the work under way end cleanly, a second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
