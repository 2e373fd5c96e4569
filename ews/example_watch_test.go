package ews_test

import (
	"context"
	"fmt"
	"log"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// Everything that arrives in a folder, without missing or repeating anything over restarts: store the Cursor of each Batch together with
// what was made of it, and begin there.
func ExampleMailbox_Watch() {
	srv := ewstest.NewServer(nil) // in place of Exchange
	defer srv.Close()
	_, _ = srv.AddMailbox("help@example.com").Deliver([]byte("From: ann@example.com\r\nSubject: Printer\r\n\r\nIt does not answer.\r\n"), nil)

	client, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var stored ews.Cursor // from the database; empty at first
	for batch, err := range client.Own().Watch(context.Background(), ews.Inbox, stored, &ews.WatchOptions{Sync: ews.SyncOptions{Body: ews.TextBody}}) {
		if err != nil {
			log.Fatal(err) // a supervisor starts the program again
		}
		for _, change := range batch.Changes {
			switch {
			case change.Err != nil:
				fmt.Println("not readable:", change.ID.ID, change.Err)
			case change.Kind == ews.Created:
				fmt.Println("new ticket:", change.Message.Subject)
			}
		}
		stored = batch.Cursor // in the transaction that made the tickets
		break                 // this example has seen enough
	}
	fmt.Println(stored != "")
	// Output:
	// new ticket: Printer
	// true
}

// A restart that does not repeat: Known looks the messages up by a key that stays the same when they are moved.
func ExampleSyncOptions_known() {
	tickets := map[string]bool{} // in a program: a table with a unique column
	options := &ews.SyncOptions{Known: func(ctx context.Context, page []*ews.Message) ([]bool, error) {
		known := make([]bool, len(page))
		for i, msg := range page {
			known[i] = tickets[msg.SearchKey]
		}
		return known, nil
	}}
	_ = options // for Mailbox.Sync, or WatchOptions.Sync
}

// Several mailboxes on one connection, and a doorbell for the Watch of each.
func ExampleClient_Events() {
	var client *ews.Client
	var mailboxes []*ews.Mailbox // of that client
	bells := map[*ews.Mailbox]chan struct{}{}
	for _, m := range mailboxes {
		bells[m] = make(chan struct{}, 1) // go Watch(..., &ews.WatchOptions{Bell: bells[m]})
	}
	ring := func(m *ews.Mailbox) {
		select {
		case bells[m] <- struct{}{}:
		default: // it rings already
		}
	}
	run := func(ctx context.Context) error {
		for event, err := range client.Events(ctx, mailboxes, nil) {
			switch {
			case err != nil && event.Mailbox == nil:
				return err // the last pair
			case err != nil:
				log.Print("polled only: ", event.Mailbox.Address(), ": ", err)
			case event.Type == ews.EventConnected: // whatever happened before is not told
				for m := range bells {
					ring(m)
				}
			case event.Mailbox != nil:
				ring(event.Mailbox)
			}
		}
		return nil
	}
	_ = run
}
