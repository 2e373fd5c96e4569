//go:build unix

package fetcher_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// tidied has a file of a store removed while it is held, as programs do that tidy temporary directories up, and says what is wrong then.
func tidied(t *testing.T, pattern string, change func(*fetcher.FileStore)) (wrong []string) {
	ctx, dir := t.Context(), t.TempDir()
	first, err := fetcher.NewFileStore(dir)
	require.NoError(t, err)
	change(first)
	at, err := first.Take(ctx, fetcher.Take{Source: source, Owner: "a"})
	require.NoError(t, err)
	record := func(key string) error {
		_, err := first.Record(ctx, source, at.Epoch, fetcher.Page{Seen: []fetcher.Seen{{Key: key, Item: key}}, Cursor: "c", Now: time.Now()})
		return err
	}
	require.NoError(t, record("before"))
	require.NoError(t, first.Beat(ctx, source, at.Epoch))
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.Len(t, names, 1)
	require.NoError(t, os.Remove(names[0]))

	alive := first.Beat(ctx, source, at.Epoch) == nil
	saved := record("after") == nil
	second, err := fetcher.NewFileStore(dir)
	require.NoError(t, err)
	next, err := second.Take(ctx, fetcher.Take{Source: source, Owner: "b"})
	switch {
	case err == nil && alive:
		wrong = append(wrong, "two hold the source")
	case err != nil && !errors.Is(err, fetcher.ErrHeld):
		wrong = append(wrong, err.Error())
	}
	want := []string{"before"}
	if saved {
		want = append(want, "after")
	}
	for _, key := range want {
		if _, err := second.Get(context.WithoutCancel(ctx), source, key); err != nil {
			wrong = append(wrong, key+": "+err.Error())
		}
	}
	if alive {
		require.NoError(t, first.Release(ctx, source, at.Epoch))
	}
	if err == nil {
		require.NoError(t, second.Release(ctx, source, next.Epoch))
	}
	return wrong
}

// TestFileTidied: a removed lock file lets no second process in beside the first, and what is saved after the journal was removed is there.
func TestFileTidied(t *testing.T) {
	for _, pattern := range []string{"*.lock", "*.journal"} {
		t.Run(pattern, func(t *testing.T) {
			require.Empty(t, tidied(t, pattern, func(*fetcher.FileStore) {}))
			require.NotEmpty(t, tidied(t, pattern, fetcher.Blind), "the mutant that does not look: nobody noticed")
		})
	}
}
