//go:build unix

package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
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
	times := map[string]int{}
	at := func(name string) {
		fmt.Println(name)
		if times[name]++; name == hook || fmt.Sprint(name, " ", times[name]) == hook {
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
	acknowledged := ""
	err = savers(s, db)[os.Getenv("SQLSTORE_TEST_MUTANT")](ctx, number(1), r.Version, func(v string) {
		acknowledged = v
		if os.Getenv("SQLSTORE_TEST_MUTANT") != "" { // before or after the commit, as the mutant has it
			fmt.Println("saved", v)
		}
	})
	if err != nil {
		panic(err)
	}
	at("after the commit")
	fmt.Println("saved", acknowledged)
	at("after the acknowledgement")
}

// TestSQLiteKillAtHooks kills a saving process at each hook: the record is the old one until the commit, and the new one after it.
func TestSQLiteKillAtHooks(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"WAL", "DELETE"} {
		for i, hook := range killHooks {
			t.Run(mode+"/"+hook.name, func(t *testing.T) {
				out, err := killAtHook(t, mode, "", hook.name, hook.saved)
				require.NoError(t, err)
				for _, earlier := range killHooks[:i+1] {
					require.Contains(t, out, earlier.name, "the hooks are where they seem to be")
				}
			})
		}
	}
	for name, m := range map[string]struct{ mode, mutant, hook string }{
		"acknowledged before the commit":     {"WAL", "acknowledged before the commit", "before the commit"},
		"data and version in two statements": {"WAL", "data and version in two statements", "before the commit 2"},
		"no journal":                         {"OFF)&_pragma=cache_size(1", "", "before the commit"}, // pages are written before the commit
	} {
		t.Run("mutant "+name, func(t *testing.T) {
			// Whether SQLite writes pages before the commit is its own affair: without a journal one kill in seven finds none written, of 60.
			for kill := range 20 {
				if _, err := killAtHook(t, m.mode, m.mutant, m.hook, false); err != nil {
					t.Logf("kill %d: %v", kill, err)
					return
				}
			}
			t.Error("the mutant survives")
		})
	}
}

// killAtHook returns what the killed process printed, and the violation.
func killAtHook(t *testing.T, mode, mutant, hook string, saved bool) (printed string, violation error) {
	exe, err := os.Executable()
	require.NoError(t, err)
	dsn := "file:" + t.TempDir() + "/tokens.db?_pragma=journal_mode(" + mode + ")"
	s, err := sqlstore.New(open(t, "sqlite", dsn), sqlstore.SQLite, nil)
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	v, err := s.Put(t.Context(), "a", tokenstore.Record{Data: number(0)})
	require.NoError(t, err)

	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "SQLSTORE_TEST_CHILD="+dsn, "SQLSTORE_TEST_HOOK="+hook, "SQLSTORE_TEST_MUTANT="+mutant)
	out, err := cmd.Output()
	require.ErrorContains(t, err, "killed")
	r, err := s.Get(t.Context(), "a")
	if err != nil {
		return string(out), err
	}
	n, old := count0(r.Data), r.Version == v
	switch {
	case n < 0:
		return string(out), errors.New("torn")
	case (n == 0) != old:
		return string(out), fmt.Errorf("save %d has the version of the other one", n)
	case (n == 1) != saved:
		return string(out), fmt.Errorf("save %d is there", n)
	}
	if _, after, ok := bytes.Cut(out, []byte("saved ")); ok && strings.Fields(string(after))[0] != r.Version {
		return string(out), errors.New("the acknowledged save is lost")
	}
	if _, err = s.Put(t.Context(), "a", tokenstore.Record{Data: number(2), Version: r.Version}); err != nil {
		return string(out), fmt.Errorf("the dead process holds things up: %w", err)
	}
	return string(out), nil
}
