package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// itemID reads the attributes of an ItemId.
func itemID(s *wire.Scanner) (id ItemID) {
	id.ID, _ = s.Attr("Id")
	id.ChangeKey, _ = s.Attr("ChangeKey")
	return id
}

// folderID reads the attributes of a FolderId.
func folderID(s *wire.Scanner) (id FolderID) {
	id.ID, _ = s.Attr("Id")
	id.ChangeKey, _ = s.Attr("ChangeKey")
	return id
}

// readFolderID reads responses that hold the id of one folder.
func readFolderID(id *FolderID) func(*wire.Scanner) error {
	return func(s *wire.Scanner) error {
		return readResponses(s, func(_ int, s *wire.Scanner) error {
			if s.Local() == "Folders" && descend(s, "FolderId") {
				*id = folderID(s)
			}
			return s.Err()
		})
	}
}
