package ews

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// provisional is the subject under which an answer is created: EWS lets an answer be created with a subject, but not with a property,
// and what is created without any mark is not found again when its creation's answer is lost.
func provisional(marker string) string { return markerName + " " + marker }

// RemoveDrafts removes what earlier tries to send a message with that marker left in Drafts, as a program that ended in the middle
// of Send cannot remove its draft, and in Deleted Items (see Settle). It must be certain that no such try is still going on, or it may take the
// message away from it. What was sent, wherever it lies, stays. No error: there is none (any more).
//
// The draft of an answer without a Subject of its own cannot be found if the program ended, or the connection broke, right when it was
// created; it stays in Drafts, unsent. EWS: FindItem, GetItem, DeleteItem.
func (m *Mailbox) RemoveDrafts(ctx context.Context, marker string) error {
	if marker == "" {
		return errors.New("ews: RemoveDrafts: the marker is empty")
	}
	if err := unsendable("RemoveDrafts", "marker", marker); err != nil {
		return err
	}
	_, err := m.removeDrafts(ctx, marker)
	return err
}

// removeDrafts says how many there were. It begins in Drafts: what is under way from there to Deleted Items is not to be missed.
func (m *Mailbox) removeDrafts(ctx context.Context, marker string) (n int, err error) {
	left, err := m.findMarked(ctx, Drafts, marker, provisional(marker))
	if err == nil {
		n, err = len(left), m.removeAll(ctx, left)
	}
	if err != nil {
		return n, err
	}
	left, _, err = m.deleted(ctx, marker)
	if err != nil {
		return n, err
	}
	return n + len(left), m.removeAll(ctx, left)
}

// removeAll deletes items, some of which may be gone.
func (m *Mailbox) removeAll(ctx context.Context, ids []ItemID) error {
	if len(ids) == 0 {
		return nil
	}
	err := m.Delete(ctx, HardDelete, ids...)
	var b *BatchError
	if errors.As(err, &b) {
		for _, it := range b.Items {
			if !errors.Is(it.Err, ErrNotFound) {
				return err
			}
		}
		return nil
	}
	return err
}

func writeEqual(w *wire.Writer, field func(w *wire.Writer), value string) {
	w.Start("t:IsEqualTo")
	field(w)
	w.Start("t:FieldURIOrConstant")
	w.Empty("t:Constant", "Value", value)
	w.End()
	w.End()
}
