package ews_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// errorFact is an answer that is told of Exchange, how ewstest is told to give it, and what comes of it.
type errorFact struct {
	fact     string // the beginning of its line among the facts
	do       ewstest.Effect
	options  *ewstest.Options // instead of do
	times    int              // 0: every request
	kind     error            // nil: no error
	says     string
	requests int // at most 2, or 3 where the one of the two items that spoils the request is looked for
	wait     time.Duration
}

// errorFacts are in the order of the facts.
var errorFacts = []errorFact{
	{fact: "HTTP status without a SOAP body", do: ewstest.HTML(404, "<html><title>Not Found</title></html>"), kind: ews.ErrEndpoint, says: "no EWS service at this URL", requests: 1},
	{fact: "HTTP 500 **with** a SOAP fault", do: ewstest.SoapFault("ErrorInvalidRequest", "The request is invalid."), kind: ews.ErrInvalidRequest, says: "ErrorInvalidRequest: The request is invalid", requests: 3},
	{fact: "HTTP 500 **with** a SOAP fault", do: ewstest.SchemaFault("The 'X' element is bad.", 3, 17, false), kind: ews.ErrInvalidRequest, says: "The 'X' element is bad", requests: 3},
	{fact: "HTTP 500 **with** a SOAP fault", do: ewstest.SchemaFault("The 'X' element is bad.", 3, 17, true), kind: ews.ErrInvalidRequest, says: "The 'X' element is bad", requests: 3},
	{fact: "HTTP 200 **with** a SOAP fault", do: ewstest.OKFault("ErrorAccessDenied", ""), kind: ews.ErrDenied, says: "ErrorAccessDenied", requests: 1},
	{fact: "HTTP 200, `ResponseClass=\"Error\"` in one of several", do: ewstest.ResponseError("ErrorItemNotFound", ""), kind: ews.ErrNotFound, says: "2 of 2 items failed", requests: 1},
	{fact: "HTTP 200, `ResponseClass=\"Warning\"`", do: ewstest.BatchStopped(1), times: 1, requests: 2},
	{fact: "HTTP 200, `ResponseClass=\"Warning\"`", do: ewstest.BatchStopped(0), kind: ews.ErrNotAttempted, says: "ErrorBatchProcessingStopped", requests: 2},
	{fact: "HTTP 200, `ErrorInternalServerError` whose MessageXml", do: ewstest.BusyInner(3 * time.Second), times: 1, requests: 2, wait: 3 * time.Second},
	{fact: "Operations without ResponseMessages", do: ewstest.ResponseError("ErrorAccessDenied", ""), kind: ews.ErrDenied, says: "ErrorAccessDenied", requests: 1},

	{fact: "HTTP 503", do: ewstest.Busy503("37"), times: 1, requests: 2, wait: 37 * time.Second},
	{fact: "HTTP 503", do: ewstest.Busy503(""), kind: ews.ErrUnavailable, says: "its queue is full", requests: 2, wait: time.Second},
	{fact: "HTTP 500 + fault ErrorServerBusy", do: ewstest.BusyFault(297749 * time.Millisecond), times: 1, requests: 2, wait: 297 * time.Second},
	{fact: "HTTP 500 + fault ErrorServerBusy", do: ewstest.BusyFault(-1), kind: ews.ErrThrottled, says: "ErrorServerBusy", requests: 2, wait: time.Second},
	{fact: "HTTP 200 + response message ErrorServerBusy", do: ewstest.BusyMessage(5 * time.Second), times: 1, requests: 2, wait: 5 * time.Second},
	{fact: "HTTP 200 + ErrorInternalServerError with inner ErrorServerBusy", do: ewstest.BusyInner(-1), kind: ews.ErrThrottled, says: "ErrorInternalServerError/ErrorServerBusy", requests: 2, wait: time.Second},
	{fact: "HTTP 500 + fault ErrorExceededConnectionCount", do: ewstest.ConnectionCount(), times: 1, requests: 2, wait: time.Second},
	{fact: "ErrorServerBusy vs partial FindItem", options: &ewstest.Options{PageLimit: 1}}, // TestListing
	{fact: "Message submission above 30 a minute", do: ewstest.SoapFault("ErrorExceededMessageLimit", ""), kind: ews.ErrThrottled, says: "ErrorExceededMessageLimit", requests: 1},
	{fact: "HTTP 401", do: ewstest.Unauthorized(nil), kind: ews.ErrUnauthorized, says: "refuses the access token", requests: 2},
	{fact: "HTTP 302 to genericerrorpage.htm", do: ewstest.ErrorPage(), kind: ews.ErrUnavailable, says: "overloaded", requests: 2},
	{fact: "HTTP 302 to genericerrorpage.htm", do: ewstest.CrashedApplication(), kind: ews.ErrUnavailable, says: "the EWS application on the server crashed", requests: 2},
	{fact: "HTTP 302 to genericerrorpage.htm", do: ewstest.Redirect("/internalsite/?error=1"), kind: ews.ErrEndpoint, says: "TMG, UAG", requests: 1},
	{fact: "HTTP 429", do: ewstest.Raw(429, http.Header{"Retry-After": {"9"}}, nil), times: 1, requests: 2, wait: 9 * time.Second},
	{fact: "A batch", do: ewstest.BatchStopped(1), times: 1, requests: 2},

	{fact: "401 in the middle of an NTLM handshake", do: ewstest.NTLMChallenge(), kind: ews.ErrUnauthorized, requests: 2},
	{fact: "401 with several `WWW-Authenticate`", do: ewstest.Raw(401, http.Header{"Www-Authenticate": {`Negotiate, NTLM, Basic realm="", Digest realm="x", Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="`}}, nil),
		kind: ews.ErrUnauthorized, says: "further claims (Conditional Access)", requests: 2},
	{fact: "401 from outlook.office365.com without `Bearer`", do: ewstest.Raw(401, http.Header{"Www-Authenticate": {`Basic realm=""`}}, nil), kind: ews.ErrUnauthorized, requests: 2},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(ewstest.ErrTokenExpired), kind: ews.ErrUnauthorized, says: "has expired", requests: 2},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(ewstest.ErrTokenInvalid), kind: ews.ErrUnauthorized, says: "finds the access token invalid", requests: 2},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(ewstest.ErrInvalidAudience), kind: ews.ErrUnauthorized, says: "most likely Microsoft Graph", requests: 1},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(ewstest.ErrInvalidUser), kind: ews.ErrUnauthorized, says: "user is unknown", requests: 1},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(ewstest.ErrInsufficient), kind: ews.ErrDenied, says: "EWS.AccessAsUser.All", requests: 1},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(&ewstest.AuthError{ID: 2000000, Category: "invalid_signature"}), kind: ews.ErrUnauthorized, says: "signature", requests: 1},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(&ewstest.AuthError{ID: 2000004, Category: "invalid_tenant"}), kind: ews.ErrUnauthorized, says: "another tenant", requests: 1},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(&ewstest.AuthError{ID: 2000006, Category: "invalid_client"}), kind: ews.ErrUnauthorized, says: "application is not accepted", requests: 1},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(&ewstest.AuthError{ID: 2000007, Category: "internal_error"}), kind: ews.ErrUnavailable, says: "could not check", requests: 2},
	{fact: "401 + `x-ms-diagnostics:", do: ewstest.Unauthorized(&ewstest.AuthError{ID: 3000000, Category: "new_thing", Reason: "New."}), kind: ews.ErrUnauthorized, says: "3000000 new_thing: New", requests: 2},
	{fact: "401 body/HTML containing", do: ewstest.LockedAccount(), kind: ews.ErrDenied, says: "the account is locked out", requests: 1},
	{fact: "HTTP 500/999 + header `X-CasErrorCode", do: ewstest.CASError("Unknown mailbox."), kind: ews.ErrInvalidRequest, says: "CAS error: Unknown mailbox", requests: 1},
	{fact: `fault "ExchangeImpersonation SOAP header must be present`, do: ewstest.SoapFault("ErrorInvalidExchangeImpersonationHeaderData", "ExchangeImpersonation SOAP header must be present for this type of OAuth token."),
		kind: ews.ErrDenied, says: "Impersonate", requests: 1},
	{fact: `fault "ExchangeImpersonation SOAP header must not exist`, do: ewstest.SoapFault("ErrorInvalidExchangeImpersonationHeaderData", "ExchangeImpersonation SOAP header must not exist for this type of OAuth token."),
		kind: ews.ErrDenied, says: "Shared", requests: 1},
	{fact: "ErrorImpersonateUserDenied", do: ewstest.SoapFault("ErrorImpersonateUserDenied", ""), kind: ews.ErrDenied, says: "full_access_as_app", requests: 1},
	{fact: "ErrorItemNotFound / ErrorFolderNotFound on somebody else", do: ewstest.ResponseError("ErrorFolderNotFound", ""), kind: ews.ErrNotFound, says: "this account may not see it", requests: 1},
	{fact: "Autodiscover 401 from one URL"}, // package autodiscover
	{fact: "Response headers worth logging", do: ewstest.SoapFault("ErrorAccessDenied", ""), kind: ews.ErrDenied, says: "request-id ", requests: 1},

	{fact: "`Set-OrganizationConfig -EwsEnabled $false`", do: ewstest.Blocked(), kind: ews.ErrEWSBlocked, says: "an Exchange administrator must allow it", requests: 1},
	{fact: "`EwsEnabled` Null after 1 Oct 2026", do: ewstest.Blocked(), kind: ews.ErrEWSBlocked, requests: 1},
	{fact: "App not in `EWSAllowedAppIDs`", do: ewstest.Blocked(), kind: ews.ErrEWSBlocked, requests: 1},
	{fact: "Scream test", do: ewstest.Blocked(), kind: ews.ErrEWSBlocked, requests: 1},
	{fact: "Mailbox licence without EWS", do: ewstest.Blocked(), kind: ews.ErrEWSBlocked, requests: 1},
	{fact: "EwsApplicationAccessPolicy", do: ewstest.Raw(403, nil, nil), kind: ews.ErrEWSBlocked, requests: 1},
	{fact: "Exact body / headers of those 403s", do: ewstest.HTML(403, "<html><title>403</title></html>"), kind: ews.ErrEWSBlocked, says: "keep the stored credentials", requests: 1},
}

