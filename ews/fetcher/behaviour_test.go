package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// playing runs a play in a bubble.
func playing(t *testing.T, do func(t *testing.T, p *play)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(t)
		defer p.close()
		do(t, p)
	})
}

func TestOrdered(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		thread := func(subject, references string) {
			p.mail(t, fmt.Appendf(nil, "From: a@example.org\r\nSubject: Re: %s\r\nMessage-ID: <%s@x>\r\n%s\r\n", "thread", subject, references), nil)
			time.Sleep(time.Second)
		}
		thread("1", "")
		for i := range 5 {
			thread(fmt.Sprint(i+2), "References: <1@x>\r\nIn-Reply-To: <1@x>\r\n")
		}
		p.send("other")
		var order []string
		running, most, first := 0, 0, true
		p.o.Ordered, p.o.Parallel = true, 4
		p.o.Handler = func(_ context.Context, msg *ews.Message) error {
			p.mu.Lock()
			order = append(order, msg.InternetMessageID)
			if msg.Subject != "other" {
				running++
				most = max(most, running)
				defer func() { p.mu.Lock(); running--; p.mu.Unlock() }()
			}
			fail := first && msg.InternetMessageID == "<2@x>"
			if fail {
				first = false
			}
			p.mu.Unlock()
			time.Sleep(time.Second)
			if fail {
				return errors.New("once")
			}
			return nil
		}
		p.start()
		p.rest()
		p.stop()
		order = slices.DeleteFunc(order, func(id string) bool { return id == "<other@example.org>" })
		require.Equal(t, []string{"<1@x>", "<2@x>", "<2@x>", "<3@x>", "<4@x>", "<5@x>", "<6@x>"}, order)
		require.Equal(t, 1, most)
	})
}

func TestParallelBounds(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		for i := range 40 {
			p.send(fmt.Sprint(i))
		}
		running, most := 0, 0
		p.o.Parallel, p.o.Budget = 8, fetcher.NewBudget(3)
		p.o.Handler = func(context.Context, *ews.Message) error {
			p.mu.Lock()
			running++
			most = max(most, running)
			p.mu.Unlock()
			time.Sleep(time.Second)
			p.mu.Lock()
			running--
			p.mu.Unlock()
			return nil
		}
		p.start()
		p.stop()
		require.Equal(t, 3, most)
	})
}

func TestGuards(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.o.Skip = []fetcher.Guard{fetcher.Automatic(ews.AutoReply|ews.OwnMail, address), fetcher.Larger(20_000)}
		p.o.After = fetcher.Action{Move: processed}
		p.send("sound")
		p.mail(t, []byte("From: a@example.org\r\nSubject: away\r\nAuto-Submitted: auto-replied\r\n\r\n"), nil)
		p.mail(t, []byte("From: "+address+"\r\nSubject: own\r\n\r\n"), nil)
		p.mail(t, append([]byte("From: a@example.org\r\nSubject: large\r\n\r\n"), make([]byte, 30_000)...), nil)
		p.start()
		p.stop()
		require.Equal(t, map[string]int{"sound": 1}, p.calls)
		require.EqualValues(t, 3, p.f.Stats().Skipped)
		require.Len(t, p.box.Items("inbox"), 3, "they stay where they are")
		done, err := all(t.Context(), p.store, p.f.Source(), fetcher.Done)
		require.NoError(t, err)
		reasons := map[string]string{}
		for _, e := range done {
			reasons[e.Subject] = e.Reason
		}
		require.Contains(t, reasons["away"], "AutoReply")
		require.Contains(t, reasons["own"], "OwnMail")
		require.Contains(t, reasons["large"], "20000")
		require.Empty(t, reasons["sound"])
	})
}

func TestBackfill(t *testing.T) {
	for name, tc := range map[string]struct {
		backfill time.Duration
		want     map[string]int
	}{
		"everything": {0, map[string]int{"old": 1, "recent": 1, "new": 1, "dragged in": 1}},
		"an hour":    {time.Hour, map[string]int{"recent": 1, "new": 1, "dragged in": 1}},
		"nothing":    {-1, map[string]int{"new": 1, "dragged in": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			playing(t, func(t *testing.T, p *play) {
				ago := func(d time.Duration, subject, folder string) string {
					return p.mail(t, mail(subject), &ewstest.DeliverOptions{Received: time.Now().Add(-d), Folder: folder})
				}
				ago(48*time.Hour, "old", "inbox")
				ago(time.Minute, "recent", "inbox")
				elsewhere := ago(48*time.Hour, "dragged in", "deleteditems")
				p.o.Backfill = tc.backfill
				p.start()
				p.send("new")
				p.move(elsewhere, "inbox") // somebody wants a ticket of it
				p.rest()
				p.stop()
				p.store.cursor = new(ews.Cursor(""))
				p.start()
				p.stop()
				require.Equal(t, tc.want, p.calls)
			})
		})
	}
}

