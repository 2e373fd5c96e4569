package azureoauth

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// AppSource is a token source for the application itself, without a person (client credentials, RFC 6749 section 4.4). Exchange
// wants the application permission full_access_as_app with admin consent, and each request to impersonate a mailbox. It
// keeps the token in memory, since there is no refresh token to lose, and is safe for concurrent use.
type AppSource struct {
	c    *Config
	held atomic.Pointer[heldToken]
}

type heldToken struct {
	token    *oauth2.Token
	stale    time.Time // from here on it is renewed, while it still serves
	dead     time.Time // from here on it no longer serves
	rejected bool
	claims   string
}

const (
	earlyRefresh = 5 * time.Minute
	expiryMargin = 30 * time.Second // a token must outlive the request it is used for
)

// AppSource returns a source of application tokens. Scopes may be written as "full_access_as_app", ".default" or with the
// resource; what is sent is "<resource>/.default".
func (c *Config) AppSource() *AppSource { return &AppSource{c: c} }

// Format prints the type alone: fmt shows unexported fields, the token among them, without asking them.
func (s *AppSource) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "azureoauth.AppSource") }

// Token returns a token that is valid for at least 30 seconds: from memory without allocation while it is fresh, and by one
// request for all callers otherwise. During the last five minutes one caller renews it, and the others (and that one, when
// the server fails) get the old one. Errors: as of Config.Refresh.
func (s *AppSource) Token(ctx context.Context) (*oauth2.Token, error) {
	h := s.held.Load()
	now := time.Now()
	if h != nil && !h.rejected && now.Before(h.stale) {
		return h.token, nil
	}
	usable := h != nil && !h.rejected && now.Before(h.dead)
	if usable {
		// One caller goes and renews; the mark moves ahead, so that the others do not queue, and a failing server is asked
		// again after half a minute and not by each call.
		next := *h
		next.stale = now.Add(30 * time.Second)
		if !s.held.CompareAndSwap(h, &next) {
			return s.Token(ctx) // somebody renews, or rejected it: look again
		}
	}
	claims := ""
	if h != nil && h.rejected {
		claims = h.claims
	}
	var seen *oauth2.Token
	if h != nil {
		seen = h.token
	}
	t, err := s.fetch(ctx, seen, claims)
	if err != nil && usable {
		s.c.logger().WarnContext(ctx, "application token not renewed, the old one serves", "error", err)
		return h.token, nil
	}
	return t, err
}

// hold keeps a new token.
func (s *AppSource) hold(t *oauth2.Token) {
	life := time.Until(t.Expiry)
	early := min(earlyRefresh, life/4)
	if in, ok := t.Extra("refresh_in").(int64); ok {
		early = max(early, life-time.Duration(in)*time.Second)
	}
	s.held.Store(&heldToken{token: t, stale: t.Expiry.Add(-early), dead: t.Expiry.Add(-min(expiryMargin, life/10))})
}

// Reject reports that a resource refused the token, with the claims challenge it sent or "": the next Token asks for a new
// one. A token that is no longer the current one is ignored.
func (s *AppSource) Reject(_ context.Context, bad *oauth2.Token, claims string) {
	h := s.held.Load()
	if h == nil || bad == nil || h.token.AccessToken != bad.AccessToken {
		return
	}
	next := *h
	next.rejected, next.claims = true, claims
	s.held.CompareAndSwap(h, &next)
}

// fetch makes one request for all callers. seen is the token that the caller found wanting: who comes late, after another one
// was fetched, gets that.
func (s *AppSource) fetch(ctx context.Context, seen *oauth2.Token, challenge string) (*oauth2.Token, error) {
	const op = "client credentials"
	c := s.c
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Public {
		return nil, configProblem("ClientSecret", "a public client has no tokens of its own", "register a confidential client with a secret or certificate")
	}
	claims, err := c.claims(challenge)
	if err != nil {
		return nil, err
	}
	scopes := c.appScopes()
	c.tellScopes(scopes)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}}
	if form.Get("scope") == "" {
		form.Del("scope")
	}
	if claims != "" {
		form.Set("claims", claims)
	}
	if c.kind() == kindADFS && !c.LiteralScopes {
		form.Set("resource", c.adfsResource())
	}
	key := keyOf(op, c.ClientID, string(c.ClientSecret), c.tokenURL(), form.Get("scope"), claims)
	t, err := c.shared().do(ctx, key, func(ctx context.Context) (*oauth2.Token, error) {
		if h := s.held.Load(); h != nil && !h.rejected && h.token != seen && time.Now().Before(h.dead) {
			return h.token, nil
		}
		t, err := c.requestToken(ctx, op, form, false)
		if err != nil {
			return nil, err
		}
		t.RefreshToken = "" // RFC 6749 section 4.4.3: none should come, and none is needed
		s.hold(t)           // before the flight ends: the next caller finds it
		return t, nil
	})
	if err != nil {
		return nil, err
	}
	// Another source of this Config may have made the request.
	if h := s.held.Load(); h == nil || h.token == seen {
		s.hold(t)
	}
	return t, nil
}
