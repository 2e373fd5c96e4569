package ews

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// AttachmentContent is an attachment that Mailbox.Attachments hands out.
type AttachmentContent struct {
	Index      int        // in the ids asked for
	Attachment Attachment // as the server tells it along with the content

	// Content is decoded and streamed; it ends when the loop goes on, read or not. As with Mailbox.Attachment an ItemAttachment's is its
	// MIME. A ReferenceAttachment has none, and nothing to read. Errors of Read are *Error.
	Content io.Reader
}

// Attachments returns attachments, of one message or several, in the order of ids: the contents of up to ten come in one request, and
// memory use does not grow with them. An attachment that fails is handed out with its error, without Content, and the others follow;
// any other error comes with nil and ends it. Breaking the loop ends the transfer.
//
// A transfer that was cut ends the Read under way with ErrUnavailable; what has not been handed out by then is asked for again.
// Errors: ErrNotFound, ErrDenied, ErrBadItem, ErrThrottled after the retry budget. EWS: GetAttachment operation.
func (m *Mailbox) Attachments(ctx context.Context, ids ...AttachmentID) iter.Seq2[*AttachmentContent, error] {
	return func(yield func(*AttachmentContent, error) bool) {
		for offset := 0; offset < len(ids); offset += attachBatch {
			part := ids[offset:min(offset+attachBatch, len(ids))]
			d := &downloads{m: m, ids: part, offset: offset, yield: yield, done: make([]bool, len(part))}
			if err := d.run(ctx); err != nil {
				if err != errStop {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// downloads is the way of the attachments of one request.
type downloads struct {
	m      *Mailbox
	ids    []AttachmentID
	offset int
	yield  func(*AttachmentContent, error) bool
	done   []bool // handed out
}

func (d *downloads) run(ctx context.Context) error {
	if len(d.ids) > 1 {
		if err := d.together(ctx); err != nil {
			return err
		}
	}
	for i := range d.ids {
		if !d.done[i] {
			if err := d.alone(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *downloads) hand(i int, c *AttachmentContent, err error) error {
	d.done[i] = true
	c.Index = d.offset + i
	if !d.yield(c, err) {
		return errStop
	}
	return nil
}

// together hands out what one answer has to give. What is missing or failed in a way that passes is left to alone.
func (d *downloads) together(ctx context.Context) error {
	st, err := d.m.stream(ctx, &call{
		op:   "GetAttachment",
		body: func(w *wire.Writer) error { writeGetAttachment(w, d.ids); return nil },
		read: func(*wire.Scanner) error { return errHold }, // all of it is read below
	})
	if err != nil {
		return err
	}
	defer st.Close()
	err = walkResponses(st.Scanner, func(i int, s *wire.Scanner) error {
		if s.Local() != "Attachments" || i >= len(d.ids) || d.done[i] {
			return nil
		}
		c := &AttachmentContent{Attachment: Attachment{ID: d.ids[i]}}
		if s.Child(s.Depth()) && attachmentElement(s.Local()) { // each answer is about one
			held := toContent(s, &c.Attachment)
			switch {
			case s.Err() != nil:
				return s.Err()
			case held:
				c.Content = &sharedContent{st: st, r: s.Base64Reader()}
				err := d.hand(i, c, nil)
				c.Content.(*sharedContent).st = nil
				return err
			case c.Attachment.Kind != ReferenceAttachment && !c.Attachment.empty():
				return d.hand(i, c, st.x.fill(c.Attachment.noContent()))
			}
			c.Content = strings.NewReader("")
			return d.hand(i, c, nil)
		}
		return s.Err()
	}, func(i int, e *Error) error {
		if e == nil || i >= len(d.ids) || d.done[i] || e.passes() || e.verdict == verdictThrottle {
			return nil
		}
		return d.hand(i, &AttachmentContent{Attachment: Attachment{ID: d.ids[i]}}, st.x.fill(e))
	})
	switch {
	case err == errStop:
		return err
	case err == nil:
		_ = st.x.finish(st.Scanner) // so that the connection can be used again
	}
	return nil
}

// alone hands out one attachment by a request of its own, repeated as all are.
func (d *downloads) alone(ctx context.Context, i int) error {
	a, r, err := d.m.openAttachment(ctx, d.ids[i])
	var e *Error
	switch {
	case err == nil:
		defer r.Close()
		return d.hand(i, &AttachmentContent{Attachment: *a, Content: r}, nil)
	case a != nil && a.Kind == ReferenceAttachment:
		return d.hand(i, &AttachmentContent{Attachment: *a, Content: strings.NewReader("")}, nil)
	case errors.As(err, &e) && e.ofItem():
		return d.hand(i, &AttachmentContent{Attachment: Attachment{ID: d.ids[i]}}, err)
	}
	return err
}

// ofItem: the error is about one item, and others may fare better.
func (e *Error) ofItem() bool {
	return e.kind == ErrBadItem || e.Code != "" && !e.fault && e.kind != ErrThrottled && e.kind != ErrUnauthorized
}

// sharedContent is the content of one attachment among others in an answer.
type sharedContent struct {
	st  *stream // nil: the loop has gone on
	r   io.Reader
	err error // sticky
}

func (c *sharedContent) Read(p []byte) (int, error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case c.st == nil:
		return 0, errors.New("ews: Attachments: the content ended when the loop went on")
	case len(p) == 0:
		return 0, nil
	}
	n, err := c.r.Read(p)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && c.st.Err() == nil:
		c.err = io.EOF
		return n, io.EOF
	case c.st.Err() == nil:
		c.st.Fail(err) // bad base64
	}
	c.err = c.st.x.broken(c.st.Scanner, err)
	return n, c.err
}
