package azureoauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Sentinels name what somebody has to do; ask with errors.Is. They follow from the OAuth error code, its suberror and
// the HTTP status alone, as Microsoft demands ("apps that take a dependency on text or error code numbers will be
// broken over time"). Two refine another one with the help of the AADSTS number, and always match that one too:
// ErrAdminConsentRequired (ErrConsentRequired) and ErrCredentialExpired (ErrBadCredential).
var (
	ErrSignInRequired       = errors.New("azureoauth: somebody must sign in again")
	ErrConsentRequired      = errors.New("azureoauth: consent is missing")
	ErrAdminConsentRequired = errors.New("azureoauth: an administrator must consent")
	ErrBadCredential        = errors.New("azureoauth: the client secret or certificate is wrong or expired")
	ErrCredentialExpired    = errors.New("azureoauth: the client secret or certificate has expired")
	ErrConfiguration        = errors.New("azureoauth: the registration or its settings are wrong")
	ErrPolicy               = errors.New("azureoauth: a policy of the tenant forbids it")
	ErrAccessDenied         = errors.New("azureoauth: the sign-in was refused or cancelled")
	ErrTemporary            = errors.New("azureoauth: try again later")
	ErrResponse             = errors.New("azureoauth: the server's answer is not a proper OAuth answer")
	ErrAccountMismatch      = errors.New("azureoauth: another account signed in than was expected")
	ErrNoRefreshToken       = errors.New("azureoauth: no refresh token was issued")
	ErrScopeNotGranted      = errors.New("azureoauth: a requested permission was not granted")
	ErrNoPendingSignIn      = errors.New("azureoauth: no such sign-in is pending in this browser")
	ErrWrongState           = errors.New("azureoauth: the state does not belong to this sign-in")
	ErrWrongIssuer          = errors.New("azureoauth: the response comes from another issuer")
	ErrDeviceCodeExpired    = errors.New("azureoauth: the device code expired before anybody signed in")
)

// Error is a refusal by the authorization server, an answer that is none, or a failure to reach it. Ask errors.Is with
// the sentinels, or its methods; show Advice to an admin. Error() is one line of facts that can be logged: it holds no
// token, code or secret, nor anything else of the server's text (see Description).
type Error struct {
	Op            string        // what was done: "refresh", "code exchange", "client credentials", "device code", "sign-in"...
	Code          string        // OAuth error code, RFC 6749 section 5.2; "" when there was none
	SubError      string        // Entra's suberror
	AADSTS        string        // first number of Entra or AD FS, as in "AADSTS7000222" or "MSIS9605"
	Claims        string        // JSON of a claims challenge to be answered by RefreshWithClaims or SignInOptions.Claims
	CorrelationID string        // for Microsoft's support
	TraceID       string        // for Microsoft's support
	Host          string        // the server that was asked
	StatusCode    int           // HTTP status, 0 without an answer
	RetryAfter    time.Duration // what the server asked for, capped at one hour; 0: it did not say
	Err           error         // the cause, when it was not the server's refusal

	description string
	kind        error // the sentinel
	reason      string
	advice      string // instead of the class's, where that would mislead
}

// Error is one line: what failed, why, who said so.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("azureoauth: ")
	b.WriteString(e.Op)
	b.WriteString(": ")
	if e.Code != "" {
		b.WriteString(e.Code)
		if e.SubError != "" {
			b.WriteString("/" + e.SubError)
		}
		if e.AADSTS != "" {
			b.WriteString(" " + e.AADSTS)
		}
		if cause := e.Explain().Cause; cause != "" {
			b.WriteString(": " + cause)
		}
	} else {
		b.WriteString(e.reason)
	}
	var facts []string
	if e.Host != "" {
		facts = append(facts, e.Host)
	}
	if e.StatusCode != 0 {
		facts = append(facts, fmt.Sprintf("status %d", e.StatusCode))
	}
	if e.RetryAfter > 0 {
		facts = append(facts, "retry after "+e.RetryAfter.String())
	}
	if e.CorrelationID != "" {
		facts = append(facts, "correlation id "+e.CorrelationID)
	}
	if e.TraceID != "" {
		facts = append(facts, "trace id "+e.TraceID)
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	return b.String()
}

// GoString keeps %#v to one line: the fields hold the server's text.
func (e *Error) GoString() string { return fmt.Sprintf("&azureoauth.Error{%q}", e.Error()) }

