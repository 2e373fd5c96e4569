package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// ticket makes a ticket of a message, or adds it to that of its conversation. The ticket, the message with its attachments, and the
// note that the message was dealt with are one transaction.
func (d *desk) ticket(ctx context.Context, msg *ews.Message, delivery *fetcher.Delivery) error {
	files, err := d.download(ctx, msg)
	if err != nil {
		return err
	}
	conversation := msg.ConversationID
	if conversation == "" {
		conversation = "message " + delivery.Key
	}
	at := msg.Received.UTC().Format(timeLayout)
	return delivery.Commit(ctx, func(tx *sql.Tx) error {
		var ticket, message int64
		if err := tx.QueryRowContext(ctx, `INSERT INTO tickets (mailbox, conversation, subject, changed) VALUES (?, ?, ?, ?)
			ON CONFLICT (mailbox, conversation) DO UPDATE SET changed = max(changed, excluded.changed) RETURNING id`,
			d.name, conversation, msg.Subject, at).Scan(&ticket); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `INSERT INTO messages (ticket, mailbox, key, item, search_key, sender, subject, body, at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			ticket, d.name, delivery.Key, msg.ID.ID, msg.SearchKey, person(msg.From), msg.Subject, msg.Body.Text, at).Scan(&message); err != nil {
			return err
		}
		for _, f := range files {
			if _, err := tx.ExecContext(ctx, `INSERT INTO attachments (message, name, size, content, note) VALUES (?, ?, ?, ?, ?)`,
				message, f.name, f.size, f.content, f.note); err != nil {
				return err
			}
		}
		return nil
	})
}

// file is an attachment to be kept: its content, or why there is none.
type file struct {
	name    string
	size    int64
	content []byte
	note    string
}

// maxAttachment is what a database row and a process's memory bear. Exchange Online takes messages of up to 150 MB, if it is told to.
const maxAttachment = 50 << 20

// download reads the attachments, before any transaction has begun: a slow server must not hold the database up.
func (d *desk) download(ctx context.Context, msg *ews.Message) ([]file, error) {
	var files []file
	for _, a := range msg.Attachments {
		f := file{name: a.Name, size: a.Size}
		if a.Kind == ews.ItemAttachment { // comes as MIME
			f.name = strings.TrimSuffix(f.name, ".eml") + ".eml"
		}
		if a.Kind == ews.ReferenceAttachment {
			f.note = "a link: " + a.URL
			files = append(files, f)
			continue
		}
		content, err := d.read(ctx, a.ID)
		switch {
		case errors.Is(err, errTooLarge), errors.Is(err, ews.ErrBadItem): // no further try would change that, and the text is worth a ticket
			f.note = "only in the mailbox: " + err.Error()
		case err != nil:
			return nil, fmt.Errorf("attachment %.40q: %w", a.Name, err)
		default:
			f.content, f.size = content, int64(len(content))
		}
		files = append(files, f)
	}
	return files, nil
}

var errTooLarge = errors.New("it is larger than 50 MB")

func (d *desk) read(ctx context.Context, id ews.AttachmentID) ([]byte, error) {
	r, err := d.mailbox.Attachment(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxAttachment+1))
	if err == nil && len(b) > maxAttachment {
		err = errTooLarge
	}
	if b == nil {
		b = []byte{} // an empty file is a file; NULL is none
	}
	return b, err
}

func person(a ews.Address) string {
	switch {
	case a.Name == "" || a.Name == a.Email:
		return a.Email
	case a.Email == "":
		return a.Name
	}
	return a.Name + " <" + a.Email + ">"
}
