//go:build unix

package fetcher_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
)

// shutdown has two instances fetch while their PostgreSQL server is shut down and started again some times, and says what was wrong.
func shutdown(t *testing.T, times int, patience time.Duration, change func(*fetcher.Fetcher)) (wrong []string) {
	where, stop := sqltest.StoppablePostgreSQL(t)
	db := where.Open(t)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE tickets (id bigserial, subject text NOT NULL)")
	require.NoError(t, err)
	w := newWorld(t, &ewstest.Options{NoGzip: true})
	defer w.close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var herd []*fetcher.Fetcher
	var ended []chan error
	for range 2 {
		own := where.Open(t)
		store, err := fetcher.NewSQLStore(ctx, own, nil)
		require.NoError(t, err)
		require.NoError(t, store.Migrate(ctx))
		// More tries than leases that a busy machine loses, and so quick that an outage which counted would use them up.
		f, err := fetcher.New(w.m, ews.Inbox, &fetcher.Options{Store: store, MaxAttempts: 15, Backoff: 50 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
			LeaseTTL: 8 * leaseTTL, PageSize: 10, After: fetcher.Action{Move: processed}, Watch: &ews.WatchOptions{NoStream: true, PollInterval: 200 * time.Millisecond, MinInterval: 20 * time.Millisecond},
			TxHandler: func(ctx context.Context, msg *ews.Message, d *fetcher.Delivery) error {
				time.Sleep(20 * time.Millisecond)
				return d.Commit(ctx, func(tx *sql.Tx) error {
					_, err := tx.ExecContext(ctx, "INSERT INTO tickets (subject) VALUES ($1)", msg.Subject)
					return err
				})
			}})
		require.NoError(t, err)
		change(f)
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		herd, ended = append(herd, f), append(ended, done)
	}
	sent := 0
	send := func(n int) {
		for range n {
			w.mail(t, mail(fmt.Sprint("m", sent)), nil)
			sent++
		}
	}
	// within waits until something is so, and says when it takes too long.
	within := func(what string, so func() bool) {
		for end := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				wrong = append(wrong, "never "+what)
				return
			}
		}
	}
	healthy := func() bool {
		for _, f := range herd {
			if new(f.Stats()).Healthy(time.Now(), time.Second) != nil {
				return false
			}
		}
		return true
	}
	ill := func() bool {
		for _, f := range herd {
			if new(f.Stats()).Healthy(time.Now(), time.Second) == nil {
				return false
			}
		}
		return true
	}
	for i := range times {
		send(20)
		within("got to work", func() bool { return total(w.box, "inbox/Processed") > 20*i })
		how := syscall.SIGINT
		if i%2 == 1 {
			how = syscall.SIGQUIT
		}
		again := stop(how)
		down := time.Now()
		send(10)
		within("said that the store fails", ill)
		time.Sleep(time.Until(down.Add(size(15*time.Second, 0, 0))))
		again()
		within("well again", healthy)
		within("done", func() bool { return total(w.box, "inbox") == 0 })
	}
	cancel()
	for _, done := range ended {
		if err := <-done; !errors.Is(err, context.Canceled) {
			wrong = append(wrong, fmt.Sprintf("ended with %v", err))
		}
	}
	for i, f := range herd {
		if n := f.Stats().GivenUp; n > 0 {
			wrong = append(wrong, fmt.Sprintf("instance %d gave up %d messages", i, n))
		}
	}
	got, err := ticketsOf(context.WithoutCancel(ctx), db)
	require.NoError(t, err)
	if !maps.Equal(got, each(sent)) {
		wrong = append(wrong, fmt.Sprintf("%d tickets of %d messages: %v", len(got), sent, got))
	}
	return wrong
}

// TestDatabaseShutDown: the same with a real server, that ends in good order or at once.
func TestDatabaseShutDown(t *testing.T) {
	t.Parallel()
	require.Empty(t, shutdown(t, size(3, 1, 1), 5*time.Minute, func(*fetcher.Fetcher) {}))
}

// TestDatabaseShutDownMutant: one that does not say that its store fails.
func TestDatabaseShutDownMutant(t *testing.T) {
	t.Parallel()
	wrong := shutdown(t, 1, 5*time.Second, mutated(fetcher.Unalarmed))
	require.Contains(t, wrong, "never said that the store fails", "nobody noticed")
}
