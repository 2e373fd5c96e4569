package fetcher

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// table is one source in memory: what MemoryStore keeps, and what FileStore writes down. Its methods do no I/O; what they change depends
// on their arguments alone, so that a journal of the arguments leads to the same table.
type table struct {
	Holder  Holder
	Cursor  ews.Cursor
	Since   time.Time
	Listing int64 // number of the listing that is under way, negative when it has ended
	Seq     int64

	Entries map[string]*row
	Items   map[string]*place // by item id
}

// row is a message.
type row struct {
	Entry
	Items []string  // where it is in the folder; several are copies
	Left  time.Time // when it left the folder; zero: it is there
}

// place is where an item was seen.
type place struct {
	Key     string
	Listing int64 // the last one that showed it
}

func newTable() *table { return &table{Entries: map[string]*row{}, Items: map[string]*place{}} }

func (t *table) take(k Take) (Position, error) {
	if t.Holder != k.Over {
		return Position{}, ErrHeld
	}
	if t.Holder.Epoch == 0 && t.Cursor == "" {
		t.Since = k.Since
	}
	crashed := t.Holder.Owner != ""
	t.Holder = Holder{Owner: k.Owner, Epoch: t.Holder.Epoch + 1}
	at := t.position()
	at.Crashed = crashed
	return at, nil
}

func (t *table) position() Position {
	at := Position{Epoch: t.Holder.Epoch, Cursor: t.Cursor, Listing: t.Listing > 0, Since: t.Since}
	for _, r := range t.Entries {
		if r.State.Open() {
			at.Open = append(at.Open, r.entry())
		}
	}
	slices.SortFunc(at.Open, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return at
}

func (t *table) held(epoch int64) error {
	if epoch != t.Holder.Epoch || t.Holder.Owner == "" {
		return ErrLeaseLost
	}
	return nil
}

// entry is a row as others see it: with an item that is in the folder.
func (r *row) entry() Entry {
	e := r.Entry
	e.Item = ""
	if n := len(r.Items); n > 0 {
		e.Item = r.Items[n-1]
	}
	return e
}

func (t *table) record(p Page) []Entry {
	if p.Listing && (p.Begins || t.Listing <= 0) {
		t.Listing = max(t.Listing, -t.Listing) + 1
	}
	for _, id := range p.Gone {
		t.remove(id, p.Now)
	}
	var open []Entry
	given := map[string]bool{}
	for _, s := range p.Seen {
		t.see(s, p.Now)
	}
	if p.Listing && p.Ends {
		for id, at := range maps.Clone(t.Items) {
			if at.Listing != t.Listing {
				t.remove(id, p.Now)
			}
		}
		t.Listing = -t.Listing
	}
	for _, s := range p.Seen {
		if r := t.Entries[s.Key]; r.State.Open() && !given[s.Key] {
			given[s.Key] = true
			open = append(open, r.entry())
		}
	}
	t.Cursor = p.Cursor
	if !p.Since.IsZero() {
		t.Since = p.Since
	}
	return open
}

func (t *table) see(s Seen, now time.Time) {
	r := t.Entries[s.Key]
	if r == nil {
		t.Seq++
		r = &row{Entry: Entry{Key: s.Key, Seq: t.Seq, State: Pending, Conversation: s.Conversation,
			Received: s.Received, Subject: clean(s.Subject), From: clean(s.From), Changed: now}}
		t.Entries[s.Key] = r
	}
	if r.State == Gone || r.State == Quarantined && !r.Left.IsZero() {
		r.State, r.Attempts, r.Crashes, r.FirstFailure, r.Next, r.Changed = Pending, 0, 0, time.Time{}, time.Time{}, now
	}
	r.Left = time.Time{}
	at := t.Items[s.Item]
	if at == nil {
		at = &place{Key: s.Key}
		t.Items[s.Item] = at
		r.Items = append(r.Items, s.Item)
	}
	at.Listing = max(t.Listing, -t.Listing) // a listing that is under way need not show it again
}

// remove notes that an item is not in the folder any more.
func (t *table) remove(item string, now time.Time) {
	at := t.Items[item]
	if at == nil {
		return
	}
	delete(t.Items, item)
	r := t.Entries[at.Key]
	if r == nil {
		return
	}
	r.Items = slices.DeleteFunc(r.Items, func(id string) bool { return id == item })
	if len(r.Items) == 0 {
		r.Left = now
	}
}

func (t *table) save(e Entry) {
	r := t.Entries[e.Key]
	if r == nil {
		return // pruned: there was nothing left to do
	}
	r.State, r.Attempts, r.Crashes, r.FirstFailure, r.Next, r.Reason, r.Changed = e.State, e.Attempts, e.Crashes, e.FirstFailure, e.Next, e.Reason, e.Changed
}

func (t *table) missing(key, item string, now time.Time) (Entry, error) {
	r := t.Entries[key]
	if r == nil {
		return Entry{}, ErrUnknown
	}
	if at := t.Items[item]; at != nil && at.Key == key {
		t.remove(item, now)
	}
	if r.State == Pending && len(r.Items) == 0 {
		r.State, r.Reason, r.Changed = Gone, "", now
		if r.Left.IsZero() {
			r.Left = now
		}
	}
	return r.entry(), nil
}

func (t *table) prune(left time.Time) (n int) {
	for key, r := range t.Entries {
		if !r.State.Open() && !r.Left.IsZero() && r.Left.Before(left) {
			delete(t.Entries, key)
			n++
		}
	}
	return n
}

func (t *table) in(state State) (list []Entry) {
	for _, r := range t.Entries {
		if r.State == state {
			list = append(list, r.entry())
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return list
}
