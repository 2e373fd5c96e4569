package ews

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Fate is what became of a message of which it was open whether it went out.
type Fate int

// The fates.
const (
	FateUnknown Fate = iota // neither its draft nor its sent copy can be found: it may have gone out
	FateSent                // Exchange has taken it for delivery
	FateNotSent             // it did not go out, and cannot any more: its draft lies in Deleted Items
)

// String is "sent", "not sent" or "unknown".
func (f Fate) String() string {
	switch f {
	case FateSent:
		return "sent"
	case FateNotSent:
		return "not sent"
	}
	return "unknown"
}

// Settle finds out what became of the message with that marker, whose draft Draft.BeforeSend was told, and makes it final: a draft that is
// still there is called off. sent is where its copy was to go; nil: SentItems. Give the message time first, as a copy takes seconds to appear,
// and longer while Exchange is in trouble.
//
// The draft is moved to Deleted Items, not deleted: a SendItem that is still under way names the id that the draft had in Drafts, and finds nothing
// there, while the draft itself remains as the proof, found by its marker, for whoever comes later. So it does not matter at which step a program
// ends or an answer is lost: to settle the matter again gives the same fate. The proof goes with RemoveDrafts, once what it proves has been written
// down; the next try with the same marker must begin with that, or the proof of one try would be taken for that of another.
//
// Send and its like settle what they can by themselves, in the same way; a program that ended in the middle of them, or was told MaybeApplied, calls
// Settle. With a zero draft nothing is called off, and it is FateSent or FateUnknown. FateUnknown is no error: it is for a person to decide.
// A copy that a rule or a person has moved to another folder than Deleted Items is not found. Errors: those of reading and of deleting; then nothing is
// settled yet. EWS: FindItem, GetItem, DeleteItem with MoveToDeletedItems.
func (m *Mailbox) Settle(ctx context.Context, sent FolderRef, marker string, draft ItemID) (Fate, error) {
	if marker == "" {
		return FateUnknown, errors.New("ews: Settle: the marker is empty")
	}
	if err := unsendable("Settle", "marker", marker); err != nil {
		return FateUnknown, err
	}
	if err := unsendable("Settle", "draft's id", draft.ID); err != nil {
		return FateUnknown, err
	}
	if sent == nil {
		sent = SentItems
	}
	if id, err := m.marked(ctx, sent, marker); err != nil {
		return FateUnknown, err
	} else if !id.IsZero() {
		return FateSent, nil
	}
	if _, accepted, err := m.queued(ctx, marker); err != nil {
		return FateUnknown, err
	} else if accepted {
		return FateSent, nil
	}
	var lost error
	moved := false
	if !draft.IsZero() {
		err := firstOf(m.Delete(ctx, ToDeletedItems, ItemID{ID: draft.ID}))
		switch {
		case err == nil:
			moved = true
		case MaybeApplied(err):
			lost = err
		case !errors.Is(err, ErrNotFound):
			return FateUnknown, err
		}
	}
	drafts, copies, err := m.deleted(ctx, marker)
	switch {
	case err != nil:
		return FateUnknown, err
	case len(copies) > 0:
		return FateSent, nil // somebody has deleted it since
	case moved, !draft.IsZero() && len(drafts) > 0:
		return FateNotSent, nil
	case lost != nil:
		return FateUnknown, lost
	}
	// Between the two looks it may have come.
	if id, err := m.marked(ctx, sent, marker); err != nil {
		return FateUnknown, err
	} else if !id.IsZero() {
		return FateSent, nil
	}
	return FateUnknown, nil
}

// queued finds the message with that marker where it lies before it is sent. accepted: Exchange has taken it for delivery, at once or
// at its Draft.SendAt.
func (m *Mailbox) queued(ctx context.Context, marker string) (id ItemID, accepted bool, err error) {
	if id, err = m.marked(ctx, Drafts, marker); err == nil && !id.IsZero() {
		var at []standing
		if at, err = m.standings(ctx, id); len(at) > 0 {
			accepted = at[0].submitted
		}
		return id, accepted, err
	}
	var waiting ItemID
	if waiting, err = m.marked(ctx, Outbox, marker); err == nil && !waiting.IsZero() {
		return waiting, true, nil
	}
	return ItemID{}, false, err
}

// deleted finds what lies in Deleted Items of the message with that marker: drafts, and copies of what was sent.
func (m *Mailbox) deleted(ctx context.Context, marker string) (drafts, copies []ItemID, err error) {
	found, err := m.findMarked(ctx, DeletedItems, marker, "")
	if err != nil || len(found) == 0 {
		return nil, nil, err
	}
	list, err := m.standings(ctx, found...)
	if err != nil {
		return nil, nil, err
	}
	for _, it := range list {
		if it.draft {
			drafts = append(drafts, it.id)
		} else {
			copies = append(copies, it.id)
		}
	}
	return drafts, copies, nil
}

// standing is how far an item is on its way out.
type standing struct {
	id               ItemID
	draft, submitted bool
}

// standings reads how far items are; those that are gone are left out. EWS: GetItem.
func (m *Mailbox) standings(ctx context.Context, ids ...ItemID) ([]standing, error) {
	var out []standing
	err := m.do(ctx, &call{
		op: "GetItem",
		body: func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			w.Start("t:AdditionalProperties")
			w.Empty("t:FieldURI", "FieldURI", "item:IsDraft")
			w.Empty("t:FieldURI", "FieldURI", "item:IsSubmitted")
			w.End()
			w.End()
			writeItemIDs(w, ids)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			out = nil
			return readBatch(s, len(ids), func(i int, s *wire.Scanner) error {
				if s.Local() != "Items" || i >= len(ids) {
					return nil
				}
				if d := s.Depth(); s.Child(d) {
					it := standing{id: ItemID{ID: ids[i].ID}}
					for d := s.Depth(); s.Child(d); {
						switch s.Local() {
						case "IsDraft":
							it.draft = boolean(s.TextBytes())
						case "IsSubmitted":
							it.submitted = boolean(s.TextBytes())
						}
					}
					out = append(out, it)
				}
				return s.Err()
			})
		},
	})
	var b *BatchError
	if errors.As(err, &b) {
		for _, it := range b.Items {
			if !errors.Is(it.Err, ErrNotFound) {
				return nil, it.Err
			}
		}
		err = nil
	}
	return out, err
}
