package tokenstore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func unixOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permission bits and symbolic links of Unix")
	}
}

// Case 61: files 0600 in directories 0700.
func TestFileModes(t *testing.T) {
	unixOnly(t)
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), mailbox, tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	l, err := s.Lock(t.Context(), mailbox)
	require.NoError(t, err)
	require.NoError(t, l.Unlock())
	files := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		if e.IsDir() {
			require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), path)
		} else {
			files++
			require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
		}
		return nil
	}))
	require.Equal(t, 3, files, "the record, its lock, the writers' lock")
}

// Case 61: looser permissions and symbolic links are refused.
func TestFileStoreRefusesWhatOthersCanReach(t *testing.T) {
	unixOnly(t)
	ctx := t.Context()
	s := func(t *testing.T) (*tokenstore.FileStore, string) {
		dir := filepath.Join(t.TempDir(), "tokens")
		s, err := tokenstore.NewFileStore(dir, nil)
		require.NoError(t, err)
		_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
		require.NoError(t, err)
		return s, dir
	}
	t.Run("a directory open to others", func(t *testing.T) {
		s, dir := s(t)
		for _, mode := range []fs.FileMode{0o750, 0o705, 0o777, 0o701} {
			require.NoError(t, os.Chmod(dir, mode))
			_, err := tokenstore.NewFileStore(dir, nil)
			require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
			require.ErrorContains(t, err, "chmod 700 "+dir)
			_, err = s.Get(ctx, "a")
			require.ErrorIs(t, err, tokenstore.ErrUnsafeFile, "noticed while running, too")
			_, err = s.Put(ctx, "b", tokenstore.Record{Data: []byte("x")})
			require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
		}
	})
	t.Run("a file open to others", func(t *testing.T) {
		s, dir := s(t)
		require.NoError(t, os.Chmod(filepath.Join(dir, "k-a.token"), 0o640))
		_, err := s.Get(ctx, "a")
		require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
		require.ErrorContains(t, err, "chmod 600")
	})
	t.Run("symbolic links", func(t *testing.T) {
		s, dir := s(t)
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(dir, link))
		_, err := tokenstore.NewFileStore(link, nil)
		require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)

		target := filepath.Join(t.TempDir(), "elsewhere")
		require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "k-b.token")))
		_, err = s.Get(ctx, "b")
		require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
		_, err = s.Put(ctx, "b", tokenstore.Record{Data: []byte("x")})
		require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
		b, err := os.ReadFile(target)
		require.NoError(t, err)
		require.Equal(t, "precious", string(b))

		made := filepath.Join(t.TempDir(), "made")
		require.NoError(t, os.Symlink(made, filepath.Join(dir, "k-b.lock")))
		_, err = s.Lock(ctx, "b")
		require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
		require.NoFileExists(t, made)
	})
	t.Run("what is no file", func(t *testing.T) {
		s, dir := s(t)
		require.NoError(t, os.Mkdir(filepath.Join(dir, "k-b.token"), 0o700))
		_, err := s.Get(ctx, "b")
		require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
		_, err = tokenstore.NewFileStore(filepath.Join(dir, "k-a.token"), nil)
		require.Error(t, err)
		_, err = tokenstore.NewFileStore("", nil)
		require.Error(t, err)
	})
	t.Run("another user's directory", func(t *testing.T) {
		if os.Geteuid() == 0 {
			dir := filepath.Join(t.TempDir(), "theirs")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Chown(dir, 12345, 12345))
			_, err := tokenstore.NewFileStore(dir, nil)
			require.ErrorIs(t, err, tokenstore.ErrUnsafeFile)
			require.ErrorContains(t, err, "12345")
		} else {
			_, err := tokenstore.NewFileStore("/root", nil)
			require.Error(t, err)
		}
	})
}

// Files of other records, exchanged by hand, are noticed; other people's files are left alone.
func TestFilesOutOfPlace(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "tokens")
	s, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(dir, "k-a.token"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "k-b.token"), raw, 0o600))
	_, err = s.Get(ctx, "b")
	require.ErrorIs(t, err, tokenstore.ErrCorrupt)
	for n := range len(raw) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "k-b.token"), raw[:n], 0o600))
		_, err = s.Get(ctx, "b")
		require.ErrorIs(t, err, tokenstore.ErrCorrupt)
	}
	require.NoError(t, s.Delete(ctx, "b"), "a damaged file can be deleted")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README"), []byte("hello"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "put.tmp"), []byte("left by a crash"), 0o600))
	var keys []string
	for k, err := range s.List(ctx) {
		require.NoError(t, err)
		keys = append(keys, k)
	}
	require.Equal(t, []string{"a"}, keys)
	_, err = s.Put(ctx, "c", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, "put.tmp"))
	require.FileExists(t, filepath.Join(dir, "README"))
}

// The directory may be replaced while the store is open.
func TestFileStoreSurvivesItsDirectory(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "tokens")
	s, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	l, err := s.Lock(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, l.Check(ctx))
	require.NoError(t, os.RemoveAll(dir))
	_, err = s.Get(ctx, "a")
	require.ErrorContains(t, err, "is gone")
	require.NotErrorIs(t, err, tokenstore.ErrNotFound, "a volume that is not mounted is not an absent record")
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	require.Error(t, err, "a directory that vanished is not made again silently")
	require.ErrorIs(t, l.Check(ctx), tokenstore.ErrLockLost)
	require.NoError(t, l.Unlock())
	require.NoError(t, os.Mkdir(dir, 0o700))
	_, err = s.Put(ctx, "a", tokenstore.Record{Data: []byte("x")})
	require.NoError(t, err, "and is used again once it is back")
}

// Case 62: nothing stands in clear on disk.
func TestNoTokenBytesInFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tokens")
	files, err := tokenstore.NewFileStore(dir, nil)
	require.NoError(t, err)
	p := &idp{}
	src := signedIn(t, tokenstore.Encrypt(files, newRing(t, 1)), p, &tokenstore.SourceOptions{RefreshBefore: -1, Jitter: -1})
	tok, err := src.Token(t.Context())
	require.NoError(t, err)
	src.Reject(t.Context(), tok, "")
	require.Equal(t, "CANARY-access-2", token(t, src))
	count := func() (n int) {
		es, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range es {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			n += strings.Count(string(b), "CANARY")
		}
		return n
	}
	require.Zero(t, count())
	_, err = files.Put(t.Context(), "clear", tokenstore.Record{Data: []byte("CANARY")})
	require.NoError(t, err)
	require.Equal(t, 1, count(), "the search works")
}
