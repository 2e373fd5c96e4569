// Package sqlstore keeps token records in a table, over database/sql: PostgreSQL, SQLite, MySQL and MariaDB.
//
// It brings no driver; the program imports the one it uses:
//
//	db, err := sql.Open("pgx", dsn)                           // github.com/jackc/pgx/v5/stdlib
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL, nil)
//	err = store.Migrate(ctx)                                  // once, or at each start
//
// Encrypt the records (tokenstore.Encrypt): databases keep old rows in their logs and backups.
//
// # Locks
//
// PostgreSQL locks are session advisory locks, MySQL's are GET_LOCK; each holds a connection of its own and lasts as long as
// that (tokenstore.WhileConnection). Poolers that share sessions between clients, such as PgBouncer in transaction mode, break them. SQLite
// locks are files in a directory beside the database, named like it and "-locks" (tokenstore.WhileProcess).
//
// # Durability
//
// Put returns after the commit. It is as durable as the server's settings: PostgreSQL synchronous_commit, InnoDB
// innodb_flush_log_at_trx_commit, SQLite PRAGMA synchronous (FULL, the default) should be left as they are delivered.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Options adjusts a [Store]; nil means defaults.
type Options struct {
	Table string // default "oauth_tokens"
	// Schema is the PostgreSQL schema, MySQL database or attached SQLite database; default: the connection's. Migrate does not create
	// it. Locks go by the names given here: all instances must give the same, not one of them the default's name.
	Schema string
	// MaxLocks bounds the locks held at the same time, each of which takes a connection of the pool. Default: half of the pool's
	// MaxOpenConns, or 16 if that is unlimited. Further lockers queue.
	MaxLocks int
	// WatchInterval is how often Watch asks for a record's version, by a query of the primary key. Default 5 seconds.
	WatchInterval time.Duration
}

// Store keeps records in a table. It is a tokenstore.Store with the abilities List, Lock and Watch, safe for concurrent use by
// goroutines, processes and hosts.
type Store struct {
	db       *sql.DB
	dialect  *Dialect
	table    string // quoted, with its schema
	lockName string // tells this table's locks from others', unquoted
	slots    chan struct{}
	files    fileLocks
	watch    time.Duration
}

// New returns a store in the database. It does no I/O. The pool needs at least two connections for Lock, except with SQLite.
// Errors: names that cannot be quoted.
func New(db *sql.DB, d *Dialect, o *Options) (*Store, error) {
	if db == nil || d == nil {
		return nil, errors.New("sqlstore: New needs a database and a dialect")
	}
	if o == nil {
		o = &Options{}
	}
	name := o.Table
	if name == "" {
		name = "oauth_tokens"
	}
	table, err := d.quote(name)
	if err != nil {
		return nil, err
	}
	if o.Schema != "" {
		schema, err := d.quote(o.Schema)
		if err != nil {
			return nil, err
		}
		table = schema + "." + table
	}
	locks := o.MaxLocks
	if pool := db.Stats().MaxOpenConnections; locks <= 0 {
		locks = 16
		if pool > 0 {
			locks = max(1, pool/2)
		}
	}
	watch := o.WatchInterval
	if watch <= 0 {
		watch = 5 * time.Second
	}
	return &Store{db: db, dialect: d, table: table, lockName: o.Schema + "\x00" + name, slots: make(chan struct{}, locks), watch: watch}, nil
}

// Migrate creates the table, or brings one of an earlier version up to date. It is idempotent and may run in several instances at
// once. It changes nothing else.
func (s *Store) Migrate(ctx context.Context) error {
	if _, err := s.exec(ctx, fmt.Sprintf(s.dialect.create, s.table)); err != nil && !s.complete(ctx) {
		return s.wrap(ctx, "creating the table", err)
	}
	if s.complete(ctx) {
		return nil
	}
	// Version 1 had no updated_at.
	if _, err := s.exec(ctx, fmt.Sprintf(s.dialect.addUpdated, s.table)); err != nil && !s.complete(ctx) {
		return s.wrap(ctx, "adding column updated_at", err)
	}
	return nil
}

// complete reports whether the table has all columns; another instance may just have made it.
func (s *Store) complete(ctx context.Context) bool {
	rows, err := s.db.QueryContext(ctx, "SELECT name, data, version, updated_at FROM "+s.table+" WHERE 1 = 0")
	if err != nil {
		return false
	}
	defer rows.Close()
	return rows.Err() == nil
}

