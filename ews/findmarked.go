package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// findMarked returns the ids of items in a folder that have the marker, or that provisional subject, at most so many. Exchange compares strings
// without regard to case, so what it finds is looked at: markers that differ in case only are those of different messages.
// EWS: FindItem.
func (m *Mailbox) findMarked(ctx context.Context, folder FolderRef, marker, subject string) ([]ItemID, error) {
	fields := []func(w *wire.Writer){markerField}
	if subject != "" {
		fields = []func(w *wire.Writer){fieldURI("item:Subject"), markerField}
	}
	return m.findSome(ctx, folder, maxMarked, fields, func(w *wire.Writer) {
		if subject == "" {
			writeEqual(w, markerField, marker)
			return
		}
		w.Start("t:Or")
		writeEqual(w, markerField, marker)
		writeEqual(w, fieldURI("item:Subject"), subject)
		w.End()
	}, func(s *wire.Scanner) ItemID {
		var id ItemID
		ours := false
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "ItemId":
				id = itemID(s)
			case "Subject":
				ours = ours || subject != "" && s.Text() == subject
			case "ExtendedProperty":
				value, _ := readProperty(s).Value.(string)
				ours = ours || value == marker
			}
		}
		if !ours {
			return ItemID{}
		}
		return id
	})
}

// maxMarked is more than tries leave: each begins by removing what those before it left.
const maxMarked = 50
