package ews

import (
	"context"
	"iter"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Messages lists a folder's messages, not those of its subfolders. q may be nil.
//
// The listing is read page by page while the loop runs, up to ten requests ahead of it, in memory that does not grow with the folder;
// nothing is left running when the loop ends. Messages that arrive, leave
// or move meanwhile make it neither skip nor repeat another one: the next page is sought by the time of receipt where
// the last one ended, not by its number (Query.Sort and Query.Search say what holds with them). A message that vanishes before its turn is left out; moving the messages in the loop is
// fine.
//
// A pair with both a Message and an error is about that message alone, which the server could not deliver in full: it has its ID and
// what a summary has, and the loop goes on. A pair without a Message is the last one. Errors: ErrNotFound for the folder,
// ErrDenied, ErrInvalidRequest for what is wrong with q, ErrThrottled after the retry budget, and all others of this package's calls.
//
// EWS: FindItem, and GetItem unless the detail is Summary.
func (m *Mailbox) Messages(ctx context.Context, f FolderRef, q *Query) iter.Seq2[*Message, error] {
	if q == nil {
		q = new(Query)
	}
	query := *q
	if len(q.Sort) == 1 && q.Sort[0].Field == FieldReceived && q.Search == "" && !q.OldestFirst { // which can be sought
		query.Sort, query.OldestFirst = nil, !q.Sort[0].Descending
	}
	return func(yield func(*Message, error) bool) {
		if err := usable(f); err != nil {
			yield(nil, err)
			return
		}
		if bad := query.bad(); bad != "" {
			yield(nil, m.invalid("FindItem", bad))
			return
		}
		l := listing{m: m, f: f, q: &query}
		l.run(ctx, yield)
	}
}

// find reads one page of summaries.
func (l *listing) find(ctx context.Context, all []condition, offset int) (page, error) {
	return l.findSized(ctx, all, offset, l.size())
}

// size is the number of messages to ask for: those seen may come again.
func (l *listing) size() int {
	size := l.q.pageSize()
	if l.q.Limit > 0 {
		size = max(1, min(size, l.q.Limit-l.planned+len(l.seen)))
	}
	return size
}

func (l *listing) findSized(ctx context.Context, all []condition, offset, size int) (page, error) {
	var p page
	r := messageReader{asked: l.q.Properties}
	err := l.m.do(ctx, &call{
		op: "FindItem",
		body: func(w *wire.Writer) error {
			w.Start("m:FindItem", "Traversal", "Shallow")
			l.q.writeItemShape(w, Summary)
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", itoa(size), "Offset", itoa(offset), "BasePoint", "Beginning")
			writeRestriction(w, all, l.q.Where)
			l.q.writeSortOrder(w)
			w.Start("m:ParentFolderIds")
			l.f.writeTo(w, l.m)
			w.End()
			if l.q.Search != "" {
				w.Leaf("m:QueryString", l.q.Search)
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			p = page{messages: make([]*Message, 0, min(size, 64))}
			found := false
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "RootFolder" {
					return nil
				}
				found = true
				last, ok := s.AttrBytes("IncludesLastItemInRange")
				p.last = boolean(last) || !ok
				total, _ := s.AttrBytes("TotalItemsInView")
				p.total = int(integer(total))
				for d := s.Depth(); s.Child(d); {
					if s.Local() != "Items" {
						continue
					}
					for d := s.Depth(); s.Child(d); {
						if len(p.messages) == maxPageSize { // some more than asked for do no harm
							return &wire.LimitError{What: "items on a page", Limit: maxPageSize}
						}
						msg := new(Message)
						r.read(s, msg)
						p.messages = append(p.messages, msg)
					}
				}
				return s.Err()
			})
			if err == nil && !found {
				err = &Error{kind: ErrBadResponse, what: "the answer holds no page of items"}
			}
			return err
		},
	})
	return p, err
}
