package ews

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

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
	page := pageTitle(wire.UTF8(x.body.head))
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

func isGzipError(err error) bool {
	var corrupt flate.CorruptInputError
	var internal flate.InternalError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) || errors.As(err, &internal)
}
