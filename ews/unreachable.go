package ews

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

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
		if x.queued.Load() {
			return &Error{kind: ErrUnavailable, verdict: verdictRetry, untouched: true,
				what: fmt.Sprintf("the transport gave no connection within %v", x.m.c.limits.FirstByte),
				hint: "either none can be made, or MaxConnsPerHost of Config.HTTPClient's transport is used up: each open download and, if the " +
					"transport is wrapped, each event stream occupies one"}
		}
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
	return &Error{kind: ErrUnavailable, verdict: verdictRetry, cause: err, what: "the server cannot be reached",
		hint: "try again later; if it stays so, look at the host and port of Config.Endpoint, and at the firewalls on the way"}
}

func stalled(d time.Duration) *Error {
	return &Error{kind: ErrUnavailable, verdict: verdictRetry, what: fmt.Sprintf("the answer stalled for %v", d)}
}

// waiting is the error of a call that did not get to send (again): its context ended, or a back-off outlasts its patience.
func (x *exchange) waiting(err error) error {
	last := x.last
	var b *backoffError
	if errors.As(err, &b) {
		if last != nil {
			return last
		}
		return x.fill(&Error{kind: ErrThrottled, untouched: true, RetryAfter: wholeSeconds(b.left),
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
