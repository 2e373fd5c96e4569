package tokenstore

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// Status is what a dashboard shows about a record. It holds no secrets.
type Status struct {
	Key      string
	SignedIn bool // there is a record; whether it works, the other fields tell
	Account  Account

	SignedInAt   time.Time // of the person
	LastRefresh  time.Time // when the access token was issued
	TokenExpires time.Time // the access token; zero if the server did not say
	NextRefresh  time.Time // in this process, with the next call of Token; zero if it holds no token
	Generation   int64     // refreshes since the sign-in, and one

	RefreshTokenIssued  time.Time
	RefreshTokenExpires time.Time // by SourceOptions.RefreshTokenLifetime: servers do not say

	NeedsSignInSince time.Time // zero: no
	LastError        string    // of the last refresh, or of saving its tokens; empty after a success
	LastErrorAt      time.Time
	Failures         int  // in a row
	Unsaved          bool // the newest tokens are in this process's memory only
}

// Status reads the record and reports on it and on this source. Errors: the store's, as an [*Error]. No record is no error.
func (s *Source) Status(ctx context.Context) (Status, error) {
	h := s.held.Load() // before the record, which a refresh may renew meanwhile
	s.mu.Lock()
	unsaved := s.unsaved
	s.mu.Unlock()
	st, err := s.load(ctx)
	if err != nil {
		return Status{Key: s.key}, err
	}
	out := s.status(st.state, s.now())
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Unsaved = s.unsaved
	if s.unsaved {
		out.LastError = "the newest tokens are not saved yet"
	}
	if !unsaved && !s.unsaved && h != nil && h.grant == st.Grant && st.Generation < h.generation {
		out.LastError = ErrRolledBack.Error()
	}
	if s.failure != nil && out.LastError == "" {
		out.LastError = safeText(s.failure.err)
	}
	return out, nil
}

func (s *Source) status(st *state, now time.Time) Status {
	out := Status{
		Key: s.key, SignedIn: st.Grant != "", Account: st.clone().Account,
		SignedInAt: st.SignedIn, LastRefresh: st.Issued, TokenExpires: st.Expiry, Generation: st.Generation,
		RefreshTokenIssued: st.RefreshIssued, NeedsSignInSince: st.NeedsSignInSince,
	}
	if !st.RefreshIssued.IsZero() {
		out.RefreshTokenExpires = st.RefreshIssued.Add(s.opts.RefreshTokenLifetime)
	}
	if f := st.Failure; f != nil {
		out.LastError, out.LastErrorAt, out.Failures = f.Text, f.At, f.Count
	}
	if h := s.held.Load(); h != nil {
		out.NextRefresh = h.refreshAt
		if h.rejected {
			out.NextRefresh = wall(now)
		}
	}
	return out
}

// Expiring warns of a credential that is about to end.
type Expiring struct {
	Key  string
	What string // "refresh token" or "client secret"
	At   time.Time
}

// expiring returns the warnings that are due.
func (s *Source) expiring(st *state, now time.Time) (calls []func(context.Context)) {
	warn := func(what string, at time.Time) {
		if at.IsZero() || now.Round(0).Before(at.Add(-s.opts.WarnBefore)) || now.Sub(s.work.warned[what]) < 24*time.Hour {
			return
		}
		if s.work.warned == nil {
			s.work.warned = make(map[string]time.Time)
		}
		s.work.warned[what] = now
		s.log.Warn("a credential is about to end", "what", what, "at", at)
		if on := s.opts.OnExpiring; on != nil {
			calls = append(calls, func(ctx context.Context) { on(ctx, Expiring{Key: s.key, What: what, At: at}) })
		}
	}
	if !st.RefreshIssued.IsZero() && st.NeedsSignInSince.IsZero() {
		warn("refresh token", st.RefreshIssued.Add(s.opts.RefreshTokenLifetime))
	}
	warn("client secret", s.opts.SecretExpires)
	return slices.Clip(calls)
}

// Counters count what a source did in this process.
type Counters struct {
	Refreshes    int64 // requests to the authorization server, answered or not
	Failures     int64 // of these, without tokens
	Adopted      int64 // tokens taken from the store instead
	Loads        int64 // reads of the record
	Saves        int64 // writes of the record
	SaveFailures int64 // attempts to save refreshed tokens that failed; each is tried again
	RolledBack   int64 // times the store was found to show an older state
}

type counters struct {
	refreshes, failures, adopted, loads, saves, saveFailures, rolledBack atomic.Int64
}

// Counters returns the counts so far.
func (s *Source) Counters() Counters {
	c := &s.count
	return Counters{
		Refreshes: c.refreshes.Load(), Failures: c.failures.Load(), Adopted: c.adopted.Load(), Loads: c.loads.Load(),
		Saves: c.saves.Load(), SaveFailures: c.saveFailures.Load(), RolledBack: c.rolledBack.Load(),
	}
}
