// Package outbox sends mail that the application decided on in a transaction of its own database: exactly once where Exchange can
// tell, never twice where it cannot.
//
// A helpdesk that answers a ticket writes the answer to its database and sends a mail. Whatever it does first, a crash in between
// loses one of the two, and a send that is repeated because its answer was lost reaches the customer twice. With an outbox the mail is a
// row, added in the transaction that writes the answer:
//
//	tx, err := db.BeginTx(ctx, nil)
//	...                                                     // the ticket's new entry
//	id, err := box.Add(ctx, tx, &outbox.Message{Kind: outbox.Reply, About: mail.ID, Subject: "[#42] Printer", Body: text})
//	err = tx.Commit()
//
// and a worker ([Outbox.Run]), in this process or others, sends it.
//
// # How a message is not sent twice
//
// A worker claims a row for a limited time; the claim raises the row's epoch, and nothing that an earlier holder of the row writes
// counts any more. It makes a draft that carries the row's id as a property, after removing those of earlier tries; writes down that the
// message may go out from now on, if the row is still its own; and sends the draft, once. Exchange sends a draft once: a worker that was
// overtaken finds none to send.
//
// When it stays open whether a message went out (the answer was lost, the worker died), the sent copy is looked for by the row's id, for
// Options.Settle. If it is there the message was sent. If the draft is still there after that time it is moved to Deleted Items, and, since
// it cannot be sent from there by the id that anybody may hold, the message is sent anew; the next try deletes it. If neither is there,
// nobody can tell: the row becomes Unknown, which
// Options.Done tells the application, and stays so until somebody decides (Retry, or Remove). It is ews.Mailbox.Settle that decides, here as in a Send
// whose answer was lost, and never by deleting: what proves that a message was not sent stays until the row says so. That holds for the database, too: when the answer to
// "may go out from now on" is lost, the draft stays unsent until it is written down that the message is queued.
//
// # Limits
//
// What a network delivers after its sender has given up, and another worker has sent the message, can leave a draft behind in Drafts,
// unsent. The draft of a message that Exchange refused to send (Failed) lies in Deleted Items.
//
// A sent copy that a rule, a retention policy or a person moved or deleted before it was looked for is not found. Exchange
// accepts a message for delivery; what becomes of it then comes back as mail (a bounce), if at all. Messages are sent in the
// order of their rows, but side by side (Options.Workers) and later ones do not wait for an earlier one that is tried again.
package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/sqldialect"
)

// Options adjusts an [Outbox]. The zero value, and nil, is what suits a helpdesk.
type Options struct {
	// Table and Schema name the table. Schema is a PostgreSQL schema, a MySQL database or an attached SQLite database;
	// "": the connection's. Table "": "ews_outbox".
	Table, Schema string

	// Mailbox names the mailbox whose rows are sent, and is written to rows whose Message names none; in any case of letters. "": Mailbox.Address.
	Mailbox string

	// Done, if not nil, is told what became of a message, in the transaction that records it: what it writes with tx is written if, and
	// only if, the outcome is. It may be called again for the same row when that transaction failed; an error leaves
	// the outcome unrecorded, to be found out again later. It must not use another connection for writing.
	Done func(ctx context.Context, tx *sql.Tx, r *Row) error

	// Open gives the contents of attachments that are kept elsewhere: Attachment.Ref. An error that is fs.ErrNotExist fails the
	// message for good, others let it be tried again.
	Open func(ctx context.Context, ref string) (ews.Content, error)

	// SentFolder is where sent copies go, and are looked for. nil: SentItems of the mailbox.
	SentFolder ews.FolderRef

	// Folders are where messages that are answered may have been moved to since: an About that is no longer found is
	// looked for there by its AboutKey.
	Folders []ews.FolderRef

	// Workers is the number of messages sent at the same time. 0: 2. Exchange Online accepts 30 a minute, and delays what is more.
	Workers int

	// Poll is the time between two looks for rows that other processes added. 0: 5 seconds. See also Wake.
	Poll time.Duration

	// Timeout bounds one try. It is also how long the rows of a worker that died are left alone, twice as long once
	// one of them may have been sent. 0: 5 minutes.
	Timeout time.Duration

	// Settle is how long it is looked for the sent copy of a message of which it is open whether it went out. 0: 10 minutes. A copy
	// appears within seconds, unless Exchange is in trouble.
	Settle time.Duration

	// RetryDelay is the pause after the first failed try; it doubles up to MaxRetryDelay. 0: 30 seconds and 30 minutes.
	RetryDelay, MaxRetryDelay time.Duration

	// GiveUp is the age at which a message that still was not sent fails. 0: 72 hours; negative: never.
	GiveUp time.Duration

	// Drain is how long Run lets tries that are under way go on when its context ended. 0: 5 seconds.
	Drain time.Duration

	// Logger is told what goes wrong: ids, states, errors; never contents or addresses. nil: nothing is logged.
	Logger *slog.Logger
}

