package fetcher_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// desk makes tickets in one of the two forms.
type desk interface {
	serve(o *fetcher.Options, refuse func() error)
	counts() map[string]int // tickets by subject
	close()
}

// keyDesk is the plain form.
type keyDesk struct {
	*tickets
	blind bool // without the key
}

func (d *keyDesk) serve(o *fetcher.Options, refuse func() error) {
	o.Handler = func(ctx context.Context, msg *ews.Message) error {
		if refuse != nil {
			if err := refuse(); err != nil {
				return err
			}
		}
		if d.blind {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.made[msg.Subject]++
			return nil
		}
		return d.handle(ctx, msg)
	}
}

func (d *keyDesk) close() {}

// sqlDesk is the transactional form. Its tickets have no unique column.
type sqlDesk struct {
	t  testing.TB
	db *sql.DB
}

// newSQLDesk is in an SQLite database in memory.
func newSQLDesk(t testing.TB) (*sqlDesk, fetcher.Store) {
	db, err := sql.Open("sqlite", "file::memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1) // else each connection has a database of its own
	_, err = db.ExecContext(t.Context(), "CREATE TABLE tickets (subject TEXT NOT NULL)")
	require.NoError(t, err)
	store, err := fetcher.NewSQLStore(t.Context(), db, nil)
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	return &sqlDesk{t, db}, store
}

func (d *sqlDesk) serve(o *fetcher.Options, refuse func() error) {
	o.TxHandler = func(ctx context.Context, msg *ews.Message, delivery *fetcher.Delivery) error {
		if refuse != nil {
			if err := refuse(); err != nil {
				return err
			}
		}
		return delivery.Commit(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO tickets (subject) VALUES (?)", msg.Subject)
			return err
		})
	}
}

func (d *sqlDesk) counts() map[string]int {
	rows, err := d.db.QueryContext(d.t.Context(), "SELECT subject, count(*) FROM tickets GROUP BY subject")
	require.NoError(d.t, err)
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var subject string
		var n int
		require.NoError(d.t, rows.Scan(&subject, &n))
		all[subject] = n
	}
	require.NoError(d.t, rows.Err())
	return all
}

func (d *sqlDesk) close() { d.db.Close() }
