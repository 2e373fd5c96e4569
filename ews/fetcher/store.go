package fetcher

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// Errors of a [Store].
var (
	// ErrLeaseLost: another instance has taken the source over. What was to be saved was not.
	ErrLeaseLost = errors.New("fetcher: another instance has taken over")

	// ErrHeld: another instance holds the source.
	ErrHeld = errors.New("fetcher: another instance holds the mailbox")

	// ErrNoTables: the tables of a SQLStore are missing.
	ErrNoTables = errors.New("the store's tables are missing: SQLStore.Migrate creates them")

	// ErrUnknown: the store has no such message.
	ErrUnknown = errors.New("fetcher: no such message in the store")
)

// State is how far a message has come.
type State string

// The states. The first three are open: something is still to be done.
const (
	Pending State = "pending" // to be handed to the handler, perhaps again
	Handled State = "handled" // the ticket is committed; the after-actions are outstanding
	Failed  State = "failed"  // given up; the move into quarantine is outstanding

	Done        State = "done"        // nothing is left to do
	Quarantined State = "quarantined" // given up, see Entry.Reason
	Gone        State = "gone"        // left the folder before it could be handed out
)

// Open reports whether something is still to be done.
func (s State) Open() bool { return s == Pending || s == Handled || s == Failed }

// Entry is what a [Store] knows about one message.
type Entry struct {
	Key   string // see Key
	Seq   int64  // order of arrival within the source, from 1
	State State

	// Item is the message's id in the folder by now, empty when it is no longer there. Of several copies it is that of any.
	Item string

	// What a person needs to recognise it by. Conversation is Exchange's id, hashed.
	Conversation  string
	Received      time.Time
	Subject, From string

	Attempts     int       // failed ones
	Crashes      int       // programs that ended while they had it, as far as that was watched (Position.Crashed); one more while it is handled
	FirstFailure time.Time // zero: none
	Next         time.Time // not before this time; zero: now
	Reason       string    // the last failure, or why it was skipped or given up; one line, at most 1,000 bytes
	Changed      time.Time // of State, Attempts or Reason
}

// Seen is a message that was listed in the folder.
type Seen struct {
	Key, Item     string
	Conversation  string
	Received      time.Time
	Subject, From string
}

// Page is what one page of a synchronisation changes. A Store records it as a whole or not at all.
type Page struct {
	Seen   []Seen     // messages that are in the folder; new ones become Pending
	Gone   []string   // ids of items that left it; they count before Seen
	Cursor ews.Cursor // where to go on once this is recorded

	// Listing: the page is part of a listing of the whole folder, from its start (Begins) to its end (Ends). What such a listing did
	// not show is no longer in the folder.
	Listing, Begins, Ends bool

	// Since, unless it is zero, is Position.Since from now on: a first run's bound, once Exchange was asked by whose clock mail is received.
	Since time.Time `json:",omitzero"`

	Now time.Time
}

// Holder says who holds a source. The zero Holder: nobody.
type Holder struct {
	Owner string // for people: host name and process id
	Epoch int64  // goes up with each Take
	Beat  int64  // goes up with each Beat: a holder whose Beat stands still has died
}

// Take is an attempt to take a source over.
type Take struct {
	Source string
	Owner  string
	Over   Holder    // as Observe returned it: whoever did anything since then keeps the source
	Since  time.Time // stored if the source is new, see Options.Backfill
}

// Position is where a source stands.
type Position struct {
	Epoch   int64
	Cursor  ews.Cursor
	Crashed bool      // the last holder did not release the source: what is in Open may have ended it
	Listing bool      // a listing of the folder is under way, see Page
	Since   time.Time // what was received earlier is not handed out by a listing; zero: everything is
	Open    []Entry   // in order of Seq
}

// Store keeps what must outlive a crash: for each source (a folder of a mailbox) the holder, the cursor, and an Entry for each message.
// [MemoryStore], [FileStore] and [SQLStore] are in this package. Methods are safe for concurrent use.
//
// Every method with an epoch fails with ErrLeaseLost, and changes nothing, when the source has been taken over since. Each is atomic and
// durable when it returns nil; after an error it may or may not have happened, and is called again: all may be repeated.
type Store interface {
	// Observe returns who holds the source. A store that knows without waiting that the holder is gone returns the zero Holder.
	Observe(ctx context.Context, source string) (Holder, error)

	// Take takes the source over, raises its epoch, and returns where it stands. Errors: ErrHeld when the holder is not, or no
	// longer, Take.Over.
	Take(ctx context.Context, t Take) (Position, error)

	// Beat shows that the holder lives.
	Beat(ctx context.Context, source string, epoch int64) error

	// Release gives the source up, so that the next one need not wait.
	Release(ctx context.Context, source string, epoch int64) error

	// Record records a page with its cursor. Listed messages that the store does not know become Pending; so do those that were Gone, and
	// Quarantined ones that had left the folder and are back. It returns the open entries among Page.Seen.
	Record(ctx context.Context, source string, epoch int64, p Page) ([]Entry, error)

	// Known tells which of the messages have an entry.
	Known(ctx context.Context, source string, keys []string) ([]bool, error)

	// Get returns an entry. Errors: ErrUnknown.
	Get(ctx context.Context, source, key string) (Entry, error)

	// Save stores State, Attempts, Crashes, FirstFailure, Next, Reason and Changed of the entry with e.Key.
	Save(ctx context.Context, source string, epoch int64, e Entry) error

	// Missing notes that an item is not in the folder any more, and returns the entry as it is then: with another Item of the same Key, or, if
	// there is none and it was Pending, Gone.
	Missing(ctx context.Context, source string, epoch int64, key, item string, now time.Time) (Entry, error)

	// Prune forgets messages that are not open and left the folder before a time, and returns how many.
	Prune(ctx context.Context, source string, epoch int64, left time.Time) (int, error)

	// Entries lists the entries in a state, in order of Seq.
	Entries(ctx context.Context, source string, in State) iter.Seq2[Entry, error]
}

// TxStore is a Store whose entries lie in the application's database. See TxHandler.
type TxStore interface {
	Store

	// Commit runs write in a transaction that moves the entry e.Key from Pending to e.State, with e.Crashes, and commits it. When the entry is not
	// Pending, write is not called and the error is ErrLeaseLost or ErrSettled. After other errors it is open whether the commit happened.
	Commit(ctx context.Context, source string, epoch int64, e Entry, write WriteFunc) error
}

// ErrSettled: the message was handled before.
var ErrSettled = errors.New("fetcher: the message was handled before")

// maxReason bounds Entry.Reason.
const maxReason = 1000
