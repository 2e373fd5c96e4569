package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// getFolder asks for a folder, in the given shape, and calls read with its element; with a retry it does so again. An answer without a folder
// is ErrBadResponse. EWS: GetFolder.
func (m *Mailbox) getFolder(ctx context.Context, f FolderRef, shape func(w *wire.Writer), read func(s *wire.Scanner)) error {
	if err := usable(f); err != nil {
		return err
	}
	found := false
	err := m.do(ctx, &call{
		op: "GetFolder",
		body: func(w *wire.Writer) error {
			w.Start("m:GetFolder")
			shape(w)
			w.Start("m:FolderIds")
			f.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			found = false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if d := s.Depth(); s.Local() == "Folders" && s.Child(d) {
					found = true
					read(s)
				}
				return s.Err()
			})
		},
	})
	if err == nil && !found {
		err = &Error{Op: "GetFolder", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no folder"}
	}
	return err
}

// folderFields is the shape of a folder's id and these fields.
func folderFields(fields ...func(w *wire.Writer)) func(w *wire.Writer) {
	return func(w *wire.Writer) {
		w.Start("m:FolderShape")
		w.Leaf("t:BaseShape", "IdOnly")
		w.Start("t:AdditionalProperties")
		for _, field := range fields {
			field(w)
		}
		w.End()
		w.End()
	}
}
