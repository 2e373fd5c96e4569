package ews

import (
	"context"
	"errors"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Small attachments share a request: so many, and so many bytes, at most. Each larger one has its own.
const (
	attachBatch = 10
	attachBytes = 2 << 20
)

// Attach adds attachments to a draft, or to any other item, each streamed from its Content, which is read again if it has to be sent
// again. It returns the item's id with its new change key, which SendDraft and UpdateDraft want, and the ids of the attachments, in order.
// Attachments that fail are in a *BatchError, and their ids are zero; the others are added.
//
// An attachment whose answer was lost is not added again, since it might then be there twice: MaybeApplied tells. Errors: one that
// names each wrong field; ErrNotFound, ErrDenied, ErrBadItem, ErrQuota for one too large, ErrThrottled after the retry budget.
// EWS: CreateAttachment operation.
func (m *Mailbox) Attach(ctx context.Context, item ItemID, attachments ...Upload) (ItemID, []AttachmentID, error) {
	made := make([]AttachmentID, len(attachments))
	wrong := badUploads("attachments", attachments)
	if item.IsZero() {
		wrong = append(wrong, "the item's id is empty")
	}
	if len(wrong) > 0 {
		return item, made, errors.New("ews: Attach: " + strings.Join(wrong, "; "))
	}
	joined := &BatchError{Op: "CreateAttachment", Total: len(attachments)}
	fail := func(i int, e *Error) { joined.Items = append(joined.Items, &ItemError{Index: i, Err: e}) }
	for at := 0; at < len(attachments); {
		part := group(attachments[at:])
		now, err := m.attach(ctx, item, part, made[at:])
		var b *BatchError
		switch {
		case err == nil:
		case errors.As(err, &b):
			for _, it := range b.Items {
				fail(at+it.Index, it.Err)
			}
		case at == 0 && len(part) == len(attachments):
			return item, made, err
		default:
			var e *Error
			if !errors.As(err, &e) {
				e = &Error{Op: "CreateAttachment", Mailbox: m.Address(), kind: ErrNotAttempted, cause: err}
			}
			for i := range attachments[at:] {
				if i == len(part) {
					e = &Error{Op: "CreateAttachment", Mailbox: m.Address(), kind: ErrNotAttempted, cause: err}
				}
				fail(at+i, e)
			}
			return item, made, joined
		}
		item = now
		at += len(part)
	}
	if len(joined.Items) > 0 {
		return item, made, joined
	}
	return item, made, nil
}

// group cuts off the attachments that go into the next request.
func group(list []Upload) []Upload {
	bytes := list[0].Content.Size
	n := 1
	for ; n < min(len(list), attachBatch); n++ {
		if bytes += list[n].Content.Size; bytes > attachBytes || (list[n].Kind == ReferenceAttachment) != (list[0].Kind == ReferenceAttachment) {
			break
		}
	}
	return list[:n]
}

// attach adds attachments that fit into one request, and returns the item's id with its new change key.
func (m *Mailbox) attach(ctx context.Context, item ItemID, list []Upload, made []AttachmentID) (ItemID, error) {
	told := false // the change key
	err := m.resend(ctx, "CreateAttachment", len(list), func(work []int) error {
		return m.attachOnce(ctx, item, pick(list, work), func(i int, id AttachmentID, root ItemID) {
			made[work[i]] = id
			if told = root.ChangeKey != ""; told {
				item.ChangeKey = root.ChangeKey
			}
			if root.ID != "" {
				item.ID = root.ID
			}
		})
	})
	var b *BatchError
	if err != nil && (!errors.As(err, &b) || len(b.Items) == len(list)) {
		return item, err // nothing has changed
	}
	if !told { // some servers do not tell it
		now, failed := m.current(ctx, item)
		if failed != nil && err == nil {
			return item, failed
		}
		if failed == nil {
			item = now
		}
	}
	return item, err
}

func (m *Mailbox) attachOnce(ctx context.Context, item ItemID, list []Upload, done func(i int, id AttachmentID, root ItemID)) error {
	version := ""
	if list[0].Kind == ReferenceAttachment {
		version = "Exchange2016"
	}
	return m.do(ctx, &call{
		op:      "CreateAttachment",
		version: version,
		once:    true, // twice would mean two copies of the file in the message
		body: func(w *wire.Writer) error {
			w.Start("m:CreateAttachment")
			writeID(w, "m:ParentItemId", item.ID, item.ChangeKey)
			w.Start("m:Attachments")
			for i := range list {
				list[i].writeTo(w)
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(list), func(i int, s *wire.Scanner) error {
				if i < len(list) && s.Local() == "Attachments" && descend(s, "AttachmentId") {
					var id AttachmentID
					var root ItemID
					id.ID, _ = s.Attr("Id")
					root.ID, _ = s.Attr("RootItemId")
					root.ChangeKey, _ = s.Attr("RootItemChangeKey")
					done(i, id, root)
				}
				return s.Err()
			})
		},
	})
}
