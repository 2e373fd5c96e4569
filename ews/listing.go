package ews

import (
	"context"
	"errors"
	"sync"
	"time"
)

// listing is one pass over a folder.
type listing struct {
	m *Mailbox
	f FolderRef
	q *Query

	planned int // messages found and to be yielded

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

// step says how a listing goes on behind a page.
type step int

const (
	stepEnd  step = iota
	stepSeek      // the next page is found by time: what happens to this one's messages cannot disturb it
	stepWalk      // the next page is found by number: it must wait until this one's messages have been dealt with
	stepLost      // the server does not page
)

var errStop = errors.New("stop")

func (l *listing) run(ctx context.Context, yield func(*Message, error) bool) {
	if l.q.byNumber() {
		l.walk(ctx, yield)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var started sync.WaitGroup
	defer started.Wait() // a loop that was left early leaves nothing running
	defer cancel()

	ahead := readAhead{m: l.m, q: l.q, ctx: ctx, started: &started}
	next := l.fetch(ctx, nil)
	matching := -1
	how := stepSeek
	var failed error
	for {
		for next != nil && ahead.room() {
			var f fetched
			if len(ahead.waiting) == 0 {
				f = <-next
			} else {
				select {
				case <-ahead.waiting[0].done: // hand out first: another page is more memory
				default:
					select {
					case <-ahead.waiting[0].done:
					case f = <-next:
					}
				}
			}
			if f.page == nil && f.err == nil {
				break
			}
			next = nil
			if f.err != nil {
				failed = f.err // what was read before it comes first
				break
			}
			if matching < 0 {
				matching = f.page.total
			}
			fresh := l.fresh(*f.page)
			if how = l.advance(*f.page, len(fresh)); how == stepSeek {
				next = l.fetch(ctx, &started) // while this page is being dealt with
			}
			ahead.add(fresh)
		}
		if len(ahead.waiting) > 0 {
			if err := ahead.hand(yield); err != nil {
				if err != errStop {
					yield(nil, err)
				}
				return
			}
			continue
		}
		if failed != nil {
			yield(nil, failed)
			return
		}
		if how == stepLost {
			yield(nil, l.lost())
			return
		}
		if how == stepEnd {
			break
		}
		if next == nil { // stepWalk
			next = l.fetch(ctx, nil)
		}
	}
	// Messages without a time of receipt (drafts made by some programs) match no comparison with it. They stand at the end of a
	// descending order: only a listing that needed several pages can have missed them.
	if !l.full() && !l.at.IsZero() && l.planned < matching && l.q.Since.IsZero() && l.q.Before.IsZero() {
		l.timeless(ctx, yield)
	}
}

// timeless lists the messages without a time of receipt.
func (l *listing) timeless(ctx context.Context, yield func(*Message, error) bool) {
	all := append(l.q.conditions(), condition{op: "NotExists", field: fieldURI(received)})
	for offset := 0; ; {
		p, err := l.find(ctx, all, offset)
		if err != nil {
			yield(nil, err)
			return
		}
		if err := l.hand(ctx, l.limited(p.messages), yield); err != nil {
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

type fetched struct {
	page *page
	err  error
}

// fetch returns a channel of the next page. With background it is being read from now on, otherwise it is read before fetch returns.
func (l *listing) fetch(ctx context.Context, background *sync.WaitGroup) <-chan fetched {
	all, offset, size := l.conditions(), l.offset, l.size()
	done := make(chan fetched, 1)
	get := func() {
		p, err := l.findSized(ctx, all, offset, size)
		done <- fetched{&p, err}
	}
	if background == nil {
		get()
	} else {
		background.Go(get)
	}
	return done
}

// full reports whether nothing more may be yielded.
func (l *listing) full() bool { return l.q.Limit > 0 && l.planned >= l.q.Limit }

// fresh returns the page's messages that are to be yielded, and counts them as planned.
func (l *listing) fresh(p page) []*Message {
	fresh := make([]*Message, 0, len(p.messages))
	for _, msg := range p.messages {
		if _, ok := l.seen[msg.ID.ID]; !ok {
			fresh = append(fresh, msg)
		}
	}
	return l.limited(fresh)
}

func (l *listing) limited(found []*Message) []*Message {
	if l.q.Limit > 0 && len(found) > l.q.Limit-l.planned {
		found = found[:l.q.Limit-l.planned]
	}
	l.planned += len(found)
	return found
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
func (l *listing) advance(p page, fresh int) step {
	if l.full() {
		return stepEnd
	}
	if p.last || len(p.messages) == 0 {
		if l.walkAgain(p, fresh) {
			return stepWalk
		}
		return stepEnd
	}
	end := p.messages[len(p.messages)-1].Received
	if end.IsZero() || end.Equal(l.at) {
		l.note(p)
		l.offset += len(p.messages)
		l.news = l.news || fresh > 0
		if fresh == 0 && l.offset > p.total+len(p.messages) { // the server gives the same page again and again
			return stepLost
		}
		return stepWalk
	}
	if l.walkAgain(p, fresh) {
		return stepWalk
	}
	l.at, l.offset, l.news = end, 0, false
	for id, at := range l.seen {
		if at.Before(end) == l.q.OldestFirst && !at.Equal(end) {
			delete(l.seen, id)
		}
	}
	l.note(p)
	return stepSeek
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
