package ews

import (
	"context"
	"iter"
	"sync"
)

// MessagesByID reads messages known by their ids, fifty a request and several requests ahead of the loop, and yields them in the order of
// ids. q says how much of each (as with Message) and may be nil. The whole of ids is not held as messages: memory is bounded by what is
// under way.
//
// A pair with both a Message and an error is about that message alone, which then has its ID only: ErrNotFound for one that is not
// there, ErrDenied, ErrBadItem. A pair without a Message is the last one: ErrInvalidRequest for an empty id and what is wrong with q,
// ErrThrottled after the retry budget, and all others of this package's calls. EWS: GetItem.
func (m *Mailbox) MessagesByID(ctx context.Context, ids []ItemID, q *Query) iter.Seq2[*Message, error] {
	var query Query
	if q != nil {
		query = *q
	}
	return func(yield func(*Message, error) bool) {
		bad := query.bad()
		for _, id := range ids {
			if id.IsZero() {
				bad = "ids: one is empty"
			}
		}
		if bad != "" {
			yield(nil, m.invalid("GetItem", bad))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		var started sync.WaitGroup
		defer started.Wait()
		defer cancel()
		r := readAhead{m: m, q: &query, ctx: ctx, started: &started, tell: true}
		for rest := ids; len(rest) > 0 || len(r.waiting) > 0; {
			for len(rest) > 0 && r.room() {
				some := make([]*Message, min(len(rest), batchItems))
				for i := range some {
					some[i] = &Message{ID: rest[i]}
				}
				r.add(some)
				rest = rest[len(some):]
			}
			if err := r.hand(yield); err != nil {
				if err != errStop {
					yield(nil, err)
				}
				return
			}
		}
	}
}
