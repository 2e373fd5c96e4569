package ews

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Folder describes a folder.
type Folder struct {
	ID       FolderID
	Parent   FolderID
	Class    string // "IPF.Note" for mail
	Name     string // as the user sees it, in the mailbox's language
	Total    int    // items in it
	Unread   int
	Children int // folders directly below
}

// Folder reads a folder. Errors: ErrNotFound, also where the account may not see it. EWS: GetFolder.
func (m *Mailbox) Folder(ctx context.Context, f FolderRef) (*Folder, error) {
	var folder *Folder
	err := m.getFolder(ctx, f, writeFolderShape, func(s *wire.Scanner) { folder = readFolder(s) })
	if err != nil {
		return nil, err
	}
	return folder, nil
}

// FindFolder returns the folder that is reached from parent by the names of path, one level each, as the user sees them; names are
// compared as Exchange does, without regard to case. ErrNotFound names the level that is missing. EWS: FindFolder.
func (m *Mailbox) FindFolder(ctx context.Context, parent FolderRef, path ...string) (*Folder, error) {
	return m.walk(ctx, parent, path, false)
}

// EnsureFolder is FindFolder, but creates what is missing, for mail. Two programs doing so at the same time get the same
// folder. EWS: FindFolder, CreateFolder.
func (m *Mailbox) EnsureFolder(ctx context.Context, parent FolderRef, path ...string) (*Folder, error) {
	return m.walk(ctx, parent, path, true)
}

func (m *Mailbox) walk(ctx context.Context, parent FolderRef, path []string, create bool) (*Folder, error) {
	if err := usable(parent); err != nil {
		return nil, err
	}
	if len(path) == 0 {
		return m.Folder(ctx, parent)
	}
	for _, name := range path { // before anything is made
		if strings.TrimSpace(name) == "" {
			return nil, errors.New("ews: folder path: a name is empty")
		}
		if err := unsendable("folder path", "name", name); err != nil {
			return nil, err
		}
	}
	var f *Folder
	for i, name := range path {
		var err error
		if f, err = m.child(ctx, parent, name); err != nil {
			return nil, err
		}
		if f == nil && create {
			f, err = m.createFolder(ctx, parent, name, "IPF.Note")
			if errors.Is(err, ErrExists) { // somebody was faster
				f, err = m.child(ctx, parent, name)
			}
			if err != nil {
				return nil, err
			}
		}
		if f == nil {
			return nil, &Error{Op: "FindFolder", Mailbox: m.Address(), kind: ErrNotFound, what: "there is no folder " + line(strings.Join(path[:i+1], "/"))}
		}
		parent = f.ID
	}
	return f, nil
}

// child returns the folder of that name directly below parent, or nil.
func (m *Mailbox) child(ctx context.Context, parent FolderRef, name string) (*Folder, error) {
	var folder *Folder
	err := m.do(ctx, &call{
		op: "FindFolder",
		body: func(w *wire.Writer) error {
			w.Start("m:FindFolder", "Traversal", "Shallow")
			writeFolderShape(w)
			writeRestriction(w, []condition{{"IsEqualTo", fieldURI("folder:DisplayName"), name}})
			w.Start("m:ParentFolderIds")
			parent.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			folder = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "RootFolder" || !descend(s, "Folders") {
					return s.Err()
				}
				for d := s.Depth(); s.Child(d); {
					f := readFolder(s)
					if f.Name == name || folder == nil && strings.EqualFold(f.Name, name) {
						folder = f
					}
				}
				return s.Err()
			})
		},
	})
	return folder, err
}

// CreateFolder creates a folder below parent. class says what it holds: "IPF.Note", or "" for the same, is mail; "IPF.Appointment",
// "IPF.Contact" and "IPF.Task" are Outlook's others. Errors: ErrExists where there is one of that name, and also where an earlier try of
// the same call made it and its answer was lost (EnsureFolder takes both for success); ErrNotFound for the parent, ErrDenied. The counts
// of the result are zero. EWS: CreateFolder.
func (m *Mailbox) CreateFolder(ctx context.Context, parent FolderRef, name, class string) (*Folder, error) {
	if err := usable(parent); err != nil {
		return nil, err
	}
	if strings.TrimSpace(name) == "" {
		return nil, errors.New("ews: CreateFolder: the name is empty")
	}
	if err := cmp.Or(unsendable("CreateFolder", "name", name), unsendable("CreateFolder", "class", class)); err != nil {
		return nil, err
	}
	if class == "" {
		class = "IPF.Note"
	}
	return m.createFolder(ctx, parent, name, class)
}

func (m *Mailbox) createFolder(ctx context.Context, parent FolderRef, name, class string) (*Folder, error) {
	id, err := m.createBelow(ctx, parent, func(w *wire.Writer) {
		w.Start("t:Folder")
		w.Leaf("t:FolderClass", class)
		w.Leaf("t:DisplayName", name)
		w.End()
	})
	if err != nil {
		return nil, err
	}
	return &Folder{ID: id, Name: name, Class: class}, nil
}

// createBelow creates the folder that write writes.
func (m *Mailbox) createBelow(ctx context.Context, parent FolderRef, write func(*wire.Writer)) (id FolderID, err error) {
	err = m.do(ctx, &call{
		op: "CreateFolder", // a second one of the same name is refused, so sending it again does no harm
		body: func(w *wire.Writer) error {
			w.Start("m:CreateFolder")
			w.Start("m:ParentFolderId")
			parent.writeTo(w, m)
			w.End()
			w.Start("m:Folders")
			write(w)
			w.End()
			w.End()
			return nil
		},
		read: readFolderID(&id),
	})
	if err == nil && id.ID == "" {
		err = &Error{Op: "CreateFolder", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no folder id"}
	}
	return id, err
}

func writeFolderShape(w *wire.Writer) {
	w.Start("m:FolderShape")
	w.Leaf("t:BaseShape", "IdOnly")
	w.Start("t:AdditionalProperties")
	for _, f := range []string{"folder:ParentFolderId", "folder:FolderClass", "folder:DisplayName", "folder:TotalCount", "folder:UnreadCount", "folder:ChildFolderCount"} {
		w.Empty("t:FieldURI", "FieldURI", f)
	}
	w.End()
	w.End()
}

func readFolder(s *wire.Scanner) *Folder {
	f := new(Folder)
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "FolderId":
			f.ID = folderID(s)
		case "ParentFolderId":
			f.Parent = folderID(s)
		case "FolderClass":
			f.Class = s.Text()
		case "DisplayName":
			f.Name = s.Text()
		case "TotalCount":
			f.Total = int(integer(s.TextBytes()))
		case "UnreadCount":
			f.Unread = int(integer(s.TextBytes()))
		case "ChildFolderCount":
			f.Children = int(integer(s.TextBytes()))
		}
	}
	return f
}
