package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// database holds the tickets, and beside them the tables of fetcher and outbox: what belongs together is committed together.
type database struct {
	*sql.DB
	fetched *fetcher.SQLStore
}

// schema: a conversation of a mailbox is one ticket. The fetcher commits each message once; UNIQUE (mailbox, key) is a second lock on
// the same door. An answer's state is not here: the outbox has it, under the answer's mail.
const schema = `
CREATE TABLE IF NOT EXISTS tickets (
	id INTEGER PRIMARY KEY, mailbox TEXT NOT NULL, conversation TEXT NOT NULL, subject TEXT NOT NULL, changed TEXT NOT NULL,
	UNIQUE (mailbox, conversation));
CREATE TABLE IF NOT EXISTS messages (
	id INTEGER PRIMARY KEY, ticket INTEGER NOT NULL REFERENCES tickets, mailbox TEXT NOT NULL, key TEXT NOT NULL,
	item TEXT NOT NULL, search_key TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, at TEXT NOT NULL,
	UNIQUE (mailbox, key));
CREATE INDEX IF NOT EXISTS messages_ticket ON messages (ticket);
CREATE TABLE IF NOT EXISTS attachments (
	id INTEGER PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages, name TEXT NOT NULL, size INTEGER NOT NULL,
	content BLOB, note TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attachments_message ON attachments (message);
CREATE TABLE IF NOT EXISTS answers (
	mail TEXT PRIMARY KEY, ticket INTEGER NOT NULL REFERENCES tickets, recipient TEXT NOT NULL, text TEXT NOT NULL, at TEXT NOT NULL,
	settled TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS answers_ticket ON answers (ticket);`

// timeLayout orders as text.
const timeLayout = "2006-01-02T15:04:05Z"

// openDatabase opens the file in the folder, and creates both.
func openDatabase(ctx context.Context, dir string) (_ *database, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil { // other people's mail lies in it
		return nil, err
	}
	// immediate: a transaction that reads before it writes waits for its turn at the start, where it can.
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(filepath.Join(dir, "tickets.db")),
		RawQuery: "_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(1)&_txlock=immediate"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			db.Close()
			err = fmt.Errorf("%s: %w", filepath.Join(dir, "tickets.db"), err)
		}
	}()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	store, err := fetcher.NewSQLStore(ctx, db, nil)
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	box, err := outbox.New(ctx, db, nil, nil)
	if err != nil {
		return nil, err
	}
	return &database{db, store}, box.Migrate(ctx)
}
