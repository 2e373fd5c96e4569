// Command daemon makes tickets of the mail of several mailboxes, with no person signed in: the application has its own
// permission (full_access_as_app, with an administrator's consent), enters each mailbox by impersonation, and writes exactly one
// row into a database for each message. It is there to be read and copied from; read fetch.go first.
//
//	go run ./examples/daemon
//
// runs it against a demo tenant inside this process: it makes tickets of the mail that is there, then ends. With a registration it
// goes on until it gets SIGTERM or Ctrl-C:
//
//	DAEMON_CLIENT_SECRET=... daemon -client-id ID -tenant contoso.onmicrosoft.com \
//	    -mailboxes help@contoso.com,billing@contoso.com -db tickets.db -listen localhost:8026
//
// A certificate can stand in for the secret: -certificate app.pfx, its password in DAEMON_CERTIFICATE_PASSWORD.
//
// Any number of daemons may share one database: one of them fetches a mailbox, the others take over within seconds when it dies.
// (With SQLite, as here, they run on one machine; put PostgreSQL in its place for several.)
//
// With -listen, /healthz answers 200 while every mailbox is looked after and 503 with the reasons otherwise, and /debug/vars has
// the counters. The exit status is 0 after an orderly end, 1 if something failed, 2 if the settings are wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the program, apart from the process.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	s, err := parse(args, env, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil && s.demo {
		var end func()
		if end, err = s.startDemo(); err == nil {
			defer end()
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "daemon:", err)
		return 2
	}
	d, err := open(ctx, s, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "daemon:", err)
		var advice interface{ Advice() string }
		if errors.As(err, &advice) {
			fmt.Fprintln(stderr, advice.Advice())
		}
		return 1
	}
	err = d.fetch(ctx)
	if err == nil {
		err = d.report(stdout)
	}
	d.close()
	if err != nil {
		fmt.Fprintln(stderr, "daemon:", err)
		return 1
	}
	return 0
}
