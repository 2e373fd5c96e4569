package tokenstore

import (
	"context"
	"time"

	"golang.org/x/oauth2"
)

// forced is the last refresh that a rejection caused.
type forced struct {
	at     time.Time
	claims string
}

// Reject tells the source that the resource server refused a token (HTTP 401), so that the next call of Token gets another: one that
// another instance stored meanwhile, or a fresh one. claims is the decoded JSON of a claims challenge, or empty. It does no I/O.
//
// A token that was replaced already is ignored. So is a second rejection within 30 seconds of the refresh the first one caused,
// unless it brings other claims: a server that refuses every token must not keep the authorization server busy.
func (s *Source) Reject(ctx context.Context, bad *oauth2.Token, claims string) {
	if bad == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held.Load()
	if h == nil || h.tok.AccessToken != bad.AccessToken {
		return
	}
	if s.now().Sub(s.forced.at) < minHold && (claims == "" || claims == s.forced.claims) {
		s.log.WarnContext(ctx, "a token that was just refreshed is refused again; keeping it", "claims_challenge", claims != "")
		return
	}
	if claims != "" {
		s.claims = claims
	}
	if !h.rejected {
		c := *h
		c.rejected = true
		s.held.CompareAndSwap(h, &c)
		s.log.InfoContext(ctx, "token refused by the resource server", "claims_challenge", claims != "")
	}
}

func (s *Source) takeClaims() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.claims
	s.claims = ""
	return c
}

// returnClaims puts claims back that were not sent, unless newer ones came.
func (s *Source) returnClaims(claims string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims == "" {
		s.claims = claims
	}
}

func (s *Source) noteForced(claims string) {
	if h := s.held.Load(); h == nil || !h.rejected {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced = forced{at: s.now(), claims: claims}
}
