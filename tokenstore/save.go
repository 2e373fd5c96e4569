package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pending is a refreshed state that could not be saved yet. It keeps the lock: the record in the store names a refresh token that
// is spent, which no other instance should present.
type pending struct {
	*stored
	lock Lock
	err  error
}

// save stores next by compare-and-swap, trying again for a while: the exchange cannot be repeated, saving can. It returns
// next, or the state that is in force instead: another sign-in's, or that of an instance that refreshed at the same time.
func (s *Source) save(ctx context.Context, next *stored) (inForce *stored, err error) {
	// The save gets its full time even if the exchange has used up the flight's.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.SaveTimeout)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := s.put(ctx, next)
		if err == nil {
			return next, nil
		}
		if errors.Is(err, ErrConflict) {
			var theirs *stored
			theirs, err = s.resolve(ctx, next)
			if err == nil && theirs != nil {
				return theirs, nil
			}
			if err == nil {
				continue // with the version the record has now
			}
		}
		s.count.saveFailures.Add(1)
		s.log.Warn("saving refreshed tokens failed; trying again", "error", safeText(err))
		if sleep(ctx, wait) != nil {
			return nil, err
		}
	}
}

// resolve decides between next and what somebody else stored. A nil result means that next is to be saved over it.
func (s *Source) resolve(ctx context.Context, next *stored) (theirs *stored, err error) {
	there, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case there.Grant != next.Grant && (there.version != "" || next.version != ""):
		return there, nil // signed in, or out, meanwhile
	case there.Generation > next.Generation,
		there.Generation == next.Generation && there.RefreshToken != next.RefreshToken:
		s.log.Warn("another instance refreshed at the same time; its tokens are in force", "generation", there.Generation)
		return there, nil
	}
	// An older state, or this very one after a save whose acknowledgement was lost: saved again, it is certainly there.
	next.version = there.version
	return nil, nil
}

// keepPending remembers a state that could not be saved, and has it saved later.
func (s *Source) keepPending(next *stored, l Lock, err error) {
	s.log.Error("refreshed tokens are in memory only; saving goes on in the background", "error", safeText(err), "generation", next.Generation)
	s.work.pending = &pending{stored: next, lock: l, err: err}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved = true
	if s.retrying || s.closed {
		return
	}
	s.retrying = true
	s.after.Add(1)
	go s.saveLater()
}

func (s *Source) saveLater() {
	defer s.after.Done()
	for wait := time.Second; ; wait = min(wait*2, time.Minute) {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-s.quit:
			t.Stop()
			return
		}
		s.mu.Lock()
		if !s.unsaved || s.closed {
			s.retrying = false
			s.mu.Unlock()
			return
		}
		f := s.flight
		if f == nil {
			f = s.start(context.Background(), true)
		}
		s.mu.Unlock()
		<-f.done
	}
}

// savePending tries again to save what is in memory only.
func (s *Source) savePending(ctx context.Context) (*held, time.Duration, error) {
	p := s.work.pending
	if p == nil {
		return s.held.Load(), 0, nil
	}
	inForce, err := s.save(ctx, p.stored)
	if err != nil {
		p.err = err
		return nil, 0, s.fail("save", err)
	}
	s.savedPending(p, inForce)
	return s.held.Load(), 0, nil
}

// obtainPending is obtain while the newest state is in memory only.
func (s *Source) obtainPending(ctx context.Context) (*held, time.Duration, error) {
	p := s.work.pending
	inForce, err := s.save(ctx, p.stored)
	if err == nil {
		s.savedPending(p, inForce)
		return s.obtain(ctx)
	}
	p.err = err
	now := s.now()
	fail := &Error{Op: "save", Key: s.key, Err: err, temporary: true, retryAt: now.Add(storeHold)}
	if s.held.Load().usable(now) {
		return nil, storeHold, fail // not seen by callers: they get the token
	}
	if f := s.work.failed; f != nil && now.Before(f.err.retryAt) {
		return nil, min(f.err.retryAt.Sub(now), storeHold), f.err
	}
	// Mail goes on without the store: the next exchange uses the token in memory.
	lock := p.lock
	if lock != nil && lock.Check(ctx) != nil {
		s.unlock(lock)
		p.lock = nil
		if lock, err = s.lock(ctx); err != nil {
			return nil, storeHold, err
		}
		p.lock = lock
	}
	defer func() {
		if s.work.pending == nil || s.work.pending.lock != lock {
			s.unlock(lock)
		}
	}()
	h, hold, err := s.refresh(ctx, lock, p.stored)
	if errors.Is(err, errOvertaken) {
		return nil, storeHold, fail // the next flight finds out what is in force
	}
	return h, hold, err
}

// savedPending ends the pending state.
func (s *Source) savedPending(p *pending, inForce *stored) {
	s.log.Info("refreshed tokens are saved now", "generation", inForce.Generation)
	s.work.pending = nil
	s.work.known = inForce
	if inForce.Grant != p.Grant {
		s.held.Store(nil)
	}
	s.unlock(p.lock)
}

// Close ends the source: it waits for a refresh under way and saves what is not saved yet. Then Token returns [ErrClosed]. When ctx ends
// first, the refresh is cancelled, which may cost a refresh token in flight; give it at least a minute. An error means
// that the newest tokens may not be saved; a further call tries again.
func (s *Source) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.quit)
		s.unfollow()
	}
	f := s.flight
	s.mu.Unlock()
	if err := s.takeTurn(ctx); err != nil {
		if f != nil {
			f.cancel()
		}
		return fmt.Errorf("tokenstore: %s: closing before the refresh under way ended: %w", keyText(s.key), err)
	}
	var err error
	if p := s.work.pending; p != nil {
		var inForce *stored
		if inForce, err = s.save(ctx, p.stored); err == nil {
			s.savedPending(p, inForce)
		} else {
			s.unlock(p.lock)
			err = fmt.Errorf("tokenstore: %s: the newest tokens could not be saved: %w", keyText(s.key), err)
		}
	}
	s.held.Store(nil)
	s.endTurn()
	done := make(chan struct{})
	go func() { s.after.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	return err
}
