package fetcher_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestBackfillIsCheap: what a first run leaves alone is gone through in large steps, and nothing of what it does not is left out or repeated.
func TestBackfillIsCheap(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		const messages = 3000
		want := map[string]int{}
		for i := range messages {
			received := time.Now().Add(-48 * time.Hour)
			subject := fmt.Sprint("m", i)
			if i%300 == 150 {
				received = time.Now().Add(-time.Minute)
				want[subject] = 1
			}
			p.mail(t, mail(subject), &ewstest.DeliverOptions{Received: received})
		}
		p.o.Backfill, p.o.Once = time.Hour, true
		f := must(fetcher.New(p.m, ews.Inbox, &p.o))
		require.NoError(t, f.Run(t.Context()))
		require.Equal(t, want, p.calls)
		require.LessOrEqual(t, p.Count("SyncFolderItems"), 12, "50 a page it takes 61")
		p.ResetRequests()
		require.NoError(t, f.Run(t.Context()))
		require.Equal(t, want, p.calls)
		require.Equal(t, 1, p.Count("SyncFolderItems"))
	})
}

// TestBackfillClock: what arrives while a first run goes through the folder is handed out, although this machine's clock is ahead of
// Exchange's; what was there is not.
func TestBackfillClock(t *testing.T) {
	run := func(t *testing.T, change func(*fetcher.Fetcher)) (calls map[string]int) {
		playing(t, func(t *testing.T, p *play) {
			theirs := func() time.Time { return time.Now().Add(-3 * time.Hour) }
			for i := range 60 {
				p.mail(t, mail(fmt.Sprint("old", i)), &ewstest.DeliverOptions{Received: theirs().Add(-time.Minute)})
			}
			time.Sleep(5 * time.Second)
			slow := p.Fault(ewstest.Fault{Op: "SyncFolderItems", Times: 1, Do: ewstest.BusyFault(10 * time.Second)})
			p.o.Backfill, p.change = -1, change
			go func() {
				time.Sleep(5 * time.Second)
				p.mail(t, mail("new"), &ewstest.DeliverOptions{Received: theirs()})
			}()
			p.start()
			p.stop()
			require.Equal(t, 1, slow.Hits())
			calls = p.calls
		})
		return calls
	}
	require.Equal(t, map[string]int{"new": 1}, run(t, nil))
	require.Empty(t, run(t, fetcher.Unbounded), "the mutant that goes by this machine's clock: nobody noticed")
}

// busyAfter stops the program while Exchange, after so many pages, is busy; it is started again when Exchange is not.
func busyAfter(pages int) func(p *play, arrives func(string)) {
	return func(p *play, arrives func(string)) {
		cut := p.Fault(ewstest.Fault{Op: "SyncFolderItems", After: pages, Times: -1, Do: ewstest.BusyFault(10 * time.Second)})
		p.start()
		p.stop()
		require.NotZero(p.t, cut.Hits())
		cut.Remove()
		arrives("new")
		p.start()
	}
}

// interruptions of a first run, in which messages arrive.
var interruptions = map[string]func(p *play, arrives func(subject string)){
	"of the watching": func(p *play, arrives func(string)) {
		cut := p.Fault(ewstest.Fault{Op: "SyncFolderItems", After: 1, Times: 1, Do: ewstest.ResponseError("ErrorAccessDenied", "")})
		go func() {
			for cut.Hits() == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			arrives("new")
		}()
		p.start()
		require.Equal(p.t, 1, cut.Hits())
	},
	"of the program":             busyAfter(1),
	"before anything was listed": busyAfter(0),
	"and the cursor is lost": func(p *play, arrives func(string)) {
		p.start()
		p.stop()
		p.store.cursor = new(ews.Cursor(""))
		arrives("new")
		p.start()
	},
}

// TestBackfillClockInterrupted: nor is anything lost that arrives while a first run, with a clock that is ahead, is interrupted.
func TestBackfillClockInterrupted(t *testing.T) {
	run := func(t *testing.T, old int, backfill time.Duration, interrupted func(*play, func(string)), change func(*fetcher.Fetcher)) (calls map[string]int) {
		playing(t, func(t *testing.T, p *play) {
			theirs := func() time.Time { return time.Now().Add(-3 * time.Hour) }
			for i := range old {
				p.mail(t, mail(fmt.Sprint("old", i)), &ewstest.DeliverOptions{Received: theirs().Add(-time.Minute)})
			}
			time.Sleep(5 * time.Second)
			p.o.Backfill, p.change = backfill, change
			interrupted(p, func(subject string) {
				p.mail(t, mail(subject), &ewstest.DeliverOptions{Received: theirs()})
			})
			p.rest()
			p.stop()
			calls = p.calls
		})
		return calls
	}
	for name, interrupted := range interruptions {
		for _, backfill := range []time.Duration{-1, time.Hour} {
			t.Run(fmt.Sprint(name, " ", backfill), func(t *testing.T) {
				require.Equal(t, map[string]int{"new": 1}, run(t, 600, backfill, interrupted, nil))
				require.Empty(t, run(t, 600, backfill, interrupted, fetcher.Bounded), "the mutant that forgets the bound: nobody noticed")
			})
		}
	}
	t.Run("of an empty folder", func(t *testing.T) {
		require.Equal(t, map[string]int{"new": 1}, run(t, 0, -1, interruptions["and the cursor is lost"], nil))
		require.Empty(t, run(t, 0, -1, interruptions["and the cursor is lost"], fetcher.Bounded), "the mutant that forgets the bound: nobody noticed")
	})
}
