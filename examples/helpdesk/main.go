// Helpdesk is a small web application, to copy from: a settings page with the fields that every administrator knows, Connect, and
// from then on each mail is a ticket, and each answer to a ticket one mail, unattended.
//
//	go run ./examples/helpdesk
//
// starts it on http://localhost:8025 against a demo tenant inside the same process: a fake Entra and a fake Exchange with a
// mailbox full of mail. Against a real tenant run it with -demo=false, and enter the registration on its settings page.
//
// Read ticket.go first: how a message becomes a ticket. answer.go: how an answer becomes a mail. desk.go: what runs meanwhile.
// app.go, routes.go and settings.go: how a mailbox is set up and connected. The rest is pages.
//
// Ctrl-C or SIGTERM finishes what was begun; the next start goes on from there. Several instances may share one -data folder, on one machine:
// one of them fetches, another takes over within seconds when it dies. What is done in one of them (settings, a sign-in, a disconnect)
// the others follow within seconds. A sign-in ends at the instance that it was begun at.
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
	"strings"
	"syscall"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/tokenstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr, nil)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "helpdesk:", err)
		os.Exit(1)
	}
}

// options are the program's settings that are no form's.
type options struct {
	listen, public, data, key string
	log                       *slog.Logger
	tenant                    *demo.Tenant // nil: no demo

	// Tests have less patience: with retries, and with looking for what became of an answer. Zero: what suits a helpdesk.
	retry  ews.RetryPolicy
	settle time.Duration
}

// run is the program. ready, if not nil, is told the application once it listens.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer, ready func(*app)) error {
	f := flag.NewFlagSet("helpdesk", flag.ContinueOnError)
	f.SetOutput(out)
	o := options{key: env("HELPDESK_KEY")}
	f.StringVar(&o.listen, "listen", "localhost:8025", "loopback `address` to listen on")
	f.StringVar(&o.public, "url", "", "`URL` under which browsers reach it, if a proxy stands before it; default: http:// and -listen")
	f.StringVar(&o.data, "data", "", "`folder` for settings and tokens, encrypted, and the tickets; default: a temporary one")
	withDemo := f.Bool("demo", true, "start a demo tenant and fill in its registration")
	folder := f.String("mail", "", "demo tenant: deliver every file of this `folder` instead of the demo mail")
	unseen := f.Bool("approve", false, "the demo tenant's sign-in page approves by itself")
	if err := f.Parse(args); err != nil {
		return err
	}
	o.log = slog.New(slog.NewTextHandler(out, nil))
	switch {
	case o.data != "" && o.key == "":
		return errors.New("HELPDESK_KEY is missing: it encrypts what is kept in -data (openssl rand -hex 32 makes one)")
	case o.data == "":
		dir, err := os.MkdirTemp("", "helpdesk-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		var random [tokenstore.KeySize]byte
		_, _ = rand.Read(random[:]) // never fails
		o.data, o.key = filepath.Join(dir, "data"), hex.EncodeToString(random[:])
	}
	if *withDemo {
		mail, err := demo.Mail(), error(nil)
		if *folder != "" {
			if mail, err = demo.Dir(*folder, nil); err != nil {
				return fmt.Errorf("-mail: %w", err)
			}
		}
		if o.tenant, err = demo.Start(&demo.Options{Mail: mail, Interactive: !*unseen}); err != nil {
			return err
		}
		defer o.tenant.Close()
	}
	return serve(ctx, o, ready)
}

// serve runs the application until ctx ends.
func serve(ctx context.Context, o options, ready func(*app)) error {
	if o.retry.MaxWait == 0 {
		o.retry.MaxWait = 20 * time.Second // a person waits for the page
	}
	a := &app{options: o, turn: make(chan struct{}, 1)}
	var err error
	if a.store, err = openStore(ctx, o); err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	defer l.Close()
	if a.base, err = baseURL(o, l.Addr()); err != nil {
		return err
	}
	if a.db, err = openDatabase(ctx, filepath.Join(o.data, "tickets")); err != nil {
		return err
	}
	defer a.db.Close()
	if err := a.open(ctx); err != nil {
		return err
	}
	defer a.close()

	srv := &http.Server{Handler: a.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	o.log.Info("open this page in a browser on this machine", "url", a.base.String())
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

// baseURL is what browsers call the application.
func baseURL(o options, listening net.Addr) (*url.URL, error) {
	if a, ok := listening.(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, fmt.Errorf("-listen %s: not a loopback address; put a proxy with TLS and sign-in before it", o.listen)
	}
	if o.public == "" {
		_, port, err := net.SplitHostPort(listening.String())
		if err != nil {
			return nil, err
		}
		o.public = "http://localhost:" + port
	}
	base, err := url.Parse(o.public)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.Path+base.RawQuery+base.Fragment != "" {
		return nil, fmt.Errorf("-url %.200q: give scheme and host, as in https://helpdesk.example.com", o.public)
	}
	// As browsers write it in what they send, with which it is compared: in small letters, and without a port that goes without saying.
	base.Host = strings.ToLower(base.Host)
	if port := base.Port(); base.Scheme == "https" && port == "443" || base.Scheme == "http" && port == "80" {
		base.Host = strings.TrimSuffix(base.Host, ":"+port)
	}
	return base, nil
}

func openStore(ctx context.Context, o options) (tokenstore.Store, error) {
	key, err := tokenstore.ParseKey(o.key)
	if err != nil {
		return nil, fmt.Errorf("HELPDESK_KEY: %w", err)
	}
	ring, err := tokenstore.NewKeyring(key)
	if err != nil {
		return nil, fmt.Errorf("HELPDESK_KEY: %w", err)
	}
	files, err := tokenstore.NewFileStore(o.data, nil)
	if err != nil {
		return nil, fmt.Errorf("-data: %w", err)
	}
	for _, text := range files.Warnings() {
		o.log.Warn(text)
	}
	if err := tokenstore.CheckKeys(ctx, files, ring); err != nil {
		return nil, fmt.Errorf("HELPDESK_KEY does not open what is kept in %s: %w", o.data, err)
	}
	return tokenstore.Encrypt(files, ring), nil
}
