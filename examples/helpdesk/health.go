package main

import (
	"context"
	"time"
)

// stale is how long a mailbox may go without being looked after before that is called trouble. Exchange's own maintenance is shorter.
const stale = 15 * time.Minute

// healthView is how a mailbox is, for a person.
type healthView struct {
	Mailbox string
	Account string // who signed in
	SignIn  string // since when somebody must sign in again; "": nobody must
	Running bool   // it is being fetched
	Other   bool   // by another instance
	Stream  bool   // new mail is told at once
	Well    bool
	Problem string // what is wrong, or was last
	Advice  string // what somebody can do about it
	At      string // when it was

	Lag              time.Duration
	Handled, Skipped int64
	Open, Retrying   int
	Unsent           int64         // answers, of all mailboxes
	Oldest           time.Duration // of them
	LastHandled      string
}

// health asks everything that knows something; nil while nothing is set up.
func (a *app) health(ctx context.Context, c *connection) *healthView {
	if c.config == nil {
		return nil
	}
	st := c.desk.fetcher.Stats()
	v := &healthView{Mailbox: c.settings.Mailbox, Running: c.desk.running(), Other: !st.Leading, Stream: st.StreamOpen,
		Lag: st.Lag.Round(time.Second), Handled: st.Handled, Skipped: st.Skipped, Open: st.Open, Retrying: st.Retrying,
		LastHandled: shown(st.LastHandled), Problem: st.LastError, Advice: st.LastAdvice, At: shown(st.LastErrorTime)}
	err := st.Healthy(time.Now(), stale)
	if v.Well = err == nil && st.SyncFailing.IsZero() && st.StoreFailing.IsZero(); err != nil {
		v.Problem = err.Error()
	}
	status, err := c.tokens.Status(ctx)
	if err != nil {
		v.Well, v.Problem, v.Advice, v.At = false, err.Error(), advice(err), ""
	}
	if v.Account = status.Account.Username; v.Account == "" {
		v.Account = c.settings.Mailbox
	}
	v.SignIn = shown(status.NeedsSignInSince)
	var oldest time.Duration
	if v.Unsent, oldest, err = c.desk.outbox.Backlog(ctx); err != nil {
		v.Well, v.Problem = false, err.Error()
	}
	v.Oldest = oldest.Round(time.Second)
	return v
}

func shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}
