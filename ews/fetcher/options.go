package fetcher

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// Options says what is done with the messages of a folder. Store and one of Handler and TxHandler are required; the zero value of
// everything else is its default.
type Options struct {
	// Handler or TxHandler makes the tickets. TxHandler needs a TxStore.
	Handler   Handler
	TxHandler TxHandler

	// Store keeps what must outlive a crash. It may serve any number of fetchers.
	Store Store

	// Name names the source in the Store; all instances that share the work must use the same. Empty: the mailbox's address, the
	// folder and Path, in lower case where Exchange does not mind. To a source of another name all messages are new: a program that
	// is to change its mailbox's address keeps the old Name here. A mailbox without an address (ews.Config.Mailbox is empty) is called
	// "own": where several of these share a Store each needs a Name.
	Name string

	// Path leads from the folder given to Run to the one to be fetched, by names. It is looked up anew when the folder is gone, and every 5 minutes, so that one
	// that was deleted and made again is found, also while the old one lies in the deleted items. The folder is not created.
	Path []string

	// Body is the form of bodies; Headers reads all internet headers; Extra further fields (see ews.Query). WithoutBody leaves the
	// body out.
	Body        ews.BodyFormat
	Headers     bool
	Extra       ews.Extra
	WithoutBody bool

	// Parallel is how many messages are handled at a time. 0: 4.
	Parallel int

	// Ordered hands out the messages of one conversation one after the other, in the order in which they arrived: none before the
	// previous one's ticket is acknowledged, or the previous one was given up (MaxAttempts bounds how long that takes), in the Store. None waits for After
	// or for the move into quarantine: these can fail for as long as the mailbox is full, say, and tidiness is not worth a conversation.
	Ordered bool

	// Timeout bounds one call of the handler: its ctx ends. 0: 10 minutes; negative: no bound.
	Timeout time.Duration

	// MaxAttempts is how often a message is handed out before it is given up and goes into quarantine. While no message at all can
	// be handled it is the handler (its database, say) that is taken to be at fault, and patience lasts three times as long.
	// Failures of Exchange that concern the mailbox or pass by themselves do not count. 0: 8.
	MaxAttempts int

	// Backoff is the pause after a message's first failure; it triples with each further one up to MaxBackoff. With the defaults a
	// message is given up after about an hour and a half. 0: 5 seconds and 1 hour.
	Backoff, MaxBackoff time.Duration

	// Skip are the conditions under which a message makes no ticket. It stays in the folder, as it is.
	Skip []Guard

	// After is done to a message when its ticket is committed.
	After Action

	// Quarantine is where messages go that were given up; the Store has the reason (Store.Entries). A message that somebody moves
	// back from there is tried again, so that it must be another folder than the one that is fetched. nil: DefaultQuarantine. The zero Place leaves
	// them where they are.
	Quarantine *Place

	// Backfill bounds what the first run hands out: messages received longer ago than that are left alone. 0: the
	// whole folder is handed out; negative: only what arrives from now on. Later runs keep the bound of the first. How long ago that was
	// is reckoned by this machine's clock at the first start: where it is ahead of Exchange's by an hour, an hour less is handed out, and
	// one more where it is behind. What arrives from the first look into the folder on is handed out in any case, since the bound is never later
	// than the newest message then is; a clock that is ahead costs mail only while Exchange cannot be reached when the program starts for the first time: what
	// arrives until it can is taken for old. The folder is gone through
	// to its end all the same, for the place to go on from: Exchange gives that for 512 messages a request at best, so that
	// 50,000 old ones take 101 requests.
	Backfill time.Duration

	// Remember is how long a message's key is kept after the message left the folder, in case it comes back. What is in the
	// folder is always remembered. 0: 90 days; negative: for ever.
	Remember time.Duration

	// Grace is how long running handlers may go on when Run is to end. 0: 4 seconds.
	Grace time.Duration

	// Lock, if not nil, is taken before the mailbox is fetched, and held meanwhile (see LockWith). nil: instances agree through the Store.
	Lock Locker

	// LeaseTTL is the time after which the other instances take over from one that shows no sign of life. It shows one every third of it. No
	// clocks are compared. 0: 6 seconds.
	LeaseTTL time.Duration

	// Budget, if not nil, is shared with other fetchers of this process.
	Budget *Budget

	// PageSize is how many messages are read from Exchange at a time, and so the most that are in memory apart from those being
	// handled. 0: 50.
	PageSize int

	// Watch says how the folder is watched: stream, intervals. Its Sync is not used.
	Watch *ews.WatchOptions

	// Once ends Run with nil when everything that was in the folder has been dealt with; failed messages wait for the next run.
	// Run ends with ErrHeld when another instance is at it, with a Lock too, and with the error when Exchange refuses, or the Store or the
	// Lock fails for a minute. For programs that are started by a timer.
	Once bool

	// Logger is told what an operator wants to know, without contents of messages. nil: nothing is logged.
	Logger *slog.Logger
}

