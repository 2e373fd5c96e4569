// Package azcredential joins this library with the Azure SDK: any azcore.TokenCredential (azidentity's managed identity,
// workload identity, environment, certificates, chains) serves as a token source for Exchange, and the other way round a token
// source of ours serves an Azure client.
//
//	cred, err := azidentity.NewDefaultAzureCredential(nil)
//	src := azcredential.New(cred, nil) // Token(ctx), Reject(...): what package ews takes
//
// It is a package of its own because azcore brings its modules along: programs that do not import it do not link them.
// Credentials without a person need impersonation in EWS.
package azcredential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/oauth2"
)

// DefaultScope is what New asks for: all application permissions granted on Exchange Online.
const DefaultScope = "https://outlook.office365.com/.default"

// Options shape a Source. nil is the zero value.
type Options struct {
	Scopes    []string // nil: DefaultScope
	TenantID  string   // for multi-tenant applications; "" is the credential's own
	EnableCAE bool     // declare that claims challenges are answered: tokens live longer and are revoked early
}

// Source is a token source made of a credential. It keeps the token until RefreshOn, or five minutes before it expires, and asks
// the credential once for all callers. Safe for concurrent use.
type Source struct {
	cred azcore.TokenCredential
	o    Options
	lock chan struct{} // held while the credential is asked; a channel, so that waiters can leave

	// under lock
	token  *oauth2.Token
	renew  time.Time
	claims string
	err    error     // of the last request, while there is no token
	failed time.Time // when it came
}

// New makes a Source.
func New(cred azcore.TokenCredential, o *Options) *Source {
	s := &Source{cred: cred, lock: make(chan struct{}, 1)}
	if o != nil {
		s.o = *o
	}
	if len(s.o.Scopes) == 0 {
		s.o.Scopes = []string{DefaultScope}
	}
	return s
}

const earlyRenewal = 5 * time.Minute

// Token returns a token. Errors are the credential's; a token that is still valid is served when renewing it fails.
func (s *Source) Token(ctx context.Context) (*oauth2.Token, error) {
	asked := time.Now()
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	if s.err != nil && asked.Before(s.failed) {
		return nil, s.err // it came while this caller waited: a hundred waiters make no hundred requests
	}
	now := time.Now()
	if s.token != nil && now.Before(s.renew) {
		return s.token, nil
	}
	t, renew, err := s.get(ctx, s.claims)
	if err != nil {
		if s.token != nil && now.Before(s.token.Expiry.Add(-time.Minute)) {
			s.renew = now.Add(30 * time.Second)
			return s.token, nil
		}
		if ctx.Err() == nil { // who left himself says nothing about the credential
			s.err, s.failed = err, time.Now()
		}
		return nil, err
	}
	s.token, s.renew, s.claims, s.err = t, renew, "", nil
	return t, nil
}

// Reject drops a token that a resource refused, and answers the claims challenge it sent, if any, with the next Token.
func (s *Source) Reject(ctx context.Context, bad *oauth2.Token, claims string) {
	if bad == nil || s.acquire(ctx) != nil {
		return
	}
	defer s.release()
	if s.token != nil && s.token.AccessToken == bad.AccessToken {
		s.token, s.claims = nil, claims
	}
}

// Refresh gets a token past this Source's memory, so that a Source serves where a refresher is wanted. old is ignored: the
// credential keeps what it needs.
func (s *Source) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	return s.RefreshWithClaims(ctx, old, "")
}

// RefreshWithClaims is Refresh with the answer to a claims challenge.
func (s *Source) RefreshWithClaims(ctx context.Context, _ *oauth2.Token, claims string) (*oauth2.Token, error) {
	t, _, err := s.get(ctx, claims)
	return t, err
}

func (s *Source) get(ctx context.Context, claims string) (*oauth2.Token, time.Time, error) {
	at, err := s.cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: s.o.Scopes, TenantID: s.o.TenantID, EnableCAE: s.o.EnableCAE || claims != "", Claims: claims})
	if err != nil {
		return nil, time.Time{}, &Error{Err: err}
	}
	if at.Token == "" || at.ExpiresOn.IsZero() {
		return nil, time.Time{}, errors.New("azcredential: the credential returned an empty token or one without expiry")
	}
	t := &oauth2.Token{AccessToken: at.Token, TokenType: "Bearer", Expiry: at.ExpiresOn.Round(0)}
	renew := at.ExpiresOn.Add(-earlyRenewal)
	if !at.RefreshOn.IsZero() && at.RefreshOn.Before(at.ExpiresOn) {
		renew = at.RefreshOn
	}
	return t, renew, nil
}

func (s *Source) acquire(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Source) release() { <-s.lock }

// Format prints the type alone, and not the token.
func (s *Source) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "azcredential.Source") }

// Error is a credential's failure. The Azure SDK's own text repeats the server's whole answer; Error() does not: unwrap it (to
// *azidentity.AuthenticationFailedError, say) for that.
type Error struct{ Err error }

// Error names the kind of failure.
func (e *Error) Error() string {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(e.Err, end) {
			return "azcredential: no token: " + end.Error()
		}
	}
	return fmt.Sprintf("azcredential: the credential gave no token (%T)", e.Err)
}

// GoString is Error: the cause prints the server's answer.
func (e *Error) GoString() string { return e.Error() }

// Unwrap returns the credential's error.
func (e *Error) Unwrap() error { return e.Err }

// TokenSource is what this library's sources are: azureoauth's AppSource, tokenstore's Source.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// Credential makes an azcore.TokenCredential of a token source, for Azure clients. Scopes and tenant asked for are the source's
// business: it returns the tokens it has. Claims go to its Reject method, if it has one, before a new token is asked for.
func Credential(src TokenSource) azcore.TokenCredential { return credential{src} }

type credential struct{ src TokenSource }

func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c.src.Token(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	if r, ok := c.src.(interface {
		Reject(context.Context, *oauth2.Token, string)
	}); ok && o.Claims != "" {
		r.Reject(ctx, t, o.Claims)
		if t, err = c.src.Token(ctx); err != nil {
			return azcore.AccessToken{}, err
		}
	}
	return azcore.AccessToken{Token: t.AccessToken, ExpiresOn: t.Expiry, RefreshOn: t.Expiry.Add(-earlyRenewal)}, nil
}

// Format prints the type alone.
func (c credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "azcredential.Credential") }
