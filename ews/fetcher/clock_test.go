package fetcher_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// plainTimes is a store that keeps times as a database or a file does: without their monotonic readings.
type plainTimes struct{ fetcher.Store }

func plain(e fetcher.Entry) fetcher.Entry {
	e.FirstFailure, e.Next, e.Changed = e.FirstFailure.Round(0), e.Next.Round(0), e.Changed.Round(0)
	return e
}

func (s plainTimes) Take(ctx context.Context, k fetcher.Take) (fetcher.Position, error) {
	at, err := s.Store.Take(ctx, k)
	for i := range at.Open {
		at.Open[i] = plain(at.Open[i])
	}
	return at, err
}

func (s plainTimes) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	p.Now = p.Now.Round(0)
	open, err := s.Store.Record(ctx, source, epoch, p)
	for i := range open {
		open[i] = plain(open[i])
	}
	return open, err
}

func (s plainTimes) Save(ctx context.Context, source string, epoch int64, e fetcher.Entry) error {
	return s.Store.Save(ctx, source, epoch, plain(e))
}

// clocked is a play by a clock that gets set.
type clocked struct {
	*play
	fetcher.WallClock
	by   time.Duration
	dead atomic.Bool // the program
}

// set sets the clock, while nothing else happens.
func (c *clocked) set() {
	time.Sleep(137 * time.Millisecond)
	synctest.Wait()
	c.Set(c.by)
}

// begin is start without the rest.
func (c *clocked) begin() {
	c.f = must(fetcher.New(c.m, ews.Inbox, &c.o))
	c.On(c.f)
	fetcher.Stoppable(c.f, c.dead.Load)
	ctx, cancel := context.WithCancel(c.t.Context())
	c.cancel, c.done = cancel, make(chan error, 1)
	go func() { c.done <- c.f.Run(ctx) }()
}

