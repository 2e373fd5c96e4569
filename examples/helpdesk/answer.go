package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// answer queues a reply: the answer in its ticket and the mail in the outbox are one transaction. A form that is sent twice, by a
// double click or a reload, is one answer: its number is made with the page.
func (a *app) answer(w http.ResponseWriter, r *http.Request, c *connection) error {
	if err := r.ParseForm(); err != nil {
		return wrongForm("The answer did not arrive whole. Nothing was sent. If it is longer than some 60,000 characters, shorten it.")
	}
	number, text := r.PostFormValue("number"), plain(r.PostFormValue("text"))
	switch {
	case strings.TrimSpace(text) == "":
		return wrongForm("The answer is empty. Nothing was sent.")
	case len(number) < 20 || len(number) > 40:
		return wrongForm("The form is not complete. Open the ticket anew.")
	}
	if err := c.desk.answer(r.Context(), r.PathValue("ticket"), r.PostFormValue("about"), number, text); err != nil {
		return err
	}
	c.desk.outbox.Wake()
	http.Redirect(w, r, "/tickets/"+r.PathValue("ticket"), http.StatusSeeOther)
	return nil
}

func (d *desk) answer(ctx context.Context, ticket, about, number, text string) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var item, key, sender, subject string
	if err := tx.QueryRowContext(ctx, `SELECT m.item, m.search_key, m.sender, t.subject FROM messages m JOIN tickets t ON t.id = m.ticket
		WHERE m.id = ? AND t.id = ? AND t.mailbox = ?`, about, ticket, d.name).Scan(&item, &key, &sender, &subject); err != nil {
		return nothing(err)
	}
	if mark := "[#" + ticket + "]"; !strings.Contains(subject, mark) {
		subject = mark + " " + subject
	}
	mail, err := d.outbox.Add(ctx, tx, &outbox.Message{ID: number, Tag: ticket, Kind: outbox.Reply, About: ews.ItemID{ID: item}, AboutKey: key,
		Subject: subject, Body: ews.Body{Text: text}})
	if err != nil {
		return err
	}
	now := time.Now().UTC().Format(timeLayout)
	if _, err := tx.ExecContext(ctx, `INSERT INTO answers (mail, ticket, recipient, text, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		mail, ticket, sender, text, now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE tickets SET changed = ? WHERE id = ?`, now, ticket); err != nil {
		return err
	}
	return tx.Commit()
}

// sendAgain is a person's decision about an answer that failed, or of which nobody can tell whether it went out.
func (a *app) sendAgain(w http.ResponseWriter, r *http.Request, c *connection) error {
	row, err := c.desk.undecided(r.Context(), r.PathValue("mail"))
	if err != nil {
		return err
	}
	if err := c.desk.outbox.Retry(r.Context(), row.ID); err != nil {
		return nothing(err)
	}
	c.desk.outbox.Wake()
	http.Redirect(w, r, "/tickets/"+row.Tag, http.StatusSeeOther)
	return nil
}

// settleAnswer is the other decision: it is not to be sent any more.
func (a *app) settleAnswer(w http.ResponseWriter, r *http.Request, c *connection) error {
	row, err := c.desk.undecided(r.Context(), r.PathValue("mail"))
	if err != nil {
		return err
	}
	said := "Settled by a person when it was " + string(row.State) + "; it is not sent any more."
	if _, err := c.desk.db.ExecContext(r.Context(), `UPDATE answers SET settled = ? WHERE mail = ?`, said, row.ID); err != nil {
		return err
	}
	if err := c.desk.outbox.Remove(r.Context(), row.ID); err != nil && !errors.Is(err, outbox.ErrNoRow) {
		return err
	}
	http.Redirect(w, r, "/tickets/"+row.Tag, http.StatusSeeOther)
	return nil
}

// undecided returns an answer of this mailbox that waits for a person's decision.
func (d *desk) undecided(ctx context.Context, mail string) (*outbox.Row, error) {
	row, err := d.outbox.Row(ctx, mail)
	if err != nil {
		return nil, nothing(err)
	}
	if row.Mailbox != d.name {
		return nil, errNothing
	}
	if row.State != outbox.Failed && row.State != outbox.Unknown {
		return nil, wrongForm(fmt.Sprintf("There is nothing to decide: the answer is %s.", row.State))
	}
	return row, nil
}

// stateWords tell whoever looks at an answer where it stands, and what is to be done.
func (d *desk) stateWords(r *outbox.Row) (words string, decide bool) {
	switch r.State {
	case outbox.Queued:
		if r.Reason != "" {
			return "Queued: not sent so far, and tried again by itself. The last try: " + r.Reason, false
		}
		if !d.running() {
			return "Queued: it goes out when the mailbox is connected.", false
		}
		return "Queued: it goes out within seconds.", false
	case outbox.Sending:
		return "Being sent. If this lasts, Exchange's answer was lost, and the sent copy is being looked for. Nothing is to be done.", false
	case outbox.Sent:
		return "Sent " + r.Since.UTC().Format("2006-01-02 15:04 MST") + ".", false
	case outbox.Failed:
		return "Not sent, and not tried any more: " + r.Reason + ". Remove the cause, then send it again; or settle it.", true
	}
	return "Unknown: it may have gone out. Exchange's answer was lost, and neither the sent copy nor the draft is to be found. " +
		"Ask the recipient, or look into the mailbox's sent and deleted items. If it arrived, settle it; if not, send it again: it arrives twice if that was wrong.", true
}

// plain is a text of a form as mail can carry it: XML has no other control characters.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
}
