package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// State is where a message stands.
type State string

// The states. The last three are final: only Retry and Remove change them.
const (
	Queued  State = "queued"  // not sent, for certain
	Sending State = "sending" // may be going out, or may have gone out: being looked for
	Sent    State = "sent"
	Failed  State = "failed"  // not sent, for certain, and not going to be: Row.Reason
	Unknown State = "unknown" // may have gone out; nothing more can be found out
)

// Row is a message's standing.
type Row struct {
	ID      string
	Mailbox string
	Tag     string // Message.Tag
	State   State
	Reason  string    // why it failed, is unknown, or was not sent so far; one line, no contents
	Tries   int       // that failed
	Created time.Time // by the clock of the process that added it
	Since   time.Time // when it went out, or first may have; zero: not yet
}

// claimed is a row in a worker's hands.
type claimed struct {
	Row
	epoch   int64
	until   time.Time // when the try must end: before the claim does, however long it took to come to it
	at      time.Time // when it was read: here
	now     int64     // and by the database, in milliseconds
	since   int64
	created int64
	draft   string
	payload []byte
	open    bool // the database may yet carry out the note that the message may go out
}

func (r *claimed) age() time.Duration { return time.Duration(r.now-r.created) * time.Millisecond }

// inDoubt is the time since the message may have gone out.
func (r *claimed) inDoubt() time.Duration { return time.Duration(r.now-r.since) * time.Millisecond }

// errFenced: the row has another owner by now, who decides what becomes of it.
var errFenced = errors.New("outbox: the row was taken over")

// Add adds a message to the table, in the transaction of the caller (or outside of one: *sql.DB will do): it is going to be sent if that
// is committed. It returns Message.ID, or the random one it was given. Errors: one that names each wrong field, and the database's.
// Call Wake after the commit.
func (b *Outbox) Add(ctx context.Context, tx Execer, m *Message) (id string, err error) {
	if err := m.check(b.o.Open != nil || b.m == nil); err != nil {
		return "", err
	}
	id = m.ID
	if id == "" {
		id = newID()
	}
	box := strings.ToLower(m.Mailbox)
	if box == "" {
		box = b.o.Mailbox
	}
	if box == "" && b.m == nil {
		return "", errors.New("outbox: Message: Mailbox: empty, and New was given neither a mailbox nor Options.Mailbox: no worker would look for it")
	}
	data, err := encode(m)
	if err != nil {
		return "", fmt.Errorf("outbox: Message: %w", err)
	}
	// What is due is due by the database's clock; 0 is at once by any.
	q := b.t.Insert("id", "mailbox", "state", "epoch", "due", "created", "tries", "since", "tag", "payload")
	_, err = tx.ExecContext(ctx, q, []byte(id), []byte(box), string(Queued), 0, 0, time.Now().UnixMilli(), 0, 0, m.Tag, data)
	if err != nil {
		return "", fmt.Errorf("outbox: adding a row: %w", err)
	}
	return id, nil
}

// Execer is the part of *sql.Tx, *sql.DB and *sql.Conn that Add needs.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// sql fills in the table and the database's time, and binds the arguments.
func (b *Outbox) sql(query string) string {
	d, now := b.t.Dialect(), b.now
	if now == "" {
		now = d.Now()
	}
	due := "due <= " + now
	if b.without != "clock set back" {
		due = fmt.Sprintf("(due <= %s OR due > %s + %d)", now, now, b.longest())
	}
	return d.Bind(strings.NewReplacer("{table}", b.t.String(), "{now}", now, "{due}", due).Replace(query))
}

// longest is more, in milliseconds, than any pause: what is due later was written down before the database's clock was set back, and waits no
// longer for it to come round again. ews cuts what a server asks for to an hour.
func (b *Outbox) longest() int64 {
	longest := max(b.o.Timeout+b.o.Timeout/2, b.o.MaxRetryDelay, b.o.RetryDelay, b.o.Settle/4, maxHold, time.Hour)
	return (longest + time.Minute).Milliseconds()
}

