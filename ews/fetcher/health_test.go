package fetcher_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// halfStore is a store that shows signs of life, and fails at one thing.
type halfStore struct {
	fetcher.Store
	fails string
	well  *atomic.Bool // from now on at nothing
}

var errHalf = errors.New("no space left on device")

func (s halfStore) refuse(what string) error {
	if s.fails == what && !s.well.Load() {
		return errHalf
	}
	return nil
}

func (s halfStore) Take(ctx context.Context, k fetcher.Take) (fetcher.Position, error) {
	if err := s.refuse("take"); err != nil {
		return fetcher.Position{}, err
	}
	return s.Store.Take(ctx, k)
}

func (s halfStore) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	if err := s.refuse("record"); err != nil {
		return nil, err
	}
	return s.Store.Record(ctx, source, epoch, p)
}

func (s halfStore) Save(ctx context.Context, source string, epoch int64, e fetcher.Entry) error {
	if err := s.refuse("save"); err != nil {
		return err
	}
	return s.Store.Save(ctx, source, epoch, e)
}

func (s halfStore) Known(ctx context.Context, source string, keys []string) ([]bool, error) {
	if err := s.refuse("known"); err != nil {
		return nil, err
	}
	return s.Store.Known(ctx, source, keys)
}

// ill lets one thing fail for an hour, and returns what Healthy says then, and when all is well again.
func ill(t *testing.T, what string, change func(*fetcher.Fetcher)) (during, after error) {
	playing(t, func(t *testing.T, p *play) {
		var well atomic.Bool
		p.o.Store = halfStore{p.store, what, &well}
		p.change = change
		p.send("a")
		if what == "lock" {
			p.o.Lock = func(context.Context, string) (fetcher.Lock, error) {
				if !well.Load() {
					return nil, errHalf
				}
				return generous{}, nil
			}
		}
		p.start()
		time.Sleep(time.Hour)
		during = new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute)
		synctest.Wait()
		well.Store(true)
		time.Sleep(5 * time.Minute)
		after = new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute)
		p.stop()
		require.Equal(t, map[string]int{"a": 1}, p.calls)
	})
	return during, after
}

// TestHealthy: whatever fails for ever shows, although everything else about the store works.
func TestHealthy(t *testing.T) {
	for _, what := range []string{"take", "record", "save", "known", "lock"} {
		t.Run(what, func(t *testing.T) {
			during, after := ill(t, what, nil)
			require.ErrorContains(t, during, "the store or the lock has failed for 1h")
			require.ErrorContains(t, during, errHalf.Error())
			require.NoError(t, after)
		})
	}
}

// TestHealthyMutant: to an engine that takes any sign of life for good health all is well.
func TestHealthyMutant(t *testing.T) {
	for _, what := range []string{"take", "record"} {
		during, _ := ill(t, what, mutated(fetcher.Forgiving))
		require.NoError(t, during, "%s: the test does not see it", what)
	}
}

func mutated(by func(fetcher.Stepper) fetcher.Stepper) func(*fetcher.Fetcher) {
	return func(f *fetcher.Fetcher) { fetcher.Mutate(f, by) }
}

// TestHealthyOldMail: a first run over old mail is in good health, as long as it gets on.
func TestHealthyOldMail(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		for range 20 {
			p.mail(t, mail("a"), &ewstest.DeliverOptions{Received: time.Now().AddDate(-3, 0, 0)})
		}
		hang := make(chan struct{})
		p.o.Handler = func(ctx context.Context, _ *ews.Message) error {
			select {
			case <-time.After(time.Minute):
			case <-hang:
				<-ctx.Done()
			}
			return nil
		}
		p.o.Timeout = -1
		p.start()
		for range 3 {
			st := p.f.Stats()
			require.NotZero(t, st.Open)
			require.Greater(t, st.Lag, 3*360*24*time.Hour)
			require.NoError(t, st.Healthy(time.Now(), 10*time.Minute))
			st.Waiting = st.Lag // the mutant: age counts as waiting
			require.Error(t, st.Healthy(time.Now(), 10*time.Minute))
			time.Sleep(time.Minute)
		}
		close(hang) // and now nothing moves
		time.Sleep(20 * time.Minute)
		require.ErrorContains(t, new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute), "waiting")
		p.stop()
	})
}

// once runs until everything is dealt with, while one thing fails, and says how that ends and when.
func once(t *testing.T, what string, lock fetcher.Locker, change func(*fetcher.Fetcher)) (took time.Duration, err error) {
	playing(t, func(t *testing.T, p *play) {
		var well atomic.Bool
		p.o.Store, p.o.Lock, p.o.Once = halfStore{p.store, what, &well}, lock, true
		p.send("a")
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		f, ferr := fetcher.New(p.m, ews.Inbox, &p.o)
		require.NoError(t, ferr)
		if change != nil {
			change(f)
		}
		began := time.Now()
		err = f.Run(ctx)
		took = time.Since(began)
		well.Store(true)
		p.o.Lock = nil
		require.NoError(t, fetcher.Run(context.WithoutCancel(ctx), p.m, ews.Inbox, &p.o))
		require.Contains(t, p.calls, "a")
	})
	return took, err
}

// TestOnceGivesUp: a run that a timer started does not wait for ever for what does not work, or for another instance.
func TestOnceGivesUp(t *testing.T) {
	for what, tc := range map[string]struct {
		lock   fetcher.Locker
		want   error
		within time.Duration
	}{
		"take":   {nil, errHalf, 3 * time.Minute},
		"record": {nil, errHalf, 3 * time.Minute},
		"save":   {nil, errHalf, 3 * time.Minute},
		"known":  {nil, errHalf, 3 * time.Minute},
		"lock":   {func(context.Context, string) (fetcher.Lock, error) { return nil, errHalf }, errHalf, 3 * time.Minute},
		"held lock": {func(ctx context.Context, _ string) (fetcher.Lock, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, fetcher.ErrHeld, fetcher.DefaultLeaseTTL + time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			took, err := once(t, what, tc.lock, nil)
			require.ErrorIs(t, err, tc.want)
			require.LessOrEqual(t, took, tc.within)
		})
	}
	for _, what := range []string{"take", "record", "save"} { // the mutant: no failure counts
		_, err := once(t, what, nil, mutated(fetcher.Forgiving))
		require.ErrorIs(t, err, context.DeadlineExceeded, "%s: the test does not see it", what)
	}
}
