package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestHandOver: instances share the work of one mailbox; one at a time fetches, and when it dies another one goes on within seconds.
func TestHandOver(t *testing.T) {
	for _, instances := range []int{2, 5} {
		t.Run(fmt.Sprint(instances, " instances"), func(t *testing.T) {
			took, wrong := handOver(t, instances, 40, func(*fetcher.Fetcher) {})
			require.Empty(t, wrong)
			t.Logf("hand-over after a death: median %v, longest %v", took[len(took)/2], took[len(took)-1])
		})
	}
}

// TestHandOverMutants: instances that take over from the living, or not from the dead.
func TestHandOverMutants(t *testing.T) {
	for name, mutant := range map[string]func(fetcher.Stepper) fetcher.Stepper{"from the living": fetcher.TakeAlways, "not from the dead": fetcher.TakeNever} {
		t.Run(name, func(t *testing.T) {
			_, wrong := handOver(t, 2, 3, mutated(mutant))
			require.NotEmpty(t, wrong, "nobody noticed")
			t.Log(wrong[0])
		})
	}
}

// handOver lets the instance that fetches die so many times, and tells how long it took until another one did, and what was wrong.
func handOver(t *testing.T, instances, deaths int, change func(*fetcher.Fetcher)) (took []time.Duration, wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		h := newTickets()
		store := fetcher.NewMemoryStore()
		r := rand.New(rand.NewPCG(1, uint64(instances)))
		type instance struct {
			f    *fetcher.Fetcher
			dead atomic.Bool
			end  context.CancelFunc
		}
		ctx, stop := context.WithCancel(t.Context())
		var ended []chan struct{}
		start := func() *instance {
			i := new(instance)
			f, err := fetcher.New(w.m, ews.Inbox, &fetcher.Options{Handler: h.handle, Store: store, Watch: polling()})
			require.NoError(t, err)
			change(f)
			fetcher.Stoppable(f, i.dead.Load)
			i.f = f
			life, end := context.WithCancel(ctx)
			i.end = end
			done := make(chan struct{})
			ended = append(ended, done)
			go func() { defer close(done); _ = f.Run(life) }()
			return i
		}
		var herd []*instance
		for range instances {
			herd = append(herd, start())
			time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
		}
		leader := func() (at int) {
			at = -1
			for i, inst := range herd {
				if inst.f.Stats().Leading && !inst.dead.Load() {
					if at >= 0 {
						wrong = append(wrong, "two fetch")
					}
					at = i
				}
			}
			return at
		}
		time.Sleep(10 * time.Second)
		for n := range deaths {
			w.mail(t, mail(fmt.Sprint("m", n)), nil)
			time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
			at := leader()
			if at < 0 {
				wrong = append(wrong, "nobody fetches")
				break
			}
			herd[at].dead.Store(true)
			herd[at].end()
			began := time.Now()
			for leader() < 0 && time.Since(began) < 10*time.Second {
				time.Sleep(50 * time.Millisecond)
			}
			took = append(took, time.Since(began))
			herd[at] = start()
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		if counts := h.counts(); len(wrong) == 0 && !maps.Equal(each(deaths), counts) {
			wrong = append(wrong, fmt.Sprint("tickets: ", counts))
		}
		slices.Sort(took)
		if n := len(took); n > 0 && took[n-1] > fetcher.DefaultLeaseTTL+2*time.Second {
			wrong = append(wrong, fmt.Sprintf("handed over after %v", took[n-1]))
		}
		for _, inst := range herd {
			if n := inst.f.Stats().LeaseLosses; n > 0 {
				wrong = append(wrong, fmt.Sprintf("taken over from the living %d times", n))
			}
		}
		stop()
		for _, done := range ended {
			<-done
		}
	})
	return took, wrong
}

// TestRelease: one that ends properly is replaced at once.
func TestRelease(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.start()
		other, err := fetcher.New(p.m, ews.Inbox, &p.o)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- other.Run(ctx) }()
		p.rest()
		require.False(t, other.Stats().Leading)
		p.stop()
		time.Sleep(fetcher.DefaultLeaseTTL/6 + time.Second)
		require.True(t, other.Stats().Leading)
		once := p.o
		once.Once = true
		require.ErrorIs(t, fetcher.Run(t.Context(), p.m, ews.Inbox, &once), fetcher.ErrHeld)
		cancel()
		<-done
	})
}

// lockOf is a lock as tokenstore's are: with a type of its own.
type lockOf struct{ lost *atomic.Bool }

func (l *lockOf) Check(context.Context) error {
	if l.lost.Load() {
		return errors.New("the connection is gone")
	}
	return nil
}
func (l *lockOf) Unlock() error { return nil }

// TestLockLost: when the lock is lost everything stops, and begins again with it.
func TestLockLost(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		var lost atomic.Bool
		var locks atomic.Int64
		p.o.Lock = fetcher.LockWith(func(context.Context, string) (*lockOf, error) {
			locks.Add(1)
			lost.Store(false)
			return &lockOf{&lost}, nil
		})
		p.send("a")
		p.start()
		require.EqualValues(t, 1, locks.Load())
		lost.Store(true)
		p.send("b")
		p.rest()
		require.EqualValues(t, 2, locks.Load())
		require.EqualValues(t, 1, p.f.Stats().LeaseLosses)
		require.True(t, p.f.Stats().Leading)
		p.stop()
		require.Equal(t, map[string]int{"a": 1, "b": 1}, p.calls)
	})
}

// TestStoreDown: a store that fails for a while stops everything before the lease can be another's, and nothing is lost.
func TestStoreDown(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		var down atomic.Bool
		p.send("a")
		p.o.Store = &downStore{p.store, &down}
		p.start()
		down.Store(true)
		p.send("b")
		time.Sleep(10 * time.Minute)
		require.False(t, p.f.Stats().Leading)
		require.Error(t, new(p.f.Stats()).Healthy(time.Now(), time.Minute))
		down.Store(false)
		time.Sleep(5 * time.Minute)
		require.NoError(t, new(p.f.Stats()).Healthy(time.Now(), time.Minute))
		p.stop()
		require.Equal(t, map[string]int{"a": 1, "b": 1}, p.calls)
	})
}

type downStore struct {
	fetcher.Store
	down *atomic.Bool
}

var errDown = errors.New("connection refused")

func (s *downStore) Observe(ctx context.Context, source string) (fetcher.Holder, error) {
	if s.down.Load() {
		return fetcher.Holder{}, errDown
	}
	return s.Store.Observe(ctx, source)
}

func (s *downStore) Beat(ctx context.Context, source string, epoch int64) error {
	if s.down.Load() {
		return errDown
	}
	return s.Store.Beat(ctx, source, epoch)
}

func (s *downStore) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	if s.down.Load() {
		return nil, errDown
	}
	return s.Store.Record(ctx, source, epoch, p)
}
