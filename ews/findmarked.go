package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// findMarked returns the ids of items in a folder that have the marker, or that provisional subject, at most so many. Exchange compares strings
// without regard to case, so what it finds is looked at: markers that differ in case only are those of different messages.
// EWS: FindItem.
func (m *Mailbox) findMarked(ctx context.Context, folder FolderRef, marker, subject string) ([]ItemID, error) {
	var found []ItemID
	err := m.do(ctx, &call{
		op: "FindItem",
		body: func(w *wire.Writer) error {
			w.Start("m:FindItem", "Traversal", "Shallow")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			w.Start("t:AdditionalProperties")
			if subject != "" {
				fieldURI("item:Subject")(w)
			}
			markerField(w)
			w.End()
			w.End()
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", itoa(maxMarked), "Offset", "0", "BasePoint", "Beginning")
			w.Start("m:Restriction")
			if subject != "" {
				w.Start("t:Or")
			}
			writeEqual(w, markerField, marker)
			if subject != "" {
				writeEqual(w, fieldURI("item:Subject"), subject)
				w.End()
			}
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
					for d := s.Depth(); len(found) < maxMarked && s.Child(d); {
						var id ItemID
						ours := false
						for d := s.Depth(); s.Child(d); {
							switch s.Local() {
							case "ItemId":
								id.ID, _ = s.Attr("Id")
								id.ChangeKey, _ = s.Attr("ChangeKey")
							case "Subject":
								ours = ours || subject != "" && s.Text() == subject
							case "ExtendedProperty":
								value, _ := readProperty(s).Value.(string)
								ours = ours || value == marker
							}
						}
						if ours && !id.IsZero() {
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

// maxMarked is more than tries leave: each begins by removing what those before it left.
const maxMarked = 50
