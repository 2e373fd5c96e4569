package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Move moves items to a folder and returns their new ids, in order: moving gives an item a new id, the old one is gone. Where the server
// tells no new id (a move to another mailbox), and for an item that failed, it is zero. Items that fail are in a *BatchError,
// the others are moved.
//
// A move whose answer was lost is not sent again, since it would find nothing: MaybeApplied tells. Message.SearchKey finds the
// message wherever it is. EWS: MoveItem.
func (m *Mailbox) Move(ctx context.Context, to FolderRef, ids ...ItemID) ([]ItemID, error) {
	return m.relocate(ctx, "MoveItem", to, ids)
}

// Copy copies items to a folder and returns the copies' ids, in order; zero as with Move. A copy has the SearchKey of its
// original. A lost answer is not asked for again: MaybeApplied tells. EWS: CopyItem.
func (m *Mailbox) Copy(ctx context.Context, to FolderRef, ids ...ItemID) ([]ItemID, error) {
	return m.relocate(ctx, "CopyItem", to, ids)
}

func (m *Mailbox) relocate(ctx context.Context, op string, to FolderRef, ids []ItemID) ([]ItemID, error) {
	moved := make([]ItemID, len(ids))
	if err := usable(to); err != nil {
		return moved, err
	}
	err := inBatches(op, ids, func(ids []ItemID, offset int) error {
		return m.resend(ctx, op, len(ids), func(work []int) error {
			return m.relocateOnce(ctx, op, to, pick(ids, work), func(i int, id ItemID) { moved[offset+work[i]] = id })
		})
	})
	return moved, err
}

func (m *Mailbox) relocateOnce(ctx context.Context, op string, to FolderRef, ids []ItemID, done func(i int, id ItemID)) error {
	return m.do(ctx, &call{
		op:   op,
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:" + op)
			w.Start("m:ToFolderId")
			to.writeTo(w, m)
			w.End()
			writeItemIDs(w, ids)
			w.Leaf("m:ReturnNewItemIds", "true")
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readMovedItems(s, len(ids), done) },
	})
}

// readMovedItems reads an answer with a response message for each of n items, and tells done the ids that the items now have.
func readMovedItems(s *wire.Scanner, n int, done func(i int, id ItemID)) error {
	return readBatch(s, n, func(i int, s *wire.Scanner) error {
		if s.Local() == "Items" && i < n {
			var id ItemID
			readItemID(s, &id)
			done(i, id)
		}
		return s.Err()
	})
}

// DeleteMode says what becomes of deleted items.
type DeleteMode int

// Ways to delete.
const (
	ToDeletedItems DeleteMode = iota // as a user does it
	SoftDelete                       // to the recoverable items at once
	HardDelete                       // beyond the user's reach; retention policies still hold
)

// Delete deletes items. Items that fail are in a *BatchError, the others are deleted; ErrNotFound means that one is gone already.
// EWS: DeleteItem.
func (m *Mailbox) Delete(ctx context.Context, mode DeleteMode, ids ...ItemID) error {
	kind, err := disposal("Delete", mode)
	if err != nil {
		return err
	}
	return inBatches("DeleteItem", ids, func(ids []ItemID, _ int) error {
		return m.resend(ctx, "DeleteItem", len(ids), func(work []int) error { return m.deleteOnce(ctx, kind, pick(ids, work)) })
	})
}

func (m *Mailbox) deleteOnce(ctx context.Context, kind string, ids []ItemID) error {
	return m.do(ctx, &call{
		op: "DeleteItem",
		body: func(w *wire.Writer) error {
			w.Start("m:DeleteItem", "DeleteType", kind, "SendMeetingCancellations", "SendToNone", "AffectedTaskOccurrences", "AllOccurrences", "SuppressReadReceipts", "true")
			writeItemIDs(w, ids)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readBatch(s, len(ids), nil) },
	})
}
