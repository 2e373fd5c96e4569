package ews

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// changePage is one answer of SyncFolderItems.
type changePage struct {
	changes []Change
	state   string
	last    bool
}

// page asks for the changes after the current position, as summaries.
func (p *syncPass) page(ctx context.Context) (changePage, error) {
	var page changePage
	var r messageReader
	size := p.size
	err := p.m.do(ctx, &call{
		op: "SyncFolderItems",
		body: func(w *wire.Writer) error {
			w.Start("m:SyncFolderItems")
			new(Query).writeItemShape(w, Summary)
			w.Start("m:SyncFolderId")
			p.f.writeTo(w, p.m)
			w.End()
			if p.at.state != "" {
				w.Leaf("m:SyncState", p.at.state)
			}
			if len(p.o.Ignore) > 0 {
				w.Start("m:Ignore")
				for _, id := range p.o.Ignore {
					writeID(w, "t:ItemId", id.ID, "")
				}
				w.End()
			}
			w.Leaf("m:MaxChangesReturned", itoa(size))
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			page = changePage{changes: make([]Change, 0, min(size, 64)), last: true}
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "SyncState":
					page.state = strings.TrimSpace(s.Text())
				case "IncludesLastItemInRange":
					page.last = boolean(s.TextBytes())
				case "Changes":
					readChanges(s, &r, &page.changes)
				}
				return s.Err()
			})
			return p.sound(err, page.state)
		},
	})
	if err != nil {
		return changePage{}, folderless(err, p.at.state)
	}
	return page, nil
}

// stateless refuses an answer without a sync state: stored, it would mean the beginning. Exchange sends such answers when it is too
// busy.
func stateless(err error, state string) error {
	if err == nil && state == "" {
		return &Error{kind: ErrUnavailable, verdict: verdictRetry, what: "the answer has no sync state"}
	}
	return err
}

// folderless corrects what ErrorSyncFolderNotFound means when there is no state that could be wrong: it is the folder.
func folderless(err error, state string) error {
	var e *Error
	if state == "" && errors.As(err, &e) && e.Code == "ErrorSyncFolderNotFound" {
		e.kind = ErrNotFound
	}
	return err
}

// maxPageChanges bounds a page that a server makes larger than asked for.
const maxPageChanges = 8 * maxSyncChanges

// readChanges reads m:Changes.
func readChanges(s *wire.Scanner, r *messageReader, list *[]Change) {
	for d := s.Depth(); s.Child(d); {
		if len(*list) == maxPageChanges {
			s.Fail(&wire.LimitError{What: "changes on a page", Limit: maxPageChanges})
			return
		}
		var c Change
		switch s.Local() {
		case "Create", "Update":
			c.Kind = Created
			if s.Local() == "Update" {
				c.Kind = Updated
			}
			for d := s.Depth(); s.Child(d); {
				c.Message = new(Message)
				r.read(s, c.Message)
				c.ID = c.Message.ID
			}
		case "Delete", "ReadFlagChange":
			c.Kind = Deleted
			if s.Local() == "ReadFlagChange" {
				c.Kind = ReadChanged
			}
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "ItemId":
					c.ID = itemID(s)
				case "IsRead":
					c.Read = boolean(s.TextBytes())
				}
			}
		default:
			continue
		}
		if c.ID.ID == "" { // an empty element says nothing
			continue
		}
		if len(*list) == cap(*list) && cap(*list) < maxSyncChanges { // it is no small page: most are full
			*list = slices.Grow(*list, maxSyncChanges-len(*list))
		}
		*list = append(*list, c)
	}
}
