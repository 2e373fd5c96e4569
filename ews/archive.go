package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MoveToArchive moves items from a folder to its counterpart in the mailbox's archive, which Exchange makes if need be, and returns their
// new ids as Move does: zero where the server does not tell them, as Exchange for the most part does. Items that fail are in a
// *BatchError, the others are moved.
//
// A lost answer is not asked for again, since the items would not be found: MaybeApplied tells. Errors: ErrInvalidRequest with
// the code ErrorArchiveMailboxNotEnabled for a mailbox without an archive; ErrNotFound, ErrDenied, ErrThrottled after the retry
// budget. EWS: ArchiveItem operation, since Exchange 2013.
func (m *Mailbox) MoveToArchive(ctx context.Context, from FolderRef, ids ...ItemID) ([]ItemID, error) {
	moved := make([]ItemID, len(ids))
	if err := usable(from); err != nil {
		return moved, err
	}
	err := inBatches("ArchiveItem", ids, func(ids []ItemID, offset int) error {
		return m.resend(ctx, "ArchiveItem", len(ids), func(work []int) error {
			return m.archiveOnce(ctx, from, pick(ids, work), func(i int, id ItemID) { moved[offset+work[i]] = id })
		})
	})
	return moved, err
}

func (m *Mailbox) archiveOnce(ctx context.Context, from FolderRef, ids []ItemID, done func(i int, id ItemID)) error {
	return m.do(ctx, &call{
		op:   "ArchiveItem",
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:ArchiveItem")
			w.Start("m:ArchiveSourceFolderId")
			from.writeTo(w, m)
			w.End()
			writeItemIDs(w, ids)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readMovedItems(s, len(ids), done) },
	})
}
