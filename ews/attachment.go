package ews

import (
	"context"
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
	found, empty := false, false
	st, err := m.stream(ctx, &call{
		op: "GetAttachment",
		body: func(w *wire.Writer) error {
			w.Start("m:GetAttachment")
			w.Start("m:AttachmentShape")
			w.Leaf("t:IncludeMimeContent", "true")
			w.End()
			w.Start("m:AttachmentIds")
			w.Empty("t:AttachmentId", "Id", id.ID)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			found, empty = false, false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "Attachments" {
					return nil
				}
				for d := s.Depth(); s.Child(d); {
					element := "MimeContent"
					if s.Local() == "FileAttachment" {
						element = "Content"
					}
					file := element == "Content"
					if found = descend(s, element); found {
						return errHold
					}
					empty = file // an empty file may come without the element
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, err
	}
	switch {
	case found:
		return st.Base64(), nil
	case empty:
		st.Close()
		return io.NopCloser(strings.NewReader("")), nil
	}
	return nil, st.refuse(&Error{kind: ErrBadItem, what: "the server sent no content", hint: "a reference attachment has none: follow its URL"})
}

// Upload is an attachment to be added to a message.
type Upload struct {
	Name        string // file name the recipient sees; required
	ContentType string // MIME type; "": the server decides
	ContentID   string // for <img src="cid:..."> in an HTML body, without angle brackets
	Inline      bool   // shown within the body
	Content     Content
}

// attach adds an attachment to a draft and returns the draft's id with its new change key. EWS: CreateAttachment.
func (m *Mailbox) attach(ctx context.Context, draft ItemID, u *Upload) (ItemID, error) {
	root := ItemID{}
	err := m.do(ctx, &call{
		op: "CreateAttachment",
		// Twice would mean two copies of the file in the message. The draft is thrown away if it is not known.
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:CreateAttachment")
			writeID(w, "m:ParentItemId", draft.ID, draft.ChangeKey)
			w.Start("m:Attachments")
			w.Start("t:FileAttachment")
			w.Leaf("t:Name", u.Name)
			if u.ContentType != "" {
				w.Leaf("t:ContentType", u.ContentType)
			}
			if u.ContentID != "" {
				w.Leaf("t:ContentId", u.ContentID)
			}
			if u.Inline {
				w.Leaf("t:IsInline", "true")
			}
			w.Start("t:Content")
			w.Base64(u.Content.Size, u.Content.Open)
			w.End()
			w.End()
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "Attachments" && descend(s, "AttachmentId") {
					root.ID, _ = s.Attr("RootItemId")
					root.ChangeKey, _ = s.Attr("RootItemChangeKey")
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return ItemID{}, err
	}
	if root.ChangeKey == "" { // some servers do not tell it
		return m.current(ctx, draft)
	}
	if root.ID == "" {
		root.ID = draft.ID
	}
	return root, nil
}

// readItemID reads the id of the first item below the current element (m:Items).
func readItemID(s *wire.Scanner, id *ItemID) {
	if descend(s, "ItemId") {
		id.ID, _ = s.Attr("Id")
		id.ChangeKey, _ = s.Attr("ChangeKey")
	}
}
