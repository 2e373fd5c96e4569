package tokenstore

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/oauth2"
)

var (
	errUseless    = errors.New("the authorization server's access tokens are expired or refused at once")
	errNoRefresh  = errors.New("there is no refresh token (was offline_access asked for and granted?)")
	errPostponed  = errors.New("the store cannot be written; refreshing is put off while the current token lasts")
	errOvertaken  = errors.New("other instances keep changing the record")
	errOutOfTime  = errors.New("no time is left to refresh safely")
	errEmptyToken = errors.New("the authorization server's answer held no access token")
)

// obtain gets a usable token: from the store if another instance put one there, else by a refresh. It runs with the turn held.
//
// The order is what keeps a single-use refresh token alive: lock, reload, write the intent, check the lock, exchange, save, hand
// out, unlock. hold says how long its error stands.
func (s *Source) obtain(ctx context.Context) (h *held, hold time.Duration, err error) {
	if s.work.pending != nil {
		return s.obtainPending(ctx)
	}
	st, err := s.load(ctx)
	if err != nil {
		return nil, storeHold / 2, err
	}
	if h, hold, err, done := s.settle(st); done {
		return h, hold, err
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return nil, storeHold / 2, err
	}
	defer func() {
		if s.work.pending == nil || s.work.pending.lock != lock {
			s.unlock(lock)
		}
	}()
	for tries := 0; tries < 5; {
		st, err = s.load(ctx)
		if err != nil {
			return nil, storeHold / 2, err
		}
		if h, hold, err, done := s.settle(st); done {
			return h, hold, err
		}
		again, err := s.waitOutIntent(ctx, lock, st)
		if err != nil {
			return nil, storeHold, err
		}
		if again {
			continue // the attempt waited for ends, and so does ctx
		}
		tries++
		if st, err = s.rollForward(ctx, st); err != nil {
			return nil, storeHold / 2, err
		}
		h, hold, err = s.refresh(ctx, lock, st)
		if !errors.Is(err, errOvertaken) {
			return h, hold, err
		}
	}
	return nil, storeHold, &Error{Op: "refresh", Key: s.key, Err: errOvertaken, temporary: true}
}

func (s *Source) lock(ctx context.Context) (Lock, error) {
	if s.locker == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.LockTimeout)
	defer cancel()
	l, err := s.locker.Lock(ctx, s.key)
	if err != nil {
		return nil, s.fail("lock", err)
	}
	return l, nil
}

func (s *Source) unlock(l Lock) {
	if l == nil {
		return
	}
	if err := l.Unlock(); err != nil {
		s.log.Warn("unlocking the token record failed", "error", safeText(err))
	}
}

// waitOutIntent waits while another attempt may still be under way. With a lock that lasts as long as its holder's process, an
// intent found under the lock is a dead process's: nobody is left to wait for. Otherwise its time counts from when it was first
// seen here, however old it says it is: whoever wrote it may have slept since, and wake up with the request still to send.
func (s *Source) waitOutIntent(ctx context.Context, l Lock, st *stored) (reload bool, err error) {
	in := st.Intent
	if in == nil {
		return false, nil
	}
	now := s.now()
	until := s.work.since.first(in.Attempt, now).Add(min(max(in.Within, 0), maxWish))
	if l != nil && l.Tenure() == WhileProcess || !now.Before(until) {
		s.log.Warn("an earlier refresh did not finish; its refresh token may be spent", "attempt", in.Attempt, "at", in.At)
		return false, nil
	}
	if h := s.held.Load(); h.usable(now) {
		return false, &Error{Op: "refresh", Key: s.key, Err: errors.New("another instance is refreshing"), temporary: true}
	}
	if err := sleep(ctx, min(until.Sub(now), 200*time.Millisecond)); err != nil {
		return false, &Error{Op: "refresh", Key: s.key, Err: err, temporary: true}
	}
	return true, nil
}

