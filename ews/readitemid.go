package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// The values of an id, as an answer's wire.Pattern calls them.
const (
	labelID wire.Label = iota
	labelChangeKey
)

// readItemID reads the id of the first item below the current element (m:Items).
func readItemID(s *wire.Scanner, id *ItemID) {
	if descend(s, "ItemId") {
		value, _ := s.AttrAs("Id", labelID)
		id.ID = string(value)
		value, _ = s.AttrAs("ChangeKey", labelChangeKey)
		id.ChangeKey = string(value)
	}
}

// repeatItemID is readItemID for an answer that fits a pattern.
func repeatItemID(s *wire.Scanner, id *ItemID) {
	*id = ItemID{}
	for i := range s.Gaps() {
		switch label, value := s.Gap(i); label {
		case labelID:
			id.ID = value
		case labelChangeKey:
			id.ChangeKey = value
		}
	}
}
