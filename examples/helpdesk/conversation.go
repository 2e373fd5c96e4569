package main

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/ewsmail/ewsmail/ews/outbox"
)

// ticketLine is a ticket in the list.
type ticketLine struct {
	ID                       int64
	Subject, Sender, Changed string
	Messages, Answers        int
}

// tickets are the newest ones.
func (d *desk) tickets(ctx context.Context) ([]ticketLine, error) {
	return query(ctx, d.db.DB, func(rows *sql.Rows, t *ticketLine) error {
		return rows.Scan(&t.ID, &t.Subject, &t.Sender, &t.Changed, &t.Messages, &t.Answers)
	}, `SELECT t.id, t.subject, (SELECT sender FROM messages WHERE ticket = t.id ORDER BY id LIMIT 1), t.changed,
		(SELECT count(*) FROM messages WHERE ticket = t.id), (SELECT count(*) FROM answers WHERE ticket = t.id)
		FROM tickets t WHERE t.mailbox = ? ORDER BY t.changed DESC, t.id DESC LIMIT 200`, d.name)
}

// conversation is a ticket with all that was said.
type conversation struct {
	ID      int64
	Subject string
	Entries []entry
	About   int64  // the message that an answer is about: the newest
	To      string // and its sender
}

// entry is a message that came, or an answer.
type entry struct {
	ID                      int64
	At, From, Subject, Text string
	Files                   []attached
	Answer                  *answerLine // nil: a message
}

type attached struct {
	ID, Size   int64
	Name, Note string
	Kept       bool
	message    int64
}

// answerLine is an answer and where it stands.
type answerLine struct {
	Mail, Ticket, Words string
	Decide              bool // a person must decide
}

func (d *desk) conversation(ctx context.Context, ticket string) (*conversation, error) {
	c := &conversation{}
	if err := d.db.QueryRowContext(ctx, `SELECT id, subject FROM tickets WHERE id = ? AND mailbox = ?`, ticket, d.name).Scan(&c.ID, &c.Subject); err != nil {
		return nil, nothing(err)
	}
	messages, err := query(ctx, d.db.DB, func(rows *sql.Rows, e *entry) error {
		return rows.Scan(&e.ID, &e.At, &e.From, &e.Subject, &e.Text)
	}, `SELECT id, at, sender, subject, body FROM messages WHERE ticket = ? ORDER BY at, id`, c.ID)
	if err != nil {
		return nil, err
	}
	files, err := query(ctx, d.db.DB, func(rows *sql.Rows, f *attached) error {
		return rows.Scan(&f.ID, &f.message, &f.Name, &f.Size, &f.Note, &f.Kept)
	}, `SELECT f.id, f.message, f.name, f.size, f.note, f.content IS NOT NULL FROM attachments f JOIN messages m ON m.id = f.message
		WHERE m.ticket = ? ORDER BY f.id`, c.ID)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		e := &messages[i]
		for _, f := range files {
			if f.message == e.ID {
				e.Files = append(e.Files, f)
			}
		}
		c.About, c.To = e.ID, e.From
	}
	answers, err := d.answers(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	c.Entries = append(messages, answers...)
	slices.SortStableFunc(c.Entries, func(a, b entry) int { return strings.Compare(a.At, b.At) })
	return c, nil
}

// answers of a ticket, each with its standing in the outbox.
func (d *desk) answers(ctx context.Context, ticket int64) ([]entry, error) {
	answers, err := query(ctx, d.db.DB, func(rows *sql.Rows, e *entry) error {
		e.Answer = &answerLine{}
		return rows.Scan(&e.Answer.Mail, &e.At, &e.From, &e.Text, &e.Answer.Words)
	}, `SELECT mail, at, recipient, text, settled FROM answers WHERE ticket = ? ORDER BY at, rowid`, ticket)
	if err != nil {
		return nil, err
	}
	for _, e := range answers {
		if e.Answer.Words != "" {
			continue // settled
		}
		row, err := d.outbox.Row(ctx, e.Answer.Mail)
		if errors.Is(err, outbox.ErrNoRow) {
			e.Answer.Words = "The outbox knows nothing of it any more."
			continue
		}
		if err != nil {
			return nil, err
		}
		*e.Answer = d.standing(*e.Answer, row)
	}
	return answers, nil
}

func (d *desk) standing(a answerLine, row *outbox.Row) answerLine {
	a.Words, a.Decide = d.stateWords(row)
	return a
}

// file returns an attachment that was kept.
func (d *desk) file(ctx context.Context, id string) (name string, content []byte, err error) {
	err = d.db.QueryRowContext(ctx, `SELECT f.name, f.content FROM attachments f JOIN messages m ON m.id = f.message
		WHERE f.id = ? AND m.mailbox = ? AND f.content IS NOT NULL`, id, d.name).Scan(&name, &content)
	return name, content, nothing(err)
}

// query reads all rows.
func query[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows, *T) error, text string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
