package ews

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Batch is one page of changes, and the Cursor to be stored once they have been dealt with. Store it together with their effects,
// in one transaction if there is one: what comes after it is what has not been seen.
type Batch struct {
	Changes []Change
	Cursor  Cursor

	// Last: as of this page there is nothing more.
	Last bool

	// Restarted: the cursor was no longer valid, and the folder is being listed afresh (SyncOptions.Known). What is new is in Changes;
	// edits, read flags and deletions between the old cursor and now are not told any more.
	Restarted bool
}

// ChangeKind says what happened.
type ChangeKind int

// The kinds of changes.
const (
	Created     ChangeKind = iota + 1 // arrived: delivered, moved or copied here, or made here
	Updated                           // edited: fields, categories, flags; some servers report read flags so, too
	Deleted                           // gone: deleted, or moved elsewhere, where it has another id
	ReadChanged                       // marked as read or unread
)

var changeKinds = [...]string{Created: "created", Updated: "updated", Deleted: "deleted", ReadChanged: "read changed"}

// String is "created", "updated", "deleted" or "read changed".
func (k ChangeKind) String() string {
	if k >= Created && int(k) < len(changeKinds) {
		return changeKinds[k]
	}
	return "invalid"
}

// Change is one change to a message of the folder.
type Change struct {
	Kind ChangeKind
	ID   ItemID

	// Message is set when Created or Updated.
	Message *Message

	// Read is the flag's new value when ReadChanged.
	Read bool

	// Err: Exchange cannot deliver this one message in the detail asked for (ErrBadItem, ErrTooLarge ...); Message is its summary. Failures
	// that pass have been tried again, while others of the same page could be read; those that concern all messages end the pass
	// before its cursor moves.
	Err error
}

// SyncOptions says how to synchronise. The zero value, and nil, is every message with Full detail.
type SyncOptions struct {
	// Detail says how much of each message is read. Beyond Summary it costs a GetItem request for every hundred messages.
	Detail Detail

	// Body is the form of bodies; Headers also reads all internet headers, Extra further fields. As in Query.
	Body    BodyFormat
	Headers bool
	Extra   Extra

	// Properties are MAPI properties to read into Message.Properties, as in Query. They cost a GetItem request too: a Summary has none.
	Properties []Property

	// PageSize is the largest number of changes in a Batch, 1 to 512 (Exchange's maximum; more counts as that). A page is held in memory
	// as a whole. 0: 512 with Summary, else 100. While Known leaves most of a listing out, up to 512 summaries are asked for at a time
	// all the same.
	PageSize int

	// Ignore names items whose changes are not to be reported. Exchange's documentation calls it a list for a few items.
	Ignore []ItemID

	// Known tells which messages of a page were handed out before, one bool each, by a key that survives (Message.SearchKey or
	// the like; an ID alone does not survive a move). With it an invalid cursor is no error: the folder is listed from the start, and
	// what is known is left out. It is also asked when the pass starts with an empty Cursor, so that a lost one does no harm. Messages
	// are summaries; it may be asked about one more than once. An error ends the pass.
	Known func(ctx context.Context, page []*Message) ([]bool, error)
}

// maxSyncChanges is MaxSyncChangesReturnedType of the schema.
const maxSyncChanges = 512

func (o *SyncOptions) pageSize() int {
	switch {
	case o.PageSize <= 0 && o.Detail == Summary:
		return maxSyncChanges
	case o.PageSize <= 0:
		return batchItems
	}
	return min(o.PageSize, maxSyncChanges)
}

// Sync reports what changed in a folder since a Cursor, page by page, and ends when it has caught up. From the empty Cursor on
// that is everything in the folder, in no particular order. At least one Batch comes, possibly without changes: its Cursor is where
// the next pass begins. o may be nil.
//
// A Cursor comes only with a page that Exchange delivered whole. The last pair carries the error if there is one, with an empty
// Batch; what was handed out before stays good. A message that vanished before it could be read is left out: its deletion follows.
// Errors: ErrCursorInvalid without SyncOptions.Known, ErrNotFound for the folder, ErrDenied, ErrThrottled after the retry
// budget, and all others of this package's calls.
//
// EWS: SyncFolderItems, and GetItem unless the detail is Summary.
func (m *Mailbox) Sync(ctx context.Context, f FolderRef, from Cursor, o *SyncOptions) iter.Seq2[Batch, error] {
	var opt SyncOptions
	if o != nil {
		opt = *o
	}
	return func(yield func(Batch, error) bool) {
		if err := usable(f); err != nil {
			yield(Batch{}, err)
			return
		}
		if bad := opt.bad(); bad != "" {
			yield(Batch{}, m.invalid("SyncFolderItems", bad))
			return
		}
		p := newSyncPass(m, f, &opt)
		if err := p.run(ctx, from, yield); err != nil {
			yield(Batch{}, err)
		}
	}
}