func (o *Options) setDefaults() error {
	for _, d := range []struct {
		name string
		d    *time.Duration
		def  time.Duration
	}{
		{"Poll", &o.Poll, 5 * time.Second}, {"Timeout", &o.Timeout, 5 * time.Minute}, {"Settle", &o.Settle, 10 * time.Minute},
		{"RetryDelay", &o.RetryDelay, 30 * time.Second}, {"MaxRetryDelay", &o.MaxRetryDelay, 30 * time.Minute}, {"Drain", &o.Drain, 5 * time.Second},
	} {
		if *d.d < 0 {
			return fmt.Errorf("outbox: Options.%s: %v is negative", d.name, *d.d)
		}
		if *d.d == 0 {
			*d.d = d.def
		}
	}
	if o.GiveUp == 0 {
		o.GiveUp = 72 * time.Hour
	}
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Table == "" {
		o.Table = "ews_outbox"
	}
	if o.SentFolder == nil {
		o.SentFolder = ews.SentItems
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Outbox is a table of messages to be sent. It is safe for concurrent use, by any number of processes.
type Outbox struct {
	db    *sql.DB
	m     *ews.Mailbox
	o     Options
	t     sqldialect.Table
	wake  chan struct{} // holds one
	stats counters
	hold  hold

	// step, in tests, is called before and after everything that has an effect outside; without names a guard that is off.
	// now, unless it is "", is the database's clock in SQL.
	step    func(what string)
	without string
	now     string
}

// New returns an outbox in a database: PostgreSQL, SQLite, MySQL or MariaDB, by whatever driver. The database is asked what it is only
// if the driver does not tell. m is the mailbox that Run sends from; nil for a process that only adds. o may be nil. Errors: names
// that cannot be quoted, negative times, a database that is none of these.
func New(ctx context.Context, db *sql.DB, m *ews.Mailbox, o *Options) (*Outbox, error) {
	if db == nil {
		return nil, errors.New("outbox: New needs a database")
	}
	b := &Outbox{db: db, m: m, wake: make(chan struct{}, 1), step: func(string) {}}
	if o != nil {
		b.o = *o
	}
	if err := b.o.setDefaults(); err != nil {
		return nil, err
	}
	if b.o.Mailbox == "" && m != nil {
		b.o.Mailbox = m.Address()
	}
	b.o.Mailbox = strings.ToLower(b.o.Mailbox) // the database compares exactly
	d, err := sqldialect.Of(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if b.t, err = d.Table(b.o.Schema, b.o.Table); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return b, nil
}

// Migrate creates the table unless it is there. Nothing else does. It may run in several instances at once.
func (b *Outbox) Migrate(ctx context.Context) error {
	err := b.t.Create(ctx, b.db, `id {key} NOT NULL PRIMARY KEY, mailbox {key} NOT NULL, state {word} NOT NULL, epoch {int} NOT NULL,
		due {int} NOT NULL, created {int} NOT NULL, tries {int} NOT NULL, since {int} NOT NULL, draft {text}, reason {text}, tag {text},
		payload {bytes} NOT NULL`, "state, due")
	if err != nil {
		return fmt.Errorf("outbox: creating table %s: %w", b.t, err)
	}
	return nil
}

// Wake lets Run of this process look for rows at once: to be called after a transaction with Add has been committed.
func (b *Outbox) Wake() {
	select {
	case b.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}
