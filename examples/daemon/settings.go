package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// settings is what an administrator gives the daemon.
type settings struct {
	registration azureoauth.Config
	endpoint     string
	mailboxes    []string

	db     string        // file of the SQLite database
	listen string        // address of the health page; "": none
	stale  time.Duration // see -stale
	once   bool          // end when everything that is there has become a ticket

	demo    bool // no registration was given
	verbose bool
}

func parse(args []string, env func(string) string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("daemon", flag.ContinueOnError)
	f.SetOutput(stderr)
	r := &s.registration
	f.StringVar(&r.ClientID, "client-id", env("DAEMON_CLIENT_ID"), "Application (client) `ID` of the app registration; without it a demo tenant is started")
	f.StringVar(&r.TenantID, "tenant", env("DAEMON_TENANT"), "directory (tenant) `ID` or domain")
	f.StringVar(&r.TokenURL, "token-url", env("DAEMON_TOKEN_URL"), "v2 token `URL`, where it is not made of -tenant")
	certificate := f.String("certificate", env("DAEMON_CERTIFICATE"), "PEM or PFX `file` with certificate and key, instead of DAEMON_CLIENT_SECRET")
	f.StringVar(&s.endpoint, "endpoint", ews.EndpointWorldwide, "EWS `URL`")
	mailboxes := f.String("mailboxes", env("DAEMON_MAILBOXES"), "`addresses`, separated by commas")
	f.StringVar(&s.db, "db", "", "SQLite database `file` for the tickets; demo: a temporary one")
	f.StringVar(&s.listen, "listen", "", "`address` of /healthz and /debug/vars, such as localhost:8026")
	f.DurationVar(&s.stale, "stale", 15*time.Minute, "how long a mailbox may go without being looked after before /healthz complains")
	f.BoolVar(&s.once, "once", false, "end when everything that is there has become a ticket")
	f.BoolVar(&s.verbose, "v", false, "log every request (never tokens or contents)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q: only flags are expected", f.Arg(0))
	}
	r.Scopes = []string{"full_access_as_app"}
	r.AllowLoopbackHTTP = true // the demo tenant's
	if s.demo = r.ClientID == ""; s.demo {
		return s, nil
	}

	var wrong []error
	r.ClientSecret = azureoauth.Secret(env("DAEMON_CLIENT_SECRET"))
	if *certificate != "" {
		file, err := os.ReadFile(*certificate)
		if err == nil {
			r.Credential, err = azureoauth.ParseCertificate(file, azureoauth.Secret(env("DAEMON_CERTIFICATE_PASSWORD")))
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("-certificate: %w", err))
		}
	}
	if len(wrong) == 0 { // without its certificate the registration would be called incomplete
		if err := r.Validate(); err != nil {
			wrong = append(wrong, err)
		}
	}
	if client, err := ews.NewClient(ews.Config{Endpoint: s.endpoint, AllowLoopbackHTTP: true, Token: r.AppSource()}); err != nil { // checked, never used
		wrong = append(wrong, fmt.Errorf("-endpoint: %w", err))
	} else {
		client.Close()
	}
	for a := range strings.SplitSeq(*mailboxes, ",") {
		if a = strings.TrimSpace(a); a != "" {
			s.mailboxes = append(s.mailboxes, a)
		}
	}
	if len(s.mailboxes) == 0 {
		wrong = append(wrong, errors.New("-mailboxes: name at least one mailbox, such as help@contoso.com"))
	}
	if s.db == "" {
		wrong = append(wrong, errors.New("-db: name the file that keeps the tickets"))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return s, nil
}

func (s *settings) log(stderr io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if s.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
}

// startDemo starts a demo tenant with two mailboxes, and enters its registration.
func (s *settings) startDemo() (end func(), err error) {
	t, err := demo.Start(&demo.Options{Mail: demo.Mail()})
	if err != nil {
		return nil, err
	}
	end = t.Close
	const second = "billing@harbour-it.example"
	box := t.Exchange.AddMailbox(second)
	if _, err := box.Deliver([]byte("From: Ann <ann@example.com>\r\nTo: "+second+"\r\nSubject: Invoice 17\r\nMessage-ID: <17@example.com>\r\n\r\nWhere is it?\r\n"), nil); err != nil {
		end()
		return nil, err
	}
	if s.db == "" {
		dir, err := os.MkdirTemp("", "daemon-")
		if err != nil {
			end()
			return nil, err
		}
		end = func() { t.Close(); os.RemoveAll(dir) }
		s.db = filepath.Join(dir, "tickets.db")
	}
	r := &s.registration
	r.ClientID, r.ClientSecret = demo.ClientID, demo.ClientSecret
	r.AuthURL, r.TokenURL, r.TenantID = t.Entra.AuthURL(), t.Entra.TokenURL(), ""
	s.endpoint, s.mailboxes, s.once = t.Exchange.Endpoint(), []string{demo.Mailbox, second}, true
	return end, nil
}
