package ews

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// FindByKey returns the id that the message with that SearchKey has now, looking through folders in their order; none, and nil, means
// Inbox. It is zero if no folder has it. A copy has its original's key: the first one found is returned. EWS: FindItem.
func (m *Mailbox) FindByKey(ctx context.Context, searchKey string, folders ...FolderRef) (ItemID, error) {
	if len(folders) == 0 {
		folders = []FolderRef{Inbox}
	}
	if key, err := base64.StdEncoding.DecodeString(searchKey); err != nil || len(key) == 0 {
		return ItemID{}, fmt.Errorf("ews: FindByKey: %.40q is no key: give a Message's SearchKey", searchKey)
	}
	for _, f := range folders {
		if f == nil {
			f = Inbox
		}
		if err := usable(f); err != nil {
			return ItemID{}, err
		}
		found, err := m.findIDs(ctx, f, 1, func(w *wire.Writer) {
			writeEqual(w, func(w *wire.Writer) {
				w.Empty("t:ExtendedFieldURI", "PropertyTag", searchKeyProperty, "PropertyType", "Binary")
			}, searchKey)
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
