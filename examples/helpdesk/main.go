// Helpdesk is the mail part of a small web application, to copy from: a settings page with the fields that every
// administrator knows, Connect, and proof that the mailbox can be read.
//
//	go run ./examples/helpdesk
//
// starts it on http://localhost:8025 against a demo tenant inside the same process: a fake Entra and a fake Exchange with a
// mailbox full of mail. Against a real tenant run it with -demo=false, and enter the registration on its settings page.
//
// It listens on loopback and has no accounts of its own: behind it, an application has its own sign-in for administrators.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/tokenstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr, nil)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "helpdesk:", err)
		os.Exit(1)
	}
}

// run is the program. ready, if not nil, is told the application once it listens.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer, ready func(*app)) error {
	f := flag.NewFlagSet("helpdesk", flag.ContinueOnError)
	f.SetOutput(out)
	listen := f.String("listen", "localhost:8025", "loopback `address` to listen on")
	public := f.String("url", "", "`URL` under which browsers reach it, if a proxy stands before it; default: http:// and -listen")
	data := f.String("data", "", "`folder` for settings and tokens, encrypted; default: a temporary one")
	withDemo := f.Bool("demo", true, "start a demo tenant and fill in its registration")
	folder := f.String("mail", "", "demo tenant: deliver every file of this `folder` instead of the demo mail")
	unseen := f.Bool("approve", false, "the demo tenant's sign-in page approves by itself")
	if err := f.Parse(args); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(out, nil))

	key := env("HELPDESK_KEY")
	switch {
	case *data != "" && key == "":
		return errors.New("HELPDESK_KEY is missing: it encrypts what is kept in -data (openssl rand -hex 32 makes one)")
	case *data == "":
		dir, err := os.MkdirTemp("", "helpdesk-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		var random [tokenstore.KeySize]byte
		_, _ = rand.Read(random[:]) // never fails
		*data, key = filepath.Join(dir, "data"), hex.EncodeToString(random[:])
	}
	store, err := openStore(ctx, *data, key)
	if err != nil {
		return err
	}

	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	defer l.Close()
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return fmt.Errorf("-listen %s: not a loopback address; put a proxy with TLS and sign-in before it", *listen)
	}
	if *public == "" {
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		*public = "http://localhost:" + port
	}
	base, err := url.Parse(*public)
	if err != nil || base.Host == "" || base.Path != "" {
		return fmt.Errorf("-url %s: give scheme and host, as in https://helpdesk.example.com", *public)
	}

	a := &app{store: store, base: base, log: log}
	if *withDemo {
		mail := demo.Mail()
		if *folder != "" {
			if mail, err = demo.Dir(*folder, nil); err != nil {
				return fmt.Errorf("-mail: %w", err)
			}
		}
		if a.tenant, err = demo.Start(&demo.Options{Mail: mail, Interactive: !*unseen}); err != nil {
			return err
		}
		defer a.tenant.Close()
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	defer a.close()

	srv := &http.Server{Handler: a.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	log.Info("open this page in a browser on this machine", "url", a.base.String())
	if ready != nil {
		ready(a)
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := srv.Shutdown(sctx)
		<-served
		return err
	}
}

func openStore(ctx context.Context, dir, text string) (tokenstore.Store, error) {
	key, err := tokenstore.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("HELPDESK_KEY: %w", err)
	}
	ring, err := tokenstore.NewKeyring(key)
	if err != nil {
		return nil, fmt.Errorf("HELPDESK_KEY: %w", err)
	}
	files, err := tokenstore.NewFileStore(dir, nil)
	if err != nil {
		return nil, fmt.Errorf("-data: %w", err)
	}
	if err := tokenstore.CheckKeys(ctx, files, ring); err != nil {
		return nil, fmt.Errorf("HELPDESK_KEY does not open what is kept in %s: %w", dir, err)
	}
	return tokenstore.Encrypt(files, ring), nil
}