// claim takes up to n rows that are due, for Timeout and some more: an earlier owner of them can write nothing from now on.
func (b *Outbox) claim(ctx context.Context, n int) ([]*claimed, error) {
	b.step("look for rows")
	rows, err := b.db.QueryContext(ctx, b.sql("SELECT id, epoch FROM {table} WHERE state IN ('queued', 'sending') AND mailbox = ? AND {due} ORDER BY due, created LIMIT ?"),
		[]byte(b.o.Mailbox), n)
	if err != nil {
		return nil, err
	}
	var due []*claimed
	for rows.Next() {
		r := new(claimed)
		var id []byte
		if err := rows.Scan(&id, &r.epoch); err != nil {
			rows.Close()
			return nil, err
		}
		r.ID = string(id)
		due = append(due, r)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var mine []*claimed
	for _, r := range due {
		if err := b.take(ctx, r); err == errFenced {
			continue
		} else if err != nil {
			if len(mine) > 0 {
				break // they want to be dealt with; the error will come again
			}
			return nil, err
		}
		mine = append(mine, r)
	}
	return mine, nil
}

func (b *Outbox) take(ctx context.Context, r *claimed) error {
	r.epoch++
	r.until = time.Now().Add(b.o.Timeout)
	query, args := "UPDATE {table} SET epoch = epoch + 1, due = {now} + ?, since = CASE WHEN since > {now} THEN {now} ELSE since END WHERE id = ? AND state IN ('queued', 'sending') AND {due} AND epoch = ?",
		[]any{b.lease(), []byte(r.ID), r.epoch - 1}
	if b.without == "fenced claim" {
		r.epoch--
		query, args = "UPDATE {table} SET due = {now} + ? WHERE id = ?", args[:2]
	}
	if err := b.change(ctx, "claim", b.db, query, args...); err != nil {
		return err
	}
	b.step("read the row")
	var box, id []byte
	var draft, reason, tag sql.NullString
	err := b.db.QueryRowContext(ctx, b.sql("SELECT id, mailbox, state, {now}, created, since, tries, draft, reason, tag, payload FROM {table} WHERE id = ? AND epoch = ?"), []byte(r.ID), r.epoch).
		Scan(&id, &box, &r.State, &r.now, &r.created, &r.since, &r.Tries, &draft, &reason, &tag, &r.payload)
	if errors.Is(err, sql.ErrNoRows) {
		return errFenced
	}
	r.at = time.Now()
	r.Mailbox, r.draft, r.Reason, r.Tag, r.Created = string(box), draft.String, reason.String, tag.String, time.UnixMilli(r.created).UTC()
	return err
}

// lease is how long a claim lasts: longer than a try, with time to clean up after it.
func (b *Outbox) lease() int64 { return (b.o.Timeout + b.o.Timeout/2).Milliseconds() }

// change is a statement that changes one row, which the caller owns: errFenced if it does not any more.
func (b *Outbox) change(ctx context.Context, what string, db Execer, query string, args ...any) error {
	b.step("before: " + what)
	res, err := db.ExecContext(ctx, b.sql(query), args...)
	b.step("after: " + what)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		b.stats.fenced.Add(1)
		err = errFenced
	}
	return err
}

// own is the condition that a row is still the claimer's.
func (b *Outbox) own(r *claimed) (where string, args []any) {
	if b.without == "fenced claim" || b.without == "fenced writes" {
		return " WHERE id = ? AND state <> ''", []any{[]byte(r.ID)}
	}
	return " WHERE id = ? AND epoch = ? AND state IN ('queued', 'sending')", []any{[]byte(r.ID), r.epoch}
}

// sending writes down that the message may go out from now on.
func (b *Outbox) sending(ctx context.Context, r *claimed, draft string) error {
	where, args := b.own(r)
	err := b.change(ctx, "sending", b.db, "UPDATE {table} SET state = 'sending', draft = ?, since = {now}, due = {now} + ?"+where,
		append([]any{draft, b.lease()}, args...)...)
	r.since = r.now + time.Since(r.at).Milliseconds()
	return err
}

// later leaves the row for another try or look, in the state given.
func (b *Outbox) later(ctx context.Context, r *claimed, s State, wait time.Duration, tries int, reason string) error {
	where, args := b.own(r)
	set := "state = ?, due = {now} + ?, tries = ?, reason = ?"
	if r.open && b.without != "fence for an open note" {
		set += ", epoch = epoch + 1" // the note counts no more when it comes after this
	}
	return b.insist(ctx, func(ctx context.Context) error {
		return b.change(ctx, string(s), b.db, "UPDATE {table} SET "+set+where,
			append([]any{string(s), wait.Milliseconds(), tries, reason}, args...)...)
	})
}

// finish records what became of the message and tells the application, both or neither.
func (b *Outbox) finish(ctx context.Context, r *claimed, s State, reason string) error {
	where, args := b.own(r)
	row := r.Row
	row.State, row.Reason = s, reason
	if r.since != 0 {
		row.Since = time.UnixMilli(r.since).UTC()
	}
	err := b.insist(ctx, func(ctx context.Context) error {
		return b.t.Dialect().Transact(ctx, b.db, func(tx *sql.Tx) error {
			err := b.change(ctx, string(s), tx, "UPDATE {table} SET state = ?, reason = ?"+where,
				append([]any{string(s), reason}, args...)...)
			if err != nil || b.o.Done == nil {
				return err
			}
			return guarded("Done", func() error { return b.o.Done(ctx, tx, &row) })
		})
	})
	if err == nil {
		b.stats.count(s)
		b.hold.forget(r.ID)
	}
	if err == nil && s == Sent {
		b.hold.clear()
	}
	return err
}

// insist repeats a write that failed, while the row is certainly the worker's own: what it found out is not to be lost over a
// hiccup of the database.
func (b *Outbox) insist(ctx context.Context, write func(ctx context.Context) error) error {
	parent := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.o.Timeout/4)
	defer cancel()
	defer context.AfterFunc(parent, func() { time.AfterFunc(endWrite, cancel) })()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := write(ctx)
		if err == nil || err == errFenced {
			return err
		}
		if sleep(ctx, wait) != nil {
			return err
		}
	}
}

// endWrite is how much longer a write is insisted upon when the worker is being stopped.
const endWrite = 2 * time.Second

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
