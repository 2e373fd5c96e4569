package ews

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// exchange is one HTTP request of a call, and its answer.
type exchange struct {
	m        *Mailbox
	c        *call
	env      *wire.Writer
	keep     bool // the answer is to be left open
	attempt  int
	rejected *oauth2.Token // refused earlier in this call
	last     error         // why the call is trying again; nil at first

	ctx      context.Context // of this request; ends with the caller's, and when the answer stalls
	parent   context.Context // the caller's
	cancel   context.CancelCauseFunc
	watchdog watchdog
	token    *oauth2.Token
	id       string    // client-request-id
	sentID   [1]string // id as a header field's value
	began    time.Time
	sent     atomic.Bool           // the transport has taken bytes of the request
	queued   atomic.Bool           // it looks for a connection
	badInput atomic.Pointer[error] // the request's own content could not be read
	written  atomic.Bool           // the transport is through with the request, of which it reports it
	reopened atomic.Bool           // it has asked for the request's body once more
	atOnce   bool                  // the transport gets the request as memory: see maxAtOnce
	trace    httptrace.ClientTrace
	req      http.Request
	pass     bytes.Reader // over the request that is sent at once

	header   http.Header // of the answer; nil when none came
	status   int
	body     *download // of the answer; nil when none came
	download download  // what body points to
	repaired atomic.Int64
	closed   atomic.Bool
}

// run sends the request and reads its answer. Errors are *Error or *BatchError.
func (x *exchange) run(ctx context.Context, pace *pace, patience *time.Duration) (*stream, error) {
	x.began = time.Now()
	if err := x.fetchToken(ctx); err != nil {
		return nil, err
	}
	// Another request may have been told to back off while the token was on its way.
	if err := pace.still(ctx, patience, x.c.live); err != nil {
		return nil, x.waiting(err)
	}
	x.parent = ctx
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	st, err := x.roundTrip()
	if err != nil || !x.keep {
		x.close(err)
	}
	return st, err
}

func (x *exchange) roundTrip() (*stream, error) {
	lim := &x.m.c.limits
	x.watch(lim.FirstByte, errNoAnswer)
	resp, err := x.m.c.send(x.request(), x.c.live)
	x.unwatch()
	if err != nil {
		return nil, x.fill(x.unreachable(err))
	}
	x.header, x.status = resp.Header, resp.StatusCode
	x.c.backEnd.learn(resp.Header)
	limit := lim.ResponseBytes
	if resp.StatusCode != http.StatusOK {
		limit = maxErrorBody
	}
	x.body, err = newDownload(x, resp, limit, lim.Stall)
	if err != nil {
		return nil, x.fill(x.damaged(err))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, x.fill(x.refusal(resp))
	}
	// The total is bounded by the download: it rises once the part that is streamed begins.
	s := wire.NewScanner(x.body, &wire.Limits{TotalBytes: -1, TextBytes: lim.TextBytes})
	err = x.answer(s)
	if err == nil && x.keep {
		x.body.limit = lim.StreamBytes
		return &stream{Scanner: s, x: x}, nil
	}
	if err == nil {
		err = x.finish(s)
	}
	if err != nil {
		err = x.broken(s, err)
	}
	s.Release()
	return nil, err
}

// answer reads the envelope down to the operation's response and hands that to the call.
func (x *exchange) answer(s *wire.Scanner) error {
	if x.c.habit.fits(s) {
		if x.c.repeat != nil {
			x.c.repeat(s)
		}
		return nil
	}
	if !s.Root() {
		if err := s.Err(); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}
	if s.Local() != "Envelope" {
		return &Error{kind: ErrEndpoint, what: fmt.Sprintf("the answer is XML, but <%.40s> instead of a SOAP envelope", line(s.Local()))}
	}
	for s.Child(1) {
		if s.Local() != "Body" {
			continue
		}
		for s.Child(2) {
			if s.Is(wire.SpaceSOAP, "Fault") || s.Local() == "Fault" {
				e := readFault(s)
				if err := s.Err(); err != nil {
					return err
				}
				return e
			}
			return x.response(s)
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return &Error{kind: ErrBadResponse, what: "the SOAP body is empty"}
}

func (x *exchange) response(s *wire.Scanner) error {
	// GetPersona and a few others are answered by ...ResponseMessage; gromox answers SendItem with m:Responses.
	if name := responseName(x.c.op); !answers(s.Local(), name) {
		return &Error{kind: ErrBadResponse, what: fmt.Sprintf("the answer is %.60s instead of %sResponse", line(s.Local()), name)}
	}
	s.SkipForeign()
	read := x.c.read
	if read == nil {
		read = func(s *wire.Scanner) error { return readResponses(s, nil) }
	}
	err := read(s)
	if err == nil || err == errHold {
		return s.Err()
	}
	return err
}

// responseName is what the element that answers an operation is named after. Some request elements are named ...Request.
func responseName(op string) string {
	if name, ok := strings.CutSuffix(op, "Request"); ok && name != "" {
		return name
	}
	return op
}

// answers reports whether an element's name is that of an answer.
func answers(local, name string) bool {
	if kind, ok := strings.CutPrefix(local, name); ok && (kind == "Response" || kind == "ResponseMessage") {
		return true
	}
	return local == "Responses"
}

// finish reads what is left of the envelope, since only a complete one counts: an answer cut short may lack items. Then it
// frees the connection for the next request.
func (x *exchange) finish(s *wire.Scanner) error {
	for s.Child(1) {
	}
	if err := s.Err(); err != nil {
		return err
	}
	x.c.habit.learn(s)
	x.repaired.Store(int64(s.Repaired()))
	x.body.drain()
	x.close(nil)
	x.body.forget()
	return nil
}

// close ends the exchange; the first call counts. It may run at the same time as a read of the body.
func (x *exchange) close(err error) {
	if x.closed.Swap(true) {
		return
	}
	if x.body != nil {
		x.body.Close()
	}
	x.cancel(errClosed)
	if err == nil {
		x.log(x.parent, nil, false, 0)
	}
}

var (
	errClosed   = errors.New("closed")
	errNoAnswer = errors.New("no answer in time")
	errStalled  = errors.New("the answer stalled")
)

// fill adds what the exchange knows to an error of it.
func (x *exchange) fill(e *Error) *Error {
	e.Op, e.Mailbox = x.c.op, x.m.Address()
	e.StatusCode = x.status
	e.ClientRequestID = x.id
	e.Attempts = x.attempt
	if h := x.header; h != nil {
		e.RequestID = oneOf(h, "request-id", "RequestId", "X-MS-RequestId")
		e.FrontEnd = oneOf(h, "X-FEServer")
		e.BackEnd = oneOf(h, "X-CalculatedBETarget", "X-TargetBEServer", "X-BEServer")
		if e.Diagnostics == nil {
			e.Diagnostics = diagnostics(h)
		}
		if d := retryAfter(h); d > e.RetryAfter {
			e.RetryAfter = d
		}
	}
	e.hide(x.secret())
	e.once = x.c.once
	e.MaybeApplied = x.c.once && x.sent.Load() && e.open()
	e.advise(x.m)
	return e
}

// open reports whether the request may have taken effect all the same.
func (e *Error) open() bool { return !e.untouched && !e.refused() }

func oneOf(h http.Header, names ...string) string {
	for _, n := range names {
		if v := h.Get(n); v != "" {
			return line(v)
		}
	}
	return ""
}

// size is a count of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatInt(n>>30, 10) + " GiB"
	case n >= 1<<20:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
