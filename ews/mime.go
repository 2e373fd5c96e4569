package ews

import (
	"context"
	"io"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MIME returns the message's RFC 5322 form, decoded and streamed: memory use does not grow with the message. For a message that
// came from the internet, Exchange gives it back from its own storage: header fields, text and attachments are there, but
// not always byte by byte as they arrived. MIMEs reads many.
//
// The caller closes it; closing early aborts the download. ctx is attached until then. Errors, also of Read: ErrNotFound, ErrDenied,
// ErrBadItem if the server cannot convert it, ErrThrottled after the retry budget, ErrUnavailable if the transfer was cut.
// EWS: GetItem with IncludeMimeContent.
func (m *Mailbox) MIME(ctx context.Context, id ItemID) (io.ReadCloser, error) {
	if id.IsZero() {
		return nil, m.invalid("GetItem", "the id is empty")
	}
	return m.content(ctx, "MimeContent", &call{
		op:   "GetItem",
		body: func(w *wire.Writer) error { return writeMIMERequest(w, []ItemID{id}) },
	})
}

// content sends a call and opens the first element of that name within an item or attachment of its answer as base64.
func (m *Mailbox) content(ctx context.Context, element string, c *call) (io.ReadCloser, error) {
	found := false
	c.read = func(s *wire.Scanner) error {
		found = false
		return readResponses(s, func(_ int, s *wire.Scanner) error {
			if l := s.Local(); l != "Items" && l != "Attachments" {
				return nil
			}
			if found = descend(s, element); found {
				return errHold
			}
			return s.Err()
		})
	}
	st, err := m.stream(ctx, c)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, st.refuse(&Error{kind: ErrBadItem, what: "the server sent no " + element, hint: "the item may be of a kind without one"})
	}
	return st.Base64(), nil
}

// descend advances to the first element of that name below the current one.
func descend(s *wire.Scanner, element string) bool {
	for d := s.Depth(); s.Child(d); {
		if s.Local() == element || descend(s, element) {
			return true
		}
	}
	return false
}
