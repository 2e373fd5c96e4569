//go:build unix

package sqlstore_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
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
	"go.uber.org/goleak"

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
	goleak.VerifyTestMain(m)
}

// long reports whether the long versions of the tests are wanted.
func long() bool { return os.Getenv("EWSMAIL_LONG") != "" }

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
	kill := func() {
		for end := time.Now().Add(time.Duration(micros) * time.Microsecond); time.Now().Before(end); {
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for n := count0(r.Data) + 1; ; n++ {
		fmt.Printf("start %d\n", n)
		if saves--; saves == 0 {
			go kill() // some time into this save
		}
		v, err := s.Put(ctx, "a", tokenstore.Record{Data: number(n), Version: r.Version})
		if err != nil {
			panic(err)
		}
		fmt.Printf("saved %d %s\n", n, v)
		r.Version = v
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

// TestSQLiteKill kills a saving process 200 times, in the middle of its saves: no record is unreadable, no acknowledged one is lost.
func TestSQLiteKill(t *testing.T) {
	for _, mode := range []string{"WAL", "DELETE"} {
		t.Run(mode, func(t *testing.T) {
			d := database{sqlstore.SQLite, "sqlite", "file:" + t.TempDir() + "/tokens.db?_pragma=journal_mode(" + mode + ")", nil}
			s, err := sqlstore.New(open(t, d.driver, d.dsn), d.dialect, nil)
			require.NoError(t, err)
			require.NoError(t, s.Migrate(t.Context()))
			_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: number(0)})
			require.NoError(t, err)
			exe, err := os.Executable()
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(3, 4))
			const kills = 100
			saves, inFlight := 0, 0
			for range kills {
				cmd := exec.Command(exe)
				cmd.Env = append(os.Environ(), "SQLSTORE_TEST_CHILD="+d.dsn, fmt.Sprintf("SQLSTORE_TEST_KILL=%d %d", 1+r.IntN(4), r.IntN(1500)))
				out, err := cmd.Output()
				require.ErrorContains(t, err, "killed")
				started, saved, version := 0, 0, ""
				for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
					f := strings.Fields(lines.Text())
					n, _ := strconv.Atoi(f[1])
					if f[0] == "start" {
						started = n
					} else if len(f) == 3 && len(f[2]) == 26 {
						saved, version = n, f[2]
						saves++
					}
				}
				got, err := s.Get(t.Context(), "a")
				require.NoError(t, err)
				n := count0(got.Data)
				switch {
				case n == saved && n != 0:
					require.Equal(t, version, got.Version, "one state, two versions")
				case n == started:
					inFlight++
				case saved == 0 && n >= 0 && n == started-1, started == 0:
				default:
					t.Fatalf("found %d; started %d, acknowledged %d", n, started, saved)
				}
			}
			t.Logf("%d kills, %d acknowledged saves, %d times the save under way was there", kills, saves, inFlight)
			require.NotZero(t, saves)
		})
	}
}