// refresh makes one exchange on the strength of st, loaded under the lock. errOvertaken asks to load again.
func (s *Source) refresh(ctx context.Context, l Lock, st *stored) (*held, time.Duration, error) {
	if st.RefreshToken == "" && !standalone(s.refresher) {
		return s.refused(ctx, l, st, errNoRefresh, refusal{needsSignIn: true})
	}
	attempt := rand.Text()
	// The request's time runs from here: an attempt is over when the intent says it is, however long this process is stopped.
	begun := s.now()
	rctx, cancel := context.WithTimeout(ctx, s.opts.RefreshTimeout)
	defer cancel()

	next := &stored{st.clone(), st.version}
	next.Intent = &intent{Attempt: attempt, At: wall(begun), Within: s.opts.RefreshTimeout + time.Second}
	switch err := s.put(rctx, next); {
	case err == nil:
		st = next
		s.work.pending = nil // if there was one, it was saved with the intent
	case errors.Is(err, ErrConflict):
		return nil, 0, errOvertaken
	case s.held.Load().usable(s.now()):
		s.log.Warn("refresh put off", "error", safeText(err))
		return nil, minHold, &Error{Op: "save", Key: s.key, Err: errors.Join(errPostponed, err), temporary: true, retryAt: s.now().Add(minHold)}
	default:
		s.log.Warn("refreshing although the store cannot be written", "error", safeText(err))
	}
	s.work.since.first(attempt, s.now())

	claims := s.takeClaims()
	if l != nil {
		if err := l.Check(rctx); err != nil {
			s.returnClaims(claims)
			s.clearIntent(ctx, st)
			return nil, storeHold, s.fail("lock", err)
		}
	}
	if rctx.Err() != nil || passed(begun, s.now(), s.opts.RefreshTimeout) {
		s.returnClaims(claims)
		s.clearIntent(ctx, st)
		return nil, storeHold, &Error{Op: "refresh", Key: s.key, Err: errOutOfTime, temporary: true}
	}
	s.noteForced(claims)
	s.log.Info("refreshing", "generation", st.Generation, "attempt", attempt)
	s.count.refreshes.Add(1)
	tok, err := s.exchange(rctx, st.token(), claims)
	if err != nil {
		s.returnClaims(claims)
		r := classify(err)
		if errors.Is(err, errEmptyToken) && tok != nil && tok.RefreshToken != st.RefreshToken {
			r.rotated = tok.RefreshToken
		}
		return s.refused(ctx, l, st, err, r)
	}
	return s.refreshed(ctx, l, st, tok)
}

// exchange returns, with errEmptyToken, what the answer held besides.
func (s *Source) exchange(ctx context.Context, old *oauth2.Token, claims string) (*oauth2.Token, error) {
	var tok *oauth2.Token
	var err error
	if c, ok := s.refresher.(claimsRefresher); ok && claims != "" {
		tok, err = c.RefreshWithClaims(ctx, old, claims)
	} else {
		tok, err = s.refresher.Refresh(ctx, old)
	}
	if err == nil && (tok == nil || tok.AccessToken == "") {
		err = errEmptyToken
	}
	return tok, err
}

// refreshed saves the new tokens, then hands the access token out.
func (s *Source) refreshed(ctx context.Context, l Lock, st *stored, tok *oauth2.Token) (*held, time.Duration, error) {
	now := s.now()
	next := &stored{st.clone(), st.version}
	if next.Grant == "" {
		next.Grant, next.SignedIn = rand.Text(), wall(now) // a standalone refresher's first record
	}
	next.accept(tok, now)
	h := s.hold(next.state, handedOut(tok), now)
	s.log.Info("refreshed", "generation", next.Generation, "expires", next.Expiry, "rotated", next.Previous != st.Previous)
	s.work.failed = nil
	saved, err := s.save(ctx, next)
	switch {
	case err != nil:
		s.keepPending(next, l, err)
	case saved != next && saved.Grant == "":
		s.work.known = nil
		s.held.Store(nil)
		return nil, storeHold, ErrNoToken // signed out meanwhile: the new tokens are not wanted
	case saved != next:
		// A sign-in, or an instance that refreshed at the same time, was quicker: the store's tokens are in force.
		if theirs := s.hold(saved.state, handedOut(saved.token()), now); saved.AccessToken != "" && theirs.usable(now) {
			s.adopt(saved, theirs)
			return theirs, 0, nil
		}
		next = saved
	}
	s.work.known = next
	s.held.Store(h)
	if !h.usable(s.now()) {
		// Saved, so that the refresh token is not lost; but asking again at once would bring no better one.
		e := &Error{Op: "refresh", Key: s.key, Err: errUseless, temporary: true, retryAt: now.Add(minHold)}
		s.work.failed = &refusedToken{refreshToken: next.RefreshToken, err: e}
		return nil, storeHold, e
	}
	return h, 0, nil
}

