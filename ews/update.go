package ews

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		return m.settled(ctx, ids, func(ids []ItemID) error {
			return m.update(ctx, ids, func(w *wire.Writer) {
				w.Start("t:SetItemField")
				w.Empty("t:FieldURI", "FieldURI", "message:IsRead")
				w.Start("t:Message")
				w.Leaf("t:IsRead", value)
				w.End()
				w.End()
			}, nil)
		})
	})
}

// settled calls change for ids with their current versions, which Exchange wants to be named: those that lack one are looked up,
// and so are those that somebody else has changed in between, for a second and last try.
func (m *Mailbox) settled(ctx context.Context, ids []ItemID, change func(ids []ItemID) error) error {
	joined := &BatchError{Op: "UpdateItem", Total: len(ids)}
	work := make([]int, len(ids)) // indexes of the items still to be changed
	for i := range work {
		work[i] = i
	}
	ids = append([]ItemID(nil), ids...)
	for try := 1; len(work) > 0; try++ {
		var err error
		if work, err = m.versions(ctx, ids, work, joined); err != nil {
			return err
		}
		if len(work) == 0 {
			break
		}
		part := make([]ItemID, len(work))
		for i, at := range work {
			part[i] = ids[at]
		}
		err = change(part)
		var b *BatchError
		if err != nil && !errors.As(err, &b) {
			return err
		}
		var again []int
		if b != nil {
			for _, it := range b.Items {
				at := work[it.Index]
				if try == 1 && errors.Is(it.Err, ErrConflict) {
					ids[at].ChangeKey = ""
					again = append(again, at)
					continue
				}
				joined.Items = append(joined.Items, &ItemError{Index: at, Err: it.Err})
			}
		}
		work = again
	}
	if len(joined.Items) == 0 {
		return nil
	}
	slices.SortFunc(joined.Items, func(a, b *ItemError) int { return a.Index - b.Index })
	return joined
}

// versions fills in the missing change keys of the items at work; those that cannot be read leave work and are added to failed.
func (m *Mailbox) versions(ctx context.Context, ids []ItemID, work []int, failed *BatchError) ([]int, error) {
	var missing []int
	for _, at := range work {
		if ids[at].ChangeKey == "" {
			missing = append(missing, at)
		}
	}
	if len(missing) == 0 {
		return work, nil
	}
	ask := make([]ItemID, len(missing))
	for i, at := range missing {
		ask[i] = ItemID{ID: ids[at].ID}
	}
	err := m.current(ctx, ask)
	var b *BatchError
	if err != nil && !errors.As(err, &b) {
		return nil, err
	}
	for i, at := range missing {
		ids[at] = ask[i]
	}
	if b == nil {
		return work, nil
	}
	for _, it := range b.Items {
		at := missing[it.Index]
		failed.Items = append(failed.Items, &ItemError{Index: at, Err: it.Err})
		work = slices.DeleteFunc(work, func(w int) bool { return w == at })
	}
	return work, nil
}

// current fills in the change keys that the items have now. Items that fail are in a *BatchError. EWS: GetItem.
func (m *Mailbox) current(ctx context.Context, ids []ItemID) error {
	return m.resend(ctx, "GetItem", len(ids), func(work []int) error {
		part := pick(ids, work)
		err := m.currentOnce(ctx, part)
		for i, at := range work {
			ids[at] = part[i]
		}
		return err
	})
}

func (m *Mailbox) currentOnce(ctx context.Context, ids []ItemID) error {
	return m.do(ctx, &call{
		op: "GetItem",
		body: func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			w.End()
			w.Start("m:ItemIds")
			for _, id := range ids {
				writeID(w, "t:ItemId", id.ID, "")
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(ids), func(i int, s *wire.Scanner) error {
				if s.Local() == "Items" && i < len(ids) {
					readItemID(s, &ids[i])
				}
				return s.Err()
			})
		},
	})
}

// currentOne is current for a single item.
func (m *Mailbox) currentOne(ctx context.Context, id ItemID) (ItemID, error) {
	ids := []ItemID{id}
	err := m.current(ctx, ids)
	var b *BatchError
	if errors.As(err, &b) {
		return ItemID{}, b.Items[0].Err
	}
	return ids[0], err
}

// update changes items whose versions are named. changed, if not nil, is told the new ids. EWS: UpdateItem.
func (m *Mailbox) update(ctx context.Context, ids []ItemID, updates func(w *wire.Writer), changed func(i int, id ItemID)) error {
	return m.resend(ctx, "UpdateItem", len(ids), func(work []int) error {
		return m.updateOnce(ctx, pick(ids, work), updates, func(i int, id ItemID) {
			if changed != nil {
				changed(work[i], id)
			}
		})
	})
}

func (m *Mailbox) updateOnce(ctx context.Context, ids []ItemID, updates func(w *wire.Writer), changed func(i int, id ItemID)) error {
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
				if s.Local() == "Items" && i < len(ids) {
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
	for i, id := range ids {
		if id.IsZero() {
			return fmt.Errorf("ews: %s: ids[%d]: the id is empty", op, i)
		}
	}
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
				if offset == 0 {
					return err // nothing was sent: wrong use, or the context
				}
				e = &Error{Op: op, kind: ErrNotAttempted, cause: err}
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
