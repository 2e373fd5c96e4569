package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"golang.org/x/oauth2"
	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// A helpdesk writes an answer and the order to send it in one transaction; a worker sends it once.
func Example() {
	exchange := ewstest.NewServer(nil) // stands in for Exchange
	defer exchange.Close()
	mail, err := exchange.AddMailbox("support@example.com").Deliver([]byte("From: ann@example.org\r\nSubject: Printer\r\n\r\nIt smokes."), nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := ews.NewClient(ews.Config{Endpoint: exchange.Endpoint(), AllowLoopbackHTTP: true,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "any"}))})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	db, err := sql.Open("sqlite", "file:helpdesk?mode=memory&cache=shared")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE entries (ticket TEXT, text TEXT, mail TEXT, state TEXT)"); err != nil {
		log.Fatal(err)
	}

	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	box, err := outbox.New(ctx, db, client.Own(), &outbox.Options{
		// In the transaction that records what became of the mail.
		Done: func(ctx context.Context, tx *sql.Tx, r *outbox.Row) error {
			_, err := tx.ExecContext(ctx, "UPDATE entries SET state = ? WHERE mail = ?", string(r.State), r.ID)
			return err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := box.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	// An agent answers.
	answer := func() error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		id, err := box.Add(ctx, tx, &outbox.Message{Kind: outbox.Reply, About: ews.ItemID{ID: mail.ID}, Subject: "[#42] Printer",
			Body: ews.Body{Text: "Unplug it."}, Tag: "42"})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO entries VALUES ('42', 'Unplug it.', ?, 'on its way')", id); err != nil {
			return err
		}
		return tx.Commit()
	}
	if err := answer(); err != nil {
		log.Fatal(err)
	}

	// The worker, in this process or in another one.
	done := make(chan error)
	go func() { done <- box.Run(ctx) }()
	for box.Stats().Sent == 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if err := <-done; err != nil {
		log.Fatal(err)
	}
	var state string
	if err := db.QueryRow("SELECT state FROM entries WHERE ticket = '42'").Scan(&state); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(exchange.Outbound()), "mail, entry is", state)
	// Output: 1 mail, entry is sent
}
