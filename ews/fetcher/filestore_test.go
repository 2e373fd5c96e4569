package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

const source = "a mailbox"

// diary does what a fetcher does with a store, and keeps what was acknowledged.
type diary struct {
	epoch  int64
	states map[string]fetcher.State
	cursor ews.Cursor
	lives  int
}

// live runs a program on a store until it fails or has done everything.
func (d *diary) live(ctx context.Context, s fetcher.Store) error {
	over, err := s.Observe(ctx, source)
	if err != nil {
		return err
	}
	at, err := s.Take(ctx, fetcher.Take{Source: source, Owner: "me", Over: over})
	if err != nil {
		return err
	}
	d.epoch = at.Epoch
	d.lives++
	for i := range 4 {
		key, item := fmt.Sprintf("sk-%d-%d", d.lives, i), fmt.Sprintf("item%d%d", d.lives, i)
		p := fetcher.Page{Cursor: ews.Cursor(key), Now: time.Unix(1, 0), Seen: []fetcher.Seen{{Key: key, Item: item, Subject: "s"}}}
		if _, err := s.Record(ctx, source, at.Epoch, p); err != nil {
			return err
		}
		if d.states[key] == "" {
			d.states[key] = fetcher.Pending
		}
		d.cursor = p.Cursor
		for _, state := range []fetcher.State{fetcher.Handled, fetcher.Done} {
			if err := s.Save(ctx, source, at.Epoch, fetcher.Entry{Key: key, State: state}); err != nil {
				return err
			}
			d.states[key] = state
		}
	}
	return s.Release(ctx, source, at.Epoch)
}

// rank orders states by progress.
var rank = map[fetcher.State]int{"": 0, fetcher.Pending: 1, fetcher.Handled: 2, fetcher.Done: 3}

// check reads a store after a power loss: nothing that was acknowledged may be missing.
func (d *diary) check(ctx context.Context, s fetcher.Store) error {
	at, err := s.Take(ctx, fetcher.Take{Source: source, Owner: "next"})
	if err != nil {
		return err
	}
	if at.Epoch <= d.epoch {
		return fmt.Errorf("epoch %d comes after %d", at.Epoch, d.epoch)
	}
	if at.Cursor < d.cursor {
		return fmt.Errorf("cursor %q instead of %q", at.Cursor, d.cursor)
	}
	for key, state := range d.states {
		e, err := s.Get(ctx, source, key)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if rank[e.State] < rank[state] {
			return fmt.Errorf("%s is %s instead of %s", key, e.State, state)
		}
	}
	return nil
}

// losses cuts the power after every operation of two programs, the second of which begins on what the first has left.
func losses(t *testing.T, mutate func(*fetcher.Disk)) (outcomes int, wrong []error) {
	ctx := t.Context()
	for cut := 1; ; cut++ {
		disk := fetcher.NewDisk()
		mutate(disk)
		d := &diary{states: map[string]fetcher.State{}}
		off := errors.New("power off")
		disk.Before = func(n int) error {
			if n > cut {
				return off
			}
			return nil
		}
		err := d.live(ctx, disk.Store())
		if err == nil {
			err = d.live(ctx, disk.Store())
		}
		disk.Outcomes(func(after *fetcher.Disk) {
			outcomes++
			if err := d.check(ctx, after.Store()); err != nil {
				wrong = append(wrong, fmt.Errorf("power lost after operation %d: %w", cut, err))
			}
		})
		if err == nil {
			return outcomes, wrong
		}
		require.ErrorIs(t, err, off)
	}
}

// TestFilePowerLoss: what was acknowledged is there after a power loss at any point.
func TestFilePowerLoss(t *testing.T) {
	outcomes, wrong := losses(t, func(*fetcher.Disk) {})
	t.Logf("%d outcomes", outcomes)
	require.Empty(t, wrong)
	for name, mutate := range map[string]func(*fetcher.Disk){
		"files are not synced":        func(d *fetcher.Disk) { d.NoSync = true },
		"the directory is not synced": func(d *fetcher.Disk) { d.NoDir = true },
	} {
		_, wrong := losses(t, mutate)
		require.NotEmpty(t, wrong, "%s, and nobody noticed", name)
	}
}

// TestFileFaults lets every operation fail once: the error is reported, the next call works, and what was acknowledged is there.
func TestFileFaults(t *testing.T) {
	ctx := t.Context()
	for fail := 1; ; fail++ {
		disk := fetcher.NewDisk()
		d := &diary{states: map[string]fetcher.State{}}
		disk.Before = func(n int) error {
			if n == fail {
				return fetcher.ErrDisk
			}
			return nil
		}
		s := disk.Store()
		err := d.live(ctx, s)
		if err == nil {
			require.Greater(t, fail, 20)
			return
		}
		require.ErrorIs(t, err, fetcher.ErrDisk)
		if h, herr := s.Observe(ctx, source); herr == nil && h.Owner != "" {
			require.NoError(t, s.Save(ctx, source, h.Epoch, fetcher.Entry{Key: "sk-1-3", State: fetcher.Pending}), "failed at operation %d", fail)
			require.NoError(t, s.Release(ctx, source, h.Epoch))
		}
		delete(d.states, "sk-1-3")
		require.NoError(t, d.check(ctx, disk.Store()), "failed at operation %d", fail)
	}
}

// TestFileLock: of two processes one holds the source; the other takes over when the first has ended.
func TestFileLock(t *testing.T) {
	dir := t.TempDir()
	first, err := fetcher.NewFileStore(dir)
	require.NoError(t, err)
	second, err := fetcher.NewFileStore(dir)
	require.NoError(t, err)
	at, err := first.Take(t.Context(), fetcher.Take{Source: source, Owner: "a"})
	require.NoError(t, err)
	_, err = second.Take(t.Context(), fetcher.Take{Source: source, Owner: "b"})
	require.ErrorIs(t, err, fetcher.ErrHeld)
	require.NoError(t, first.Release(t.Context(), source, at.Epoch))
	next, err := second.Take(t.Context(), fetcher.Take{Source: source, Owner: "b"})
	require.NoError(t, err)
	require.Equal(t, at.Epoch+1, next.Epoch)
	require.ErrorIs(t, first.Beat(t.Context(), source, at.Epoch), fetcher.ErrLeaseLost)
	require.NoError(t, second.Release(t.Context(), source, next.Epoch))
}
