package fetcher_test

import (
	"context"
	"database/sql"
	"errors"
	"expvar"
	"fmt"
	"log"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// exchange is a mailbox with a message, in place of Exchange.
func exchange() (m *ews.Mailbox, end func()) {
	srv := ewstest.NewServer(nil)
	_, _ = srv.AddMailbox("help@example.com").Deliver([]byte("From: ann@example.com\r\nSubject: Printer\r\n\r\nIt does not answer.\r\n"), nil)
	client, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: "help@example.com",
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))})
	if err != nil {
		log.Fatal(err)
	}
	return client.Own(), func() { client.Close(); srv.Close() }
}

// The transactional form: the ticket and the note that it was made are one transaction. There is exactly one ticket of each message,
// whenever the program dies.
func ExampleRun_transactional() {
	mailbox, end := exchange()
	defer end()
	ctx := context.Background()

	db, err := sql.Open("sqlite", "file::memory:") // in a program: the helpdesk's PostgreSQL, say
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE tickets (subject TEXT NOT NULL, sender TEXT NOT NULL)"); err != nil {
		log.Fatal(err)
	}

	store, err := fetcher.NewSQLStore(ctx, db, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil { // makes its tables beside the tickets'
		log.Fatal(err)
	}
	err = fetcher.Run(ctx, mailbox, ews.Inbox, &fetcher.Options{
		Store: store,
		Once:  true, // this example has no time; a program goes on until ctx ends
		TxHandler: func(ctx context.Context, msg *ews.Message, d *fetcher.Delivery) error {
			// Download attachments here, before the transaction begins: mailbox.Attachment(ctx, ...)
			return d.Commit(ctx, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "INSERT INTO tickets (subject, sender) VALUES (?, ?)", msg.Subject, msg.From.Email)
				return err
			})
		},
		After: fetcher.Action{MarkRead: true, Move: fetcher.Place{Parent: ews.Inbox, Path: []string{"Processed"}}},
		Skip:  []fetcher.Guard{fetcher.Automatic(ews.AutoReply|ews.Bounce|ews.OwnMail, "help@example.com"), fetcher.Larger(50 << 20)},
	})
	if err != nil {
		log.Fatal(err)
	}
	var subject, sender string
	if err := db.QueryRowContext(ctx, "SELECT subject, sender FROM tickets").Scan(&subject, &sender); err != nil {
		log.Fatal(err)
	}
	fmt.Println(subject, sender)
	// Output: Printer ann@example.com
}

// The plain form, for tickets that lie anywhere: Key goes into a unique column, and finding it there is a success.
func ExampleRun() {
	mailbox, end := exchange()
	defer end()
	tickets := map[string]string{} // in a program: a table with a unique column

	err := fetcher.Run(context.Background(), mailbox, ews.Inbox, &fetcher.Options{
		Store: fetcher.NewMemoryStore(), // in a program: fetcher.NewFileStore or NewSQLStore
		Once:  true,
		Handler: func(ctx context.Context, msg *ews.Message) error {
			if msg.Subject == "" {
				return fetcher.Permanent(errors.New("no subject")) // into quarantine, with this reason
			}
			tickets[fetcher.Key(msg)] = msg.Subject // INSERT ... ON CONFLICT (key) DO NOTHING
			return nil
		},
	})
	fmt.Println(len(tickets), err)
	// Output: 1 <nil>
}

// Counters for expvar.
func ExampleFetcher_Stats() {
	mailbox, end := exchange()
	defer end()
	f, err := fetcher.New(mailbox, ews.Inbox, &fetcher.Options{
		Store: fetcher.NewMemoryStore(), Once: true,
		Handler: func(context.Context, *ews.Message) error { return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	expvar.Publish("fetcher", expvar.Func(func() any { return f.Stats() }))
	if err := f.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	st := f.Stats()
	fmt.Println(st.Source, st.Handled, st.Healthy(time.Now(), 10*time.Minute)) // Healthy is for the health endpoint
	// Output: help@example.com/inbox 1 <nil>
}

// What could not be handled, and why.
func ExampleStore_quarantined() {
	mailbox, end := exchange()
	defer end()
	ctx, store := context.Background(), fetcher.NewMemoryStore()
	f, err := fetcher.New(mailbox, ews.Inbox, &fetcher.Options{Store: store, Once: true,
		Handler: func(context.Context, *ews.Message) error {
			return fetcher.Permanent(errors.New("no customer of that name"))
		}})
	if err != nil {
		log.Fatal(err)
	}
	_ = f.Run(ctx)
	for e, err := range store.Entries(ctx, f.Source(), fetcher.Quarantined) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s from %s: %s\n", e.Subject, e.From, e.Reason)
	}
	// Output: Printer from ann@example.com: no customer of that name
}

// Several mailboxes in one process, which together handle eight messages at a time.
func ExampleBudget() {
	ctx := context.Background() // ends when the program is to
	var mailboxes []*ews.Mailbox
	var store fetcher.Store
	handle := func(context.Context, *ews.Message) error { return nil }
	budget := fetcher.NewBudget(8)
	for _, m := range mailboxes {
		go func() {
			_ = fetcher.Run(ctx, m, ews.Inbox, &fetcher.Options{Store: store, Handler: handle, Budget: budget})
		}()
	}
}
