//go:build unix

package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// TestDiskFull runs in a process of its own, whose files the operating system refuses to let grow, as on a full disk or above a quota.
func TestDiskFull(t *testing.T) {
	if os.Getenv("TOKENSTORE_TEST_CHILD") == "" {
		exe, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestDiskFull$", "-test.v")
		cmd.Env = append(os.Environ(), "TOKENSTORE_TEST_CHILD=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestDiskFull")
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, throughFullDisk(t, func(s tokenstore.Store) tokenstore.Store { return s }))
	err := throughFullDisk(t, func(s tokenstore.Store) tokenstore.Store { return deaf{s} })
	require.Error(t, err, "mutant: failed writes taken for successful ones")
	t.Log(err)
}

// deaf does not hear that a write failed.
type deaf struct{ tokenstore.Store }

func (d deaf) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	v, err := d.Store.Put(ctx, key, r)
	if err != nil && !errors.Is(err, tokenstore.ErrConflict) {
		return tokenstore.NewVersion(), nil
	}
	return v, err
}

// throughFullDisk refreshes while the disk is full, and after, and returns the first thing that is wrong.
func throughFullDisk(t *testing.T, wrap func(tokenstore.Store) tokenstore.Store) error {
	ctx := t.Context()
	var lim syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &lim))
	full := func(yes bool) {
		now := lim
		if yes {
			now.Cur = 200 // a part of a record fits
		}
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now))
	}
	dir := filepath.Join(t.TempDir(), "tokens")
	files, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	store := tokenstore.Encrypt(wrap(files), newRing(t, 1))
	p := &idp{}
	src := signedIn(t, store, p, &tokenstore.SourceOptions{SaveTimeout: 100 * time.Millisecond, RefreshBefore: -1, Jitter: -1})
	before, err := store.Get(ctx, mailbox)
	require.NoError(t, err)

	full(true)
	defer full(false)
	if _, err = store.Put(ctx, mailbox, tokenstore.Record{Data: make([]byte, 4096), Version: before.Version}); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("a save that cannot succeed: error %w", err)
	}
	after, err := store.Get(ctx, mailbox)
	if err != nil || after.Version != before.Version {
		return fmt.Errorf("the old record is not whole: %w", err)
	}
	require.NoFileExists(t, filepath.Join(dir, "put.tmp"), "what was half written takes no room")
	tok, err := src.Token(ctx)
	require.NoError(t, err)
	src.Reject(ctx, tok, "")
	second := token(t, src)
	require.NotEqual(t, tok.AccessToken, second, "refreshing goes on while the disk is full")
	st, err := src.Status(ctx)
	require.NoError(t, err)
	require.True(t, st.Unsaved)
	require.NotEmpty(t, st.LastError)

	full(false)
	require.Eventually(t, func() bool { // without a restart, and without anybody asking for a token
		st, err := src.Status(ctx)
		return err == nil && !st.Unsaved
	}, 30*time.Second, 10*time.Millisecond)
	after, err = store.Get(ctx, mailbox)
	require.NoError(t, err)
	require.Contains(t, string(after.Data), second)
	return nil
}

// A directory that cannot be written still can be read, and says what is wrong.
func TestReadOnlyDirectory(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "tokens")
	s, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	v, err := s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	if os.Geteuid() == 0 {
		dropPrivileges(t)
	}
	require.NoError(t, os.Chmod(dir, 0o500))
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: v})
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorIs(t, s.Delete(ctx, "a"), os.ErrPermission)
	r, err := s.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "x", string(r.Data))
	require.NoError(t, os.Chmod(dir, 0o700))
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: v})
	require.NoError(t, err)
}

// File names differ in more than case, which Windows and macOS ignore, and none is one that Windows reserves.
func TestFileNamesOnFoldingFileSystems(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tokens")
	s, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	keys := []string{"User@example.com", "user@example.com", "USER@EXAMPLE.COM", "É", "é", "e\u0301", "con", "CON", "nul.txt", "a.", "a ", "a",
		strings.Repeat("k", 300), strings.Repeat("K", 300)}
	for _, key := range keys {
		_, err := s.Put(t.Context(), key, tokenstore.Record{Data: []byte(key)})
		require.NoError(t, err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.token"))
	require.NoError(t, err)
	folded := make(map[string]bool)
	for _, n := range names {
		n = filepath.Base(n)
		folded[strings.ToLower(n)] = true
		require.Regexp(t, `^[kh]-[a-z0-9._@%-]+\.token$`, n)
		require.LessOrEqual(t, len(n), 200)
	}
	require.Len(t, folded, len(keys))
}
