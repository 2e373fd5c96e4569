package ews

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

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
	body = wire.UTF8(body)
	if e := faultIn(body); e != nil {
		return e
	}
	h := resp.Header
	wait := retryAfter(h)
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
	case code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, RetryAfter: wait, what: "a proxy or load balancer got no answer from Exchange" + page}
	case code >= 500:
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, RetryAfter: wait, what: "the server failed" + page}
	case code >= 400:
		return &Error{kind: ErrInvalidRequest, untouched: true, what: "the server or a proxy refuses the request" + page,
			hint: "it is no answer of EWS: look into the log of what stands in front of Exchange, and of IIS"}
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