func TestGivenUp(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.o.MaxAttempts = 3
		attempts := map[string]int{}
		p.o.Handler = func(ctx context.Context, msg *ews.Message) error {
			if msg.Subject == "sound" {
				time.Sleep(time.Second) // so that something passes after the others have failed
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			attempts[msg.Subject]++
			switch msg.Subject {
			case "panics":
				panic("index out of range")
			case "permanent":
				return fmt.Errorf("wrapped: %w", fetcher.Permanent(errors.New("no such customer")))
			case "fails":
				return errors.New("line one\nline two")
			}
			return nil
		}
		for _, subject := range []string{"panics", "permanent", "fails", "unreadable", "sound"} {
			id := p.send(subject)
			if subject == "unreadable" {
				require.True(t, p.box.Poison(id, "ErrorItemCorrupt"))
			}
		}
		p.start()
		for range 20 {
			p.mail(t, mail("sound"), nil)
			time.Sleep(5 * time.Minute)
		}
		require.True(t, p.f.Stats().Open <= 1, "%+v", p.f.Stats())
		p.stop()
		list, err := all(t.Context(), p.store, p.f.Source(), fetcher.Quarantined)
		require.NoError(t, err)
		reasons := map[string]string{}
		for _, e := range list {
			reasons[e.Subject] = e.Reason
		}
		require.Equal(t, "fetcher: the handler panicked: index out of range", reasons["panics"])
		require.Equal(t, "wrapped: no such customer", reasons["permanent"])
		require.Equal(t, "line one line two", reasons["fails"])
		require.Contains(t, reasons["unreadable"], "ErrorItemCorrupt")
		require.Equal(t, map[string]int{"panics": 3, "permanent": 1, "fails": 3, "sound": 21}, attempts)
		require.GreaterOrEqual(t, total(p.box, "Quarantine"), 3)
	})
}

// TestOutage: while nothing at all can be handled, the messages are not to blame.
func TestOutage(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		for i := range 20 {
			p.send(fmt.Sprint(i))
		}
		down := true
		p.o.MaxAttempts = 3
		p.o.Handler = func(_ context.Context, msg *ews.Message) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if down {
				return errors.New("the database is down")
			}
			p.calls[msg.Subject]++
			return nil
		}
		p.start()
		time.Sleep(2 * time.Hour)
		st := p.f.Stats()
		require.Zero(t, st.GivenUp)
		require.Equal(t, 20, st.Retrying)
		p.mu.Lock()
		down = false
		p.mu.Unlock()
		time.Sleep(2 * time.Hour)
		p.stop()
		require.Len(t, p.calls, 20)
	})
}

// TestRemember: a key is forgotten some time after the message left the folder, and never while it is there.
func TestRemember(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.o.Remember = 24 * time.Hour
		stays, leaves := p.send("stays"), p.send("leaves")
		p.start()
		leaves = p.move(leaves, "deleteditems")
		p.rest()
		p.stop()
		p.o.Watch = &ews.WatchOptions{NoStream: true, PollInterval: time.Hour}
		p.start()
		known := func() (n int) {
			list, err := all(t.Context(), p.store, p.f.Source(), fetcher.Done)
			require.NoError(t, err)
			return len(list)
		}
		time.Sleep(23 * time.Hour)
		require.Equal(t, 2, known())
		time.Sleep(72 * time.Hour)
		require.Equal(t, 1, known())
		_, _ = stays, leaves
		p.stop()
		p.store.cursor = new(ews.Cursor(""))
		p.start()
		p.stop()
		require.Equal(t, map[string]int{"stays": 1, "leaves": 1}, p.calls)
	})
}

func TestOptionsCheck(t *testing.T) {
	w := newWorld(t, nil)
	defer w.close()
	_, err := fetcher.New(w.m, ews.Inbox, &fetcher.Options{TxHandler: func(context.Context, *ews.Message, *fetcher.Delivery) error { return nil },
		Store: fetcher.NewMemoryStore(), Grace: -1, Parallel: -1, After: fetcher.Action{Delete: true, Move: processed}})
	for _, field := range []string{"TxHandler", "Grace", "Parallel", "After"} {
		require.ErrorContains(t, err, "Options."+field)
	}
	there := fetcher.Place{Parent: ews.FolderName("INBOX"), Path: []string{"Support"}}
	o := &fetcher.Options{Handler: newTickets().handle, Store: fetcher.NewMemoryStore(), Path: there.Path, Quarantine: &there, After: fetcher.Action{Move: there}}
	_, err = fetcher.New(w.m, ews.Inbox, o)
	require.ErrorContains(t, err, "Options.Quarantine: it is the folder that is fetched")
	require.ErrorContains(t, err, "Options.After.Move: it is the folder that is fetched")
	o.Path = nil
	_, err = fetcher.New(w.m, ews.Inbox, o)
	require.NoError(t, err)
	_, err = fetcher.New(w.m, ews.Inbox, &fetcher.Options{})
	require.ErrorContains(t, err, "Options.Store")
	require.ErrorContains(t, err, "Options.Handler")
}
