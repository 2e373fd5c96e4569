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
	src := signedIn(t, store, p, &tokenstore.SourceOptions{SaveTimeout: 500 * time.Millisecond, RefreshBefore: -1, Jitter: -1})
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
	}, 2*time.Minute, 10*time.Millisecond)
	after, err = store.Get(ctx, mailbox)
	require.NoError(t, err)
	require.Contains(t, string(after.Data), second)
	return nil
}

// A directory that cannot be written still can be read, says what is wrong, and is written again once it can be, without a restart.
func TestReadOnlyDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		dropPrivileges(t)
	}
	require.NoError(t, throughReadOnly(t, func(s tokenstore.Store) tokenstore.Store { return s }))
	for name, mutant := range map[string]func(tokenstore.Store) tokenstore.Store{
		"failed writes taken for successful ones": func(s tokenstore.Store) tokenstore.Store { return deaf{s} },
		"closed for ever by the first failure":    func(s tokenstore.Store) tokenstore.Store { return &onceBroken{Store: s} },
	} {
		err := throughReadOnly(t, mutant)
		require.Error(t, err, "mutant %q survives", name)
		t.Logf("mutant %q: %v", name, err)
	}
}

// throughReadOnly returns the first thing that is wrong.
func throughReadOnly(t *testing.T, wrap func(tokenstore.Store) tokenstore.Store) error {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "tokens")
	files, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	s := wrap(files)
	v, err := s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o500))
	defer os.Chmod(dir, 0o700) //nolint:errcheck // for the test's cleanup
	if _, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: v}); !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("a save that cannot succeed: error %w", err)
	}
	if err := s.Delete(ctx, "a"); !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("a deletion that cannot succeed: error %w", err)
	}
	if r, err := s.Get(ctx, "a"); err != nil || string(r.Data) != "x" {
		return fmt.Errorf("the record reads %q: %w", r.Data, err)
	}
	require.NoError(t, os.Chmod(dir, 0o700))
	if _, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("y"), Version: v}); err != nil {
		return fmt.Errorf("no recovery: %w", err)
	}
	return nil
}

// onceBroken does not find its way back after a failure.
type onceBroken struct {
	tokenstore.Store
	err error
}

func (o *onceBroken) Put(ctx context.Context, key string, r tokenstore.Record) (v string, err error) {
	if o.err == nil {
		v, o.err = o.Store.Put(ctx, key, r)
	}
	return v, o.err
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
