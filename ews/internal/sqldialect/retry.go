package sqldialect

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
)

// Retryable reports whether a transaction failed only because of others running at the same time, so that nothing of it was
// done and it may be run again: serialization failures, deadlocks, lock time-outs, a busy SQLite database. A lost connection is not
// among them: whether a COMMIT took effect is open then.
func (d *Dialect) Retryable(err error) bool {
	if err == nil {
		return false
	}
	var state interface{ SQLState() string } // pgx and pq
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "40001", "40P01", "55P03":
			return true
		}
		return false
	}
	text := err.Error() // the one thing that the drivers of a database have in common
	switch d {
	case SQLite:
		return strings.Contains(text, "database is locked") || strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "database table is locked")
	case MySQL: // deadlock, lock wait timeout, changed since read under MariaDB's snapshot isolation
		return strings.Contains(text, "Error 1213") || strings.Contains(text, "Error 1205") || strings.Contains(text, "Error 1020")
	}
	return false
}

// Duplicate reports whether a statement failed because a row (in CREATE: a table) with that key exists.
func (d *Dialect) Duplicate(err error) bool {
	if err == nil {
		return false
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "23505", "42P07", "42710":
			return true
		}
		return false
	}
	text := err.Error()
	switch d {
	case SQLite:
		return strings.Contains(text, "UNIQUE constraint failed") || strings.Contains(text, "PRIMARY KEY must be unique")
	case MySQL:
		return strings.Contains(text, "Error 1062") || strings.Contains(text, "Error 1050")
	}
	return false
}

// tries bounds how often Transact runs a transaction; with its pauses it goes on for about ten seconds.
const tries = 24

// Transact runs do in a transaction, and again in a new one while that fails for a reason that Retryable knows. do must have no effects
// outside of the transaction; its error rolls back.
func (d *Dialect) Transact(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	for try, wait := 1, time.Millisecond; ; try, wait = try+1, min(2*wait, time.Second/2) {
		err := d.transact(ctx, db, do)
		if !d.Retryable(err) || try == tries {
			return err
		}
		timer := time.NewTimer(wait/2 + rand.N(wait)) // those who collided should not meet again
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func (d *Dialect) transact(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // a no-op after Commit; else do's error says more
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}
