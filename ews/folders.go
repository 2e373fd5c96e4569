package ews

import (
	"context"
	"iter"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Folders lists the folders directly below parent or, if deep, all folders below it; parent itself is not among them.
//
// The listing is read page by page, 1,000 folders each, while the loop runs. Folders that are made, moved or deleted
// meanwhile, in the loop too, make it neither skip nor repeat another one: where a page does not join the one before, the
// listing starts over and leaves out what it has given already. Its memory holds the ids of the folders seen.
//
// A pair with an error is the last one. Errors: ErrNotFound for the parent, ErrDenied, ErrConflict where the folders keep
// changing faster than they can be listed, and all others of this package's calls. EWS: FindFolder.
func (m *Mailbox) Folders(ctx context.Context, parent FolderRef, deep bool) iter.Seq2[*Folder, error] {
	return func(yield func(*Folder, error) bool) {
		if err := usable(parent); err != nil {
			yield(nil, err)
			return
		}
		traversal := "Shallow"
		if deep {
			traversal = "Deep"
		}
		seen := map[string]bool{}
		joint := "" // the folder that the next page must begin with: the last one of the page before
		for offset, relistings := 0, 0; ; {
			p, err := m.findFolders(ctx, parent, traversal, offset)
			if err != nil {
				yield(nil, err)
				return
			}
			if joint != "" && (len(p.folders) == 0 || p.folders[0].ID.ID != joint) {
				if relistings++; relistings > maxRelistings {
					yield(nil, &Error{Op: "FindFolder", Mailbox: m.Address(), kind: ErrConflict, what: "the folders keep changing while they are listed"})
					return
				}
				offset, joint = 0, ""
				continue
			}
			for _, f := range p.folders {
				if seen[f.ID.ID] {
					continue
				}
				seen[f.ID.ID] = true
				if !yield(f, nil) {
					return
				}
			}
			n := len(p.folders)
			if p.last {
				return
			}
			if n == 0 {
				yield(nil, &Error{Op: "FindFolder", Mailbox: m.Address(), kind: ErrBadResponse, what: "a page without folders, which is not the last one"})
				return
			}
			offset += n
			joint = ""
			if n > 1 { // a server that gives one at a time would never get on
				offset--
				joint = p.folders[n-1].ID.ID
			}
		}
	}
}

// maxRelistings bounds how often a listing of folders starts over.
const maxRelistings = 10

// folderPage is one page of folders.
type folderPage struct {
	folders []*Folder
	last    bool
}

func (m *Mailbox) findFolders(ctx context.Context, parent FolderRef, traversal string, offset int) (folderPage, error) {
	var p folderPage
	err := m.do(ctx, &call{
		op: "FindFolder",
		body: func(w *wire.Writer) error {
			w.Start("m:FindFolder", "Traversal", traversal)
			writeFolderShape(w)
			w.Empty("m:IndexedPageFolderView", "MaxEntriesReturned", itoa(maxPageSize), "Offset", itoa(offset), "BasePoint", "Beginning")
			w.Start("m:ParentFolderIds")
			parent.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			p = folderPage{}
			found := false
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "RootFolder" {
					return nil
				}
				found = true
				last, ok := s.AttrBytes("IncludesLastItemInRange")
				p.last = boolean(last) || !ok
				for d := s.Depth(); s.Child(d); {
					if s.Local() != "Folders" {
						continue
					}
					for d := s.Depth(); s.Child(d); {
						if len(p.folders) == maxPageSize {
							return &wire.LimitError{What: "folders on a page", Limit: maxPageSize}
						}
						p.folders = append(p.folders, readFolder(s))
					}
				}
				return s.Err()
			})
			if err == nil && !found {
				err = &Error{kind: ErrBadResponse, what: "the answer holds no page of folders"}
			}
			return err
		},
	})
	return p, err
}
