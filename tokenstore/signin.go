package tokenstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/oauth2"
)

// SignIn stores the tokens of a fresh sign-in, over those of an earlier one, and serves them from now on. When it returns nil they
// are saved. After an error they are not, as far as the store could be asked: one that broke off may have saved them all the same, and
// the source then serves them once it sees them. It waits for a refresh under way.
//
// A record that cannot be read (wrong key, damaged) is not written over: the error says why. SignOut deletes a damaged one.
func (s *Source) SignIn(ctx context.Context, tok *oauth2.Token, a Account) error {
	if tok == nil || tok.AccessToken == "" && tok.RefreshToken == "" {
		return errors.New("tokenstore: SignIn needs a token")
	}
	lock, release, err := s.exclusive(ctx)
	if err != nil {
		return err
	}
	defer release()
	for range 10 {
		var old *stored
		if old, err = s.load(ctx); err != nil {
			return err
		}
		now := s.now()
		next := &stored{(&state{Grant: rand.Text(), SignedIn: wall(now), Account: a}).clone(), old.version}
		next.accept(tok, now)
		err = s.put(ctx, next)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			there, lerr := s.load(ctx) // perhaps it was only the acknowledgement that got lost
			if lerr != nil || there.Grant != next.Grant {
				return s.fail("save", err)
			}
			next = there
		}
		s.dropPending(lock)
		s.work.known, s.work.failed, s.work.told = next, nil, ""
		s.held.Store(s.hold(next.state, handedOut(tok), now))
		if tok.AccessToken == "" {
			s.held.Store(nil)
		}
		s.forget()
		s.log.Info("signed in", "expires", next.Expiry)
		return nil
	}
	return s.fail("save", err)
}

// SignOut deletes the record and forgets the token. The tokens stay valid at the authorization server until they
// expire or are revoked there. It waits for a refresh under way.
func (s *Source) SignOut(ctx context.Context) error {
	lock, release, err := s.exclusive(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := s.store.Delete(ctx, s.key); err != nil {
		return s.fail("delete", err)
	}
	s.dropPending(lock)
	s.work.known, s.work.failed, s.work.told = nil, nil, ""
	s.held.Store(nil)
	s.forget()
	s.log.Info("signed out")
	return nil
}

// exclusive takes the turn and the record's lock.
func (s *Source) exclusive(ctx context.Context) (l Lock, release func(), err error) {
	if err := s.takeTurn(ctx); err != nil {
		return nil, nil, fmt.Errorf("tokenstore: %s: waiting for a refresh under way: %w", keyText(s.key), err)
	}
	if s.isClosed() {
		<-s.turn
		return nil, nil, ErrClosed
	}
	if p := s.work.pending; p != nil {
		return p.lock, s.endTurn, nil // has the lock already, and keeps it unless it is dropped
	}
	if l, err = s.lock(ctx); err != nil {
		<-s.turn
		return nil, nil, err
	}
	return l, func() { s.unlock(l); s.endTurn() }, nil
}

// dropPending gives up an unsaved state that was replaced.
func (s *Source) dropPending(l Lock) {
	if s.work.pending != nil {
		s.work.pending = nil
		s.unlock(l)
	}
}

// forget ends what earlier failures and rejections hold back.
func (s *Source) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure, s.claims, s.forced = nil, "", forced{}
}
