package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// play is a mailbox, a program that may be restarted, and a count of how often each message was handed out and accepted: nothing
// but the fetcher keeps it from being more than once.
type play struct {
	*world
	t      *testing.T
	o      fetcher.Options
	store  *forgetful
	key    func(*ews.Message) string
	change func(*fetcher.Fetcher)
	wrong  []string // besides the tickets

	mu     sync.Mutex
	calls  map[string]int
	refuse map[string]bool // these fail
	f      *fetcher.Fetcher
	cancel context.CancelFunc
	done   chan error
}

func newPlay(t *testing.T) *play {
	p := &play{world: newWorld(t, &ewstest.Options{NoGzip: true}), t: t, calls: map[string]int{}, refuse: map[string]bool{},
		store: &forgetful{Store: fetcher.NewMemoryStore()}}
	p.o = fetcher.Options{Store: p.store, Watch: polling(), Handler: func(_ context.Context, msg *ews.Message) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.refuse[msg.Subject] {
			return errors.New("not now")
		}
		p.calls[msg.Subject]++
		return nil
	}}
	return p
}

// forgetful is a store that can lose its cursor.
type forgetful struct {
	fetcher.Store
	cursor *ews.Cursor // given out instead
	bare   bool        // with all else, then
}

func (s *forgetful) Take(ctx context.Context, k fetcher.Take) (fetcher.Position, error) {
	if s.cursor != nil && s.bare {
		s.Store, k.Over = fetcher.NewMemoryStore(), fetcher.Holder{}
	}
	at, err := s.Store.Take(ctx, k)
	if s.cursor != nil {
		at.Cursor = *s.cursor
		s.cursor = nil
	}
	return at, err
}