// LogValue gives slog the facts as attributes.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("msg", e.Error())}
	for _, a := range [][2]string{{"code", e.Code}, {"suberror", e.SubError}, {"aadsts", e.AADSTS}, {"correlation_id", e.CorrelationID}, {"trace_id", e.TraceID}} {
		if a[1] != "" {
			attrs = append(attrs, slog.String(a[0], a[1]))
		}
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON is the message alone, so that an Error in an API's answer tells no more than its text.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(e.Error()) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels of this package.
func (e *Error) Is(target error) bool {
	if target == e.kind {
		return true
	}
	switch target {
	case ErrAdminConsentRequired:
		return e.kind == ErrConsentRequired && e.Explain().Remedy == RemedyAdminConsent
	case ErrCredentialExpired:
		return e.kind == ErrBadCredential && e.AADSTS == "AADSTS7000222"
	case ErrSignInRequired:
		return e.NeedsSignIn()
	}
	return false
}

// NeedsSignIn tells that no retry and no setting revives the token: a person must sign in (or consent) again.
func (e *Error) NeedsSignIn() bool {
	return e.kind == ErrSignInRequired || e.kind == ErrConsentRequired
}

// RetryDelay is how long the server asked to wait, 0 when it did not say.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

// Temporary tells that the same request may work later.
func (e *Error) Temporary() bool { return e.kind == ErrTemporary }

// Description is the server's own text (error_description), stripped of control and direction characters and cut to 1000
// characters. It may name people and hosts and is not trusted: escape it before it is shown, never act on it. A secret or
// token of the request that a server echoes is removed.
func (e *Error) Description() string { return e.description }

// Advice is what an admin should do, in words of the portal's pages.
func (e *Error) Advice() string {
	x := e.Explain()
	if e.CorrelationID != "" {
		return x.Advice + " (correlation id " + e.CorrelationID + ")"
	}
	return x.Advice
}

// classify finds the sentinel by error code, suberror and status; the AADSTS number is not looked at.
func classify(code, suberror string, status int) error {
	switch code {
	case "invalid_grant", "interaction_required", "login_required", "bad_token", "interrupted_user", "expired_token", "bad_verification_code":
		switch suberror {
		case "consent_required":
			return ErrConsentRequired
		case "message_only", "protection_policy_required", "device_authentication_failed":
			return ErrPolicy // the person can only be told, not asked
		}
		if status == http.StatusTooManyRequests {
			return ErrTemporary
		}
		return ErrSignInRequired
	case "consent_required":
		return ErrConsentRequired
	case "invalid_client":
		return ErrBadCredential
	case "unauthorized_client", "invalid_scope", "invalid_resource", "invalid_target", "invalid_request", "unsupported_grant_type", "unsupported_response_type":
		return ErrConfiguration
	case "access_denied", "authorization_declined":
		return ErrAccessDenied
	case "temporarily_unavailable", "server_error":
		return ErrTemporary
	}
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return ErrTemporary
	case status == http.StatusUnauthorized && code != "":
		return ErrBadCredential
	case code != "":
		return ErrConfiguration
	}
	return ErrResponse
}

// serverError is the wire form of an error answer: RFC 6749 section 5.2 and Entra's additions.
type serverError struct {
	code, suberror, description, claims string
	numbers                             []int64
	correlationID, traceID              string
}

var (
	codePattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	numberPattern = regexp.MustCompile(`\b(AADSTS|MSIS)([0-9]{4,8})\b`)
)

func (s serverError) toError(op, host string, status int, retryAfter time.Duration, echoes []string) *Error {
	e := &Error{Op: op, Host: host, StatusCode: status, RetryAfter: retryAfter, Code: "unknown_error"}
	// Codes come from a closed vocabulary; anything else could be an echo of the request.
	if codePattern.MatchString(s.code) && !containsAny(s.code, echoes) {
		e.Code = s.code
	}
	if codePattern.MatchString(s.suberror) && !containsAny(s.suberror, echoes) {
		e.SubError = s.suberror
	}
	if isGUID(s.correlationID) {
		e.CorrelationID = s.correlationID
	}
	if isGUID(s.traceID) {
		e.TraceID = s.traceID
	}
	if len(s.numbers) > 0 && s.numbers[0] > 0 && s.numbers[0] < 1e8 {
		e.AADSTS = fmt.Sprintf("AADSTS%d", s.numbers[0])
	} else if m := numberPattern.FindString(s.description); m != "" {
		e.AADSTS = m
	}
	if len(s.claims) <= maxClaims && validClaims(s.claims) {
		e.Claims = s.claims
	}
	e.description = cleanText(s.description, echoes, 1000)
	e.kind = classify(e.Code, e.SubError, status)
	return e
}

