package ews

import (
	"context"
	"errors"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// RenameFolder gives a folder another name; its id stays. The version of f has no meaning: the folder as it is now is renamed,
// and one that has the name already is left alone, so that the call may be repeated at will. Errors: ErrExists where a folder beside it
// has the name, ErrNotFound, ErrDenied. EWS: GetFolder, UpdateFolder.
func (m *Mailbox) RenameFolder(ctx context.Context, f FolderRef, name string) error {
	if err := usable(f); err != nil {
		return err
	}
	if strings.TrimSpace(name) == "" {
		return errors.New("ews: RenameFolder: the name is empty")
	}
	if err := unsendable("RenameFolder", "name", name); err != nil {
		return err
	}
	for try := 1; ; try++ {
		now, err := m.Folder(ctx, f)
		if err != nil || now.Name == name {
			return err
		}
		err = m.renameOnce(ctx, now.ID, name)
		// Somebody was faster, or our own first try was, whose answer got lost.
		if try == 1 && errors.Is(err, ErrConflict) {
			continue
		}
		return err
	}
}

func (m *Mailbox) renameOnce(ctx context.Context, id FolderID, name string) error {
	return m.do(ctx, &call{
		op: "UpdateFolder",
		body: func(w *wire.Writer) error {
			w.Start("m:UpdateFolder")
			w.Start("m:FolderChanges")
			w.Start("t:FolderChange")
			id.writeTo(w, m)
			w.Start("t:Updates")
			w.Start("t:SetFolderField")
			w.Empty("t:FieldURI", "FieldURI", "folder:DisplayName")
			w.Start("t:Folder")
			w.Leaf("t:DisplayName", name)
			w.End()
			w.End()
			w.End()
			w.End()
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readResponses(s, nil) },
	})
}

// MoveFolder moves the folder f with all that is in it below the folder to, and returns its id there, which is the same
// within a mailbox; it is zero where the server does not tell it. Exchange refuses (ErrInvalidRequest) to move a distinguished
// folder, one into itself, and one to where another has its name.
//
// A move whose answer was lost is not sent again: MaybeApplied tells, and Folder.Parent tells where the folder is. Errors: ErrNotFound
// for either folder, ErrDenied. EWS: MoveFolder.
func (m *Mailbox) MoveFolder(ctx context.Context, to, f FolderRef) (FolderID, error) {
	return m.relocateFolder(ctx, "MoveFolder", to, f)
}

// CopyFolder copies the folder f with all that is in it, subfolders too, below the folder to, and returns the copy's id, zero where the
// server does not tell it. Errors as with MoveFolder; a lost answer is not asked for again: MaybeApplied tells. EWS: CopyFolder.
func (m *Mailbox) CopyFolder(ctx context.Context, to, f FolderRef) (FolderID, error) {
	return m.relocateFolder(ctx, "CopyFolder", to, f)
}

func (m *Mailbox) relocateFolder(ctx context.Context, op string, to, f FolderRef) (FolderID, error) {
	if err := usable(to); err != nil {
		return FolderID{}, err
	}
	if err := usable(f); err != nil {
		return FolderID{}, err
	}
	var id FolderID
	err := m.do(ctx, &call{
		op:   op,
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:" + op)
			w.Start("m:ToFolderId")
			to.writeTo(w, m)
			w.End()
			w.Start("m:FolderIds")
			f.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: readFolderID(&id),
	})
	return id, err
}
