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
}

func (s *forgetful) Take(ctx context.Context, k fetcher.Take) (fetcher.Position, error) {
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
	}, want: func() map[string]int {
		m := map[string]int{}
		for i := range 30 {
			m[fmt.Sprint(i)] = 1
		}
		return m
	}()},
	"vanished": {act: func(p *play) {
		p.refuses("a", true)
		id := p.send("a")
		p.start()
		require.True(p.t, p.box.Remove(id))
		p.refuses("a", false)
		p.send("b")
		p.rest()
		p.rest()
		require.Zero(p.t, p.f.Stats().Open)
		require.EqualValues(p.t, 1, p.f.Stats().Gone)
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
	"a copy whose original vanishes before its turn": {act: func(p *play) {
		p.refuses("a", true)
		id := p.send("a")
		p.start()
		copies, err := p.m.Copy(p.t.Context(), ews.Inbox, ews.ItemID{ID: id})
		require.NoError(p.t, err)
		p.rest()
		require.True(p.t, p.box.Remove(copies[0].ID))
		p.refuses("a", false)
		p.rest()
		p.rest()
	}, want: map[string]int{"a": 1}},
	"folder deleted and made again": {act: func(p *play) {
		p.o.Path = []string{"Support"}
		p.box.AddFolder("inbox/Support")
		p.send("a")
		p.start()
		require.NoError(p.t, p.box.RemoveFolder("inbox/Support"))
		time.Sleep(time.Hour)
		require.Error(p.t, new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute))
		p.box.AddFolder("inbox/Support")
		p.send("b")
		time.Sleep(20 * time.Minute)
		require.NoError(p.t, new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute))
	}, want: map[string]int{"a": 1, "b": 1}},
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

func act(t *testing.T, name string, key func(*ews.Message) string) (calls map[string]int) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		defer p.close()
		p.key = key
		scenarios[name].act(p)
		p.stop()
		calls = maps.Clone(p.calls)
	})
	return calls
}

// TestScenarios: one ticket for each delivered message.
func TestScenarios(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, s.want, act(t, name, nil))
		})
	}
}

// TestScenariosMutants: with another idea of what a message is, scenarios go wrong.
func TestScenariosMutants(t *testing.T) {
	for name, m := range map[string]struct {
		key      func(*ews.Message) string
		scenario string
	}{
		"by id":                   {func(msg *ews.Message) string { return msg.ID.ID }, "moved away and back"},
		"by id without its case":  {func(msg *ews.Message) string { return strings.ToLower(msg.ID.ID) }, "ids that differ in case"},
		"by Message-ID":           {func(msg *ews.Message) string { return msg.InternetMessageID }, "two with one Message-ID"},
		"by a missing Message-ID": {func(msg *ews.Message) string { return msg.InternetMessageID }, "two without a Message-ID"},
		"by text":                 {func(msg *ews.Message) string { return msg.Subject + msg.Body.Text }, "the same mail delivered twice"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, scenarios[m.scenario].want, act(t, m.scenario, m.key), "nobody noticed")
		})
	}
}

// TestGullible: an engine that believes "not found" where the whole folder is out of sight loses the message.
func TestGullible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		defer p.close()
		p.change = fetcher.Gullible
		scenarios["rights withdrawn for a while"].act(p)
		p.stop()
		require.NotEqual(t, scenarios["rights withdrawn for a while"].want, p.calls, "nobody noticed")
	})
}
