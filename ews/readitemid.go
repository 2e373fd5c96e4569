package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// readItemID reads the id of the first item below the current element (m:Items).
func readItemID(s *wire.Scanner, id *ItemID) {
	if descend(s, "ItemId") {
		id.ID, _ = s.Attr("Id")
		id.ChangeKey, _ = s.Attr("ChangeKey")
	}
}
