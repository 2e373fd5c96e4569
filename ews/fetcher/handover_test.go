//go:build unix

package fetcher_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
)

// TestHandOverProcesses measures how long it takes until another process makes tickets after the one that fetches was killed, with
// the defaults.
func TestHandOverProcesses(t *testing.T) {
	type row struct {
		instances int
		advisory  bool
	}
	rows := []row{{2, false}, {5, false}, {2, true}}
	for _, tc := range rows[:size(3, 3, 1)] {
		t.Run(fmt.Sprintf("%d processes, advisory lock %v", tc.instances, tc.advisory), func(t *testing.T) {
			t.Parallel()
			kills := size(10, 1, 1)
			where, db, store := ticketsOnPostgreSQL(t)
			srv := ewstest.NewServer(nil)
			t.Cleanup(srv.Close)
			box := srv.AddMailbox(address)
			h := newHerd(t, child{Endpoint: srv.Endpoint(), DSN: where.DSN, Tx: true, Advisory: tc.advisory}, tc.instances)
			defer h.end()

			r := rand.New(rand.NewPCG(1, 1))
			sent := 0
			ticket := func() { // a message arrives, and has a ticket
				raw, _ := attached(r, fmt.Sprint("m", sent))
				_, err := box.Deliver(raw, nil)
				require.NoError(t, err)
				sent++
				require.Eventually(t, func() bool {
					var n int
					err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM tickets").Scan(&n)
					return err == nil && n == sent
				}, time.Minute, 10*time.Millisecond, "the programs said: %s", &h.words)
			}
			ticket()
			var took []time.Duration
			for range kills {
				holder, err := store.Observe(t.Context(), "help@example.com/inbox")
				require.NoError(t, err)
				at := slices.IndexFunc(h.procs, func(p *exec.Cmd) bool { return strings.HasSuffix(holder.Owner, fmt.Sprint(" pid ", p.Process.Pid)) })
				require.GreaterOrEqual(t, at, 0, holder.Owner)
				h.slay(at)
				began := time.Now()
				ticket()
				took = append(took, time.Since(began))
				h.start(at)
			}
			slices.Sort(took)
			t.Logf("from a SIGKILL to the next ticket: median %v, longest %v of %d", took[len(took)/2], took[len(took)-1], len(took))
			if !tc.advisory {
				require.Greater(t, took[0], fetcher.DefaultLeaseTTL/4, "nobody takes over from the living") // whose last beat may have been late
			}
			require.Zero(t, h.died.Load())
		})
	}
}

// ticketsOnPostgreSQL is a database with a table of tickets and a checkpoint store.
func ticketsOnPostgreSQL(t *testing.T) (sqltest.Database, *sql.DB, *fetcher.SQLStore) {
	t.Helper()
	where := sqltest.PostgreSQL(t)
	db := where.Open(t)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE tickets (id bigserial, subject text NOT NULL, contents text NOT NULL)")
	require.NoError(t, err)
	store, err := fetcher.NewSQLStore(t.Context(), db, nil)
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	return where, db, store
}

// TestDeadlyProcess: a message that calls os.Exit in the handler ends a process a few times, and then no more.
func TestDeadlyProcess(t *testing.T) {
	t.Parallel()
	where, db, store := ticketsOnPostgreSQL(t)
	srv := ewstest.NewServer(nil)
	t.Cleanup(srv.Close)
	box := srv.AddMailbox(address)
	r := rand.New(rand.NewPCG(1, 1))
	want := map[string][]string{}
	for i := range 11 {
		subject := fmt.Sprint("m", i)
		if i == 5 {
			subject = "bomb"
		}
		raw, digest := attached(r, subject)
		if i != 5 {
			want[subject] = []string{digest}
		}
		_, err := box.Deliver(raw, nil)
		require.NoError(t, err)
	}
	const ttl = 2 * time.Second
	h := newHerd(t, child{Endpoint: srv.Endpoint(), DSN: where.DSN, Tx: true, TTL: ttl}, 1)
	deaths := 0
	for ; deaths < 20; deaths++ {
		ended := make(chan error, 1)
		go func() { ended <- h.procs[0].Wait() }()
		var exit *exec.ExitError
		settled := func() bool {
			list, err := all(t.Context(), store, "help@example.com/inbox", fetcher.Quarantined)
			return err == nil && len(list) == 1 && total(box, "Quarantine") == 1 && total(box, "inbox") == 0
		}
		for end := time.Now().Add(time.Minute); exit == nil && !settled() && time.Now().Before(end); {
			select {
			case err := <-ended:
				require.True(t, errors.As(err, &exit) && exit.ExitCode() == bombed, "%v: %s", err, &h.words)
			case <-time.After(20 * time.Millisecond):
			}
		}
		if exit == nil {
			_ = h.procs[0].Process.Kill()
			<-ended
			require.True(t, settled(), "%s", &h.words)
			break
		}
		h.start(0)
	}
	require.Contains(t, []int{3, 4, 5, 6, 7}, deaths, "a process that is so slow that it loses its lease counts as one that ended")
	require.Equal(t, want, ticketsIn(t, db))
	list, err := all(context.WithoutCancel(t.Context()), store, "help@example.com/inbox", fetcher.Quarantined)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "the program ended 6 times while it was handling this message", list[0].Reason)
}
