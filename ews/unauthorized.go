package ews

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/challenge"
)

// unauthorized explains a 401: what replaying with a fresh token can cure, and what it cannot. EWS: x-ms-diagnostics.
func unauthorized(h http.Header, body []byte) *Error {
	e := &Error{kind: ErrUnauthorized, untouched: true, verdict: verdictToken, Diagnostics: diagnostics(h)}
	if bytes.Contains(body, []byte("account is currently locked out")) {
		e.verdict, e.kind = verdictFail, ErrDenied
		e.what, e.hint = "the account is locked out", "stop everything that signs in with it, then have it unlocked"
		return e
	}
	for _, c := range challenge.Parse(h.Values("WWW-Authenticate")) {
		if !strings.EqualFold(c.Scheme, "Bearer") || c.Params["error"] != "insufficient_claims" {
			continue
		}
		claims, err := challenge.Claims(c.Params["claims"])
		if err != nil {
			e.verdict = verdictFail
			e.what = "Exchange wants a token with further claims, but names them illegibly"
			return e
		}
		e.claims = claims
		e.what, e.hint = "Exchange wants a token with further claims (Conditional Access)", "sign in again"
		return e
	}
	e.what = "Exchange refuses the access token"
	d := e.Diagnostics
	if d == nil {
		e.hint = "check that the token is for this Exchange and the account may use EWS; keep the stored credentials"
		return e
	}
	switch d.ID {
	case 2000001:
		e.what, e.hint = "Exchange finds the access token invalid", "see whether it is complete and for this tenant"
	case 2000002:
		e.what, e.hint = "the access token has expired", "check this machine's clock and the token source"
	case 2000000:
		e.verdict, e.what = verdictFail, "the access token's signature is wrong"
		e.hint = "the token comes from another cloud or tenant, or was changed on the way: check the authority"
	case 2000003:
		e.verdict, e.what = verdictFail, "the access token is for another service, most likely Microsoft Graph"
		e.hint = hintAudience
	case 2000004:
		e.verdict, e.what = verdictFail, "the access token is of another tenant than the mailbox"
		e.hint = "check the tenant in the authorization and token URLs"
	case 2000005:
		e.verdict, e.what = verdictFail, "the access token's user is unknown to Exchange"
		e.hint = "the user needs a mailbox or rights here; app-only tokens need Impersonate"
	case 2000006:
		e.verdict, e.what = verdictFail, "the application is not accepted by Exchange"
		e.hint = "check the app registration's client id and that it is enabled in this tenant"
	case 2000007:
		e.verdict, e.kind = verdictRetry, ErrUnavailable
		e.what = "Exchange could not check the access token"
	case 2000008:
		e.verdict, e.kind = verdictFail, ErrDenied
		e.what = "the access token lacks the permission for EWS"
		e.hint = "grant EWS.AccessAsUser.All (delegated) or full_access_as_app (application) with admin consent, then sign in again"
	case 2000020:
		e.verdict, e.what = verdictFail, "the tenant's restrictions refuse this token"
		e.hint = "ask the administrator about tenant restrictions and Conditional Access"
	case 4000000:
		e.verdict, e.what = verdictFail, "OAuth is not enabled for this domain on the server"
		e.hint = "Set-OrganizationConfig -OAuth2ClientProfileEnabled $true on Exchange Server"
	default:
		e.hint = "the reason is Exchange's; a fresh token was tried"
	}
	return e
}

func diagnostics(h http.Header) *Diagnostics {
	id, reason, category, ok := challenge.Diagnostics(h.Get("x-ms-diagnostics"))
	if !ok {
		return nil
	}
	return &Diagnostics{ID: id, Reason: line(reason), Category: line(category)}
}