// TestErrorFacts: whatever is known of Exchange's answers when something is wrong can be scripted in ewstest with a function made for it, and
// comes out as the error that says what to do, after as many requests and as long a wait as help.
func TestErrorFacts(t *testing.T) {
	for _, tt := range errorFacts {
		if tt.requests == 0 {
			continue
		}
		t.Run(tt.fact+" "+tt.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := ewstest.New(tt.options)
				defer srv.Close()
				box := srv.AddMailbox(support)
				ids := []ews.ItemID{deliver(t, box, "Subject: a\n\n", nil), deliver(t, box, "Subject: b\n\n", nil)}
				transport := srv.Transport()
				defer transport.CloseIdleConnections()
				c, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, HTTPClient: &http.Client{Transport: transport},
					Token: &freshTokens{}, Retry: &ews.RetryPolicy{MaxAttempts: 2}})
				if err != nil {
					t.Fatal(err)
				}
				times := tt.times
				if times == 0 {
					times = -1
				}
				srv.Fault(ewstest.Fault{Times: times, Do: tt.do})
				began := time.Now()
				m := c.Own()
				err = m.SetRead(t.Context(), true, ids...)
				switch {
				case strings.Contains(tt.fact, "without ResponseMessages"):
					srv.ResetRequests()
					_, _, err = m.InboxRules(t.Context())
				case tt.fact == "ErrorItemNotFound / ErrorFolderNotFound on somebody else":
					srv.ResetRequests()
					_, err = m.Folder(t.Context(), ews.Inbox)
				}
				if tt.kind == nil && err != nil || tt.kind != nil && !errors.Is(err, tt.kind) {
					t.Fatalf("%v, want %v", err, tt.kind)
				}
				if err != nil && (!strings.Contains(err.Error(), tt.says) || strings.ContainsAny(err.Error(), "\r\n")) {
					t.Errorf("%v\nlacks %q", err, tt.says)
				}
				if e := everyError(err); strings.Contains(tt.says, "'X'") && (len(e) == 0 || e[0].Line != 3 || e[0].Column != 17) {
					t.Errorf("the place: %+v", e)
				}
				if n := srv.Count(""); n != tt.requests {
					t.Errorf("%d requests, want %d: %v", n, tt.requests, err)
				}
				if waited := time.Since(began); waited < tt.wait || tt.wait == 0 && waited > 3*time.Second {
					t.Errorf("waited %v, want %v", waited, tt.wait)
				}
			})
		})
	}
}

// TestErrorFactsAreComplete: each line of the facts has its row.
func TestErrorFactsAreComplete(t *testing.T) {
	facts := readFile(t, filepath.Join(shared(t, "facts"), "ews-errors.md"))
	lines := 0
	for line := range strings.Lines(facts) {
		cell, ok := strings.CutPrefix(line, "|")
		if !ok || strings.HasPrefix(cell, "---") || strings.HasPrefix(cell, "Place|") || strings.HasPrefix(cell, "What comes back|") || strings.HasPrefix(cell, "Case|") {
			continue
		}
		lines++
		found := false
		for _, f := range errorFacts {
			found = found || strings.HasPrefix(cell, f.fact)
		}
		if !found {
			t.Errorf("no row for %s", line)
		}
	}
	if lines < 35 {
		t.Errorf("only %d lines", lines)
	}
}

// freshTokens has another token after each refusal.
type freshTokens struct{ n int }

func (f *freshTokens) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: strings.Repeat("x", f.n+1)}, nil
}

func (f *freshTokens) Reject(context.Context, *oauth2.Token, string) { f.n++ }
