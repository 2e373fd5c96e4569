package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

var errPowerOff = errors.New("power off")

// history is what a program was told about one record.
type history struct {
	acked   string // the last acknowledged data; "" for none or deleted
	pending string // of a call that has not returned nil; "-" for a delete
	calls   int
}

// scenario saves, saves again, deletes and saves, until a call fails.
func (h *history) scenario(s tokenstore.Store) error {
	ctx := context.Background()
	version := ""
	for _, data := range []string{"first", "second, longer", "-", "third"} {
		h.pending = data
		h.calls++
		if data == "-" {
			if err := s.Delete(ctx, "a"); err != nil {
				return err
			}
			version, h.acked, h.pending = "", "", ""
			continue
		}
		v, err := s.Put(ctx, "a", tokenstore.Record{Data: []byte(data), Version: version})
		if err != nil {
			return err
		}
		version, h.acked, h.pending = v, data, ""
	}
	return nil
}

// check reads what a power loss left, and saves over it.
func (h *history) check(d tokenstore.Dir) error {
	ctx := context.Background()
	s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: d})
	if err != nil {
		return err
	}
	r, err := s.Get(ctx, "a")
	got := string(r.Data)
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		return fmt.Errorf("unreadable: %w", err)
	}
	pending := h.pending
	if pending == "-" {
		pending = ""
	}
	if got != h.acked && (h.pending == "" || got != pending) {
		return fmt.Errorf("lost: found %q, acknowledged was %q, under way %q", got, h.acked, h.pending)
	}
	if _, err := s.Put(ctx, "a", tokenstore.Record{Data: []byte("after"), Version: r.Version}); err != nil {
		return fmt.Errorf("no save after the crash: %w", err)
	}
	return nil
}

// crashEverywhere cuts the power after each operation, and looks at every outcome.
func crashEverywhere(wrap func(*memDir) tokenstore.Dir) (points, outcomes int, violations []error) {
	for n := 1; ; n++ {
		d := newMemDir()
		off := false
		d.before = func(int, string) error {
			if off {
				return errPowerOff
			}
			return nil
		}
		d.after = func(op int) { off = op >= n }
		s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: wrap(d)})
		if err != nil {
			return points, outcomes, []error{err}
		}
		var h history
		_ = h.scenario(s)
		points++
		d.outcomes(func(left *memDir) {
			outcomes++
			if err := h.check(left); err != nil {
				violations = append(violations, fmt.Errorf("crash after operation %d (%s): %w", n, d.kinds[min(n, len(d.kinds))-1], err))
			}
		})
		if !off {
			return points, outcomes, violations
		}
	}
}

func TestCrashEnum(t *testing.T) {
	points, outcomes, violations := crashEverywhere(func(d *memDir) tokenstore.Dir { return d })
	for _, err := range violations[:min(len(violations), 5)] {
		t.Error(err)
	}
	t.Logf("%d crash points, %d disk outcomes, %d violations", points, outcomes, len(violations))
	require.Greater(t, points, 30)
	require.Greater(t, outcomes, 400)

	// Negative controls: each guard removed is noticed.
	for name, wrap := range map[string]func(*memDir) tokenstore.Dir{
		"no file sync":      func(d *memDir) tokenstore.Dir { return noFileSync{d} },
		"no directory sync": func(d *memDir) tokenstore.Dir { return noDirSync{d} },
		"written in place":  func(d *memDir) tokenstore.Dir { return inPlace{d} },
	} {
		_, _, violations := crashEverywhere(wrap)
		require.NotEmpty(t, violations, "mutant %q survives", name)
		t.Logf("mutant %q: %d violations, the first: %v", name, len(violations), violations[0])
	}
}

type noFileSync struct{ *memDir }

func (d noFileSync) Create(name string) (tokenstore.DirFile, error) {
	f, err := d.memDir.Create(name)
	return unsynced{f}, err
}

type unsynced struct{ tokenstore.DirFile }

func (unsynced) Sync() error { return nil }

type noDirSync struct{ *memDir }

func (noDirSync) Sync() error { return nil }

// inPlace writes the new bytes into the old file instead of renaming over it.
type inPlace struct{ *memDir }

func (d inPlace) Rename(oldname, newname string) error {
	d.mu.Lock()
	n := d.entries[oldname]
	old := d.entries[newname]
	d.mu.Unlock()
	if old == nil || n == nil {
		return d.memDir.Rename(oldname, newname)
	}
	w := &memWriter{d.memDir, old}
	if err := d.op("truncate", func() error { old.data, old.synced = nil, 0; return nil }); err != nil {
		return err
	}
	if _, err := w.Write(n.data); err != nil {
		return err
	}
	return w.Sync()
}

