package ews

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// writeBatch is how many items one changing request names: Exchange charges and times them one by one.
const writeBatch = 10

// SetRead marks messages as read or unread. Nobody is sent a read receipt for it. It may be repeated at will. Items that fail
// are in a *BatchError, the others are marked. EWS: UpdateItem.
func (m *Mailbox) SetRead(ctx context.Context, read bool, ids ...ItemID) error {
	value := "false"
	if read {
		value = "true"
	}
	return inBatches("UpdateItem", ids, func(ids []ItemID, _ int) error {
		return m.update(ctx, ids, func(w *wire.Writer) {
			w.Start("t:SetItemField")
			w.Empty("t:FieldURI", "FieldURI", "message:IsRead")
			w.Start("t:Message")
			w.Leaf("t:IsRead", value)
			w.End()
			w.End()
		}, nil)
	})
}

// update changes items, whatever their version. changed, if not nil, is told the new ids. EWS: UpdateItem.
func (m *Mailbox) update(ctx context.Context, ids []ItemID, updates func(w *wire.Writer), changed func(i int, id ItemID)) error {
	return m.do(ctx, &call{
		op: "UpdateItem",
		body: func(w *wire.Writer) error {
			w.Start("m:UpdateItem", "ConflictResolution", "AutoResolve", "MessageDisposition", "SaveOnly", "SuppressReadReceipts", "true")
			w.Start("m:ItemChanges")
			for _, id := range ids {
				w.Start("t:ItemChange")
				writeID(w, "t:ItemId", id.ID, id.ChangeKey)
				w.Start("t:Updates")
				updates(w)
				w.End()
				w.End()
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(ids), func(i int, s *wire.Scanner) error {
				if changed != nil && s.Local() == "Items" && i < len(ids) {
					id := ids[i]
					readItemID(s, &id)
					changed(i, id)
				}
				return s.Err()
			})
		},
	})
}

// inBatches calls do for ids, some at a time, and joins what fails. An error other than *BatchError ends it: the items not yet sent
// then count as failed with ErrNotAttempted, so that what took effect can be told from what did not.
func inBatches(op string, ids []ItemID, do func(ids []ItemID, offset int) error) error {
	joined := &BatchError{Op: op, Total: len(ids)}
	for offset := 0; offset < len(ids); offset += writeBatch {
		part := ids[offset:min(offset+writeBatch, len(ids))]
		err := do(part, offset)
		var b *BatchError
		switch {
		case err == nil:
		case errors.As(err, &b):
			for _, it := range b.Items {
				joined.Items = append(joined.Items, &ItemError{Index: offset + it.Index, ID: ids[offset+it.Index].ID, Err: it.Err})
			}
		case offset == 0 && len(part) == len(ids):
			return err
		default:
			var e *Error
			if !errors.As(err, &e) {
				e = &Error{Op: op, kind: ErrUnavailable, cause: err}
			}
			for i, id := range ids[offset:] {
				if i >= len(part) {
					e = &Error{Op: op, kind: ErrNotAttempted, cause: err}
				}
				joined.Items = append(joined.Items, &ItemError{Index: offset + i, ID: id.ID, Err: e})
			}
			return joined
		}
	}
	if len(joined.Items) > 0 {
		return joined
	}
	return nil
}
