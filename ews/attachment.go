package ews

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Attachment returns an attachment's content, decoded and streamed: memory use does not grow with it. For an ItemAttachment it is
// the item's MIME, fit for an .eml file. A ReferenceAttachment has none (ErrBadItem).
//
// The caller closes it; closing early aborts the download. ctx is attached until then. Errors, also of Read: ErrNotFound, ErrDenied,
// ErrBadItem, ErrThrottled after the retry budget, ErrUnavailable if the transfer was cut. EWS: GetAttachment.
func (m *Mailbox) Attachment(ctx context.Context, id AttachmentID) (io.ReadCloser, error) {
	if id.ID == "" {
		return nil, m.invalid("GetAttachment", "the id is empty")
	}
	_, r, err := m.openAttachment(ctx, id)
	return r, err
}

// openAttachment is Attachment with what the server tells along with the content. A ReferenceAttachment is told of with the error.
func (m *Mailbox) openAttachment(ctx context.Context, id AttachmentID) (*Attachment, io.ReadCloser, error) {
	var a Attachment
	told, found := false, false
	st, err := m.stream(ctx, &call{
		op:   "GetAttachment",
		body: func(w *wire.Writer) error { writeGetAttachment(w, []AttachmentID{id}); return nil },
		read: func(s *wire.Scanner) error {
			a, told, found = Attachment{ID: id}, false, false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "Attachments" {
					return nil
				}
				for d := s.Depth(); s.Child(d); {
					if !attachmentElement(s.Local()) {
						continue
					}
					told = true
					if found = toContent(s, &a); found {
						return errHold
					}
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, nil, err
	}
	switch {
	case found:
		return &a, st.Base64(), nil
	case !told:
		return nil, nil, st.refuse(&Error{kind: ErrBadResponse, what: "the answer holds no attachment"})
	case a.empty():
		st.Close()
		return &a, io.NopCloser(strings.NewReader("")), nil
	}
	return &a, nil, st.refuse(a.noContent())
}

// emptyFileSize is more than the size told of an empty file can be: servers count what they keep about it, too.
const emptyFileSize = 4 << 10

// empty tells a file of no bytes, which may come without the element for them, from one whose bytes are missing.
func (a *Attachment) empty() bool { return a.Kind == FileAttachment && a.Size < emptyFileSize }

// attachmentElement reports whether an element is an attachment.
func attachmentElement(name string) bool {
	return name == "FileAttachment" || name == "ItemAttachment" || name == "ReferenceAttachment"
}

func (a *Attachment) noContent() *Error {
	if a.Kind == FileAttachment {
		return &Error{kind: ErrBadItem, what: fmt.Sprintf("the server sent no content of a file of %d bytes", a.Size)}
	}
	return &Error{kind: ErrBadItem, what: "the server sent no content", hint: "a reference attachment has none: follow its URL"}
}

func writeGetAttachment(w *wire.Writer, ids []AttachmentID) {
	w.Start("m:GetAttachment")
	w.Start("m:AttachmentShape")
	w.Leaf("t:IncludeMimeContent", "true")
	w.End()
	writeAttachmentIDs(w, ids)
	w.End()
}

func writeAttachmentIDs(w *wire.Writer, ids []AttachmentID) {
	w.Start("m:AttachmentIds")
	for _, id := range ids {
		w.Empty("t:AttachmentId", "Id", id.ID)
	}
	w.End()
}

// toContent reads an attachment element up to the element with its base64, if it has one.
func toContent(s *wire.Scanner, a *Attachment) bool {
	id := a.ID
	*a = Attachment{ID: id}
	switch s.Local() {
	case "ItemAttachment":
		a.Kind = ItemAttachment
	case "ReferenceAttachment":
		a.Kind = ReferenceAttachment
	}
	for d := s.Depth(); s.Child(d); {
		switch {
		case s.Local() == "Content" && a.Kind == FileAttachment:
			return true
		case a.Kind == ItemAttachment && attachedItem(s.Local()):
			if descend(s, "MimeContent") {
				return true
			}
		default:
			readAttachmentField(s, a)
		}
	}
	return false
}
