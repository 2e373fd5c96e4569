//go:build unix

package sqlstore_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

// testAtRest looks for token bytes in everything the database wrote: tables, logs, journals.
func testAtRest(t *testing.T, d database) {
	const secret = "CANARY-refresh-token-4711"
	key, err := tokenstore.NewKey("", bytes.Repeat([]byte{9}, 32))
	require.NoError(t, err)
	ring, err := tokenstore.NewKeyring(key)
	require.NoError(t, err)
	plain := d.store(t)
	s := tokenstore.Encrypt(plain, ring)
	v := ""
	for range 5 {
		v, err = s.Put(t.Context(), "a", tokenstore.Record{Data: []byte(secret), Version: v})
		require.NoError(t, err)
	}
	dir := ""
	switch d.dialect {
	case sqlstore.SQLite:
		dir = filepath.Dir(strings.TrimPrefix(strings.Split(d.dsn, "?")[0], "file:"))
	default:
		dir = d.server.Dir
	}
	require.Zero(t, count(t, dir, secret), "token bytes in clear below %s", dir)
	// The search works: without encryption it finds them.
	_, err = plain.Put(t.Context(), "b", tokenstore.Record{Data: []byte(secret)})
	require.NoError(t, err)
	require.NotZero(t, count(t, dir, secret), "the search found nothing at all")
}

func count(t *testing.T, dir, text string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // servers remove files while we look
		}
		b, err := os.ReadFile(path)
		if err == nil {
			n += bytes.Count(b, []byte(text))
		}
		return nil
	})
	require.NoError(t, err)
	return n
}
