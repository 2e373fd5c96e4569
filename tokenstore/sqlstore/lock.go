package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Lock implements tokenstore.Locker, see the package's documentation.
func (s *Store) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if s.dialect == SQLite {
		l, err := s.files.of(ctx, s)
		if err != nil {
			return nil, err
		}
		return l.Lock(ctx, key)
	}
	if s.db.Stats().MaxOpenConnections == 1 {
		return nil, errors.New("sqlstore: a lock takes a connection of its own, but the pool has only one: raise SetMaxOpenConns")
	}
	// Lock holders need a second connection for their work. If they could take all, none would get on.
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("sqlstore: waiting for a lock: %w", ctx.Err())
	}
	l := &sessionLock{store: s, id: s.lockID(key)}
	err := again(ctx, func() error { return l.acquire(ctx) })
	if err != nil {
		<-s.slots
		if cerr := ended(ctx); cerr != nil {
			err = cerr
		}
		return nil, fmt.Errorf("sqlstore: waiting for a lock: %w", err)
	}
	return l, nil
}

// lockID names a lock among those of all tables: 64 bits for PostgreSQL, 64 characters at most for MySQL.
func (s *Store) lockID(key string) any {
	sum := sha256.Sum256([]byte(s.lockName + "\x00" + key))
	if s.dialect == PostgreSQL {
		return int64(binary.BigEndian.Uint64(sum[:]))
	}
	return "tokenstore-" + hex.EncodeToString(sum[:24])
}

// sessionLock lasts as long as its connection.
type sessionLock struct {
	store *Store
	conn  *sql.Conn
	id    any
	done  atomic.Bool
}

func (l *sessionLock) acquire(ctx context.Context) (err error) {
	if l.conn, err = l.store.db.Conn(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.store.dialect == PostgreSQL {
		_, err = l.conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", l.id)
		return err
	}
	for {
		var got sql.NullInt64
		// In turns of a minute: servers differ in how they take "for ever".
		if err = l.conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 60)", l.id).Scan(&got); err != nil {
			return err
		}
		if got.Int64 == 1 {
			return nil
		}
		if !got.Valid {
			return errors.New("the server could not give it")
		}
	}
}

func (l *sessionLock) Check(ctx context.Context) error {
	if l.done.Load() {
		return tokenstore.ErrLockLost
	}
	// An answer on this connection proves that the session lives, and the lock with it; asked all the same, in case
	// somebody released it by hand.
	query := "SELECT IS_USED_LOCK(?) = CONNECTION_ID()"
	if l.store.dialect == PostgreSQL {
		query = `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1 AND granted
			AND classid::bigint = ($1::bigint >> 32) & 4294967295 AND objid::bigint = $1::bigint & 4294967295`
	}
	var held sql.NullBool
	if err := l.conn.QueryRowContext(ctx, query, l.id).Scan(&held); err != nil {
		return fmt.Errorf("%w: %w", tokenstore.ErrLockLost, err)
	}
	if !held.Bool {
		return tokenstore.ErrLockLost
	}
	return nil
}

func (l *sessionLock) Tenure() tokenstore.Tenure { return tokenstore.WhileConnection }

// Unlock gives the connection back only if the server confirms the release: a pooled connection must not carry a lock.
func (l *sessionLock) Unlock() error {
	if !l.done.CompareAndSwap(false, true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	query := "SELECT RELEASE_LOCK(?)"
	if l.store.dialect == PostgreSQL {
		query = "SELECT pg_advisory_unlock($1)"
	}
	defer func() { <-l.store.slots }()
	var released sql.NullBool
	err := l.conn.QueryRowContext(ctx, query, l.id).Scan(&released)
	if err != nil || !released.Bool {
		l.close() // which ends the lock, too
		return nil
	}
	return l.conn.Close()
}

// close closes the connection itself instead of returning it to the pool.
func (l *sessionLock) close() {
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = l.conn.Close()
}

// fileLocks are an SQLite database's: its own locks end with a transaction, and block all writers.
type fileLocks struct {
	mu     sync.Mutex
	locker tokenstore.Locker
}

func (f *fileLocks) of(ctx context.Context, s *Store) (tokenstore.Locker, error) {
	f.mu.Lock()
	got := f.locker
	f.mu.Unlock()
	if got != nil {
		return got, nil
	}
	path, err := s.file(ctx)
	if err != nil {
		return nil, s.wrap(ctx, "finding the database file", err)
	}
	got = tokenstore.NewMemoryStore() // a database in memory has no other processes
	if path != "" {
		if got, err = tokenstore.NewFileStore(path+"-locks", nil); err != nil {
			return nil, fmt.Errorf("sqlstore: the lock directory beside the database: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locker == nil {
		f.locker = prefixed{got, strings.ReplaceAll(s.lockName, "\x00", ".")}
	}
	return f.locker, nil
}

// prefixed keeps the tables of one database apart.
type prefixed struct {
	tokenstore.Locker
	prefix string
}

func (p prefixed) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	sum := sha256.Sum256([]byte(p.prefix + "\x00" + key))
	return p.Locker.Lock(ctx, hex.EncodeToString(sum[:16]))
}

// file returns the path of the database the table is in; empty for one in memory.
func (s *Store) file(ctx context.Context) (string, error) {
	want, _, found := strings.Cut(s.lockName, "\x00")
	if !found || want == "" {
		want = "main"
	}
	rows, err := s.db.QueryContext(ctx, "PRAGMA database_list")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int
		var name string
		var path sql.NullString
		if err := rows.Scan(&seq, &name, &path); err != nil {
			return "", err
		}
		if name == want {
			return path.String, nil
		}
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("no database named %q is attached", want)
}
