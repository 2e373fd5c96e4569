//go:build unix

package sqlstore_test

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

// testAtRest looks for token bytes in everything the database wrote: tables, logs, journals, and a backup.
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
	require.Zero(t, count(t, backup(t, d), secret), "token bytes in clear in a backup")
	// The search works: without encryption it finds them.
	_, err = plain.Put(t.Context(), "b", tokenstore.Record{Data: []byte(secret)})
	require.NoError(t, err)
	require.NotZero(t, count(t, dir, secret), "mutant: not encrypted")
	require.NotZero(t, count(t, backup(t, d), secret), "mutant: not encrypted")
}

// backup returns a folder with what the database's own tool for that makes.
func backup(t *testing.T, d database) string {
	t.Helper()
	dir := t.TempDir()
	host, port, _ := strings.Cut(serverAddr(d), ":")
	var cmd *exec.Cmd
	switch d.dialect {
	case sqlstore.SQLite:
		_, err := open(t, d.driver, d.dsn).ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(dir, "backup.db"))
		require.NoError(t, err)
		return dir
	case sqlstore.PostgreSQL:
		cmd = exec.CommandContext(t.Context(), tool(t, "pg_dump", "/usr/lib/postgresql/*/bin/pg_dump"), "-h", host, "-p", port, "-U", "test", "postgres")
	default:
		cmd = exec.CommandContext(t.Context(), tool(t, "mariadb-dump", "/usr/bin/mysqldump"), "--no-defaults", "--hex-blob", "-h", host, "-P", port, "-u", "root", "tokens")
	}
	out, err := cmd.Output()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dump.sql"), out, 0o600))
	return dir
}

func serverAddr(d database) string {
	if d.server == nil {
		return ""
	}
	return d.server.Addr
}

func tool(t *testing.T, name, glob string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	found, err := filepath.Glob(glob)
	require.NoError(t, err)
	require.NotEmpty(t, found, "%s comes with the server", name)
	return found[len(found)-1]
}

func count(t *testing.T, dir, text string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // servers remove files while we look
		}
		b, err := os.ReadFile(path)
		if err == nil {
			n += bytes.Count(b, []byte(text)) + bytes.Count(bytes.ToLower(b), hex.AppendEncode(nil, []byte(text)))
		}
		return nil
	})
	require.NoError(t, err)
	return n
}
