package demo_test

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// The two functions below stand in README, word for word.

func tickets(ctx context.Context, db *sql.DB, mailbox *ews.Mailbox) error {
	store, err := fetcher.NewSQLStore(ctx, db, nil) // its tables are made by store.Migrate
	if err != nil {
		return err
	}
	return fetcher.Run(ctx, mailbox, ews.Inbox, &fetcher.Options{
		Store: store,
		TxHandler: func(ctx context.Context, msg *ews.Message, d *fetcher.Delivery) error {
			return d.Commit(ctx, func(tx *sql.Tx) error { // the ticket, and that the message has one: both or neither
				_, err := tx.ExecContext(ctx, "INSERT INTO tickets (id, item, subject) VALUES (?, ?, ?)", d.Key, msg.ID.ID, msg.Subject)
				return err
			})
		},
		Skip:  []fetcher.Guard{fetcher.Larger(50 << 20)},
		After: fetcher.Action{MarkRead: true},
	})
}

func answer(ctx context.Context, db *sql.DB, box *outbox.Outbox, ticket, item, text string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	mail, err := box.Add(ctx, tx, &outbox.Message{Kind: outbox.Reply, About: ews.ItemID{ID: item}, Subject: "[#" + ticket + "]", Body: ews.Body{Text: text}})
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO answers (ticket, text, mail) VALUES (?, ?, ?)", ticket, text, mail); err != nil {
		return err
	}
	return tx.Commit() // and box.Run, here or in another process, sends it
}

func Example_tickets() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	mailbox, server, err := mailboxOf("31")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	db, err := sql.Open("sqlite", "file:tickets?mode=memory&cache=shared&_pragma=busy_timeout(5000)")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	sent := make(chan string, 1)
	box, err := outbox.New(ctx, db, mailbox, &outbox.Options{Done: func(_ context.Context, _ *sql.Tx, r *outbox.Row) error {
		sent <- string(r.State)
		return nil
	}})
	if err == nil {
		err = box.Migrate(ctx)
	}
	var store *fetcher.SQLStore
	if err == nil {
		store, err = fetcher.NewSQLStore(ctx, db, nil)
	}
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, "CREATE TABLE tickets (id TEXT PRIMARY KEY, item TEXT, subject TEXT); CREATE TABLE answers (ticket TEXT, text TEXT, mail TEXT)")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error, 2)
	go func() { done <- tickets(ctx, db, mailbox) }()
	go func() { done <- box.Run(ctx) }()

	var item, subject string
	for ctx.Err() == nil && db.QueryRowContext(ctx, "SELECT item, subject FROM tickets").Scan(&item, &subject) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	if err := answer(ctx, db, box, "1", item, "Which scanner is it?"); err != nil {
		fmt.Println(err)
	}
	box.Wake()
	fmt.Println(subject, <-sent)
	stop()
	<-done
	<-done
	fmt.Println(len(server.Outbound()), "mail")
	// Output:
	// Scan to mail sent
	// 1 mail
}
