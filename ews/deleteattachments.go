package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// DeleteAttachments takes attachments off their items and returns the ids of those items with their new change keys, in order; without
// one where the server does not tell, and zero for an attachment that failed. Those that fail are in a *BatchError, the others are
// deleted; ErrNotFound means that one is gone already. EWS: DeleteAttachment operation.
func (m *Mailbox) DeleteAttachments(ctx context.Context, ids ...AttachmentID) ([]ItemID, error) {
	items := make([]ItemID, len(ids))
	named := make([]ItemID, len(ids)) // batches are made of items as a rule
	for i, id := range ids {
		named[i].ID = id.ID
	}
	err := inBatches("DeleteAttachment", named, func(part []ItemID, offset int) error {
		return m.resend(ctx, "DeleteAttachment", len(part), func(work []int) error {
			return m.deleteAttachmentsOnce(ctx, pick(ids[offset:], work), func(i int, id ItemID) { items[offset+work[i]] = id })
		})
	})
	return items, err
}

func (m *Mailbox) deleteAttachmentsOnce(ctx context.Context, ids []AttachmentID, done func(i int, id ItemID)) error {
	return m.do(ctx, &call{
		op: "DeleteAttachment",
		body: func(w *wire.Writer) error {
			w.Start("m:DeleteAttachment")
			writeAttachmentIDs(w, ids)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(ids), func(i int, s *wire.Scanner) error {
				if s.Local() == "RootItemId" && i < len(ids) {
					var id ItemID
					id.ID, _ = s.Attr("RootItemId")
					id.ChangeKey, _ = s.Attr("RootItemChangeKey")
					done(i, id)
				}
				return s.Err()
			})
		},
	})
}
