package ews

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MIMEMessage is one message of Mailbox.MIMEs. Read gives its RFC 5322 form until the loop goes on; what was not read by then is
// skipped. After an error other than io.EOF the message is incomplete.
type MIMEMessage struct {
	ID ItemID // as it was asked for

	r io.Reader
}

// Read implements io.Reader.
func (mm *MIMEMessage) Read(p []byte) (int, error) { return mm.r.Read(p) }

// mimeBatch is how many messages one request of MIMEs asks for: few enough for the minute that Exchange takes at most for a request, and
// enough that requests no longer count.
const mimeBatch = 10

// MIMEs reads messages in their RFC 5322 form, ten a request, one after the other as they arrive: memory grows neither with a message
// nor with their number. They come in the order of ids. For single messages, and to read several at a time, see MIME.
//
// A pair with both a MIMEMessage and an error is about that message alone: ErrNotFound, ErrDenied, ErrBadItem. A transfer that is cut
// fails the message under way in its Read (ErrUnavailable); those behind it are asked for again. A pair without a MIMEMessage is the
// last one: ErrInvalidRequest for an empty id, ErrThrottled after the retry budget, and all others of this package's calls.
// Limits.StreamBytes holds for each message. EWS: GetItem with IncludeMimeContent.
func (m *Mailbox) MIMEs(ctx context.Context, ids []ItemID) iter.Seq2[*MIMEMessage, error] {
	return func(yield func(*MIMEMessage, error) bool) {
		for _, id := range ids {
			if id.IsZero() {
				yield(nil, m.invalid("GetItem", "ids: one is empty"))
				return
			}
		}
		for rest := ids; len(rest) > 0; {
			n, err := m.mimes(ctx, rest[:min(len(rest), mimeBatch)], yield)
			if err == errStop {
				return
			}
			if err != nil && (n == 0 || ctx.Err() != nil) { // otherwise what is left is asked for again
				yield(nil, err)
				return
			}
			rest = rest[n:]
		}
	}
}

// mimes reads the messages of one request; it returns how many it has handed out. errStop: the loop was left.
func (m *Mailbox) mimes(ctx context.Context, ids []ItemID, yield func(*MIMEMessage, error) bool) (n int, err error) {
	var w mimeWalk
	defer func() { w.end() }()
	st, err := m.stream(ctx, &call{
		op:   "GetItem",
		body: func(w *wire.Writer) error { return writeMIMERequest(w, ids) },
		read: func(s *wire.Scanner) error {
			w.end() // an earlier attempt
			w.begin(s, len(ids))
			switch {
			case !w.advance() && w.err == nil:
				return &Error{kind: ErrBadResponse, what: "the answer holds no items"}
			case w.err != nil:
				return w.err
			case w.passing():
				return w.at.failed // to be repeated after a pause
			}
			return errHold
		},
	})
	if err != nil {
		if w.passing() && !errors.Is(err, ErrThrottled) && ctx.Err() == nil {
			return 1, handMIME(&MIMEMessage{ID: ids[0]}, nil, err, yield) // the others shall not suffer for it
		}
		return 0, err
	}
	defer st.Close()
	limit := m.c.limits.StreamBytes
	for more := true; more; more = w.advance() {
		if w.passing() {
			return n, st.x.fill(w.at.failed) // the next request begins with it
		}
		n = w.at.index + 1
		mm := &MIMEMessage{ID: ids[w.at.index]}
		if e := w.at.failed; e != nil {
			err = handMIME(mm, nil, st.x.fill(e), yield)
		} else {
			if limit >= 0 {
				st.x.body.limit = st.x.body.n + limit
			}
			err = handMIME(mm, &shared{st: st, r: st.Base64Reader()}, nil, yield)
		}
		if err != nil {
			return n, err
		}
	}
	if err = w.err; err == nil {
		err = st.x.finish(st.Scanner)
	}
	if err != nil {
		return n, st.x.broken(st.Scanner, err)
	}
	st.Release()
	if n < len(ids) {
		return n, st.x.fill(&Error{kind: ErrBadResponse, what: "the answer has fewer response messages than there were items"})
	}
	return n, nil
}

// handMIME yields one message, which can be read until the loop goes on.
func handMIME(mm *MIMEMessage, r io.Reader, err error, yield func(*MIMEMessage, error) bool) error {
	if mm.r = r; err != nil {
		mm.r = errorReader{err}
	}
	if !yield(mm, err) {
		return errStop
	}
	mm.r = errorReader{errLeft}
	return nil
}

var errLeft = errors.New("ews: the message was read after the loop had gone on")

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

// shared reads one content of a stream that holds more.
type shared struct {
	st *stream
	r  io.Reader
}

func (c *shared) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, c.st.x.broken(c.st.Scanner, err)
}

// mimeWalk goes through the response messages of an answer, and stands on the content of each, while its caller deals with it.
type mimeWalk struct {
	at   mimePlace
	err  error // that ended it
	next func() (mimePlace, bool)
	stop func()
}

type mimePlace struct {
	index  int
	failed *Error // instead of content
}

func (w *mimeWalk) begin(s *wire.Scanner, n int) {
	w.err = nil
	w.next, w.stop = iter.Pull(func(yield func(mimePlace) bool) {
		found := -1 // the last message whose content was handed out
		w.err = walkResponses(s, func(i int, s *wire.Scanner) error {
			if s.Local() != "Items" || i >= n || !descend(s, "MimeContent") {
				return nil
			}
			found = i
			if !yield(mimePlace{index: i}) {
				return errStop
			}
			return s.Err()
		}, func(i int, e *Error) error {
			switch {
			case i >= n:
				return &Error{kind: ErrBadResponse, what: "the answer has more response messages than there were items"}
			case found == i:
				return nil
			case e == nil:
				e = &Error{kind: ErrBadItem, what: "the server sent no MimeContent", hint: "the item may be of a kind without one"}
			}
			if !yield(mimePlace{i, e}) {
				return errStop
			}
			return nil
		})
	})
}

// advance goes to the next message; false: there is none, or err tells why.
func (w *mimeWalk) advance() bool {
	at, ok := w.next()
	w.at = at
	return ok
}

// passing reports whether the message at hand failed in a way that passes.
func (w *mimeWalk) passing() bool {
	e := w.at.failed
	return e != nil && (e.verdict == verdictRetry || e.verdict == verdictThrottle || e.kind == ErrNotAttempted)
}

// end ends the walk where it stands, without reading on.
func (w *mimeWalk) end() {
	if w.stop != nil {
		w.stop()
	}
}

func writeMIMERequest(w *wire.Writer, ids []ItemID) error {
	w.Start("m:GetItem")
	w.Start("m:ItemShape")
	w.Leaf("t:BaseShape", "IdOnly")
	w.Leaf("t:IncludeMimeContent", "true")
	w.End()
	w.Start("m:ItemIds")
	for _, id := range ids {
		writeID(w, "t:ItemId", id.ID, "") // whatever its version is by now
	}
	w.End()
	w.End()
	return nil
}
