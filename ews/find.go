package ews

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Messages lists a folder's messages, not those of its subfolders. q may be nil.
//
// The listing is read page by page while the loop runs, in memory that does not grow with the folder. Messages that arrive, leave
// or move meanwhile make it neither skip nor repeat another one: the next page is sought by the time of receipt where
// the last one ended, not by its number. A message that vanishes before its turn is left out; moving the messages in the loop is
// fine.
//
// A pair with both a Message and an error is about that message alone, which the server could not deliver in full: it has its ID and
// what a summary has, and the loop goes on. A pair without a Message is the last one. Errors: ErrNotFound for the folder,
// ErrDenied, ErrThrottled after the retry budget, and all others of this package's calls.
//
// EWS: FindItem, and GetItem unless the detail is Summary.
func (m *Mailbox) Messages(ctx context.Context, f FolderRef, q *Query) iter.Seq2[*Message, error] {
	if q == nil {
		q = new(Query)
	}
	query := *q
	return func(yield func(*Message, error) bool) {
		l := listing{m: m, f: f, q: &query}
		l.run(ctx, yield)
	}
}

// listing is one pass over a folder.
type listing struct {
	m *Mailbox
	f FolderRef
	q *Query

	given int // messages yielded

	// Where the last page ended: its last message's time of receipt, known to the second, and the messages seen that a later
	// page can bring again: those of that second and beyond.
	at   time.Time
	seen map[string]time.Time

	// More messages within one second than a page holds cannot be sought by time. They are walked by number, and again until a
	// whole walk brings nothing new, because what leaves meanwhile shifts the numbers.
	offset int
	news   bool // this walk brought something new
}

// page is one answer of FindItem.
type page struct {
	messages []*Message
	last     bool
	total    int
}

var errStop = errors.New("stop")

func (l *listing) run(ctx context.Context, yield func(*Message, error) bool) {
	matching := -1
	listed := 0
	for {
		p, err := l.find(ctx, l.conditions(), l.offset)
		if err != nil {
			yield(nil, err)
			return
		}
		if matching < 0 {
			matching = p.total
		}
		fresh := p.messages[:0:0]
		for _, msg := range p.messages {
			if _, ok := l.seen[msg.ID.ID]; !ok {
				fresh = append(fresh, msg)
			}
		}
		listed += len(fresh)
		if err := l.hand(ctx, fresh, yield); err != nil {
			if err != errStop {
				yield(nil, err)
			}
			return
		}
		if p.last || len(p.messages) == 0 {
			if !l.walkAgain(p, len(fresh)) {
				break
			}
			continue
		}
		l.advance(p, len(fresh))
	}
	// Messages without a time of receipt (drafts made by some programs) match no comparison with it. They stand at the end of a
	// descending order: only a listing that needed several pages can have missed them.
	if l.at.IsZero() || listed >= matching || !l.q.Since.IsZero() || !l.q.Before.IsZero() {
		return
	}
	all := append(l.q.conditions(), condition{op: "NotExists", field: fieldURI(received)})
	for offset := 0; ; {
		p, err := l.find(ctx, all, offset)
		if err != nil {
			yield(nil, err)
			return
		}
		if err := l.hand(ctx, p.messages, yield); err != nil {
			if err != errStop {
				yield(nil, err)
			}
			return
		}
		offset += len(p.messages)
		if p.last || len(p.messages) == 0 {
			return
		}
	}
}

// conditions of the next page.
func (l *listing) conditions() []condition {
	all := l.q.conditions()
	switch {
	case l.at.IsZero():
	case l.q.OldestFirst:
		all = append(all, condition{"IsGreaterThanOrEqualTo", fieldURI(received), constantTime(l.at)})
	default:
		// The server compares fractions of seconds that it does not show.
		all = append(all, condition{"IsLessThan", fieldURI(received), constantTime(l.at.Add(time.Second))})
	}
	return all
}

// advance decides where the next page begins.
func (l *listing) advance(p page, fresh int) {
	end := p.messages[len(p.messages)-1].Received
	if end.IsZero() || end.Equal(l.at) {
		l.note(p)
		l.offset += len(p.messages)
		l.news = l.news || fresh > 0
		return
	}
	if l.walkAgain(p, fresh) {
		return
	}
	l.at, l.offset, l.news = end, 0, false
	for id, at := range l.seen {
		if at.Before(end) == l.q.OldestFirst && !at.Equal(end) {
			delete(l.seen, id)
		}
	}
	l.note(p)
}

