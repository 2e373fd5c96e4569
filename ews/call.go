package ews

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// call is one EWS operation: what is sent, whether it may be sent again, and how its answer is read.
type call struct {
	// op is the operation's name: the element in the SOAP body, logs, errors. "FindItem".
	op string

	// body writes the operation's element (m:FindItem ...) into the SOAP body. It is called once; large contents are the
	// writer's segments, which are opened again for each attempt.
	body func(w *wire.Writer) error

	// version is the RequestServerVersion when the operation needs a later one than the Client's; "" otherwise.
	version string

	// once marks what must not happen twice, such as sending a message. Such a call is repeated only where Exchange cannot
	// have acted: before the first byte of the request left, after a refused token, and after Exchange said it was too
	// busy. Every other failure that leaves it open ends the call with MaybeApplied.
	once bool

	// affinity asks Exchange to keep the requests of this client on one back-end server (subscriptions need it).
	affinity bool

	// backEnd, if not nil, is the server that this request shares with others. It implies affinity.
	backEnd *backEnd

	// live marks an answer that never ends by itself and trickles (GetStreamingEvents). It is not asked for packed, which would
	// hold events back, and it takes no slot of the account's concurrency: not even while a proxy sits on its first byte do
	// other calls wait for it.
	live bool

	// hasty marks what is not repeated after a failure that may pass: somebody else waits, and it is asked again later.
	hasty bool

	// read reads the operation's answer: the scanner stands on the start tag of the response element (m:FindItemResponse).
	// It is called once per attempt and must start afresh each time; what it returned from is not used when the rest of
	// the answer is missing. nil: only success is checked. See readResponses.
	read func(s *wire.Scanner) error

	// habit, if not nil, is shared by calls whose read makes the same of the same answer, and keeps the values that it takes with AttrAs. An answer
	// that is written like the last one is not read, but repeat is handed its values.
	habit  *habit
	repeat func(s *wire.Scanner)
}

// errHold is returned by a call's read to say: the answer is good, leave the scanner where it stands. Only stream goes
// on reading from there; for do it means that the rest is of no interest and is skipped.
var errHold = errors.New("ews: hold")

// do sends the call, again where that is safe and useful, and reads its answer to the end. Errors are *Error, or
// *BatchError from readBatch, with everything the exchange knows filled in.
func (m *Mailbox) do(ctx context.Context, c *call) error {
	_, err := m.run(ctx, c, false)
	return err
}

// stream is do for an answer that is too large for memory: when the call's read returned (nil or errHold), the answer is
// left open where it stands. The caller closes the stream. ctx stays attached until then.
func (m *Mailbox) stream(ctx context.Context, c *call) (*stream, error) {
	return m.run(ctx, c, true)
}

// stream is an answer left open by Mailbox.stream.
type stream struct {
	*wire.Scanner // stands where the call's read left it
	x             *exchange
}

// Base64 hands out the decoded base64 text of the element that the scanner stands on. It owns the stream from then on:
// closing it closes the stream, also while a Read is under way, which then fails, as all later ones, with fs.ErrClosed. Errors are *Error; an answer that ends
// early is ErrUnavailable, never a clean end.
func (st *stream) Base64() io.ReadCloser { return &content{st: st, r: st.Base64Reader()} }

// Close ends the stream and the request behind it, wherever it stands.
func (st *stream) Close() error {
	st.x.close(nil)
	return nil
}

// refuse ends a stream whose answer is of no use, and completes the error that says so.
func (st *stream) refuse(e *Error) *Error {
	st.x.fill(e)
	st.x.log(st.x.parent, e, false, 0)
	st.x.close(e)
	return e
}

// content is the reader given to users. Read and Close may be called at the same time, as with net.Conn; two Reads may not.
type content struct {
	st  *stream
	r   io.Reader
	err error // sticky, set by Read only

	closed atomic.Bool // by the user
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.closed.Load() {
		return 0, fs.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.r.Read(p)
	if c.closed.Load() {
		return 0, fs.ErrClosed // whatever closing did to the transfer
	}
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && c.st.Err() == nil:
		// The text is complete. What follows is a few end tags; reading them lets the connection be used again.
		if err = c.st.x.finish(c.st.Scanner); err == nil {
			c.err = io.EOF
			c.st.Release() // Close does without it
			return n, io.EOF
		}
	case c.st.Err() == nil:
		c.st.Fail(err) // bad base64
	}
	c.err = c.st.x.broken(c.st.Scanner, err)
	c.st.x.close(c.err)
	return n, c.err
}

func (c *content) Close() error {
	c.closed.Store(true)
	return c.st.Close()
}
