//go:build unix

package fetcher_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// diskTrouble has every operation of the disk fail for an hour while mail comes in, and says what was wrong, a restart afterwards included.
func diskTrouble(t *testing.T, failure error, change func(*fetcher.Fetcher), prepare func(*fetcher.Disk)) (wrong []string) {
	playing(t, func(t *testing.T, p *play) {
		disk := fetcher.NewDisk()
		prepare(disk)
		var bad atomic.Bool
		disk.Before = func(int) error {
			if bad.Load() {
				return &os.PathError{Op: "write", Path: "x.journal", Err: failure}
			}
			return nil
		}
		p.o.Store, p.change = disk.Store(), change
		handle := p.o.Handler
		p.o.Handler = func(ctx context.Context, msg *ews.Message) error {
			time.Sleep(3 * time.Second)
			return handle(ctx, msg)
		}
		p.o.MaxAttempts = 2
		send := func(names ...string) {
			for _, name := range names {
				p.send(name)
			}
		}
		send("a", "b", "c")
		p.start()
		send("d", "e", "f")
		time.Sleep(11 * time.Second) // they are being handled
		bad.Store(true)
		send("g", "h")
		time.Sleep(time.Hour)
		if err := new(p.f.Stats()).Healthy(time.Now(), 10*time.Minute); err == nil || !strings.Contains(err.Error(), "the store or the lock has failed") ||
			!strings.Contains(err.Error(), failure.Error()) {
			wrong = append(wrong, fmt.Sprintf("with a disk that fails the health says: %v", err))
		}
		bad.Store(false)
		send("i")
		time.Sleep(10 * time.Minute)
		if err := new(p.f.Stats()).Healthy(time.Now(), time.Minute); err != nil {
			wrong = append(wrong, err.Error())
		}
		p.stop()
		p.o.Store = disk.Store()
		send("j")
		p.start()
		if err := new(p.f.Stats()).Healthy(time.Now(), 30*time.Second); err != nil {
			wrong = append(wrong, err.Error())
		}
		p.stop()
		want := map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 1}
		if !maps.Equal(want, p.calls) {
			wrong = append(wrong, fmt.Sprint("tickets: ", p.calls))
		}
	})
	return wrong
}

// TestFileDiskFails: a disk that is full or read-only for a while costs and doubles nothing, and shows.
func TestFileDiskFails(t *testing.T) {
	sound := func(*fetcher.Disk) {}
	for _, failure := range []error{syscall.ENOSPC, syscall.EROFS} {
		require.Empty(t, diskTrouble(t, failure, nil, sound), "%v", failure)
	}
	require.NotEmpty(t, diskTrouble(t, syscall.ENOSPC, mutated(fetcher.Unalarmed), sound), "the mutant that does not say so: nobody noticed")
	require.NotEmpty(t, diskTrouble(t, syscall.ENOSPC, nil, func(d *fetcher.Disk) { d.Deaf = true }), "the mutant that does not hear that a write failed: nobody noticed")
}

// amnesiac keeps nothing of a source whose files were taken away.
type amnesiac struct{ *fetcher.FileStore }

func (s amnesiac) Take(ctx context.Context, k fetcher.Take) (fetcher.Position, error) {
	fetcher.Forget(s.FileStore)
	return s.FileStore.Take(ctx, k)
}

// takenAway has the directory of a store taken away, and perhaps brought back, and says what was wrong, a restart afterwards included.
func takenAway(t *testing.T, away, back func(dir string) error, wrap func(*fetcher.FileStore) fetcher.Store) (wrong []string) {
	dir := filepath.Join(t.TempDir(), "state")
	playing(t, func(t *testing.T, p *play) {
		open := func() {
			s, err := fetcher.NewFileStore(dir)
			require.NoError(t, err)
			p.o.Store = wrap(s)
		}
		open()
		p.send("a")
		p.start()
		for i, do := range []func(string) error{away, back} {
			p.send(fmt.Sprint("before ", i))
			time.Sleep(11 * time.Second)
			require.NoError(t, do(dir))
			p.send(fmt.Sprint("after ", i))
			p.rest()
		}
		if err := new(p.f.Stats()).Healthy(time.Now(), 30*time.Second); err != nil {
			wrong = append(wrong, err.Error())
		}
		p.stop()
		open()
		p.start()
		p.stop()
		want := map[string]int{"a": 1, "before 0": 1, "after 0": 1, "before 1": 1, "after 1": 1}
		if !maps.Equal(want, p.calls) {
			wrong = append(wrong, fmt.Sprint("tickets: ", p.calls))
		}
	})
	return wrong
}

// TestFileTakenAway: a directory that is removed under a running program, or unmounted for a while, costs and doubles nothing.
func TestFileTakenAway(t *testing.T) {
	itself := func(s *fetcher.FileStore) fetcher.Store { return s }
	for name, tc := range map[string]struct{ away, back func(dir string) error }{
		"removed": {os.RemoveAll, func(string) error { return nil }},
		"unmounted": {func(dir string) error {
			if err := os.Rename(dir, dir+".device"); err != nil {
				return err
			}
			return os.Mkdir(dir, 0o700)
		}, func(dir string) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return os.Rename(dir+".device", dir)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, takenAway(t, tc.away, tc.back, itself))
			require.NotEmpty(t, takenAway(t, tc.away, tc.back, func(s *fetcher.FileStore) fetcher.Store { return amnesiac{s} }), "the mutant that forgets: nobody noticed")
		})
	}
}

// twoPrograms run on one directory, ending and beginning in turns; it says what was wrong.
func twoPrograms(t *testing.T, change func(*fetcher.FileStore)) (wrong []string) {
	dir := t.TempDir()
	playing(t, func(t *testing.T, p *play) {
		run := func() (f *fetcher.Fetcher, stop func()) {
			s, err := fetcher.NewFileStore(dir)
			require.NoError(t, err)
			change(s)
			o := p.o
			o.Store = s
			f = must(fetcher.New(p.m, ews.Inbox, &o))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- f.Run(ctx) }()
			time.Sleep(time.Second)
			return f, func() { cancel(); <-done }
		}
		first, stop := run()
		want := map[string]int{}
		for i := range 6 {
			second, stopSecond := run()
			p.send(fmt.Sprint(i))
			want[fmt.Sprint(i)] = 1
			p.rest()
			if first.Stats().Leading == second.Stats().Leading {
				wrong = append(wrong, "both fetch, or none")
			}
			for _, f := range []*fetcher.Fetcher{first, second} {
				if err := new(f.Stats()).Healthy(time.Now(), 10*time.Second); err != nil {
					wrong = append(wrong, err.Error())
				}
			}
			stop()
			first, stop = second, stopSecond
		}
		p.rest()
		stop()
		if !maps.Equal(want, p.calls) {
			wrong = append(wrong, fmt.Sprint("tickets: ", p.calls))
		}
	})
	return wrong
}

// TestFileTwoPrograms: of two programs on one directory one fetches, and the other one takes over when it ends; the mutant takes no locks.
func TestFileTwoPrograms(t *testing.T) {
	require.Empty(t, twoPrograms(t, func(*fetcher.FileStore) {}))
	require.NotEmpty(t, twoPrograms(t, fetcher.Unlocked), "nobody noticed")
}
