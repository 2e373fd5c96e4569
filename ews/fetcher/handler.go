package fetcher

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ewsmail/ewsmail/ews"
)

// Handler makes a ticket of a message. nil acknowledges it: the message is not handed out again, and Options.After follows. An error
// has it handed out again later; see Options.MaxAttempts and Permanent.
//
// A crash between the ticket's commit and the acknowledgement hands the message out a second time: commit Key(msg) with the ticket, in
// a unique column, and return nil when it is there already. That makes exactly one ticket of each message. Where the ticket lies in a
// database of database/sql, TxHandler does it by itself.
//
// ctx is not cancelled when Run's is, but Options.Grace later, when the lease is lost, and after Options.Timeout. A panic is an error.
type Handler func(ctx context.Context, msg *ews.Message) error

// TxHandler is Handler for tickets in the database that the Store lies in. It reads what it needs (attachments, say) and then calls
// d.Commit, which writes the ticket and the acknowledgement in one transaction: exactly one ticket, whatever crashes and whenever.
// Returning nil without a Commit is an error.
type TxHandler func(ctx context.Context, msg *ews.Message, d *Delivery) error

// WriteFunc writes a ticket within a transaction, which is committed if it returns nil and rolled back otherwise. It is called again when
// the database had to abort the transaction for the sake of others: it must have no effects outside of tx, and must leave Commit and
// Rollback alone.
type WriteFunc func(tx *sql.Tx) error

// Delivery is one handing out of a message to a TxHandler.
type Delivery struct {
	Key     string // see Key
	Attempt int    // from 1

	commit func(ctx context.Context, write WriteFunc) error
	outcome
}

// outcome is what became of a Delivery's Commit.
type outcome struct {
	tried, committed bool
}

// Commit writes the ticket: write and the acknowledgement are committed together. When it returns nil, the ticket is there for good. It
// is to be called once. Errors: write's, the database's, ErrLeaseLost when another instance has taken over. TxHandler should return
// the error as it is: after a commit whose answer was lost the message's entry is read before anything else happens.
//
// A message that needs no ticket is acknowledged with a write that does nothing.
func (d *Delivery) Commit(ctx context.Context, write WriteFunc) error {
	if d.tried {
		return errors.New("fetcher: Delivery.Commit was called before")
	}
	d.tried = true
	err := d.commit(ctx, write)
	if errors.Is(err, ErrSettled) { // by an earlier try whose answer was lost: the ticket is there
		err = nil
	}
	d.committed = err == nil
	return err
}

// Permanent marks an error of a handler: the message will never pass, and goes into quarantine without further attempts.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

// guarded makes an error of a panic: one message must not stop the others.
func guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return call()
}

// PanicError is a handler's panic. Options.Logger is told the stack, too; Stats and Entry.Reason have the first line only.
type PanicError struct {
	Value any
	Stack []byte
}

// Error is one line with the first 200 characters of Value. It has no stack; that is in Stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("fetcher: the handler panicked: %.200v", e.Value)
}
