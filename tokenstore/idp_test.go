package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// idp is an authorization server with refresh token rotation. A strict one revokes the whole grant when a spent token
// comes back (RFC 9700 section 4.14.2); a lenient one accepts spent tokens, as Entra ID does.
type idp struct {
	lenient  bool
	noRotate bool
	lifetime time.Duration    // of access tokens; default an hour
	delay    time.Duration    // each request takes so long
	clock    func() time.Time // dates the requests; nil: time.Now

	mu       sync.Mutex
	serial   int
	grants   map[string]*grant // by refresh token, spent ones too
	requests []request
	answer   func(n int) error // asked first, with the request's number from 1; an error is the answer
	late     func(n int) error // asked after the exchange: an error is a reply that got lost
}

type grant struct {
	current string
	dead    bool
}

type request struct {
	at     time.Time
	who    any
	refr   string
	claims string
	err    error
}

// oauthError is what azureoauth's errors look like to tokenstore.
type oauthError struct {
	text            string
	signIn, tempory bool
	retry           time.Duration
}

func (e *oauthError) Error() string             { return e.text }
func (e *oauthError) NeedsSignIn() bool         { return e.signIn }
func (e *oauthError) Temporary() bool           { return e.tempory }
func (e *oauthError) RetryDelay() time.Duration { return e.retry }

var (
	errInvalidGrant = &oauthError{text: "invalid_grant", signIn: true}
	errUnavailable  = &oauthError{text: "HTTP 503", tempory: true}
)

func (p *idp) signIn() *oauth2.Token {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grants == nil {
		p.grants = make(map[string]*grant)
	}
	g := &grant{}
	return p.issue(g)
}

// issue makes tokens whose bytes the at-rest tests look for.
func (p *idp) issue(g *grant) *oauth2.Token {
	p.serial++
	if g.current == "" || !p.noRotate {
		g.current = fmt.Sprintf("CANARY-refresh-%d", p.serial)
		p.grants[g.current] = g
	}
	life := p.lifetime
	if life == 0 {
		life = time.Hour
	}
	return &oauth2.Token{
		AccessToken: fmt.Sprintf("CANARY-access-%d", p.serial), TokenType: "Bearer",
		RefreshToken: g.current, Expiry: time.Now().Add(life),
	}
}

func (p *idp) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	return p.RefreshWithClaims(ctx, old, "")
}

func (p *idp) RefreshWithClaims(ctx context.Context, old *oauth2.Token, claims string) (*oauth2.Token, error) {
	if p.delay > 0 {
		select {
		case <-time.After(p.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	tok, err := p.exchange(old, len(p.requests)+1)
	at := time.Now()
	if p.clock != nil {
		at = p.clock()
	}
	p.requests = append(p.requests, request{at: at, who: ctx.Value(whoKey{}), refr: old.RefreshToken, claims: claims, err: err})
	return tok, err
}

func (p *idp) exchange(old *oauth2.Token, n int) (*oauth2.Token, error) {
	if p.answer != nil {
		if err := p.answer(n); err != nil {
			return nil, err
		}
	}
	g := p.grants[old.RefreshToken]
	switch {
	case g == nil || g.dead:
		return nil, errInvalidGrant
	case g.current != old.RefreshToken && !p.lenient:
		g.dead = true
		return nil, errInvalidGrant
	}
	tok := p.issue(g)
	if p.late != nil {
		if err := p.late(n); err != nil {
			return nil, err
		}
	}
	return tok, nil
}

func (p *idp) revoke(refresh string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[refresh].dead = true
}

func (p *idp) revokeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.grants {
		g.dead = true
	}
}

func (p *idp) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func (p *idp) countErrors(target error) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if errors.Is(r.err, target) {
			n++
		}
	}
	return n
}