// Defaults of Options.
const (
	DefaultParallel    = 4
	DefaultTimeout     = 10 * time.Minute
	DefaultMaxAttempts = 8
	DefaultBackoff     = 5 * time.Second
	DefaultMaxBackoff  = time.Hour
	DefaultRemember    = 90 * 24 * time.Hour
	DefaultGrace       = 4 * time.Second
	DefaultLeaseTTL    = 6 * time.Second
	DefaultPageSize    = 50
)

// check completes the options, or names everything that is wrong with them.
func (o *Options) check() error {
	var wrong []error
	say := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("fetcher: Options."+format, args...))
	}
	if (o.Handler == nil) == (o.TxHandler == nil) {
		say("Handler, TxHandler: set one of the two")
	}
	if o.Store == nil {
		say("Store: nil; use NewSQLStore or NewFileStore, in tests NewMemoryStore")
	}
	if _, ok := o.Store.(TxStore); o.TxHandler != nil && !ok && o.Store != nil {
		say("TxHandler: needs a Store in the tickets' database (NewSQLStore)")
	}
	if err := o.After.check("After"); err != nil {
		wrong = append(wrong, err)
	}
	if o.Quarantine == nil {
		o.Quarantine = &DefaultQuarantine
	}
	if o.Quarantine.Parent == nil && len(o.Quarantine.Path) > 0 {
		say("Quarantine: Parent is nil: name a folder, such as ews.MsgFolderRoot")
	}
	for _, d := range []struct {
		name string
		d    *time.Duration
		def  time.Duration
	}{
		{"Backoff", &o.Backoff, DefaultBackoff}, {"MaxBackoff", &o.MaxBackoff, DefaultMaxBackoff},
		{"Grace", &o.Grace, DefaultGrace}, {"LeaseTTL", &o.LeaseTTL, DefaultLeaseTTL},
	} {
		if *d.d < 0 {
			say("%s: %v is negative", d.name, *d.d)
		}
		if *d.d == 0 {
			*d.d = d.def
		}
	}
	for _, n := range []struct {
		name string
		n    *int
		def  int
	}{{"Parallel", &o.Parallel, DefaultParallel}, {"MaxAttempts", &o.MaxAttempts, DefaultMaxAttempts}, {"PageSize", &o.PageSize, DefaultPageSize}} {
		if *n.n < 0 {
			say("%s: %d is negative", n.name, *n.n)
		}
		if *n.n == 0 {
			*n.n = n.def
		}
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Remember == 0 {
		o.Remember = DefaultRemember
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Skip) > 0 {
		o.Extra |= ews.WithLoopMarks
	}
	return errors.Join(wrong...)
}

// sync is what is read of the messages of a page.
func (o *Options) sync() ews.SyncOptions {
	q := o.query()
	return ews.SyncOptions{Detail: q.Detail, Body: q.Body, Headers: q.Headers, Extra: q.Extra, PageSize: o.PageSize}
}

func (o *Options) query() *ews.Query {
	q := &ews.Query{Body: o.Body, Headers: o.Headers, Extra: o.Extra}
	if o.WithoutBody {
		q.Detail = ews.WithoutBody
	}
	return q
}
