package ews

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// complete reads what the summaries lack. Messages that are gone by now are left out. One that Exchange fails on must neither hold
// up the folder for ever nor be skipped for a server's bad moment: it gets its error only when others could be read.
func (p *syncPass) complete(ctx context.Context, changes []Change) ([]Change, error) {
	if p.o.Detail == Summary {
		return changes, nil
	}
	q := Query{Detail: p.o.Detail, Body: p.o.Body, Headers: p.o.Headers, Extra: p.o.Extra, Properties: p.o.Properties}
	var msgs []*Message
	of := map[*Message]int{} // the change that each message belongs to
	for i, c := range changes {
		if c.Message != nil {
			msgs, of[c.Message] = append(msgs, c.Message), i
		}
	}
	var (
		policy = &p.m.c.retry
		tries  = map[*Message]int{}
		stuck  = map[*Message]error{} // failed as often as we try
		gone   = map[int]bool{}
		served = 0 // messages that Exchange said something definite about
		most   = batchItems
	)
	for len(msgs) > 0 {
		asked, waiting := p.wave(ctx, &q, msgs, most)
		var rest []*Message // to be asked for again
		pause := 0
		for _, b := range asked {
			n := len(b.messages)
			switch {
			case b.err == nil:
				most = min(2*most, batchItems)
			case !poisoned(b.err):
				return nil, b.err
			case n > 1:
				most = min(most, n/2) // something among them spoils the whole answer
				rest = append(rest, b.messages...)
				continue
			default:
				if errors.Is(b.err, ErrUnavailable) {
					stuck[b.messages[0]] = b.err
				} else {
					changes[of[b.messages[0]]].Err = b.err
				}
				continue
			}
			served += n
			if b.failed != nil {
				for _, it := range b.failed.Items {
					msg := b.messages[it.Index]
					i := of[msg]
					switch {
					case errors.Is(it.Err, ErrNotFound):
						gone[i] = true
					case errors.Is(it.Err, ErrNotAttempted) && len(b.failed.Items) < n: // Exchange stopped before it came to them
						rest = append(rest, msg)
						served--
					case errors.Is(it.Err, ErrUnavailable):
						served--
						if tries[msg]++; tries[msg] < policy.MaxAttempts {
							rest = append(rest, msg)
							pause = max(pause, tries[msg])
						} else {
							stuck[msg] = it.Err
						}
					case it.Err.Temporary():
						return nil, it.Err
					default:
						changes[i].Err = it.Err
					}
				}
			}
			for _, msg := range b.messages {
				if msg.ID.ID != "" {
					changes[of[msg]].ID = msg.ID
				}
			}
		}
		msgs = append(rest, waiting...)
		if pause > 0 {
			if err := sleep(ctx, jitter(policy.delay(pause, policy.BaseDelay))); err != nil {
				return nil, err
			}
		}
	}
	for msg, err := range stuck {
		if served == 0 {
			return nil, err // an outage looks the same
		}
		changes[of[msg]].Err = err
	}
	if len(gone) == 0 {
		return changes, nil
	}
	left := changes[:0]
	for i, c := range changes {
		if !gone[i] {
			left = append(left, c)
		}
	}
	return left, nil
}

// wave reads the first messages, at most so many a request: several requests at once while all is well, one after another once one of them
// failed as a whole. It returns what was asked, and the messages that were not.
func (p *syncPass) wave(ctx context.Context, q *Query, msgs []*Message, most int) (asked []*batch, waiting []*Message) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wide := batchesAtOnce
	if most < batchItems {
		wide = 1
	}
	var reading sync.WaitGroup
	for len(msgs) > 0 && len(asked) < wide {
		n := min(batchSize(msgs), most)
		b := &batch{messages: msgs[:n:n]}
		asked, msgs = append(asked, b), msgs[n:]
		reading.Go(func() {
			if b.failed, b.err = p.m.fillBy(ctx, p.m.resendWhole, b.messages, q); b.err != nil && !poisoned(b.err) {
				cancel() // the pass ends with it
			}
		})
	}
	reading.Wait()
	// The error that ended the others, not theirs.
	slices.SortStableFunc(asked, func(a, b *batch) int { return rank(a.err) - rank(b.err) })
	return asked, msgs
}

// rank puts errors that are a consequence of others behind them.
func rank(err error) int {
	if errors.Is(err, context.Canceled) {
		return 1
	}
	return 0
}

// poisoned: one message may have spoilt the answer about several.
func poisoned(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.kind {
	case ErrTooLarge, ErrBadResponse, ErrBadItem, ErrQuota:
		return true
	}
	return e.kind == ErrUnavailable && e.Code == "ErrorInternalServerError"
}
