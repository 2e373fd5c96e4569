package ews

import "context"

// idleWalks is how many walks in a row may bring nothing new, although the numbers shifted, before a listing by number ends.
const idleWalks = 3

// numbered lists things by their pages' numbers, for orders that cannot be sought in. Each page begins with the last thing of the one
// before: if it does not, the numbers have shifted, something may have been skipped, and there is another walk. What was
// given already is left out.
type numbered[T any] struct {
	size int // of a page; at least 2: of one a page, none joins the one before
	id   func(T) string
	find func(offset, size int) (p numberedPage[T], err error)
	hand func(fresh []T) error // errStop: enough
	lost func() error          // the error of a server that does not page

	given map[string]bool
}

type numberedPage[T any] struct {
	found []T
	last  bool
	total int
}

func (l *numbered[T]) run() error {
	l.given = map[string]bool{}
	for idle := 0; idle < idleWalks; {
		shifted, news, err := l.walk()
		if err == errStop {
			return nil
		}
		if err != nil || !shifted {
			return err
		}
		if idle++; news {
			idle = 0
		}
	}
	return nil
}

// walk goes through all pages.
func (l *numbered[T]) walk() (shifted, news bool, err error) {
	size := max(2, l.size)
	joint := ""
	for offset := 0; ; {
		p, err := l.find(offset, size)
		if err != nil {
			return false, false, err
		}
		n := len(p.found)
		if joint != "" && (n == 0 || l.id(p.found[0]) != joint) {
			shifted = true
		}
		end := ""
		if n > 0 {
			end = l.id(p.found[n-1])
		}
		fresh := p.found[:0]
		for _, v := range p.found {
			if id := l.id(v); !l.given[id] {
				l.given[id] = true
				fresh = append(fresh, v)
			}
		}
		fruitless := len(fresh) == 0
		news = news || !fruitless
		if err := l.hand(fresh); err != nil {
			return false, false, err
		}
		switch {
		case p.last || n == 0:
			return shifted || !p.last, news, nil
		case fruitless && offset > p.total+n:
			return false, false, l.lost()
		}
		offset, joint = offset+n, ""
		if n > 1 { // a server that gives one at a time would never get on
			offset, joint = offset-1, end
		} else {
			shifted = true // for all we know
		}
	}
}

// walk lists messages by number.
func (l *listing) walk(ctx context.Context, yield func(*Message, error) bool) {
	n := numbered[*Message]{
		size: l.q.pageSize(),
		id:   func(msg *Message) string { return msg.ID.ID },
		find: func(offset, size int) (numberedPage[*Message], error) {
			if l.planned == 0 {
				size = max(2, l.size()) // no more than the limit
			}
			p, err := l.findSized(ctx, l.q.conditions(), offset, size)
			return numberedPage[*Message]{p.messages, p.last, p.total}, err
		},
		hand: func(fresh []*Message) error {
			if err := l.hand(ctx, l.limited(fresh), yield); err != nil {
				return err
			}
			if l.full() {
				return errStop
			}
			return nil
		},
		lost: func() error { return l.lost() },
	}
	if err := n.run(); err != nil {
		yield(nil, err)
	}
}

// lost is the error of a server that does not page.
func (l *listing) lost() *Error { return l.m.lostPage("FindItem") }

func (m *Mailbox) lostPage(op string) *Error {
	return &Error{Op: op, Mailbox: m.Address(), kind: ErrBadResponse, what: "the server repeats a page instead of going on"}
}
