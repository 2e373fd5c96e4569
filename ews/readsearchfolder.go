package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// SearchFolder reads what a search folder shows, as the server tells it: the folders in In by their ids, conditions as they were given but for
// an And of one part, which is that part. Times are in UTC. A field that is none of the Field constants is a TextField, and its constant
// the text in EWS's form. The result may be changed and given to UpdateSearchFolder.
//
// Errors: ErrNotFound, ErrDenied, ErrInvalidRequest for a folder that is no search folder, ErrBadItem for a condition that this package
// has no words for, such as one made in Outlook. EWS: GetFolder with folder:SearchParameters.
func (m *Mailbox) SearchFolder(ctx context.Context, f FolderRef) (*SearchFolder, error) {
	var found *SearchFolder
	var kind string
	var where restrictionReader
	err := m.getFolder(ctx, f, folderFields(fieldURI("folder:DisplayName"), fieldURI("folder:SearchParameters")), func(s *wire.Scanner) {
		kind, where = s.Local(), restrictionReader{}
		found = m.readSearchFolder(s, &where)
	})
	fail := func(kind error, what string) error {
		return &Error{Op: "GetFolder", Mailbox: m.Address(), kind: kind, what: what}
	}
	switch {
	case err != nil:
		return nil, err
	case found.In == nil && kind != "SearchFolder":
		return nil, fail(ErrInvalidRequest, "the folder is no search folder: it is of the kind "+line(kind))
	case where.unknown != "":
		return nil, fail(ErrBadItem, "the search folder's condition has a part that this package does not know: "+where.unknown)
	case found.In == nil || found.Where == nil:
		return nil, fail(ErrBadItem, "the search folder has no condition, or no folders to search")
	}
	return found, nil
}

func (m *Mailbox) readSearchFolder(s *wire.Scanner, where *restrictionReader) *SearchFolder {
	f := new(SearchFolder)
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "DisplayName":
			f.Name = s.Text()
		case "SearchParameters":
			traversal, _ := s.AttrBytes("Traversal")
			f.Deep = string(traversal) == "Deep"
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "Restriction":
					for d := s.Depth(); s.Child(d); {
						f.Where = where.read(s)
					}
				case "BaseFolderIds":
					for d := s.Depth(); s.Child(d); {
						grow(s, &f.In, m.readFolderRef(s))
					}
				}
			}
		}
	}
	return f
}

// readFolderRef reads a FolderId or a DistinguishedFolderId.
func (m *Mailbox) readFolderRef(s *wire.Scanner) FolderRef {
	id, _ := s.Attr("Id")
	key, _ := s.Attr("ChangeKey")
	if s.Local() != "DistinguishedFolderId" {
		return FolderID{id, key}
	}
	address := ""
	for d := s.Depth(); s.Child(d); { // Mailbox
		for d := s.Depth(); s.Child(d); {
			if s.Local() == "EmailAddress" {
				address = s.Text()
			}
		}
	}
	if address == "" || address == m.shared {
		return FolderName(id)
	}
	return FolderName(id).In(address)
}
