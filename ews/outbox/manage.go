package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNoRow: there is no row with that id, or not in a state in which that can be done.
var ErrNoRow = errors.New("outbox: no such row, or not in such a state")

// Row returns a message's standing. Errors: ErrNoRow.
func (b *Outbox) Row(ctx context.Context, id string) (*Row, error) {
	rows, err := b.query(ctx, "WHERE id = ?", []byte(id))
	if err == nil && len(rows) == 0 {
		err = ErrNoRow
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// Rows returns up to limit rows in a state, of all mailboxes, oldest first: Unknown and Failed ones, which want a person's decision.
func (b *Outbox) Rows(ctx context.Context, s State, limit int) ([]*Row, error) {
	return b.query(ctx, "WHERE state = ? ORDER BY created LIMIT ?", string(s), limit)
}

func (b *Outbox) query(ctx context.Context, where string, args ...any) ([]*Row, error) {
	rows, err := b.db.QueryContext(ctx, b.sql("SELECT id, mailbox, tag, state, reason, tries, created, since FROM {table} "+where), args...)
	if err != nil {
		return nil, fmt.Errorf("outbox: reading rows: %w", err)
	}
	defer rows.Close()
	var out []*Row
	for rows.Next() {
		r := new(Row)
		var id, box []byte
		var tag, why sql.NullString
		var created, since int64
		if err := rows.Scan(&id, &box, &tag, &r.State, &why, &r.Tries, &created, &since); err != nil {
			return nil, fmt.Errorf("outbox: reading rows: %w", err)
		}
		r.ID, r.Mailbox, r.Tag, r.Reason, r.Created = string(id), string(box), tag.String, why.String, time.UnixMilli(created).UTC()
		if since != 0 {
			r.Since = time.UnixMilli(since).UTC()
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Retry queues a Failed or Unknown message again. For an Unknown one that is a person's decision: it may arrive twice. Its sent copy is
// looked for once more before. Errors: ErrNoRow.
func (b *Outbox) Retry(ctx context.Context, id string) error {
	return b.decide(ctx, "UPDATE {table} SET state = 'queued', due = 0, tries = 0, created = {now}, epoch = epoch + 1 WHERE id = ? AND state IN ('failed', 'unknown')", id)
}

// Remove takes a message out of the table, unless it may just be going out (Sending). One that is Queued is called off for certain: a worker that has
// it in hand finds its row gone right before it would send. If that worker dies at that moment, its draft stays in Drafts, unsent. Errors: ErrNoRow.
func (b *Outbox) Remove(ctx context.Context, id string) error {
	return b.decide(ctx, "DELETE FROM {table} WHERE id = ? AND state <> 'sending'", id)
}

func (b *Outbox) decide(ctx context.Context, query, id string) error {
	res, err := b.db.ExecContext(ctx, b.sql(query), []byte(id))
	if err != nil {
		return fmt.Errorf("outbox: changing a row: %w", err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return ErrNoRow
	}
	b.Wake()
	return nil
}

// Prune removes the rows of messages that were sent longer ago than age, of all mailboxes, and returns how many.
func (b *Outbox) Prune(ctx context.Context, age time.Duration) (int64, error) {
	res, err := b.db.ExecContext(ctx, b.sql("DELETE FROM {table} WHERE state = 'sent' AND since < {now} - ?"), age.Milliseconds())
	if err != nil {
		return 0, fmt.Errorf("outbox: removing rows: %w", err)
	}
	return res.RowsAffected()
}

// Backlog says how many messages are not settled yet, of all mailboxes, and how old the oldest of them is: what to raise an alarm by.
func (b *Outbox) Backlog(ctx context.Context) (n int64, oldest time.Duration, err error) {
	var created sql.NullInt64
	var now int64
	err = b.db.QueryRowContext(ctx, b.sql("SELECT count(*), min(created), {now} FROM {table} WHERE state IN ('queued', 'sending')")).Scan(&n, &created, &now)
	if err != nil {
		return 0, 0, fmt.Errorf("outbox: reading rows: %w", err)
	}
	if created.Valid {
		oldest = time.Duration(now-created.Int64) * time.Millisecond
	}
	return n, oldest, nil
}
