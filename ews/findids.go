package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// findIDs returns the ids of items in a folder that meet a restriction, at most so many. EWS: FindItem.
func (m *Mailbox) findIDs(ctx context.Context, folder FolderRef, most int, restriction func(w *wire.Writer)) ([]ItemID, error) {
	return m.findSome(ctx, folder, most, nil, restriction, func(s *wire.Scanner) (id ItemID) {
		readItemID(s, &id)
		return id
	})
}

// findSome is findIDs with fields besides the id, by which read decides: it returns the id of an item, or a zero one to leave it out.
func (m *Mailbox) findSome(ctx context.Context, folder FolderRef, most int, fields []func(w *wire.Writer), restriction func(w *wire.Writer),
	read func(s *wire.Scanner) ItemID) ([]ItemID, error) {
	var found []ItemID
	err := m.do(ctx, &call{
		op: "FindItem",
		body: func(w *wire.Writer) error {
			w.Start("m:FindItem", "Traversal", "Shallow")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			if len(fields) > 0 {
				w.Start("t:AdditionalProperties")
				for _, field := range fields {
					field(w)
				}
				w.End()
			}
			w.End()
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", itoa(most), "Offset", "0", "BasePoint", "Beginning")
			w.Start("m:Restriction")
			restriction(w)
			w.End()
			w.Start("m:ParentFolderIds")
			folder.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			found = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "RootFolder" {
					return nil
				}
				for d := s.Depth(); s.Child(d); {
					if s.Local() != "Items" {
						continue
					}
					for d := s.Depth(); len(found) < most && s.Child(d); {
						if id := read(s); !id.IsZero() {
							found = append(found, id)
						}
					}
				}
				return s.Err()
			})
		},
	})
	return found, err
}
