package ews

import (
	"context"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// disposal is EWS's name of a mode, for folders. EWS: DisposalType.
func disposal(op string, mode DeleteMode) (string, error) {
	switch mode {
	case ToDeletedItems:
		return "MoveToDeletedItems", nil
	case SoftDelete:
		return "SoftDelete", nil
	case HardDelete:
		return "HardDelete", nil
	}
	return "", fmt.Errorf("ews: %s: there is no mode %d", op, mode)
}

// EmptyFolder deletes all items of a folder and, if subfolders, all folders below it, those that every mailbox has excepted. The folder
// itself stays. What arrives while it runs may be deleted too; it may be repeated at will. Errors: ErrNotFound, ErrDenied, and
// ErrInvalidRequest for a folder that Exchange does not empty, such as a calendar. EWS: EmptyFolder.
func (m *Mailbox) EmptyFolder(ctx context.Context, mode DeleteMode, f FolderRef, subfolders bool) error {
	below := "false"
	if subfolders {
		below = "true"
	}
	return m.deleteFolder(ctx, "EmptyFolder", mode, f, false, "DeleteSubFolders", below)
}

// DeleteFolder deletes a folder with all that is in it, subfolders too. Errors: ErrNotFound where it is gone already, ErrDenied, and
// ErrInvalidRequest for a distinguished folder, which Exchange does not delete.
//
// A folder that lies in Deleted Items already is deleted for good in every mode. Therefore ToDeletedItems is not sent again after
// its answer was lost: MaybeApplied tells, and Folder.Parent tells where the folder is. EWS: DeleteFolder.
func (m *Mailbox) DeleteFolder(ctx context.Context, mode DeleteMode, f FolderRef) error {
	return m.deleteFolder(ctx, "DeleteFolder", mode, f, mode == ToDeletedItems)
}

func (m *Mailbox) deleteFolder(ctx context.Context, op string, mode DeleteMode, f FolderRef, once bool, attrs ...string) error {
	if err := usable(f); err != nil {
		return err
	}
	kind, err := disposal(op, mode)
	if err != nil {
		return err
	}
	return m.do(ctx, &call{
		op:   op,
		once: once,
		body: func(w *wire.Writer) error {
			w.Start("m:"+op, append([]string{"DeleteType", kind}, attrs...)...)
			w.Start("m:FolderIds")
			f.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readResponses(s, nil) },
	})
}
