package ews

import (
	"context"
	"errors"
	"io"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Export returns an item in Exchange's own form, decoded and streamed: all its properties and attachments, of any kind of item, for
// Import. It is opaque and no message to read: see MIME for that. Memory use does not grow with the item.
//
// The caller closes it; closing early aborts the download. ctx is attached until then. Errors, also of Read: ErrNotFound, ErrDenied,
// ErrBadItem, ErrThrottled after the retry budget, ErrUnavailable if the transfer was cut. EWS: ExportItems operation.
func (m *Mailbox) Export(ctx context.Context, id ItemID) (io.ReadCloser, error) {
	if id.IsZero() {
		return nil, errors.New("ews: Export: the id is empty")
	}
	found := false
	st, err := m.stream(ctx, &call{
		op: "ExportItems",
		body: func(w *wire.Writer) error {
			w.Start("m:ExportItems")
			writeItemIDs(w, []ItemID{{ID: id.ID}})
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			found = false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if found = s.Local() == "Data"; found {
					return errHold
				}
				return nil
			})
		},
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, st.refuse(&Error{kind: ErrBadItem, what: "the server sent no Data"})
	}
	return st.Base64(), nil
}

// Import creates an item in a folder from what Export gave, of this or another mailbox, streamed, and returns its id. The item keeps
// its dates and read flag, and nobody is sent anything. The folder must be named by its id: see Mailbox.Folder.
//
// An Import whose answer was lost is not sent again, since the item might then be there twice: MaybeApplied tells. Errors: ErrNotFound
// for the folder, ErrBadItem for data that is not Export's or damaged, ErrQuota. EWS: UploadItems operation.
func (m *Mailbox) Import(ctx context.Context, to FolderID, data Content) (ItemID, error) {
	if to.ID == "" {
		return ItemID{}, errors.New("ews: Import: the folder's id is empty")
	}
	if !data.valid() {
		return ItemID{}, errors.New("ews: Import: data needs Open and a Size: make it with Bytes, ReaderAt or File")
	}
	var id ItemID
	err := m.do(ctx, &call{
		op:   "UploadItems",
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:UploadItems")
			w.Start("m:Items")
			w.Start("t:Item", "CreateAction", "CreateNew")
			writeID(w, "t:ParentFolderId", to.ID, to.ChangeKey)
			w.Start("t:Data")
			w.Base64(data.Size, data.Open)
			w.End()
			w.End()
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readResponses(s, func(i int, s *wire.Scanner) error {
				if s.Local() == "ItemId" && i == 0 {
					id = itemID(s)
				}
				return s.Err()
			})
		},
	})
	if err == nil && id.IsZero() {
		// Exchange said that it was done, so doing it again would make a second item.
		err = &Error{Op: "UploadItems", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no id", MaybeApplied: true}
	}
	if err != nil {
		return ItemID{}, err
	}
	return id, nil
}
