package fetcher

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/sqldialect"
)

// SQLOptions adjusts a SQLStore; nil means defaults.
type SQLOptions struct {
	// Prefix begins the names of the three tables: Prefix + "sources", "messages" and "items". Empty: "fetcher_".
	Prefix string

	// Schema is the PostgreSQL schema, MySQL database or attached SQLite database. Empty: the connection's. It is not created.
	Schema string
}

// SQLStore is a TxStore in tables of PostgreSQL, SQLite, MySQL or MariaDB. It brings no driver. One may serve any number of sources and
// instances.
//
// It takes a connection for the length of each call only. A Delivery's Commit locks the message's row while it writes, and the source's row for
// the moment of the commit. With SQLite give the pool a busy_timeout, or SetMaxOpenConns(1): it has one writer at a time.
type SQLStore struct {
	db                        *sql.DB
	d                         *sqldialect.Dialect
	sources, messages, places sqldialect.Table
}

// NewSQLStore returns a store in the database, whose kind is found by its driver or asked for. The tables are made by Migrate, and
// by nothing else. Errors: names that cannot be quoted, the database's.
func NewSQLStore(ctx context.Context, db *sql.DB, o *SQLOptions) (*SQLStore, error) {
	if db == nil {
		return nil, errors.New("fetcher: NewSQLStore needs a database")
	}
	if o == nil {
		o = &SQLOptions{}
	}
	d, err := sqldialect.Of(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("fetcher: SQL store: %w", err)
	}
	s := &SQLStore{db: db, d: d}
	prefix := o.Prefix
	if prefix == "" {
		prefix = "fetcher_"
	}
	for name, t := range map[string]*sqldialect.Table{"sources": &s.sources, "messages": &s.messages, "items": &s.places} {
		if *t, err = d.Table(o.Schema, prefix+name); err != nil {
			return nil, fmt.Errorf("fetcher: SQLOptions: %w", err)
		}
	}
	return s, nil
}

// Migrate creates the tables that are missing, and changes nothing else. It may run at each start, in several instances at the same
// time, or by itself with rights that the program does not have otherwise.
func (s *SQLStore) Migrate(ctx context.Context) error {
	for _, t := range []struct {
		sqldialect.Table
		columns, index string
	}{
		{s.sources, `id {key} NOT NULL PRIMARY KEY, name {text} NOT NULL, epoch {int} NOT NULL, owner {text} NOT NULL, beat {int} NOT NULL,
			cursor_text {text} NOT NULL, since_ms {int} NOT NULL, listing {int} NOT NULL, seq {int} NOT NULL`, ""},
		{s.messages, `id {key} NOT NULL PRIMARY KEY, source {key} NOT NULL, message_key {word} NOT NULL, seq {int} NOT NULL, state {word} NOT NULL,
			conversation {word} NOT NULL, received_ms {int} NOT NULL, subject {text} NOT NULL, sender {text} NOT NULL, attempts {int} NOT NULL,
			crashes {int} NOT NULL, failed_ms {int} NOT NULL, next_ms {int} NOT NULL, reason {text} NOT NULL, changed_ms {int} NOT NULL, left_ms {int} NOT NULL`,
			"source, state, seq"},
		{s.places, `id {key} NOT NULL PRIMARY KEY, message {key} NOT NULL, source {key} NOT NULL, item {text} NOT NULL, listing {int} NOT NULL`, "message"},
	} {
		if err := t.Create(ctx, s.db, t.columns, t.index); err != nil {
			return s.wrap("creating table "+t.String(), err)
		}
	}
	return nil
}

func (s *SQLStore) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	if text := strings.ToLower(err.Error()); strings.Contains(text, "no such table") || strings.Contains(text, "does not exist") || strings.Contains(text, "doesn't exist") {
		err = fmt.Errorf("%w: %w", ErrNoTables, err)
	}
	return told(what, err)
}

// told says what failed, and leaves the errors alone that callers ask for.
func told(what string, err error) error {
	if err == nil || errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrHeld) || errors.Is(err, ErrUnknown) || errors.Is(err, ErrSettled) {
		return err
	}
	return fmt.Errorf("fetcher: SQL store: %s: %w", what, err)
}

// Ids of rows are exact about the case of letters, in every collation, and short however long the names are.

func sourceID(source string) []byte { return hash(source) }

func messageID(source, key string) []byte { return append(hash(source), key...) }

func itemID(source, item string) []byte { return append(hash(source), hash(item)...) }

func hash(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:16]
}

