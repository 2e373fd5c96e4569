package tokenstore

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// load reads the record. A missing one is a state without a grant.
func (s *Source) load(ctx context.Context) (*stored, error) {
	s.count.loads.Add(1)
	r, err := s.store.Get(ctx, s.key)
	if errors.Is(err, ErrNotFound) {
		return &stored{state: &state{}}, nil
	}
	var st *state
	if err == nil {
		st, err = decodeState(r.Data)
	}
	if err != nil {
		return nil, s.fail("load", err)
	}
	return &stored{st, r.Version}, nil
}

// fail wraps an error of the store. Those that will not go away by themselves are not temporary.
func (s *Source) fail(op string, err error) error {
	lasting := false
	for _, target := range []error{ErrCorrupt, ErrUnknownKey, ErrWrongKey, ErrTampered, ErrTruncated, ErrNotEncrypted, ErrUnsafeFile, ErrInvalidKey, ErrTooLarge} {
		lasting = lasting || errors.Is(err, target)
	}
	return &Error{Op: op, Key: s.key, Err: err, temporary: !lasting, retryAt: s.now().Add(storeHold / 2)}
}

// settle decides whether the record as loaded answers the question: with a token that can be served, or with an error that a
// request would not change.
func (s *Source) settle(st *stored) (h *held, hold time.Duration, err error, done bool) {
	now := s.now()
	cur := s.held.Load()
	if st.Grant == "" && !standalone(s.refresher) {
		s.work.known = nil
		s.held.Store(nil)
		return nil, storeHold, ErrNoToken, true
	}
	if s.rolledBack(st) {
		return nil, 0, nil, false
	}
	s.work.known = st
	if st.AccessToken != "" && (cur == nil || cur.tok.AccessToken != st.AccessToken || cur.grant != st.Grant) {
		if h := s.hold(st.state, handedOut(st.token()), now); h.usable(now) {
			s.adopt(st, h)
			return h, 0, nil, true
		}
	}
	if cur.fresh(now) && cur.grant == st.Grant {
		return cur, 0, nil, true // an earlier flight was quicker
	}
	if f := s.work.failed; f != nil && f.refreshToken == st.RefreshToken && now.Before(f.err.retryAt) {
		return nil, min(f.err.retryAt.Sub(now), storeHold), f.err, true
	}
	if f := st.Failure; f != nil {
		if until := s.work.since.end(f.Attempt, f.At, f.Hold, now); now.Before(until) {
			e := &Error{Op: "refresh", Key: s.key, Err: errors.New(f.Text), retryAt: until, temporary: st.NeedsSignInSince.IsZero()}
			e.needsSignIn = !e.temporary
			return nil, min(until.Sub(now), storeHold), e, true
		}
	}
	return nil, 0, nil, false
}

// adopt takes over what another instance, or an earlier run, left in the store.
func (s *Source) adopt(st *stored, h *held) {
	s.count.adopted.Add(1)
	s.work.known = st // also on the ways that did not settle first
	s.held.Store(h)
	s.log.Debug("token taken from the store", "generation", st.Generation, "expires", st.Expiry)
}

// handedOut is the token as callers get it: without the refresh token, which they have no use for.
func handedOut(tok *oauth2.Token) *oauth2.Token {
	c := *tok
	c.RefreshToken = ""
	return &c
}

func (s *Source) rolledBack(st *stored) bool {
	k := s.work.known
	return k != nil && k.Grant != "" && st.Grant == k.Grant && st.Generation < k.Generation
}

// rollForward puts the newer state this process has seen over an older one.
func (s *Source) rollForward(ctx context.Context, st *stored) (*stored, error) {
	if !s.rolledBack(st) {
		return st, nil
	}
	s.count.rolledBack.Add(1)
	s.log.Warn("token record rolled back", "error", ErrRolledBack, "stored_generation", st.Generation, "known_generation", s.work.known.Generation)
	newer := &stored{s.work.known.clone(), st.version}
	newer.Intent = nil
	if err := s.put(ctx, newer); err != nil {
		return nil, s.fail("save", err)
	}
	return newer, nil
}

// since remembers when attempts of other instances were first seen here. Waiting times count from there: hosts' clocks differ.
type since map[string]time.Time

func (m *since) first(attempt string, now time.Time) time.Time {
	t, ok := (*m)[attempt]
	if !ok {
		if *m == nil || len(*m) > 8 {
			*m = make(since)
		}
		t = now
		(*m)[attempt] = t
	}
	return t
}

// end returns when a time of length d, begun at the given time on some host's clock, is over: at once if that was long ago.
func (m *since) end(attempt string, at time.Time, d time.Duration, now time.Time) time.Time {
	d = min(max(d, 0), maxWish)
	if _, seen := (*m)[attempt]; !seen && now.Round(0).After(at.Add(d+maxSkew)) {
		return now
	}
	return m.first(attempt, now).Add(d)
}