func (p *play) start() {
	var err error
	p.f, err = fetcher.New(p.m, ews.Inbox, &p.o)
	require.NoError(p.t, err)
	if p.key != nil {
		fetcher.KnowBy(p.f, p.key)
	}
	if p.change != nil {
		p.change(p.f)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	p.cancel, p.done = cancel, make(chan error, 1)
	go func() { p.done <- p.f.Run(ctx) }()
	p.rest()
}

// refuses lets the handler of a message fail, or pass again.
func (p *play) refuses(subject string, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse[subject] = yes
}

// rest lets the program find everything.
func (p *play) rest() { time.Sleep(time.Minute) }

func (p *play) stop() {
	p.cancel()
	<-p.done
}

func (p *play) restart() {
	p.stop()
	p.start()
}

func (p *play) send(subject string) string {
	return p.mail(p.t, mail(subject), &ewstest.DeliverOptions{Folder: p.folder()})
}

func (p *play) folder() string {
	return strings.Join(append([]string{"inbox"}, p.o.Path...), "/")
}

func (p *play) move(id, folder string) string {
	to, err := p.box.MoveTo(id, folder)
	require.NoError(p.t, err)
	return to.ID
}

// copied has a message that cannot be handled yet copied, and one of the two vanish.
func (p *play) copied(which func(original, copied string) string) {
	p.refuses("a", true)
	id := p.send("a")
	p.start()
	copies, err := p.m.Copy(p.t.Context(), ews.Inbox, ews.ItemID{ID: id})
	require.NoError(p.t, err)
	p.rest()
	require.True(p.t, p.box.Remove(which(id, copies[0].ID)))
	p.rest()
	p.refuses("a", false)
	time.Sleep(10 * time.Minute)
}

// The scenarios: what happens, and how many tickets each message then has (1 where nothing is said).
var scenarios = map[string]struct {
	act  func(p *play)
	want map[string]int
}{
	"cursor lost": {act: func(p *play) {
		p.send("a")
		p.start()
		p.stop()
		p.store.cursor = new(ews.Cursor(""))
		p.send("b")
		p.start()
	}, want: map[string]int{"a": 1, "b": 1}},
	"cursor torn": {act: func(p *play) {
		p.send("a")
		p.start()
		p.stop()
		p.store.cursor = new(ews.Cursor("ewsi.0000"))
		p.send("b")
		p.start()
	}, want: map[string]int{"a": 1, "b": 1}},
	"cursor refused while it runs": {act: func(p *play) {
		p.send("a")
		p.start()
		require.True(p.t, p.box.InvalidateSyncStates("inbox"))
		p.send("b")
		p.rest()
		p.restart()
	}, want: map[string]int{"a": 1, "b": 1}},
	"cursor lost in front of pages that wait": {act: func(p *play) {
		p.o.PageSize, p.o.Backoff = 2, time.Minute
		for i := range 9 {
			p.refuses(fmt.Sprint(i), true)
			p.send(fmt.Sprint(i))
		}
		p.start()
		p.stop()
		p.store.cursor = new(ews.Cursor(""))
		p.start()
		p.restart() // which has only the store's word on where they are
		for i := range 9 {
			p.refuses(fmt.Sprint(i), false)
		}
		time.Sleep(time.Hour)
	}, want: times(9)},
	"moved away and back": {act: func(p *play) {
		id := p.send("a")
		p.start()
		id = p.move(id, "deleteditems")
		p.rest()
		p.move(id, "inbox")
		p.rest()
		p.restart()
	}, want: map[string]int{"a": 1}},
	"moved away and back before its turn": {act: func(p *play) {
		p.refuses("a", true)
		id := p.send("a")
		p.start()
		p.move(p.move(id, "deleteditems"), "inbox")
		p.refuses("a", false)
		p.rest()
		p.rest()
	}, want: map[string]int{"a": 1}},
	"ids that differ in case": {act: func(p *play) { // ewstest's always do
		for i := range 30 {
			p.send(fmt.Sprint(i))
		}
		p.start()
	}, want: times(30)},
	"vanished": {act: func(p *play) {
		p.refuses("a", true)
		id := p.send("a")
		p.start()
		require.True(p.t, p.box.Remove(id))
		p.refuses("a", false)
		p.send("b")
		p.rest()
		p.rest()
		if st := p.f.Stats(); st.Open != 0 || st.Gone != 1 {
			p.wrong = append(p.wrong, fmt.Sprintf("%d open, %d gone", st.Open, st.Gone))
		}
	}, want: map[string]int{"b": 1}},
	"two with one Message-ID": {act: func(p *play) {
		for _, subject := range []string{"a", "b"} {
			p.mail(p.t, []byte("From: a@example.org\r\nMessage-ID: <same@example.org>\r\nSubject: "+subject+"\r\n\r\n"), nil)
		}
		p.start()
	}, want: map[string]int{"a": 1, "b": 1}},
	"the same mail delivered twice": {act: func(p *play) {
		p.send("a")
		p.start()
		p.send("a")
		p.rest()
	}, want: map[string]int{"a": 2}},
	"two without a Message-ID": {act: func(p *play) {
		for _, subject := range []string{"a", "b"} {
			p.mail(p.t, []byte("From: a@example.org\r\nSubject: "+subject+"\r\n\r\n"), nil)
		}
		p.start()
	}, want: map[string]int{"a": 1, "b": 1}},
	"a copy": {act: func(p *play) {
		id := p.send("a")
		p.start()
		_, err := p.m.Copy(p.t.Context(), ews.Inbox, ews.ItemID{ID: id})
		require.NoError(p.t, err)
		p.rest()
		require.True(p.t, p.box.Remove(id))
		p.rest()
		p.stop()
		p.store.cursor = new(ews.Cursor(""))
		p.start()
	}, want: map[string]int{"a": 1}},
	"a copy whose original vanishes before its turn": {act: func(p *play) { p.copied(func(original, _ string) string { return original }) },
		want: map[string]int{"a": 1}},
	"a copy that vanishes before its turn": {act: func(p *play) { p.copied(func(_, copied string) string { return copied }) },
		want: map[string]int{"a": 1}},
	"folder deleted and made again": {act: func(p *play) {
		p.o.Path = []string{"Support"}
		p.box.AddFolder("inbox/Support")
		p.send("a")
		p.start()
		require.NoError(p.t, p.box.RemoveFolder("inbox/Support"))
		time.Sleep(time.Hour)
		if new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute) == nil {
			p.wrong = append(p.wrong, "healthy without the folder")
		}
		p.box.AddFolder("inbox/Support")
		p.send("b")
		time.Sleep(20 * time.Minute)
		if err := new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute); err != nil {
			p.wrong = append(p.wrong, err.Error())
		}
	}, want: map[string]int{"a": 1, "b": 1}},
	"folder thrown away and made again": {act: func(p *play) { // Outlook's delete: it lies in the deleted items, with its id
		p.o.Path = []string{"Support"}
		id := p.box.AddFolder("inbox/Support").ID
		p.send("a")
		p.start()
		require.NoError(p.t, p.m.DeleteFolder(p.t.Context(), ews.ToDeletedItems, ews.FolderID{ID: id}))
		time.Sleep(time.Hour)
		p.box.AddFolder("inbox/Support")
		p.send("b")
		time.Sleep(20 * time.Minute)
		if err := new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute); err != nil {
			p.wrong = append(p.wrong, err.Error())
		}
	}, want: map[string]int{"a": 1, "b": 1}},
	"targets thrown away": {act: func(p *play) {
		p.o.MaxAttempts, p.o.After.Move = 1, fetcher.Place{Parent: ews.Inbox, Path: []string{"Processed"}}
		p.refuses("a", true)
		p.refuses("c", true)
		p.send("a")
		p.send("b")
		p.start()
		time.Sleep(20 * time.Minute)
		for _, name := range []string{"Quarantine", "inbox/Processed"} {
			f, _ := p.box.Folder(name)
			require.Equal(p.t, 1, f.Total)
			require.NoError(p.t, p.m.DeleteFolder(p.t.Context(), ews.ToDeletedItems, ews.FolderID{ID: f.ID}))
		}
		time.Sleep(20 * time.Minute)
		p.send("c")
		p.send("d")
		time.Sleep(20 * time.Minute)
		for _, name := range []string{"Quarantine", "inbox/Processed"} {
			if n := total(p.box, name); n != 1 {
				p.wrong = append(p.wrong, fmt.Sprintf("%d messages in %s", n, name))
			}
		}
	}, want: map[string]int{"b": 1, "d": 1}},
	"mailbox moved": {act: func(p *play) {
		ids := []string{p.send("a"), p.send("b")}
		p.refuses("b", true)
		p.start()
		for _, id := range ids { // everything has a new id
			p.move(p.move(id, "deleteditems"), "inbox")
		}
		p.box.InvalidateSyncStates("inbox")
		p.Fault(ewstest.Fault{Times: 20, Do: ewstest.ResponseError("ErrorMailboxMoveInProgress", "Mailbox move in progress.")})
		p.send("c")
		p.refuses("b", false)
		time.Sleep(time.Hour)
	}, want: map[string]int{"a": 1, "b": 1, "c": 1}},
	"rights withdrawn for a while": {act: func(p *play) {
		p.refuses("a", true)
		p.send("a")
		p.start()
		fault := p.Fault(ewstest.Fault{Times: -1, Do: ewstest.ResponseError("ErrorItemNotFound", "not visible")})
		time.Sleep(2 * time.Hour)
		fault.Remove()
		p.refuses("a", false)
		time.Sleep(2 * time.Hour)
	}, want: map[string]int{"a": 1}},
	"back from quarantine": {act: func(p *play) {
		p.o.MaxAttempts = 1
		p.refuses("a", true)
		p.send("a")
		p.start()
		p.send("b")
		time.Sleep(time.Hour)
		p.refuses("a", false)
		in := p.box.Items("Quarantine")
		require.Len(p.t, in, 1)
		p.move(in[0].ID, "inbox")
		p.rest()
	}, want: map[string]int{"a": 1, "b": 1}},
}

// times is one ticket for each of n messages.
func times(n int) map[string]int {
	m := map[string]int{}
	for i := range n {
		m[fmt.Sprint(i)] = 1
	}
	return m
}

// act plays a scenario, and says what went wrong.
func act(t *testing.T, name string, change func(p *play)) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		defer p.close()
		if change != nil {
			change(p)
		}
		scenarios[name].act(p)
		p.stop()
		wrong = p.wrong
		if !maps.Equal(p.calls, scenarios[name].want) {
			wrong = append(wrong, fmt.Sprintf("tickets %v instead of %v", p.calls, scenarios[name].want))
		}
	})
	return wrong
}

// TestScenarios: one ticket for each delivered message.
func TestScenarios(t *testing.T) {
	for name := range scenarios {
		t.Run(name, func(t *testing.T) { require.Empty(t, act(t, name, nil)) })
	}
}
