package ews

import (
	"context"
	"iter"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// FolderBatch is one page of changes to the folders of a mailbox.
type FolderBatch struct {
	Changes []FolderChange
	Cursor  Cursor // to be stored once Changes have been dealt with
	Last    bool   // as of this page there is nothing more
}

// FolderChange is one change to a folder: Created, Updated (renamed, moved, or with other counts) or Deleted.
type FolderChange struct {
	Kind   ChangeKind
	ID     FolderID
	Folder *Folder // when Created or Updated
}

// SyncFolders reports which folders below root (MsgFolderRoot for those that users see) came, changed or went since a Cursor, page
// by page, and ends when it has caught up; from the empty Cursor on every folder is Created. At least one FolderBatch comes. A
// Cursor comes only with a page that Exchange delivered whole.
//
// The last pair carries the error if there is one. Errors: ErrCursorInvalid (start again from the empty Cursor, and take what is no
// longer listed for deleted), ErrNotFound, ErrDenied, ErrThrottled after the retry budget. EWS: SyncFolderHierarchy.
func (m *Mailbox) SyncFolders(ctx context.Context, root FolderRef, from Cursor) iter.Seq2[FolderBatch, error] {
	return func(yield func(FolderBatch, error) bool) {
		if err := usable(root); err != nil {
			yield(FolderBatch{}, err)
			return
		}
		_, state, bad := from.parse(cursorFolders)
		if bad != nil {
			bad.Op, bad.Mailbox, bad.hint = "SyncFolderHierarchy", m.Address(), "synchronise from the start"
			yield(FolderBatch{}, bad)
			return
		}
		for {
			page, next, err := m.folderPage(ctx, root, state)
			if err == nil && !page.Last && next == state { // the next page would be this one, for ever
				err = &Error{Op: "SyncFolderHierarchy", Mailbox: m.Address(), kind: ErrBadResponse, what: "Exchange says there are more changes, but its sync state stays where it was"}
			}
			if err != nil {
				yield(FolderBatch{}, err)
				return
			}
			if !yield(page, nil) || page.Last {
				return
			}
			state = next
		}
	}
}

func (m *Mailbox) folderPage(ctx context.Context, root FolderRef, from string) (page FolderBatch, state string, err error) {
	err = m.do(ctx, &call{
		op: "SyncFolderHierarchy",
		body: func(w *wire.Writer) error {
			w.Start("m:SyncFolderHierarchy")
			writeFolderShape(w)
			w.Start("m:SyncFolderId")
			root.writeTo(w, m)
			w.End()
			if from != "" {
				w.Leaf("m:SyncState", from)
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			page, state = FolderBatch{Last: true}, ""
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "SyncState":
					state = strings.TrimSpace(s.Text())
				case "IncludesLastFolderInRange":
					page.Last = boolean(s.TextBytes())
				case "Changes":
					readFolderChanges(s, &page.Changes)
				}
				return s.Err()
			})
			return stateless(err, state)
		},
	})
	if err != nil {
		return FolderBatch{}, "", folderless(err, from)
	}
	page.Cursor = makeCursor(cursorFolders, state)
	return page, state, nil
}

// maxFolderChanges bounds a page: SyncFolderHierarchy takes no size, and large mailboxes have some ten thousand folders.
const maxFolderChanges = 100_000

func readFolderChanges(s *wire.Scanner, list *[]FolderChange) {
	for d := s.Depth(); s.Child(d); {
		if len(*list) == maxFolderChanges {
			s.Fail(&wire.LimitError{What: "folders on a page", Limit: maxFolderChanges})
			return
		}
		var c FolderChange
		switch s.Local() {
		case "Create":
			c.Kind = Created
		case "Update":
			c.Kind = Updated
		case "Delete":
			c.Kind = Deleted
		default:
			continue
		}
		for d := s.Depth(); s.Child(d); {
			switch {
			case c.Kind != Deleted:
				c.Folder = readFolder(s)
				c.ID = c.Folder.ID
			case s.Local() == "FolderId":
				c.ID = folderID(s)
			}
		}
		if c.ID.ID != "" {
			*list = append(*list, c)
		}
	}
}
