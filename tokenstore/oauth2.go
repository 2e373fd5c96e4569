package tokenstore

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// OAuth2 returns the source as an x/oauth2 token source, for oauth2.NewClient and the like. Its Token has no context, so ctx bounds
// every call of it.
func (s *Source) OAuth2(ctx context.Context) oauth2.TokenSource { return boundSource{ctx, s} }

type boundSource struct {
	ctx context.Context //nolint:containedctx // the interface has no other place for it
	s   *Source
}

func (b boundSource) Token() (*oauth2.Token, error) { return b.s.Token(b.ctx) }

// FromTokenSource makes a Refresher of an x/oauth2 token source that needs no sign-in: client credentials, say. A [Source] over it
// starts without a record, and shares tokens between processes. Each call of Refresh calls ts.Token once, on a goroutine
// that ends when ts does; wrap no reusing source, it would give the same token again.
func FromTokenSource(ts oauth2.TokenSource) Refresher { return fromTokenSource{ts} }

type fromTokenSource struct{ ts oauth2.TokenSource }

func (f fromTokenSource) Refresh(ctx context.Context, _ *oauth2.Token) (*oauth2.Token, error) {
	type result struct {
		tok *oauth2.Token
		err error
	}
	got := make(chan result, 1)
	go func() {
		tok, err := f.ts.Token()
		got <- result{tok, err}
	}()
	select {
	case r := <-got:
		return r.tok, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// NeedsRefreshToken makes f work without a sign-in.
func (fromTokenSource) NeedsRefreshToken() bool { return false }

// standalone reports whether a refresher works without a refresh token. One says so by a method
// NeedsRefreshToken() bool that returns false.
func standalone(r Refresher) bool {
	q, ok := r.(interface{ NeedsRefreshToken() bool })
	return ok && !q.NeedsRefreshToken()
}

// FromConfig makes a Refresher of a plain x/oauth2 configuration. x/oauth2 follows redirects with the secrets and has no time
// limit of its own: put a careful HTTP client into the context, by oauth2.HTTPClient, or use package azureoauth.
func FromConfig(c *oauth2.Config) Refresher { return fromConfig{c} }

type fromConfig struct{ c *oauth2.Config }

func (f fromConfig) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	if old == nil || old.RefreshToken == "" {
		return nil, errors.New("tokenstore: there is no refresh token")
	}
	// Without the access token, so that it is not found valid and returned as it is.
	return f.c.TokenSource(ctx, &oauth2.Token{RefreshToken: old.RefreshToken, Expiry: time.Unix(1, 0)}).Token()
}
