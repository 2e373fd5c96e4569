package ews

import (
	"context"
	"errors"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// SearchFolders is where Outlook shows search folders from.
const SearchFolders FolderName = "searchfolders"

// SearchFolder is a folder that shows the messages of other folders that meet a condition, kept up to date by the server: listing it costs
// no search. It is listed, counted, renamed and deleted as any other folder; its messages keep their ids and their places.
type SearchFolder struct {
	Name  string
	Where Restriction
	In    []FolderRef // the folders that are searched, of one mailbox
	Deep  bool        // and all folders below them
}

func (f *SearchFolder) bad() string {
	switch {
	case !xmlText(f.Name):
		return "SearchFolder.Name: " + badText(f.Name)
	case restrictsNothing(f.Where):
		return "SearchFolder.Where: Exchange wants a condition"
	case len(f.In) == 0:
		return "SearchFolder.In: name the folders to search"
	}
	for _, in := range f.In {
		if err := usable(in); err != nil {
			return "SearchFolder.In: " + err.Error()
		}
	}
	if bad := badRestriction(f.Where); bad != "" {
		return "SearchFolder.Where: " + bad
	}
	return ""
}

func (f *SearchFolder) writeParameters(w *wire.Writer, m *Mailbox) {
	traversal := "Shallow"
	if f.Deep {
		traversal = "Deep"
	}
	w.Start("t:SearchParameters", "Traversal", traversal)
	w.Start("t:Restriction")
	f.Where.writeExpression(w)
	w.End()
	w.Start("t:BaseFolderIds")
	for _, in := range f.In {
		in.writeTo(w, m)
	}
	w.End()
	w.End()
}

// CreateSearchFolder creates a search folder below parent, SearchFolders for those that Outlook shows. The server may fill it in the background.
// Errors: ErrExists where there is a folder of that name, ErrInvalidRequest for what is wrong with f, ErrNotFound, ErrDenied.
// EWS: CreateFolder.
func (m *Mailbox) CreateSearchFolder(ctx context.Context, parent FolderRef, f *SearchFolder) (FolderID, error) {
	if err := usable(parent); err != nil {
		return FolderID{}, err
	}
	if f == nil || strings.TrimSpace(f.Name) == "" {
		return FolderID{}, errors.New("ews: CreateSearchFolder: the name is empty")
	}
	if bad := f.bad(); bad != "" {
		return FolderID{}, m.invalid("CreateFolder", bad)
	}
	return m.createBelow(ctx, parent, func(w *wire.Writer) {
		w.Start("t:SearchFolder")
		w.Leaf("t:DisplayName", f.Name)
		f.writeParameters(w, m)
		w.End()
	})
}

// UpdateSearchFolder replaces what a search folder shows: Where, In and Deep of f; its Name has no meaning (see RenameFolder). Errors:
// ErrInvalidRequest for what is wrong with f, ErrNotFound, ErrDenied. EWS: GetFolder, UpdateFolder.
func (m *Mailbox) UpdateSearchFolder(ctx context.Context, id FolderID, f *SearchFolder) error {
	if f == nil {
		return errors.New("ews: UpdateSearchFolder: the search folder is nil")
	}
	if bad := f.bad(); bad != "" {
		return m.invalid("UpdateFolder", bad)
	}
	now, err := m.Folder(ctx, FolderID{ID: id.ID}) // a change needs the version of the moment
	if err != nil {
		return err
	}
	return m.do(ctx, &call{
		op: "UpdateFolder",
		body: func(w *wire.Writer) error {
			w.Start("m:UpdateFolder")
			w.Start("m:FolderChanges")
			w.Start("t:FolderChange")
			now.ID.writeTo(w, m)
			w.Start("t:Updates")
			w.Start("t:SetFolderField")
			w.Empty("t:FieldURI", "FieldURI", "folder:SearchParameters")
			w.Start("t:SearchFolder")
			f.writeParameters(w, m)
			for range 6 {
				w.End()
			}
			return nil
		},
		read: func(s *wire.Scanner) error { return readResponses(s, nil) },
	})
}