// exec runs a statement and tells how many rows it changed (MySQL: really changed).
func (s *SQLStore) exec(ctx context.Context, db sqldialect.DB, query string, args ...any) (int64, error) {
	res, err := db.ExecContext(ctx, s.d.Bind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// transact runs do in a transaction, for the holder of the lease. The source's row is locked until its end, so that nobody takes over
// in between.
func (s *SQLStore) transact(ctx context.Context, what, source string, epoch int64, do func(tx *sql.Tx) error) error {
	return s.wrap(what, s.d.Transact(ctx, s.db, func(tx *sql.Tx) error {
		if err := s.fence(ctx, tx, source, epoch); err != nil {
			return err
		}
		return do(tx)
	}))
}

// fence locks the source's row against a takeover and checks whose it is. In SQLite, which has no row locks, a writing statement comes first
// in every transaction: it excludes all other writers, and cannot fail later because of a change since the first read.
func (s *SQLStore) fence(ctx context.Context, tx *sql.Tx, source string, epoch int64) error {
	if s.d == sqldialect.SQLite {
		n, err := s.exec(ctx, tx, "UPDATE "+s.sources.String()+" SET epoch = epoch WHERE id = ? AND epoch = ? AND owner <> ''", sourceID(source), epoch)
		if err == nil && n == 0 {
			err = ErrLeaseLost
		}
		return err
	}
	lock := " FOR SHARE"
	if s.d == sqldialect.MySQL { // MariaDB knows only this form
		lock = " LOCK IN SHARE MODE"
	}
	var now int64
	var owner string
	err := tx.QueryRowContext(ctx, s.d.Bind("SELECT epoch, owner FROM "+s.sources.String()+" WHERE id = ?"+lock), sourceID(source)).Scan(&now, &owner)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (now != epoch || owner == "") {
		return ErrLeaseLost
	}
	return err
}

// Commit implements TxStore.
func (s *SQLStore) Commit(ctx context.Context, source string, epoch int64, e Entry, write WriteFunc) error {
	return told("committing a ticket", s.d.Transact(ctx, s.db, func(tx *sql.Tx) error {
		// First of all the row, which belongs to one transaction at a time: of two instances the second finds it handled.
		n, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+` SET state = ?, crashes = ?, next_ms = 0, reason = ?, changed_ms = ?
			WHERE id = ? AND state = ?`, string(e.State), e.Crashes, e.Reason, millis(e.Changed), messageID(source, e.Key), string(Pending))
		if err != nil {
			return err
		}
		if n == 0 {
			return s.settled(ctx, tx, source, e.Key)
		}
		if err := write(tx); err != nil {
			return err
		}
		return s.fence(ctx, tx, source, epoch)
	}))
}

// settled says why a message is not Pending.
func (s *SQLStore) settled(ctx context.Context, tx *sql.Tx, source, key string) error {
	var state string
	err := tx.QueryRowContext(ctx, s.d.Bind("SELECT state FROM "+s.messages.String()+" WHERE id = ?"), messageID(source, key)).Scan(&state)
	if err == nil && (State(state) == Handled || State(state) == Done) {
		return ErrSettled
	}
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return ErrLeaseLost // somebody else gave it up, or forgot it
	}
	return err
}

// Save implements Store.
func (s *SQLStore) Save(ctx context.Context, source string, epoch int64, e Entry) error {
	return s.transact(ctx, "saving a message's state", source, epoch, func(tx *sql.Tx) error {
		_, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+` SET state = ?, attempts = ?, crashes = ?, failed_ms = ?, next_ms = ?, reason = ?, changed_ms = ?
			WHERE id = ?`, string(e.State), e.Attempts, e.Crashes, millis(e.FirstFailure), millis(e.Next), e.Reason, millis(e.Changed), messageID(source, e.Key))
		return err
	})
}

// Get implements Store.
func (s *SQLStore) Get(ctx context.Context, source, key string) (Entry, error) {
	list, err := s.entries(ctx, s.db, "m.id = ?", messageID(source, key))
	if err == nil && len(list) == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return Entry{}, s.wrap("reading a message's state", err)
	}
	return list[0], nil
}

// Known implements Store.
func (s *SQLStore) Known(ctx context.Context, source string, keys []string) ([]bool, error) {
	known := make([]bool, len(keys))
	at := map[string][]int{}
	for i, key := range keys {
		at[key] = append(at[key], i)
	}
	err := inParts(keys, func(part []string) error {
		args := make([]any, len(part))
		for i, key := range part {
			args[i] = messageID(source, key)
		}
		rows, err := s.db.QueryContext(ctx, s.d.Bind("SELECT message_key FROM "+s.messages.String()+" WHERE id IN ("+marks(len(args))+")"), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				return err
			}
			for _, i := range at[key] {
				known[i] = true
			}
		}
		return rows.Err()
	})
	return known, s.wrap("looking up messages", err)
}

// Entries implements Store.
func (s *SQLStore) Entries(ctx context.Context, source string, in State) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for from := int64(0); ; {
			list, err := s.entries(ctx, s.db, fmt.Sprintf("m.source = ? AND m.state = ? AND m.seq > ? ORDER BY m.seq LIMIT %d", listPage),
				sourceID(source), string(in), from)
			for _, e := range list {
				if !yield(e, nil) {
					return
				}
				from = e.Seq
			}
			if err != nil {
				yield(Entry{}, s.wrap("listing", err))
				return
			}
			if len(list) < listPage {
				return
			}
		}
	}
}

const listPage = 500

// entries reads the rows that a condition selects.
func (s *SQLStore) entries(ctx context.Context, db sqldialect.DB, where string, args ...any) (list []Entry, err error) {
	rows, err := db.QueryContext(ctx, s.d.Bind(`SELECT m.message_key, m.seq, m.state, m.conversation, m.received_ms, m.subject, m.sender, m.attempts, m.crashes,
		m.failed_ms, m.next_ms, m.reason, m.changed_ms, (SELECT i.item FROM `+s.places.String()+` i WHERE i.message = m.id ORDER BY i.id LIMIT 1)
		FROM `+s.messages.String()+" m WHERE "+where), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Entry
		var item sql.NullString
		var received, failed, next, changed int64
		if err := rows.Scan(&e.Key, &e.Seq, &e.State, &e.Conversation, &received, &e.Subject, &e.From, &e.Attempts, &e.Crashes, &failed, &next, &e.Reason, &changed, &item); err != nil {
			return nil, err
		}
		e.Item = item.String
		e.Received, e.FirstFailure, e.Next, e.Changed = instant(received), instant(failed), instant(next), instant(changed)
		list = append(list, e)
	}
	return list, rows.Err()
}

// millis and instant turn times into milliseconds since 1970 and back; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
