package ews

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/challenge"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// refusal explains an answer other than 200. A SOAP fault says it best, whatever the status; without one it is the
// status, the headers and the look of the page.
func (x *exchange) refusal(resp *http.Response) *Error {
	body, err := io.ReadAll(x.body)
	var limit *wire.LimitError
	if err != nil && !errors.As(err, &limit) && x.parent.Err() != nil {
		return x.unreachable(err) // the caller gave up
	}
	if e := faultIn(body); e != nil {
		return e
	}
	h := resp.Header
	wait := retryAfter(h.Get("Retry-After"), time.Now())
	page := pageTitle(body)
	if page == untitled {
		page = "" // every error of a web server comes as some page
	}
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		return redirected(h.Get("Location"), x.m.c.endpoint)
	case code == http.StatusUnauthorized:
		return unauthorized(h, body)
	case code == http.StatusForbidden:
		return blocked(h, page)
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusGone:
		e := &Error{kind: ErrEndpoint, untouched: true, what: "there is no EWS service at this URL" + page,
			hint: "check the path of Config.Endpoint, mostly /EWS/Exchange.asmx"}
		if x.env.Len() > 20<<20 {
			e.hint += "; IIS answers so, too, when a request (here " + size(x.env.Len()) + ") is larger than it accepts"
		}
		return e
	case code == http.StatusProxyAuthRequired:
		return &Error{kind: ErrEndpoint, untouched: true, what: "a proxy on the way wants a login of its own",
			hint: "set the proxy's credentials in Config.HTTPClient"}
	case code == http.StatusRequestTimeout:
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, what: "the server gave up waiting for the request" + page}
	case code == http.StatusRequestEntityTooLarge:
		return &Error{kind: ErrQuota, untouched: true, what: "the server or a proxy does not accept a request of " + size(x.env.Len()) + page,
			hint: "send less at once, or have the limit raised"}
	case code == http.StatusTooManyRequests:
		return &Error{kind: ErrThrottled, verdict: verdictThrottle, untouched: true, RetryAfter: wait, what: "too many requests" + page}
	case code == http.StatusServiceUnavailable:
		e := &Error{kind: ErrUnavailable, verdict: verdictThrottle, RetryAfter: wait, what: "the service is unavailable or its queue is full" + page}
		if wait > 0 {
			e.kind = ErrThrottled
		}
		return e
	case h.Get("X-CasErrorCode") != "":
		return &Error{kind: ErrInvalidRequest, Message: line(h.Get("X-CasErrorCode")), untouched: true,
			what: "the front-end server refuses to pass the request on", hint: "check the mailbox's address"}
	case bytes.Contains(body, []byte("specified server version is invalid")):
		return &Error{kind: ErrVersion, untouched: true, what: "the server does not know the schema version " + x.version(),
			hint: "set Config.ServerVersion lower, such as Exchange2010_SP2"}
	case bytes.Contains(body, []byte("Server Error in '/EWS' Application")):
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, what: "the EWS application on the server crashed or is starting" + page}
	case code == http.StatusNotImplemented, code == http.StatusHTTPVersionNotSupported:
		return &Error{kind: ErrEndpoint, untouched: true, what: "the server does not do EWS requests" + page, hint: "check Config.Endpoint"}
	case code >= 500:
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, RetryAfter: wait, what: "the server failed" + page}
	case code >= 400:
		return &Error{kind: ErrInvalidRequest, untouched: true, what: "the server or a proxy refuses the request" + page}
	}
	return &Error{kind: ErrBadResponse, what: fmt.Sprintf("unexpected HTTP status %d", resp.StatusCode) + page}
}

func (x *exchange) version() string {
	if x.c.version != "" {
		return x.c.version
	}
	return x.m.c.version
}

// faultIn returns the SOAP fault in a body, or nil.
func faultIn(body []byte) *Error {
	if !bytes.Contains(body, []byte("Fault")) {
		return nil
	}
	s := wire.NewScanner(bytes.NewReader(body), nil)
	defer s.Release()
	if !s.Root() || s.Local() != "Envelope" {
		return nil
	}
	for s.Child(1) {
		if s.Local() != "Body" {
			continue
		}
		for s.Child(2) {
			if s.Local() == "Fault" {
				e := readFault(s)
				if s.Err() != nil && e.Code == "" {
					return nil
				}
				return e
			}
		}
	}
	return nil
}

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
		e.hint = "a scope without resource means Graph: ask for https://outlook.office365.com/EWS.AccessAsUser.All (app-only: https://outlook.office365.com/.default), and sign in again"
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

