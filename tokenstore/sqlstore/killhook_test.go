//go:build unix

package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	moderncsqlite "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

// The moments of a save at which a process is killed, in their order, and whether the save is there afterwards.
var killHooks = []struct {
	name  string
	saved bool
}{
	{"before the statement", false},
	{"before the row changes", false},
	{"before the commit", false},
	{"after the commit", true},
	{"after the acknowledgement", true},
}

// saveAndDie saves number(1) over number(0) and kills itself at the hook.
func saveAndDie(dsn, hook string) {
	at := func(name string) {
		fmt.Println(name)
		if name == hook {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	moderncsqlite.RegisterConnectionHook(func(conn moderncsqlite.ExecQuerierContext, _ string) error {
		hooks := conn.(moderncsqlite.HookRegisterer)
		hooks.RegisterPreUpdateHook(func(moderncsqlite.SQLitePreUpdateData) { at("before the row changes") })
		hooks.RegisterCommitHook(func() int32 { at("before the commit"); return 0 })
		return nil
	})
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		panic(err)
	}
	s, err := sqlstore.New(db, sqlstore.SQLite, nil)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	r, err := s.Get(ctx, "a")
	if err != nil {
		panic(err)
	}
	at("before the statement")
	v, err := s.Put(ctx, "a", tokenstore.Record{Data: number(1), Version: r.Version})
	if err != nil {
		panic(err)
	}
	at("after the commit")
	fmt.Println("saved", v)
	at("after the acknowledgement")
}

// TestSQLiteKillAtHooks kills a saving process at each hook: the record is the old one until the commit, and the new one after it.
func TestSQLiteKillAtHooks(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for _, mode := range []string{"WAL", "DELETE"} {
		for i, hook := range killHooks {
			t.Run(mode+"/"+hook.name, func(t *testing.T) {
				dsn := "file:" + t.TempDir() + "/tokens.db?_pragma=journal_mode(" + mode + ")"
				s, err := sqlstore.New(open(t, "sqlite", dsn), sqlstore.SQLite, nil)
				require.NoError(t, err)
				require.NoError(t, s.Migrate(t.Context()))
				v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: number(0)})
				require.NoError(t, err)

				cmd := exec.CommandContext(t.Context(), exe)
				cmd.Env = append(os.Environ(), "SQLSTORE_TEST_CHILD="+dsn, "SQLSTORE_TEST_HOOK="+hook.name)
				out, err := cmd.Output()
				require.ErrorContains(t, err, "killed")
				for _, earlier := range killHooks[:i+1] {
					require.Contains(t, string(out), earlier.name, "the hooks are where they seem to be")
				}
				r, err := s.Get(t.Context(), "a")
				require.NoError(t, err)
				if !hook.saved {
					require.Equal(t, 0, count0(r.Data))
					require.Equal(t, v, r.Version)
				} else {
					require.Equal(t, 1, count0(r.Data))
				}
				if _, after, ok := bytes.Cut(out, []byte("saved ")); ok {
					require.Equal(t, strings.Fields(string(after))[0], r.Version)
				}
				_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: number(2), Version: r.Version})
				require.NoError(t, err, "the dead process holds nothing up")
			})
		}
	}
}
