package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"

	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// daemon fetches mailboxes into a database.
type daemon struct {
	log      *slog.Logger
	db       *sql.DB
	client   *ews.Client
	fetchers []*fetcher.Fetcher
	stale    time.Duration // see settings
	health   *http.Server  // nil: none
	listener net.Listener
}

// open makes everything ready: the database, the client, a fetcher for each mailbox, the health page's address. A registration that
// Entra refuses is an error now, when the person who can mend it is looking; an Entra that cannot be reached is none: the fetchers
// go on trying.
func open(ctx context.Context, s *settings, stderr io.Writer) (_ *daemon, err error) {
	d := &daemon{log: s.log(stderr), stale: s.stale}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	source := s.registration.AppSource()
	var temporary interface{ Temporary() bool }
	if _, err := source.Token(ctx); err != nil && !(errors.As(err, &temporary) && temporary.Temporary()) {
		return nil, err
	}
	if d.db, err = database(s.db); err != nil {
		return nil, fmt.Errorf("-db: %w", err)
	}
	// UNIQUE is a second lock on the same door: the fetcher commits each message once.
	if _, err := d.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS tickets (id INTEGER PRIMARY KEY, mailbox TEXT NOT NULL, message TEXT NOT NULL,
		sender TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, received TEXT NOT NULL, UNIQUE (mailbox, message))`); err != nil {
		return nil, fmt.Errorf("%s: %w", s.db, err)
	}
	store, err := fetcher.NewSQLStore(ctx, d.db, nil)
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.db, err)
	}
	if d.client, err = ews.NewClient(ews.Config{Endpoint: s.endpoint, Token: source, AllowLoopbackHTTP: true, Logger: d.log}); err != nil {
		return nil, err
	}
	budget := fetcher.NewBudget(8) // handlers at a time, over all mailboxes
	for _, address := range s.mailboxes {
		f, err := fetcher.New(d.client.Impersonate(address), ews.Inbox, &fetcher.Options{
			Store:     store,
			TxHandler: tickets(address),
			Body:      ews.TextBody,
			Headers:   true, // the marks of automatic mail
			Skip:      []fetcher.Guard{fetcher.Automatic(ews.AutoReply|ews.Bounce|ews.Receipt|ews.OwnMail, address)},
			After:     fetcher.Action{MarkRead: true, Move: fetcher.Place{Parent: ews.Inbox, Path: []string{"Processed"}}},
			Budget:    budget,
			Once:      s.once,
			Logger:    d.log,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		d.fetchers = append(d.fetchers, f)
	}
	if s.listen != "" {
		if d.listener, err = net.Listen("tcp", s.listen); err != nil {
			return nil, fmt.Errorf("-listen: %w", err)
		}
		d.health = d.healthServer()
	}
	return d, nil
}

// database opens the file, and makes it if it is not there: for its owner alone, since other people's mail goes into it. The files that SQLite
// puts beside it get its mode.
func database(name string) (*sql.DB, error) {
	switch f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); {
	case err == nil:
		f.Close()
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(name), RawQuery: "_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)"}
	return sql.Open("sqlite", file.String())
}

// tickets makes a ticket of a message of one mailbox.
func tickets(mailbox string) fetcher.TxHandler {
	return func(ctx context.Context, msg *ews.Message, delivery *fetcher.Delivery) error {
		return delivery.Commit(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO tickets (mailbox, message, sender, subject, body, received) VALUES (?, ?, ?, ?, ?, ?)`,
				mailbox, delivery.Key, msg.From.Email, msg.Subject, msg.Body.Text, msg.Received.Format("2006-01-02T15:04:05Z"))
			return err
		})
	}
}

// fetch runs until ctx ends, or, with -once, until all mailboxes have been caught up with.
func (d *daemon) fetch(ctx context.Context) error {
	if d.health != nil {
		go d.health.Serve(d.listener) //nolint:errcheck // ErrServerClosed
	}
	errs := make([]error, len(d.fetchers))
	var all sync.WaitGroup
	for i, f := range d.fetchers {
		all.Go(func() {
			if err := f.Run(ctx); err != nil && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
				errs[i] = fmt.Errorf("%s: %w", f.Source(), err)
			}
		})
	}
	all.Wait() // each drains: what was begun is finished, or handed out again at the next start
	return errors.Join(errs...)
}

// report prints how many tickets there are.
func (d *daemon) report(w io.Writer) error {
	rows, err := d.db.Query(`SELECT mailbox, count(*) FROM tickets GROUP BY mailbox ORDER BY mailbox`)
	if err != nil {
		return err
	}
	defer rows.Close()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "mailbox\ttickets")
	for rows.Next() {
		var mailbox string
		var n int
		if err := rows.Scan(&mailbox, &n); err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%d\n", mailbox, n)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "this run\thandled\tskipped\tquarantined\tfailures")
	for _, f := range d.fetchers {
		st := f.Stats()
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", st.Source, st.Handled, st.Skipped, st.Quarantined, st.Failures)
	}
	return t.Flush()
}

func (d *daemon) close() {
	if d.health != nil {
		d.health.Close()
	}
	if d.client != nil {
		d.client.Close()
	}
	if d.db != nil {
		d.db.Close()
	}
}