// blocked is a 403 without a SOAP fault: EWS itself is refused, by policy, licence or retirement. It is never a bad token.
func blocked(h http.Header, page string) *Error {
	e := &Error{kind: ErrEWSBlocked, untouched: true, what: "EWS is blocked for this application or mailbox" + page,
		hint: "an Exchange administrator must allow it, see Advice; keep the stored credentials"}
	if h.Get("Restrict-Access-Confirm") != "" {
		e.hint = "the answer speaks of tenant restrictions (Restrict-Access-Confirm): ask the administrator about Conditional Access for this network and application; see also Advice; keep the stored credentials"
	}
	if oneOf(h, "request-id", "X-FEServer", "X-DiagInfo", "X-CalculatedBETarget") == "" && page != "" {
		e.what = "access is forbidden" + page
		e.hint = "this does not look like Exchange's own answer: a proxy or firewall may have sent it; if not, EWS is blocked, see Advice"
	}
	return e
}

// redirected explains a redirect, none of which is followed.
func redirected(location string, endpoint *url.URL) *Error {
	e := &Error{kind: ErrEndpoint, untouched: true}
	to, err := endpoint.Parse(location)
	if err != nil || location == "" {
		e.what = "a redirect to nowhere"
		return e
	}
	path := strings.ToLower(to.Path)
	switch {
	case to.Host != endpoint.Host || to.Scheme != endpoint.Scheme:
		e.what = fmt.Sprintf("redirected to %.100s, where the token must not go", to.Scheme+"://"+to.Host)
		e.hint = "if that is the mailbox's Exchange, set Config.Endpoint to its EWS URL"
	case strings.HasSuffix(path, "/genericerrorpage.htm"):
		e.kind, e.verdict, e.untouched = ErrUnavailable, verdictRetry, false
		e.what = "Exchange's front end shows its error page, as it does when overloaded"
	case strings.HasPrefix(path, "/internalsite/"):
		e.what = "a proxy in front of Exchange (TMG, UAG) redirects to its own error page"
		e.hint = "its publishing rule or TLS settings for /EWS are wrong"
	default:
		e.what = fmt.Sprintf("redirected to %.100q on the same host", to.Path)
		e.hint = "that is a login page or another path: check Config.Endpoint and what stands in front of Exchange"
	}
	return e
}

// unreachable explains why no answer came. The URL is left out of the cause: it is in the configuration.
func (x *exchange) unreachable(err error) *Error {
	if bad := x.badInput.Load(); bad != nil {
		return &Error{kind: ErrInvalidRequest, untouched: true, cause: *bad, what: "the content to be sent could not be read"}
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctxErr := x.parent.Err(); ctxErr != nil {
		return &Error{cause: ctxErr, what: "cancelled by the caller"}
	}
	switch context.Cause(x.ctx) {
	case errNoAnswer:
		return &Error{kind: ErrUnavailable, verdict: verdictRetry,
			what: fmt.Sprintf("the server did not answer within %v", x.m.c.limits.FirstByte)}
	case errStalled:
		return stalled(x.m.c.limits.Stall)
	}
	var (
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		dns     *net.DNSError
		op      *net.OpError
		timeout interface{ Timeout() bool }
	)
	text := err.Error()
	switch {
	case errors.As(err, &cert):
		return &Error{kind: ErrEndpoint, untouched: true, cause: err, what: "the server's certificate is not trusted",
			hint: "a proxy may be inspecting the traffic, or the server has a private authority: add it to Config.HTTPClient"}
	case errors.As(err, &record), strings.Contains(text, "HTTP response to HTTPS client"):
		return &Error{kind: ErrEndpoint, untouched: true, cause: err, what: "the server does not speak TLS on this port", hint: "check Config.Endpoint"}
	case errors.As(err, &alert):
		return &Error{kind: ErrEndpoint, untouched: true, cause: err, what: "the TLS handshake was refused"}
	case strings.Contains(text, "response headers exceeded"):
		return &Error{kind: ErrTooLarge, cause: err, what: "the answer's headers do not end"}
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, untouched: true, cause: err, what: "the proxy cannot be reached or refuses",
			hint: "check HTTPS_PROXY and Config.HTTPClient"}
	case errors.As(err, &dns):
		e := &Error{kind: ErrUnavailable, verdict: verdictRetry, untouched: true, cause: err, what: "the server's name cannot be resolved"}
		if dns.IsNotFound {
			e.hint = "check the host in Config.Endpoint and this machine's DNS"
		}
		return e
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, cause: err, what: "timeout"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, cause: err, what: "the connection was closed before the answer"}
	}
	return &Error{kind: ErrUnavailable, verdict: verdictRetry, cause: err, what: "the server cannot be reached"}
}

func stalled(d time.Duration) *Error {
	return &Error{kind: ErrUnavailable, verdict: verdictRetry, what: fmt.Sprintf("the answer stalled for %v", d)}
}