// refused deals with an exchange that failed. Nothing is ever deleted.
func (s *Source) refused(ctx context.Context, l Lock, st *stored, cause error, r refusal) (*held, time.Duration, error) {
	s.count.failures.Add(1)
	now := s.now()
	text := safeText(cause, st.RefreshToken, st.AccessToken, st.Previous)
	if s.work.pending == nil {
		// Somebody else may have rotated the token or signed in.
		fresh, err := s.load(ctx)
		if err == nil && (fresh.Grant != st.Grant || fresh.RefreshToken != st.RefreshToken) {
			s.log.Info("the refused refresh token had been replaced; trying again", "generation", fresh.Generation)
			if h, hold, err, done := s.settle(fresh); done {
				return h, hold, err
			}
			return nil, 0, errOvertaken
		}
		if err == nil && fresh.version != "" {
			st = fresh
		}
	}
	next := &stored{st.clone(), st.version}
	if r.needsSignIn && s.opts.LenientRotation && next.Previous != "" {
		s.log.Warn("refresh token refused; trying the one before it", "error", text)
		next.RefreshToken, next.Previous = next.Previous, ""
		next.Intent = nil
		if s.put(ctx, next) == nil {
			return nil, 0, errOvertaken
		}
	}
	if r.rotated != "" { // the one that was sent may be spent
		next.Previous, next.RefreshToken, next.RefreshIssued = next.RefreshToken, r.rotated, wall(now)
		next.Generation++
	}
	count := 1
	if next.Failure != nil {
		count = next.Failure.Count + 1
	}
	here, everywhere := r.hold(count)
	f := &failed{Attempt: rand.Text(), Text: text, At: wall(now), Count: count, Hold: everywhere}
	next.Failure, next.Intent = f, nil
	if r.needsSignIn && next.NeedsSignInSince.IsZero() {
		next.NeedsSignInSince = wall(now)
	}
	s.work.since.first(f.Attempt, now)
	e := &Error{Op: "refresh", Key: s.key, Err: cause, text: text, needsSignIn: r.needsSignIn, temporary: r.temporary, retryAt: now.Add(here)}
	level := slog.LevelWarn
	if r.needsSignIn {
		level = slog.LevelError
	}
	s.log.Log(ctx, level, "refresh failed", "error", f.Text, "needs_sign_in", r.needsSignIn, "next_try", e.retryAt, "failures", count)
	if p := s.work.pending; p != nil {
		p.stored = next // never over the store's record before the tokens themselves are saved
	} else if r.rotated != "" {
		switch saved, err := s.save(ctx, next); {
		case err != nil:
			s.keepPending(next, l, err)
		case saved != next:
			return nil, 0, errOvertaken // by a sign-in, or another instance: its tokens are in force
		}
	} else if next.version != "" {
		if err := s.put(ctx, next); err != nil {
			s.log.Warn("noting the failure in the store failed", "error", safeText(err))
		}
	}
	s.work.known = next
	s.work.failed = &refusedToken{refreshToken: next.RefreshToken, err: e}
	// The record is looked at again soon: another instance may succeed, somebody may sign in. The server is asked after the hold.
	return nil, min(here, storeHold), e
}

// clearIntent takes back an intent that led to nothing, so that nobody waits for it.
func (s *Source) clearIntent(ctx context.Context, st *stored) {
	next := &stored{st.clone(), st.version}
	next.Intent = nil
	if err := s.put(ctx, next); err != nil {
		s.log.Warn("taking back an intent to refresh failed", "error", safeText(err))
	}
}

// put saves a state at its version, and sets the new one.
func (s *Source) put(ctx context.Context, st *stored) error {
	c := st.clone()
	if s.opts.OmitAccessToken {
		c.AccessToken = ""
	}
	data, err := c.encode()
	if err != nil {
		return err
	}
	v, err := s.store.Put(ctx, s.key, Record{Data: data, Version: st.version})
	if err != nil {
		return err
	}
	s.count.saves.Add(1)
	st.version = v
	return nil
}

// afterFlight returns the callbacks that are due, to be called without the turn.
func (s *Source) afterFlight(now time.Time) (calls []func(context.Context)) {
	k := s.work.known
	if k == nil {
		return nil
	}
	if k.NeedsSignInSince.IsZero() {
		s.work.told = ""
	} else if on := s.opts.OnReauthRequired; on != nil && s.work.told != k.Grant {
		s.work.told = k.Grant
		status := s.status(k.state, now)
		calls = append(calls, func(ctx context.Context) { on(ctx, status) })
	}
	return append(calls, s.expiring(k.state, now)...)
}
