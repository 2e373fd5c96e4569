package ews

import "context"

// idleWalks is how many walks in a row may bring nothing new, although the numbers shifted, before a listing by number ends.
const idleWalks = 3

// walk lists by the pages' numbers, for orders that no restriction can seek in. Each page begins with the last message of the one
// before: if it does not, the numbers have shifted, something may have been skipped, and there is another walk. What was
// given already is left out.
func (l *listing) walk(ctx context.Context, yield func(*Message, error) bool) {
	given := map[string]bool{}
	for idle := 0; idle < idleWalks; {
		shifted, news, ok := l.walkOnce(ctx, given, yield)
		if !ok || !shifted {
			return
		}
		if idle++; news {
			idle = 0
		}
	}
}

// walkOnce goes through all pages. ok is false when the listing is over: an error, the caller's break, or the limit.
func (l *listing) walkOnce(ctx context.Context, given map[string]bool, yield func(*Message, error) bool) (shifted, news, ok bool) {
	size := max(2, l.size()) // of one message a page, none joins the one before
	if len(given) > 0 {
		size = max(2, l.q.pageSize())
	}
	joint := ""
	for offset := 0; ; {
		p, err := l.findSized(ctx, l.q.conditions(), offset, size)
		if err != nil {
			yield(nil, err)
			return false, false, false
		}
		n := len(p.messages)
		if joint != "" && (n == 0 || p.messages[0].ID.ID != joint) {
			shifted = true
		}
		last := ""
		if n > 0 {
			last = p.messages[n-1].ID.ID
		}
		fresh := p.messages[:0]
		for _, msg := range p.messages {
			if !given[msg.ID.ID] {
				fresh = append(fresh, msg)
			}
		}
		fresh = l.limited(fresh)
		for _, msg := range fresh {
			given[msg.ID.ID], news = true, true
		}
		found := len(fresh)
		if err := l.hand(ctx, fresh, yield); err != nil {
			if err != errStop {
				yield(nil, err)
			}
			return false, false, false
		}
		switch {
		case l.full():
			return false, false, false
		case p.last || n == 0:
			return shifted || !p.last, news, true
		case found == 0 && offset > p.total+n:
			yield(nil, l.lost())
			return false, false, false
		}
		offset, joint = offset+n, ""
		if n > 1 { // a server that gives one at a time would never get on
			offset, joint = offset-1, last
		} else {
			shifted = true // for all we know
		}
	}
}

// lost is the error of a server that does not page.
func (l *listing) lost() *Error {
	return &Error{Op: "FindItem", Mailbox: l.m.Address(), kind: ErrBadResponse, what: "the server repeats a page instead of going on"}
}