// faultRun is a program that goes on after errors: looks what is there, tries again. The operations numbered in at fail.
func faultRun(at map[int]error, seen map[error]int, wrap func(*memDir) tokenstore.Dir) (end bool, violation error) {
	d := newMemDir()
	injected := 0
	d.before = func(n int, op string) error {
		err := at[n]
		if err == nil || errors.Is(err, errShort) && op != "write" {
			return nil
		}
		injected++
		seen[err]++
		return err
	}
	s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: wrap(d)})
	if err != nil {
		return true, err
	}
	told := func(err error) bool {
		return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite)
	}
	var h history
	for range 4 {
		before := injected
		err := h.scenario(s)
		if err == nil && injected > before {
			return true, fmt.Errorf("swallowed, history %+v", h)
		}
		if err == nil {
			break
		}
		if !told(err) {
			return true, fmt.Errorf("error %w does not tell the cause", err)
		}
		r, err := s.Get(context.Background(), "a")
		if err != nil && !errors.Is(err, tokenstore.ErrNotFound) && !told(err) {
			return true, fmt.Errorf("unreadable: %w", err)
		}
		if got := string(r.Data); (err == nil || errors.Is(err, tokenstore.ErrNotFound)) && got != h.acked && got != h.pending && (h.pending != "-" || got != "") {
			return true, fmt.Errorf("found %q, history %+v", got, h)
		}
		// The power fails on top of it: nothing acknowledged is lost.
		d.outcomes(func(left *memDir) {
			if err := h.check(left); err != nil && violation == nil {
				violation = fmt.Errorf("then a power loss: %w", err)
			}
		})
		if s.Delete(context.Background(), "a") != nil {
			break
		}
		h = history{}
	}
	last := 0
	for n := range at {
		last = max(last, n)
	}
	return d.ops < last, violation
}

// faultsEverywhere fails every operation in every way, and every pair of operations. Pairs further apart than a scenario
// is long add nothing.
func faultsEverywhere(wrap func(*memDir) tokenstore.Dir) (runs int, seen map[error]int, violations []error) {
	classes := []error{syscall.EIO, syscall.ENOSPC, errShort}
	seen = make(map[error]int)
	run := func(at map[int]error) bool {
		runs++
		end, err := faultRun(at, seen, wrap)
		if err != nil {
			violations = append(violations, fmt.Errorf("faults %v: %w", at, err))
		}
		return end
	}
	for n, end := 1, false; !end; n++ {
		for i, class := range classes {
			end = run(map[int]error{n: class}) || end
			for m := n + 1; m <= n+40; m++ {
				run(map[int]error{n: class, m: classes[(i+m)%len(classes)]})
			}
		}
	}
	return runs, seen, violations
}

func TestFaultEnum(t *testing.T) {
	runs, seen, violations := faultsEverywhere(func(d *memDir) tokenstore.Dir { return d })
	for _, err := range violations[:min(len(violations), 5)] {
		t.Error(err)
	}
	require.Len(t, seen, 3, "every class of fault occurred")
	t.Logf("%d runs, %d violations, faults seen: %v", runs, len(violations), seen)
	if raceEnabled { // nothing in the mutants is new to it
		return
	}

	for name, wrap := range map[string]func(*memDir) tokenstore.Dir{
		"failed file sync swallowed":      func(d *memDir) tokenstore.Dir { return deafFileSync{d} },
		"failed directory sync swallowed": func(d *memDir) tokenstore.Dir { return deafDirSync{d} },
		"short write swallowed":           func(d *memDir) tokenstore.Dir { return deafWrite{d} },
	} {
		_, _, violations := faultsEverywhere(wrap)
		require.NotEmpty(t, violations, "mutant %q survives", name)
		t.Logf("mutant %q: %d violations, the first: %v", name, len(violations), violations[0])
	}
}

type deafDirSync struct{ *memDir }

func (d deafDirSync) Sync() error { _ = d.memDir.Sync(); return nil }

type deafFileSync struct{ *memDir }

func (d deafFileSync) Create(name string) (tokenstore.DirFile, error) {
	f, err := d.memDir.Create(name)
	if err != nil {
		return nil, err
	}
	return deafFile{f, true}, nil
}

type deafWrite struct{ *memDir }

func (d deafWrite) Create(name string) (tokenstore.DirFile, error) {
	f, err := d.memDir.Create(name)
	if err != nil {
		return nil, err
	}
	return deafFile{f, false}, nil
}

type deafFile struct {
	tokenstore.DirFile
	sync bool
}

func (f deafFile) Sync() error {
	if err := f.DirFile.Sync(); !f.sync {
		return err
	}
	return nil
}

func (f deafFile) Write(p []byte) (int, error) {
	n, err := f.DirFile.Write(p)
	if !f.sync && err == nil {
		n = len(p)
	}
	return n, err
}