// walkAgain starts another walk through the second at hand if one is under way and brought something new.
func (l *listing) walkAgain(p page, fresh int) bool {
	if l.offset == 0 || !l.news && fresh == 0 {
		return false
	}
	l.note(p)
	l.offset, l.news = 0, false
	return true
}

// note remembers the page's messages from the second at hand on.
func (l *listing) note(p page) {
	if l.seen == nil {
		l.seen = make(map[string]time.Time)
	}
	for _, msg := range p.messages {
		if msg.Received.Before(l.at) != l.q.OldestFirst || msg.Received.Equal(l.at) {
			l.seen[msg.ID.ID] = msg.Received
		}
	}
}

// hand reads what the summaries lack and yields them.
func (l *listing) hand(ctx context.Context, found []*Message, yield func(*Message, error) bool) error {
	if l.q.Limit > 0 && len(found) > l.q.Limit-l.given {
		found = found[:l.q.Limit-l.given]
	}
	for len(found) > 0 {
		n := len(found)
		var failed *BatchError
		if l.q.Detail != Summary {
			n = batchSize(found)
			var err error
			if failed, err = l.m.fill(ctx, found[:n], l.q); err != nil {
				return err
			}
		}
		for i, msg := range found[:n] {
			var err error
			if failed != nil {
				if e := failed.Item(i); e != nil {
					if errors.Is(e, ErrNotFound) {
						continue // gone since it was listed
					}
					err = e
				}
			}
			l.given++
			if !yield(msg, err) {
				return errStop
			}
		}
		found = found[n:]
	}
	if l.q.Limit > 0 && l.given >= l.q.Limit {
		return errStop
	}
	return nil
}

// Bounds of one GetItem request: Exchange cuts requests at one minute.
const (
	batchItems = 100
	batchBytes = 32 << 20 // of Message.Size, most of which is attachments, which are not read
)

func batchSize(found []*Message) int {
	var bytes int64
	for i, msg := range found {
		bytes += msg.Size
		if i > 0 && (i == batchItems || bytes > batchBytes) {
			return i
		}
	}
	return len(found)
}

// find reads one page of summaries.
func (l *listing) find(ctx context.Context, all []condition, offset int) (page, error) {
	size := l.q.pageSize()
	if l.q.Limit > 0 {
		size = min(size, l.q.Limit-l.given+len(l.seen))
	}
	size = min(size, maxPageSize)
	order := "Descending"
	if l.q.OldestFirst {
		order = "Ascending"
	}
	var p page
	var r messageReader
	err := l.m.do(ctx, &call{
		op: "FindItem",
		body: func(w *wire.Writer) error {
			w.Start("m:FindItem", "Traversal", "Shallow")
			l.q.writeItemShape(w, Summary)
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", itoa(size), "Offset", itoa(offset), "BasePoint", "Beginning")
			writeRestriction(w, all)
			w.Start("m:SortOrder")
			w.Start("t:FieldOrder", "Order", order)
			w.Empty("t:FieldURI", "FieldURI", received)
			w.End()
			w.End()
			w.Start("m:ParentFolderIds")
			l.f.writeTo(w, l.m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			p = page{messages: make([]*Message, 0, min(size, 64))}
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "RootFolder" {
					return nil
				}
				last, ok := s.AttrBytes("IncludesLastItemInRange")
				p.last = boolean(last) || !ok
				total, _ := s.AttrBytes("TotalItemsInView")
				p.total = int(integer(total))
				for d := s.Depth(); s.Child(d); {
					if s.Local() != "Items" {
						continue
					}
					for d := s.Depth(); s.Child(d); {
						if len(p.messages) == size {
							return &wire.LimitError{What: "items on a page", Limit: int64(size)}
						}
						msg := new(Message)
						r.read(s, msg)
						p.messages = append(p.messages, msg)
					}
				}
				return s.Err()
			})
		},
	})
	return p, err
}
