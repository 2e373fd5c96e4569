package fetcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// Run hands every message of the folder to the handler until ctx ends, and returns ctx's error then; with Options.Once it ends with nil
// when it has caught up. It is New and Fetcher.Run.
func Run(ctx context.Context, m *ews.Mailbox, folder ews.FolderRef, o *Options) error {
	f, err := New(m, folder, o)
	if err != nil {
		return err
	}
	return f.Run(ctx)
}

// Fetcher hands the messages of one folder to a handler. Its methods are safe for concurrent use.
type Fetcher struct {
	mailbox *ews.Mailbox
	folder  ews.FolderRef
	o       Options
	name    string // of the source
	owner   string
	places  places
	lock    Lock // held; used by one effect at a time

	// The parts that tests exchange: the step function, what has its effects, what a message is known by, what a first run leaves alone, and how
	// long a path is trusted.
	step  func(*state, event) []effect
	key   func(*ews.Message) string
	have  func(live, hard context.Context, e effect) any
	bound func(ctx context.Context, folder ews.FolderRef, since time.Time) (time.Time, error)
	stay  func(ctx context.Context, folder ews.FolderRef) (_ context.Context, stop func())

	calls   calls       // of the handler
	checked atomic.Bool // messages are moved to other folders than the one that is fetched

	mu      sync.Mutex
	stats   Stats
	running bool
}

// New returns a Fetcher. It does no I/O. Errors name every option that is wrong.
func New(m *ews.Mailbox, folder ews.FolderRef, o *Options) (*Fetcher, error) {
	if m == nil || folder == nil || o == nil {
		return nil, errors.New("fetcher: New needs a mailbox, a folder such as ews.Inbox, and options")
	}
	f := &Fetcher{mailbox: m, folder: folder, o: *o, step: next, key: Key}
	f.have, f.bound, f.stay, f.places.trust = f.perform, f.newest, f.staying, lookAgain
	if err := errors.Join(f.o.check(), f.o.apart(m, folder)); err != nil {
		return nil, err
	}
	f.name = f.o.Name
	if f.name == "" {
		f.name = sourceName(m, folder, o.Path)
	}
	host, _ := os.Hostname()
	f.owner = clean(fmt.Sprintf("%.200s pid %d", host, os.Getpid()))
	f.stats.Source = f.name
	return f, nil
}

// sourceName names a source. A folder's id is kept as it is: its case matters.
func sourceName(m *ews.Mailbox, folder ews.FolderRef, path []string) string {
	address := strings.ToLower(m.Address())
	if address == "" {
		address = "own"
	}
	var id string
	switch folder := folder.(type) {
	case ews.FolderName:
		id = strings.ToLower(string(folder))
	case ews.FolderID:
		id = folder.ID
	default:
		id = fmt.Sprint(folder)
	}
	return strings.Join(append([]string{address, id}, path...), "/")
}

// Source returns the name of the source in the Store: for Store.Entries.
func (f *Fetcher) Source() string { return f.name }

// Stats returns the counters.
func (f *Fetcher) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := f.stats
	st.Stuck, st.StuckKey, st.StuckSince = f.calls.stuck()
	return st
}

// Run fetches until ctx ends; see the package's Run. One at a time.
//
// When ctx ends nothing new is begun, running handlers may finish and their acknowledgements are saved, for Options.Grace; then their
// contexts end. Run returns within Grace and one second. What was not acknowledged is handed out again at the next start.
//
// A handler that does not return when its context has ended cannot be stopped. Its message stays under way, and the lease here, since handing the
// message out again beside it would help nobody: it takes up one of Options.Parallel, and Stats.Healthy says which message it is, which is the time to
// restart the program. It does not keep Run from ending: the error says then which messages' handlers were left running. Nor does it keep this
// instance from standing by again, one LeaseTTL after it lost the lease. What such a handler does later is not acknowledged: a Commit
// fails with ErrLeaseLost, a ticket that it makes by other means meets the Key's unique column.
//
// Whatever goes wrong (Exchange, rights, the token, the store) is tried again with growing pauses and shows in Stats: nobody has to
// restart the program when it is repaired. (With Options.Once it ends Run.)
func (f *Fetcher) Run(ctx context.Context) error {
	f.mu.Lock()
	if f.running {
		f.mu.Unlock()
		return errors.New("fetcher: this Fetcher is running already")
	}
	f.running = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.running, f.stats.Leading, f.stats.Epoch = false, false, 0
		f.mu.Unlock()
	}()
	err := newShell(f, ctx).run(ctx)
	if keys := f.calls.keys(); errors.Is(err, errAbandoned) && len(keys) > 0 {
		err = fmt.Errorf("%w: messages %s", err, strings.Join(keys, ", "))
	}
	return err
}

// arrange sorts a page by arrival.
func arrange(list []Seen) {
	slices.SortStableFunc(list, func(a, b Seen) int {
		return cmp.Or(a.Received.Compare(b.Received), strings.Compare(a.Key, b.Key))
	})
}

// abandonAfter is how long handlers may take to notice that their context has ended.
const abandonAfter = 500 * time.Millisecond
