package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// SetRead marks messages as read or unread. Nobody is sent a read receipt for it. It may be repeated at will. Items that fail
// are in a *BatchError, the others are marked. EWS: UpdateItem.
func (m *Mailbox) SetRead(ctx context.Context, read bool, ids ...ItemID) error {
	_, err := m.Update(ctx, &Update{Read: &read}, ids...)
	return err
}

// Update makes the same change to items and returns their ids with the new change keys, in order; zero for an item that failed. Items
// that fail are in a *BatchError, the others are changed.
//
// Read flag, categories, flag, importance, sensitivity and properties are put on top of whatever others changed meanwhile: a
// ChangeKey that is out of date does no harm. To what people write (Subject, Body, the addresses) it does: with an ItemID that
// has a ChangeKey such a change is made to that version only, and is ErrConflict if there is a newer one; and it is not sent
// again when its answer was lost, which MaybeApplied tells. Without a ChangeKey the version of the moment is changed.
//
// Errors: one that names each wrong field of c; ErrNotFound, ErrConflict, ErrDenied, ErrInvalidRequest for what the kind of item does
// not have, ErrThrottled after the retry budget. EWS: UpdateItem operation, and GetItem for change keys and categories that
// have to be known first.
func (m *Mailbox) Update(ctx context.Context, c *Update, ids ...ItemID) ([]ItemID, error) {
	changed := make([]ItemID, len(ids))
	if c == nil {
		c = new(Update)
	}
	if err := c.check(); err != nil {
		return changed, err
	}
	err := inBatches("UpdateItem", ids, func(ids []ItemID, offset int) error {
		all := make([]*edit, len(ids))
		for i, id := range ids {
			all[i] = &edit{id: id, firm: c.rewrites() && id.ChangeKey != ""}
		}
		err := m.settled(ctx, all, c)
		for i, e := range all {
			changed[offset+i] = e.done
		}
		return err
	})
	return changed, err
}

// update changes items whose versions are named and notes their new ones. EWS: UpdateItem.
func (m *Mailbox) update(ctx context.Context, all []*edit, c *Update) error {
	return m.resend(ctx, "UpdateItem", len(all), func(work []int) error { return m.updateOnce(ctx, pick(all, work), c) })
}

func (m *Mailbox) updateOnce(ctx context.Context, all []*edit, c *Update) error {
	resolution, once := "AutoResolve", false
	if c.rewrites() || c.merges() {
		resolution = "NeverOverwrite"
	}
	for _, e := range all {
		once = once || e.firm // a second try would take the first one's success for somebody else's change
	}
	return m.do(ctx, &call{
		op:   "UpdateItem",
		once: once,
		body: func(w *wire.Writer) error {
			w.Start("m:UpdateItem", "ConflictResolution", resolution, "MessageDisposition", "SaveOnly", "SuppressReadReceipts", yes(!c.SendReceipts))
			w.Start("m:ItemChanges")
			for _, e := range all {
				w.Start("t:ItemChange")
				writeID(w, "t:ItemId", e.id.ID, e.id.ChangeKey)
				w.Start("t:Updates")
				c.write(w, e)
				w.End()
				w.End()
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(all), func(i int, s *wire.Scanner) error {
				if s.Local() == "Items" && i < len(all) {
					e := all[i]
					e.done = e.id
					readItemID(s, &e.done)
				}
				return s.Err()
			})
		},
	})
}