// maxClaims bounds a claims challenge; real ones are below 500 bytes.
const maxClaims = 8 << 10

func validClaims(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, "{") && json.Valid([]byte(s))
}

func containsAny(s string, echoes []string) bool {
	for _, x := range echoes {
		if x != "" && strings.Contains(s, x) {
			return true
		}
	}
	return false
}

// cleanText makes a server's text fit for a log line or an (escaped) page.
func cleanText(s string, echoes []string, limit int) string {
	for _, x := range echoes {
		if len(x) >= 4 {
			s = strings.ReplaceAll(s, x, redacted)
		}
	}
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		if unprintable(r) {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return s
}

// responseError is an answer that breaks the protocol.
func responseError(op, host string, status int, reason string) *Error {
	e := &Error{Op: op, Host: host, StatusCode: status, reason: reason, kind: ErrResponse}
	if status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500 {
		e.kind = ErrTemporary
	}
	return e
}

// networkError is no answer at all. The text is made from the kind of failure: the library's own texts repeat URLs, among
// them a proxy's with its password.
func networkError(ctx context.Context, op, host string, err error) *Error {
	e := &Error{Op: op, Host: host, kind: ErrTemporary}
	var (
		dns     *net.DNSError
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		record  tls.RecordHeaderError
		timeout interface{ Timeout() bool }
	)
	switch {
	case ctx.Err() != nil:
		// The caller left, or its deadline passed: that is its own error, and says nothing about the server.
		e.Err, e.reason = context.Cause(ctx), "given up: "+ctx.Err().Error()
		if errors.Is(ctx.Err(), context.Canceled) {
			e.kind = context.Canceled
			e.advice = "Nothing: the request was given up before the server answered."
		}
		return e
	case errors.As(err, &dns):
		e.Err, e.reason = dns, "the host name is not known to DNS"
		if dns.IsTimeout {
			e.reason = "DNS did not answer in time"
		}
	case errors.As(err, &name):
		e.Err, e.reason, e.kind = name, "the server's certificate is for another host name", ErrConfiguration
		e.advice = "Check the host name in the URL, and that DNS leads to the right server and not to a proxy's own page."
	case errors.As(err, &unknown):
		e.Err, e.kind = unknown, ErrConfiguration
		e.reason = "the server's certificate is from an unknown authority (a proxy that inspects TLS? add its CA to HTTPClient)"
		e.advice = "If a proxy inspects TLS here, install its CA certificate on this machine, or exempt " + orServer(host) + " from the inspection."
	case errors.As(err, &verify):
		e.Err, e.reason, e.kind = verify, "the server's certificate is not valid", ErrConfiguration
		e.advice = "Check this machine's clock, and the certificate that " + orServer(host) + " presents: it has expired or is not yet valid."
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS client"): // net/http's text, no type
		e.reason, e.kind = "the server does not speak TLS on this port", ErrConfiguration
		e.advice = "Check the port in the URL: https is answered on 443 as a rule."
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Err, e.reason = syscall.ECONNREFUSED, "connection refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Err, e.reason = context.DeadlineExceeded, "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Err, e.reason = io.ErrUnexpectedEOF, "the connection broke before the answer was complete"
	case strings.Contains(err.Error(), "proxy"):
		e.reason = "the proxy could not be used: check HTTPS_PROXY and its user name and password"
		e.advice = "Check the proxy that this machine is set to use (HTTPS_PROXY, NO_PROXY), with its user name and password."
	default:
		e.Err, e.reason = hiddenError{err}, "the server could not be reached"
	}
	return e
}

// hiddenError keeps a cause for errors.Is and errors.As and keeps its text, which may hold URLs, to itself.
type hiddenError struct{ err error }

func (h hiddenError) Error() string    { return fmt.Sprintf("%T", h.err) }
func (h hiddenError) GoString() string { return h.Error() }
func (h hiddenError) Unwrap() error    { return h.err }

// asError is errors.As, named for a target that is an interface.
func asError(err error, target any) bool { return err != nil && errors.As(err, target) }
