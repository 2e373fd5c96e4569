package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// errSameToken: after a refusal the source handed out the refused token again.
var errSameToken = errors.New("same token again")

// fetchToken asks the source for the token of this request.
func (x *exchange) fetchToken(ctx context.Context) error {
	tok, err := x.usableToken(ctx)
	if err == errSameToken {
		return err
	}
	if err != nil {
		return x.fill(x.tokenless(ctx, err))
	}
	x.token = tok
	if e := x.m.misfit(tok); e != nil {
		return x.fill(e)
	}
	return nil
}

func (x *exchange) usableToken(ctx context.Context) (*oauth2.Token, error) {
	src := x.m.c.token
	tok, err := src.Token(ctx)
	if err != nil {
		return nil, err
	}
	if expired(tok) { // Exchange would only refuse it: ask once for another
		if r, ok := src.(rejecter); ok {
			r.Reject(ctx, tok, "")
			if tok, err = src.Token(ctx); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case tok == nil || tok.AccessToken == "":
		return nil, errors.New("the token source returned no token")
	case x.rejected != nil && tok.AccessToken == x.rejected.AccessToken:
		return nil, errSameToken
	case expired(tok):
		return nil, fmt.Errorf("the token source returned a token that expired at %s: check this machine's clock", tok.Expiry.UTC().Format(time.RFC3339))
	case !strings.EqualFold(tok.Type(), "Bearer"):
		return nil, fmt.Errorf("the token source returned a token of type %.20q: EWS takes Bearer", tok.Type())
	case !x.m.c.knows(tok.AccessToken) && strings.ContainsFunc(tok.AccessToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, errors.New("the token source returned a token with characters that no token has, such as line ends")
	}
	return tok, nil
}

func expired(tok *oauth2.Token) bool {
	return tok != nil && !tok.Expiry.IsZero() && !time.Now().Before(tok.Expiry)
}

// tokenless is the error of a request that could not be sent for want of a token. What the source says about waiting and
// signing in shows through it.
func (x *exchange) tokenless(ctx context.Context, err error) *Error {
	e := &Error{kind: ErrUnauthorized, untouched: true, cause: err, what: "no access token"}
	if ctx.Err() != nil {
		e.kind = nil
		return e
	}
	if e.NeedsSignIn() {
		e.hint = "somebody must sign in again"
	} else if e.Temporary() {
		e.verdict = verdictRetry
	}
	return e
}