// bad says what is wrong with the options; "": nothing.
func (o *SyncOptions) bad() string {
	for i, id := range o.Ignore {
		at := fmt.Sprintf("SyncOptions.Ignore[%d].", i)
		for _, wrong := range badTexts(at+"ID", id.ID, at+"ChangeKey", id.ChangeKey) {
			return wrong
		}
	}
	return (&Query{Properties: o.Properties}).bad()
}

// maxRestarts bounds how often one pass starts over: a server that refuses its own fresh states is broken.
const maxRestarts = 3

// syncPass is one pass over a folder's changes.
type syncPass struct {
	m *Mailbox
	f FolderRef
	o *SyncOptions

	at       position
	restarts int
	size     int // changes to be asked for

	// The parts that tests exchange: what makes a page fit to go on from, and what the next one's size depends on.
	sound func(err error, state string) error
	widen func(fresh int) (again bool)
}

func newSyncPass(m *Mailbox, f FolderRef, o *SyncOptions) *syncPass {
	p := &syncPass{m: m, f: f, o: o, size: o.pageSize(), sound: stateless}
	p.widen = p.wider
	return p
}

// run yields batches until the pass has caught up, the loop is left, or an error ends it.
func (p *syncPass) run(ctx context.Context, from Cursor, yield func(Batch, error) bool) error {
	mark, state, bad := from.parse(cursorItems, cursorItemsAgain)
	if bad != nil {
		bad.Op, bad.Mailbox = "SyncFolderItems", p.m.Address()
		if err := p.restart(bad); err != nil {
			return err
		}
	} else {
		p.at = position{state: state, again: mark == cursorItemsAgain || state == "" && p.o.Known != nil}
	}
	for {
		page, err := p.page(ctx)
		if errors.Is(err, ErrCursorInvalid) {
			if err := p.restart(err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if !page.last && page.state == p.at.state { // the next page would be this one, for ever
			return &Error{Op: "SyncFolderItems", Mailbox: p.m.Address(), kind: ErrBadResponse, what: "Exchange says there are more changes, but its sync state stays where it was"}
		}
		if p.at.again {
			if page.changes, err = p.unknown(ctx, page.changes); err != nil {
				return err
			}
			if p.widen(len(page.changes)) {
				continue
			}
		}
		if page.changes, err = p.complete(ctx, page.changes); err != nil {
			return err
		}
		p.at = position{page.state, p.at.again && !page.last}
		if !yield(Batch{page.changes, p.at.cursor(), page.last, p.restarts > 0}, nil) || page.last {
			return nil
		}
	}
}

// restart begins from the start if that can be done without handing things out again.
func (p *syncPass) restart(err error) error {
	if p.at.state == "" && p.restarts > 0 || p.o.Known == nil || p.restarts == maxRestarts {
		return err
	}
	p.restarts++
	p.at = position{again: true}
	return nil
}

// unknown leaves out what was handed out before.
func (p *syncPass) unknown(ctx context.Context, changes []Change) ([]Change, error) {
	if p.o.Known == nil {
		return changes, nil // the program was changed while its cursor was in the middle of a restart
	}
	var listed []*Message
	for _, c := range changes {
		if c.Kind == Created {
			listed = append(listed, c.Message)
		}
	}
	if len(listed) == 0 {
		return changes, nil
	}
	known, err := p.o.Known(ctx, listed)
	if err != nil {
		return nil, fmt.Errorf("ews: SyncOptions.Known: %w", err)
	}
	if len(known) != len(listed) {
		return nil, fmt.Errorf("ews: SyncOptions.Known returned %d answers for %d messages", len(known), len(listed))
	}
	fresh := changes[:0]
	for _, c := range changes {
		if c.Kind == Created {
			var skip bool
			if skip, known = known[0], known[1:]; skip {
				continue
			}
		}
		fresh = append(fresh, c)
	}
	return fresh, nil
}