// within says when a message has no ticket after some time.
func (c *clocked) within(d time.Duration, subject string) {
	time.Sleep(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[subject] != 1 {
		c.wrong = append(c.wrong, fmt.Sprintf("%d tickets of %s after %v", c.calls[subject], subject, d))
	}
}

// clockTrouble are the moments at which it matters that the clock is set.
var clockTrouble = map[string]func(c *clocked){
	"a pause": func(c *clocked) {
		c.refuses("a", true)
		c.send("a")
		c.start()
		c.set()
		c.refuses("a", false)
		c.within(time.Minute, "a")
	},
	"a pause, before a restart": func(c *clocked) {
		c.refuses("a", true)
		c.send("a")
		c.start()
		c.stop()
		c.set()
		c.refuses("a", false)
		c.start()
		c.within(time.Minute, "a")
	},
	"a pause, after a restart": func(c *clocked) {
		c.refuses("a", true)
		c.send("a")
		c.start()
		c.stop()
		c.begin()
		time.Sleep(100 * time.Millisecond) // it has read what is to be done, and waits
		c.set()
		c.refuses("a", false)
		c.within(time.Minute, "a")
	},
	"the pause of a suspect": func(c *clocked) {
		c.o.Backoff, c.o.MaxBackoff = 20*time.Second, time.Minute
		c.send("a")
		handle := c.o.Handler
		c.o.Handler = func(ctx context.Context, _ *ews.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}
		for range 2 {
			c.begin()
			time.Sleep(9 * time.Second)
			c.dead.Store(true)
			c.stop()
			c.dead.Store(false)
		}
		c.o.Handler = handle
		c.begin()
		time.Sleep(9 * time.Second) // it has taken over, and waits
		c.set()
		c.within(2*time.Minute, "a")
	},
	"the lease": func(c *clocked) {
		c.start()
		other := must(fetcher.New(c.m, ews.Inbox, &c.o))
		c.On(other)
		ctx, cancel := context.WithCancel(c.t.Context())
		done := make(chan error, 1)
		go func() { done <- other.Run(ctx) }()
		for i := range 20 {
			time.Sleep(7137 * time.Millisecond)
			c.Set(c.by * time.Duration(1-i%2))
		}
		if first, second := c.f.Stats(), other.Stats(); !first.Leading || second.Leading || first.LeaseLosses+second.LeaseLosses > 0 {
			c.wrong = append(c.wrong, fmt.Sprintf("the first leads: %v, the second: %v, %d leases were lost", first.Leading, second.Leading, first.LeaseLosses+second.LeaseLosses))
		}
		cancel()
		<-done
	},
	"the takeover": func(c *clocked) {
		_, err := c.o.Store.Take(c.t.Context(), fetcher.Take{Source: "help@example.com/inbox", Owner: "who dies now"})
		require.NoError(c.t, err)
		c.send("a")
		c.begin()
		time.Sleep(time.Second)
		if c.set(); c.f.Stats().Leading {
			c.wrong = append(c.wrong, "taken over at once")
		}
		time.Sleep(2 * time.Second)
		if c.f.Stats().Leading {
			c.wrong = append(c.wrong, "taken over when the clock was set")
		}
		c.within(time.Minute, "a")
	},
	"the pause of the watching": func(c *clocked) {
		c.o.Path = []string{"Support"}
		c.start() // there is no such folder
		c.box.AddFolder("inbox/Support")
		c.send("a")
		c.set()
		c.within(2*time.Minute, "a")
	},
	"a message that waits": func(c *clocked) {
		gate := make(chan struct{})
		handle := c.o.Handler
		c.o.Handler = func(ctx context.Context, msg *ews.Message) error {
			<-gate
			return handle(ctx, msg)
		}
		c.send("a")
		c.start()
		c.set()
		time.Sleep(time.Minute)
		if err := new(c.f.Stats()).Healthy(c.Now(), 10*time.Minute); err != nil {
			c.wrong = append(c.wrong, err.Error())
		}
		time.Sleep(8 * time.Minute)
		time.Sleep(2 * time.Minute)
		if new(c.f.Stats()).Healthy(c.Now(), 10*time.Minute) == nil {
			c.wrong = append(c.wrong, "healthy although a message has been waiting for ten minutes")
		}
		close(gate)
		time.Sleep(time.Minute)
	},
}

func must(f *fetcher.Fetcher, err error) *fetcher.Fetcher {
	if err != nil {
		panic(err)
	}
	return f
}

// setClock plays one of them with the clock set by so much.
func setClock(t *testing.T, name string, by time.Duration, mutant string) (wrong []string) {
	playing(t, func(t *testing.T, p *play) {
		c := &clocked{play: p, by: by}
		c.Mutant = mutant
		p.o.Store = plainTimes{p.store}
		p.o.MaxBackoff, p.o.Timeout = 30*time.Second, -1
		p.change = c.On
		clockTrouble[name](c)
		p.stop()
		wrong = p.wrong
	})
	return wrong
}

// TestClockSet: a clock that is set by hours, forwards or back, neither loses nor repeats a message, holds nothing up, costs no lease and raises
// no alarm.
func TestClockSet(t *testing.T) {
	for name := range clockTrouble {
		for _, by := range []time.Duration{3 * time.Hour, -3 * time.Hour} {
			t.Run(fmt.Sprint(name, " ", by), func(t *testing.T) { require.Empty(t, setClock(t, name, by, "")) })
		}
	}
}

// TestClockSetMutants: with anything reckoned by the wall it does.
func TestClockSetMutants(t *testing.T) {
	const ahead, back = 3 * time.Hour, -3 * time.Hour
	for _, tc := range []struct {
		mutant, name string
		by           time.Duration
	}{
		{"all", "a pause", back}, {"all", "the lease", ahead}, {"all", "the takeover", ahead}, {"all", "the takeover", back}, {"all", "the pause of the watching", back},
		{"what is stored", "a pause, after a restart", back}, {"what is stored", "the pause of a suspect", back},
		{"waiting", "a message that waits", ahead}, {"waiting", "a message that waits", back},
	} {
		t.Run(fmt.Sprint(tc.mutant, ": ", tc.name, " ", tc.by), func(t *testing.T) {
			wrong := setClock(t, tc.name, tc.by, tc.mutant)
			require.NotEmpty(t, wrong, "nobody noticed")
			t.Log(wrong[0])
		})
	}
}
