package main

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"mime"
	"net/http"
	"strconv"

	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// desked is for pages that need a mailbox that is set up. Their errors become pages.
func (a *app) desked(page func(http.ResponseWriter, *http.Request, *connection) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := a.current()
		if c.config == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		err := page(w, r, c)
		var wrong wrongForm
		switch {
		case err == nil:
		case errors.As(err, &wrong):
			a.fail(w, http.StatusUnprocessableEntity, "Nothing was changed.", err)
		case errors.Is(err, errNothing):
			a.fail(w, http.StatusNotFound, "Not found.", err)
		default:
			a.fail(w, http.StatusInternalServerError, "The database did not do it. Nothing is lost; try again.", err)
		}
	}
}

// wrongForm is what is wrong with what a person sent.
type wrongForm string

func (w wrongForm) Error() string { return string(w) }

// nothing makes errNothing of the errors that mean it.
func nothing(err error) error {
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, outbox.ErrNoRow) {
		return errNothing
	}
	return err
}

type ticketsView struct {
	Health  *healthView
	Tickets []ticketLine
}

func (a *app) ticketsPage(w http.ResponseWriter, r *http.Request, c *connection) error {
	tickets, err := c.desk.tickets(r.Context())
	if err != nil {
		return err
	}
	a.render(w, http.StatusOK, "tickets", ticketsView{a.health(r.Context(), c), tickets})
	return nil
}

type ticketView struct {
	*conversation
	Health *healthView
	Number string // of the answer that this page's form makes
}

func (a *app) ticketPage(w http.ResponseWriter, r *http.Request, c *connection) error {
	t, err := c.desk.conversation(r.Context(), r.PathValue("ticket"))
	if err != nil {
		return err
	}
	a.render(w, http.StatusOK, "ticket", ticketView{t, a.health(r.Context(), c), rand.Text()})
	return nil
}

// attachment sends what a stranger sent: as a download, never as a page of this site.
func (a *app) attachment(w http.ResponseWriter, r *http.Request, c *connection) error {
	name, content, err := c.desk.file(r.Context(), r.PathValue("attachment"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // the browser has gone
	return nil
}

// attentionView is what waits for a person.
type attentionView struct {
	Health      *healthView
	Quarantined []fetcher.Entry // messages that were given up
	Retrying    []fetcher.Entry // and those that might be
	Answers     []answerLine
}

func (a *app) attentionPage(w http.ResponseWriter, r *http.Request, c *connection) error {
	v := attentionView{Health: a.health(r.Context(), c)}
	for _, state := range []fetcher.State{fetcher.Quarantined, fetcher.Failed, fetcher.Pending} {
		for e, err := range c.desk.db.fetched.Entries(r.Context(), c.desk.fetcher.Source(), state) {
			switch {
			case err != nil:
				return err
			case state != fetcher.Pending:
				v.Quarantined = append(v.Quarantined, e)
			case e.Attempts > 0:
				v.Retrying = append(v.Retrying, e)
			}
		}
	}
	for _, state := range []outbox.State{outbox.Unknown, outbox.Failed} {
		rows, err := c.desk.outbox.Rows(r.Context(), state, 1000)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Mailbox == c.desk.name {
				v.Answers = append(v.Answers, c.desk.standing(answerLine{Mail: row.ID, Ticket: row.Tag}, row))
			}
		}
	}
	a.render(w, http.StatusOK, "attention", v)
	return nil
}
