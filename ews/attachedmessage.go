package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// AttachedMessage reads the message, or other item, that an ItemAttachment is, as Message reads one in a folder; q is as there. It has no id of
// its own; its Attachments have ids, so that messages within messages are reached too. For its .eml form see Attachment. Errors:
// ErrNotFound, ErrDenied, ErrBadItem for an attachment that is no item. EWS: GetAttachment operation.
func (m *Mailbox) AttachedMessage(ctx context.Context, id AttachmentID, q *Query) (*Message, error) {
	if id.ID == "" {
		return nil, m.invalid("GetAttachment", "the id is empty")
	}
	if q == nil {
		q = new(Query)
	}
	if bad := q.bad(); bad != "" {
		return nil, m.invalid("GetAttachment", bad)
	}
	detail := q.Detail
	if detail == Summary {
		detail = WithoutBody
	}
	var msg *Message
	err := m.do(ctx, &call{
		op: "GetAttachment",
		body: func(w *wire.Writer) error {
			w.Start("m:GetAttachment")
			w.Start("m:AttachmentShape")
			w.Leaf("t:BodyType", q.Body.element())
			if q.SafeHTML {
				w.Leaf("t:FilterHtmlContent", "true")
			}
			q.writeAdditional(w, detail)
			w.End()
			writeAttachmentIDs(w, []AttachmentID{id})
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			msg = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "Attachments" {
					return nil
				}
				for d := s.Depth(); s.Child(d); {
					for d := s.Depth(); s.Child(d); {
						if attachedItem(s.Local()) {
							msg = new(Message)
							new(messageReader).read(s, msg)
						}
					}
				}
				return s.Err()
			})
		},
	})
	if err == nil && msg == nil {
		err = &Error{Op: "GetAttachment", Mailbox: m.Address(), kind: ErrBadItem, what: "the attachment is no message or other item", hint: "read it with Attachment"}
	}
	if err != nil {
		return nil, err
	}
	return msg, nil
}

// attachedItem reports whether an element of an ItemAttachment is the item. EWS: ItemAttachmentType.
func attachedItem(element string) bool {
	switch element {
	case "Item", "Message", "SharingMessage", "CalendarItem", "Contact", "DistributionList", "MeetingMessage", "MeetingRequest", "MeetingResponse",
		"MeetingCancellation", "Task", "PostItem", "RoleMember", "Network", "Person":
		return true
	}
	return false
}
