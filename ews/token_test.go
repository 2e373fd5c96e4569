package ews_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// source is a TokenSource without Reject.
type source func() (*oauth2.Token, error)

func (f source) Token(context.Context) (*oauth2.Token, error) { return f() }

type tokenError struct{ signIn, temporary bool }

func (e *tokenError) Error() string { return "token endpoint says no" }

func (e *tokenError) NeedsSignIn() bool { return e.signIn }

func (e *tokenError) Temporary() bool { return e.temporary }

func (e *tokenError) RetryDelay() time.Duration { return 0 }

func (e *tokenError) Advice() string { return "renew the client secret" }

// TestTokenSource: what the token source says is not lost, and no useless token is sent.
func TestTokenSource(t *testing.T) {
	tests := []struct {
		name string
		tok  *oauth2.Token
		err  error
		says string
	}{
		{"sign in", nil, &tokenError{signIn: true}, "somebody must sign in again"},
		{"admin", nil, &tokenError{}, "token endpoint says no"},
		{"nil", nil, nil, "returned no token"},
		{"empty", &oauth2.Token{}, nil, "returned no token"},
		{"expired", &oauth2.Token{AccessToken: "x", Expiry: time.Unix(1e9, 0)}, nil, "expired at 2001-09-09T01:46:40Z"},
		{"pop", &oauth2.Token{AccessToken: "x", TokenType: "pop"}, nil, `type "pop"`},
		{"line end", &oauth2.Token{AccessToken: "x\r\nHost: evil"}, nil, "line ends"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt := &script{answers: []answer{fine}}
			c := newClient(t, rt, func(c *ews.Config) { c.Token = source(func() (*oauth2.Token, error) { return tc.tok, tc.err }) })
			err := c.Own().DoCall(t.Context(), getItem(nil))
			if !errors.Is(err, ews.ErrUnauthorized) || !strings.Contains(err.Error(), tc.says) || rt.count() != 0 {
				t.Errorf("%v, %d requests", err, rt.count())
			}
			if tc.err != nil {
				var te *tokenError
				if !errors.As(err, &te) || asError(t, err).NeedsSignIn() != te.signIn || asError(t, err).Advice() != te.Advice() {
					t.Errorf("%+v", err)
				}
			}
		})
	}
	t.Run("passing trouble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			rt := &script{answers: []answer{fine}}
			c := newClient(t, rt, func(c *ews.Config) {
				c.Token = source(func() (*oauth2.Token, error) {
					if n++; n < 3 {
						return nil, &tokenError{temporary: true}
					}
					return &oauth2.Token{AccessToken: "good"}, nil
				})
			})
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil || rt.count() != 1 {
				t.Errorf("%v, %d requests", err, rt.count())
			}
		})
	})
}

// TestRefusedToken: a 401 costs one Reject and one replay where a fresh token can help, and none where it cannot.
func TestRefusedToken(t *testing.T) {
	diag := func(id int) answer {
		return reply(401, "", "x-ms-diagnostics", fmt.Sprintf(`%d;reason="why";error_category="what"`, id))
	}
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1702682181"}}}`
	challenge := reply(401, "", "WWW-Authenticate", `Basic realm="", Bearer realm="", authorization_uri="https://login.test/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAyNjgyMTgxIn19fQ=="`)
	tests := []struct {
		name     string
		answers  []answer
		requests int
		rejected []string
		claims   []string
		kind     error
		says     string
	}{
		{"bare, then fine", []answer{reply(401, ""), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"bare twice", []answer{reply(401, "")}, 2, []string{"token-1"}, []string{""}, ews.ErrUnauthorized, "2 attempts"},
		{"invalid", []answer{diag(2000001), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"expired", []answer{diag(2000002), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"signature", []answer{diag(2000000)}, 1, nil, nil, ews.ErrUnauthorized, "signature"},
		{"audience", []answer{diag(2000003)}, 1, nil, nil, ews.ErrUnauthorized, "https://outlook.office365.com/EWS.AccessAsUser.All"},
		{"tenant", []answer{diag(2000004)}, 1, nil, nil, ews.ErrUnauthorized, "another tenant"},
		{"user", []answer{diag(2000005)}, 1, nil, nil, ews.ErrUnauthorized, "Impersonate"},
		{"client", []answer{diag(2000006)}, 1, nil, nil, ews.ErrUnauthorized, "app registration"},
		{"internal", []answer{diag(2000007), fine}, 2, nil, nil, nil, ""},
		{"permission", []answer{diag(2000008)}, 1, nil, nil, ews.ErrDenied, "admin consent"},
		{"restrictions", []answer{diag(2000020)}, 1, nil, nil, ews.ErrUnauthorized, "restrictions"},
		{"not enabled", []answer{diag(4000000)}, 1, nil, nil, ews.ErrUnauthorized, "OAuth2ClientProfileEnabled"},
		{"unheard of", []answer{diag(2000099), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"claims", []answer{challenge, fine}, 2, []string{"token-1"}, []string{claims}, nil, ""},
		{"claims for ever", []answer{challenge}, 2, []string{"token-1"}, []string{claims}, ews.ErrUnauthorized, "Conditional Access"},
		{"claims illegible", []answer{reply(401, "", "WWW-Authenticate", `Bearer error="insufficient_claims", claims="!"`)}, 1, nil, nil, ews.ErrUnauthorized, "illegibly"},
		{"fresh token, then 503", []answer{reply(401, ""), reply(503, "", "Retry-After", "1"), fine}, 3, []string{"token-1"}, []string{""}, nil, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			src := &tokens{}
			rt, _, err := bubble(t, getItem(nil), func(c *ews.Config) { c.Token = src }, tc.answers...)
			if !errors.Is(err, tc.kind) || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %v %q", err, tc.kind, tc.says)
			}
			if rt.count() != tc.requests {
				t.Errorf("%d requests, want %d", rt.count(), tc.requests)
			}
			if d := cmp.Diff([][]string{tc.rejected, tc.claims}, [][]string{src.rejected, src.claims}); d != "" {
				t.Errorf("rejected:\n%s", d)
			}
			if n := len(rt.reqs); n > 1 && tc.rejected != nil {
				if got := rt.reqs[n-1].Header.Get("Authorization"); got != "Bearer token-2" {
					t.Errorf("replayed with %q", got)
				}
			}
			if err != nil && asError(t, err).NeedsSignIn() {
				t.Error("a refused access token is no reason to sign in again")
			}
		})
	}
	t.Run("nothing fresher", func(t *testing.T) {
		rt, _, err := bubble(t, getItem(nil), func(c *ews.Config) {
			c.Token = ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "only"}))
		}, diagOnly(2000002))
		if e := asError(t, err); rt.count() != 1 || e.Diagnostics == nil || e.Diagnostics.ID != 2000002 {
			t.Errorf("%v, %d requests", err, rt.count())
		}
	})
}

func diagOnly(id int) answer {
	return reply(401, "", "x-ms-diagnostics", fmt.Sprintf(`%d;reason="why"`, id))
}