// Get implements tokenstore.Store.
func (s *Store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := check(ctx, key); err != nil {
		return tokenstore.Record{}, err
	}
	var r tokenstore.Record
	err := again(ctx, func() error {
		return s.retryBusy(ctx, func() error {
			return s.db.QueryRowContext(ctx, s.sql("SELECT data, version FROM %s WHERE name = ?"), []byte(key)).Scan(&r.Data, &r.Version)
		})
	})
	if errors.Is(err, sql.ErrNoRows) {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	if err != nil {
		return tokenstore.Record{}, s.wrap(ctx, "reading", err)
	}
	if r.Version == "" {
		return tokenstore.Record{}, fmt.Errorf("%w: table %s holds a row without a version", tokenstore.ErrCorrupt, s.table)
	}
	return r, nil
}

// Put implements tokenstore.Store. When a connection breaks within, the record is looked up, and the write repeated if it
// did not happen: by compare-and-swap and one version for all tries, that cannot do it twice.
func (s *Store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := tokenstore.CheckPut(key, r); err != nil {
		return "", err
	}
	next := tokenstore.NewVersion()
	err := again(ctx, func() error { return s.put(ctx, key, r, next) })
	switch {
	case err == nil:
		return next, nil
	case errors.Is(err, tokenstore.ErrConflict):
		return "", err
	}
	return "", s.wrap(ctx, "saving", err)
}

func (s *Store) put(ctx context.Context, key string, r tokenstore.Record, next string) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	data := r.Data
	if data == nil {
		data = []byte{} // not NULL
	}
	var done int64
	var err error
	if r.Version == "" {
		done, err = s.exec(ctx, s.sql("INSERT INTO %s (name, data, version, updated_at) VALUES (?, ?, ?, ?)"), []byte(key), data, next, now)
	} else {
		done, err = s.exec(ctx, s.sql("UPDATE %s SET data = ?, version = ?, updated_at = ? WHERE name = ? AND version = ?"),
			data, next, now, []byte(key), r.Version)
	}
	if err == nil && done == 1 {
		return nil
	}
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	// Either the record has another version, which an INSERT reports as an error that every driver words differently; or it
	// was written, and the acknowledgement got lost.
	there, lerr := s.Get(ctx, key)
	switch {
	case lerr == nil && there.Version == next:
		return nil
	case lerr == nil && there.Version != r.Version, errors.Is(lerr, tokenstore.ErrNotFound) && r.Version != "":
		return tokenstore.ErrConflict
	case err != nil:
		return err
	case lerr != nil:
		return lerr
	}
	return tokenstore.ErrConflict
}

// Delete implements tokenstore.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	err := again(ctx, func() error {
		_, err := s.exec(ctx, s.sql("DELETE FROM %s WHERE name = ?"), []byte(key))
		return err
	})
	return s.wrap(ctx, "deleting", err)
}

// List implements tokenstore.Lister. It reads pages of names and holds no connection between them.
func (s *Store) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		const page = 500
		last := []byte{}
		for {
			var names [][]byte
			err := again(ctx, func() (err error) { names, err = s.page(ctx, last, page); return err })
			if err != nil {
				yield("", s.wrap(ctx, "listing", err))
				return
			}
			for _, name := range names {
				if !yield(string(name), nil) {
					return
				}
				last = name
			}
			if len(names) < page {
				return
			}
		}
	}
}

func (s *Store) page(ctx context.Context, after []byte, limit int) (names [][]byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.retryBusy(ctx, func() error {
		names = nil
		rows, err := s.db.QueryContext(ctx, s.sql("SELECT name FROM %s WHERE name > ? ORDER BY name LIMIT ?"), after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name []byte
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	})
	return names, err
}

// Watch implements tokenstore.Watcher by polling, see Options.WatchInterval. It holds no connection between its looks.
func (s *Store) Watch(ctx context.Context, key string) iter.Seq2[string, error] {
	return tokenstore.WatchByPolling(ctx, key, s.watch, func(ctx context.Context) (version string, err error) {
		err = again(ctx, func() error {
			return s.retryBusy(ctx, func() error {
				return s.db.QueryRowContext(ctx, s.sql("SELECT version FROM %s WHERE name = ?"), []byte(key)).Scan(&version)
			})
		})
		if errors.Is(err, sql.ErrNoRows) {
			return "", tokenstore.ErrNotFound
		}
		return version, s.wrap(ctx, "reading", err)
	})
}

func (s *Store) exec(ctx context.Context, query string, args ...any) (rows int64, err error) {
	err = s.retryBusy(ctx, func() error {
		res, err := s.db.ExecContext(ctx, query, args...)
		if err == nil {
			rows, err = res.RowsAffected()
		}
		return err
	})
	return rows, err
}

// sql fills in the table's name and numbers the placeholders where the dialect wants that.
func (s *Store) sql(query string) string {
	query = fmt.Sprintf(query, s.table)
	if !s.dialect.numbered {
		return query
	}
	var b strings.Builder
	n, quoted := 0, false
	for _, c := range query {
		quoted = quoted != (c == '"')
		if c == '?' && !quoted {
			n++
			fmt.Fprintf(&b, "$%d", n)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (s *Store) wrap(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if cerr := ended(ctx); cerr != nil && !errors.Is(err, cerr) {
		err = fmt.Errorf("%w: %w", cerr, err)
	}
	hint := ""
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "no such table") || strings.Contains(text, "does not exist") || strings.Contains(text, "doesn't exist") {
		hint = " (Migrate creates the table)"
	}
	return fmt.Errorf("sqlstore: %s, table %s%s: %w", what, s.table, hint, err)
}

// ended is why a context has ended. A driver that is connecting then says "i/o timeout", which can come a moment before the context's own timer.
func ended(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(at) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return tokenstore.CheckKey(key)
}
