package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// FindByKey returns the id that the message with that SearchKey has now, looking through folders in their order, nil meaning Inbox. It
// is zero if no folder has it. A copy has its original's key: the first one found is returned. EWS: FindItem.
func (m *Mailbox) FindByKey(ctx context.Context, searchKey string, folders ...FolderRef) (ItemID, error) {
	if len(folders) == 0 {
		folders = []FolderRef{Inbox}
	}
	for _, f := range folders {
		found, err := m.findIDs(ctx, f, 1, func(w *wire.Writer) {
			w.Start("m:Restriction")
			writeEqual(w, func(w *wire.Writer) {
				w.Empty("t:ExtendedFieldURI", "PropertyTag", searchKeyProperty, "PropertyType", "Binary")
			}, searchKey)
			w.End()
		})
		if err != nil {
			return ItemID{}, err
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return ItemID{}, nil
}
