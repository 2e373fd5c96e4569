//go:build unix

package sqlstore_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/internal/leaktest"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv("SQLSTORE_TEST_CHILD"); dsn != "" {
		if hook := os.Getenv("SQLSTORE_TEST_HOOK"); hook != "" {
			saveAndDie(dsn, hook)
			return
		}
		saveUntilKilled(dsn)
		return
	}
	leaktest.Main(m)
}

// long reports whether the long versions of the tests are wanted.
func long() bool { return os.Getenv("EWSMAIL_LONG") != "" }

// saver stores data over the record's version, as Store.Put does.
type saver func(ctx context.Context, data []byte, version string, acknowledge func(version string)) error

// savers are the store and its mutants, each of which takes one guard away.
func savers(s *sqlstore.Store, db *sql.DB) map[string]saver {
	exec := func(ctx context.Context, query string, args ...any) error {
		_, err := db.ExecContext(ctx, query, args...)
		return err
	}
	put := func(ctx context.Context, data []byte, version string, acknowledge func(string)) error {
		v, err := s.Put(ctx, "a", tokenstore.Record{Data: data, Version: version})
		if err == nil {
			acknowledge(v)
		}
		return err
	}
	return map[string]saver{
		"": put,
		"acknowledged before the commit": func(ctx context.Context, data []byte, version string, acknowledge func(string)) error {
			next := tokenstore.NewVersion()
			acknowledge(next)
			return exec(ctx, "UPDATE oauth_tokens SET data = ?, version = ? WHERE version = ?", data, next, version)
		},
		"data and version in two statements": func(ctx context.Context, data []byte, version string, acknowledge func(string)) error {
			next := tokenstore.NewVersion()
			err := exec(ctx, "UPDATE oauth_tokens SET data = ? WHERE version = ?", data, version)
			if err == nil {
				err = exec(ctx, "UPDATE oauth_tokens SET version = ? WHERE version = ?", next, version)
			}
			acknowledge(next)
			return err
		},
	}
}

// saveUntilKilled counts a record up and says so, until it kills itself in the middle of something.
func saveUntilKilled(dsn string) {
	var saves, micros int
	if _, err := fmt.Sscan(os.Getenv("SQLSTORE_TEST_KILL"), &saves, &micros); err != nil {
		panic(err)
	}
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
	save := savers(s, db)[os.Getenv("SQLSTORE_TEST_MUTANT")]
	kill := func() {
		for end := time.Now().Add(time.Duration(micros) * time.Microsecond); time.Now().Before(end); {
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for n := count0(r.Data) + 1; ; n++ {
		fmt.Printf("start %d %s\n", n, r.Version)
		if saves--; saves == 0 {
			go kill() // some time into this save
		}
		err := save(ctx, number(n), r.Version, func(v string) {
			fmt.Printf("saved %d %s\n", n, v)
			r.Version = v
		})
		if err != nil {
			panic(err)
		}
	}
}

// number makes a record of several pages, all of which say the same.
func number(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%08d", n), 2000) }

func count0(data []byte) int {
	n, err := strconv.Atoi(string(data[:8]))
	if err != nil || !bytes.Equal(data, number(n)) {
		return -1
	}
	return n
}

// TestSQLiteKill kills a saving process 200 times, in the middle of its saves: no record is unreadable, no acknowledged one is lost,
// no version names two states.
func TestSQLiteKill(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"WAL", "DELETE"} {
		t.Run(mode, func(t *testing.T) {
			saves, inFlight, err := killSaves(t, mode, "", 100)
			require.NoError(t, err)
			t.Logf("100 kills, %d acknowledged saves, %d times the save under way was there", saves, inFlight)
			require.NotZero(t, saves)
		})
	}
	for _, mutant := range []string{"acknowledged before the commit", "data and version in two statements"} {
		t.Run("mutant "+mutant, func(t *testing.T) {
			_, _, err := killSaves(t, "WAL", mutant, 300)
			require.Error(t, err, "the mutant survives")
			t.Log(err)
		})
	}
}

// killSaves returns the first violation.
func killSaves(t *testing.T, mode, mutant string, kills int) (saves, inFlight int, violation error) {
	d := database{sqlstore.SQLite, "sqlite", "file:" + t.TempDir() + "/tokens.db?_pragma=journal_mode(" + mode + ")", nil}
	s, err := sqlstore.New(open(t, d.driver, d.dsn), d.dialect, nil)
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: number(0)})
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(3, 4))
	kill := 0
	defer func() {
		if violation != nil {
			violation = fmt.Errorf("kill %d: %w", kill, violation)
		}
	}()
	for ; kill < kills; kill++ {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "SQLSTORE_TEST_CHILD="+d.dsn, "SQLSTORE_TEST_MUTANT="+mutant,
			fmt.Sprintf("SQLSTORE_TEST_KILL=%d %d", 1+r.IntN(4), r.IntN(5000)))
		out, err := cmd.Output()
		if err == nil || !strings.Contains(err.Error(), "killed") {
			return saves, inFlight, fmt.Errorf("unreadable or not writable for the next process: %w", err)
		}
		started, saved, version, before := 0, 0, "", ""
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			f := strings.Fields(lines.Text())
			if len(f) != 3 || len(f[2]) != 26 {
				continue // cut short
			}
			n, _ := strconv.Atoi(f[1])
			if f[0] == "start" {
				started, before = n, f[2]
			} else {
				saved, version = n, f[2]
				saves++
			}
		}
		got, err := s.Get(t.Context(), "a")
		n := -1
		if err == nil {
			n = count0(got.Data)
		}
		switch {
		case err != nil:
			return saves, inFlight, fmt.Errorf("unreadable: %w", err)
		case n < 0:
			return saves, inFlight, errors.New("torn: half of one save, half of another")
		case n == started && started > saved && got.Version == before, n == saved && started > 0 && saved > 0 && got.Version != version:
			return saves, inFlight, fmt.Errorf("save %d: one version for two states, or two for one", n)
		case n == saved && n != 0:
		case n == started && started > saved:
			inFlight++
		case saved == 0 && n == started-1, started == 0:
		default:
			return saves, inFlight, fmt.Errorf("lost: found %d; started %d, acknowledged %d", n, started, saved)
		}
	}
	return saves, inFlight, nil
}