// broken explains why reading an answer of status 200 ended with err, and completes errors that came out of it.
func (x *exchange) broken(s *wire.Scanner, err error) error {
	if x.body.wire.err == nil && (s.Err() == nil || err != s.Err()) {
		var b *BatchError
		if errors.As(err, &b) {
			b.Op = x.c.op
			partial := len(b.Items) < b.Total
			for _, it := range b.Items {
				partial = x.fill(it.Err).MaybeApplied || partial
			}
			for _, it := range b.Items {
				it.Err.partial = partial
			}
			return err
		}
		var e *Error
		if errors.As(err, &e) {
			x.fill(e)
			return err
		}
	}
	return x.fill(x.damaged(err))
}

func (x *exchange) damaged(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	if x.parent.Err() != nil {
		return x.unreachable(err)
	}
	if x.body.wire.err == errStalled || context.Cause(x.ctx) == errStalled {
		return stalled(x.m.c.limits.Stall)
	}
	var (
		limit  *wire.LimitError
		syntax *wire.SyntaxError
	)
	page := pageTitle(x.body.head)
	switch {
	case errors.As(err, &limit):
		return &Error{kind: ErrTooLarge, cause: err, what: "the answer is larger than allowed", hint: "ask for less at once, or raise Config.Limits"}
	case page != "", errors.Is(err, wire.ErrDTD):
		return &Error{kind: ErrEndpoint, what: "the answer is not EWS" + page,
			hint: "a login page, a proxy or a firewall answers at Config.Endpoint"}
	case x.body.n == 0 && (err == io.ErrUnexpectedEOF || err == io.EOF):
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, what: "the answer is empty"}
	case errors.Is(err, io.ErrUnexpectedEOF), x.body.wire.err != nil:
		e := &Error{kind: ErrUnavailable, verdict: verdictRetry, what: fmt.Sprintf("the answer was cut after %s", size(x.body.n))}
		if x.body.wire.err != nil && x.body.wire.err != io.ErrUnexpectedEOF {
			e.cause = x.body.wire.err
		}
		return e
	case x.body.gz != nil && isGzipError(err):
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, cause: err, what: "the packed answer is damaged"}
	case errors.As(err, &syntax) && syntax.Offset < headBytes && !bytes.Contains(x.body.head[:min(len(x.body.head), int(syntax.Offset))], []byte("Envelope")):
		return &Error{kind: ErrEndpoint, cause: err, what: "the answer is no XML", hint: "check Config.Endpoint and what stands in front of Exchange"}
	}
	return &Error{kind: ErrBadResponse, cause: err, what: "the answer cannot be read"}
}

// pageTitle describes a web page by its title, for an error's text; "" if body is none.
func pageTitle(body []byte) string {
	body = bytes.TrimLeft(body[:min(len(body), headBytes)], " \t\r\n\xef\xbb\xbf")
	head := asciiLower(body)
	if !strings.HasPrefix(head, "<!doctype html") && !strings.HasPrefix(head, "<html") {
		return ""
	}
	if from := strings.Index(head, "<title>"); from >= 0 {
		from += len("<title>")
		if n := strings.Index(head[from:], "</title>"); n >= 0 {
			if t := line(string(body[from : from+n])); t != "" {
				return fmt.Sprintf(" (a web page: %.80q)", t)
			}
		}
	}
	return untitled
}

// asciiLower keeps every byte's place, which bytes.ToLower does not for what is no UTF-8.
func asciiLower(b []byte) string {
	l := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		l[i] = c
	}
	return string(l)
}

const untitled = " (a web page)"

// waiting is the error of a call that did not get to send (again): its context ended, or a back-off outlasts its patience.
func (x *exchange) waiting(err error) error {
	last := x.last
	var b *backoffError
	if errors.As(err, &b) {
		if last != nil {
			return last
		}
		return x.fill(&Error{kind: ErrThrottled, untouched: true, RetryAfter: b.left,
			what: "Exchange told this account to pause; nothing was sent"})
	}
	if last == nil {
		return x.fill(&Error{untouched: true, cause: err, what: "cancelled by the caller while waiting"})
	}
	return x.fill(&Error{untouched: true, cause: &interrupted{err, last}, what: "cancelled by the caller while waiting to try again"})
}

// interrupted joins the end of a context with the failure that was being waited out.
type interrupted struct{ ctx, last error }

func (i *interrupted) Error() string { return i.ctx.Error() + ", after " + i.last.Error() }

func (i *interrupted) Unwrap() []error { return []error{i.ctx, i.last} }

func isGzipError(err error) bool {
	var corrupt flate.CorruptInputError
	var internal flate.InternalError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) || errors.As(err, &internal)
}
