package ews

import (
	"context"
	"errors"
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
		n := min(batchSize(msgs), most)
		failed, err := p.m.fillBy(ctx, p.m.resendWhole, msgs[:n], &q)
		switch {
		case err == nil:
			most = min(2*most, batchItems)
		case !poisoned(err):
			return nil, err
		case n > 1:
			most = n / 2 // something among them spoils the whole answer
			continue
		default:
			if errors.Is(err, ErrUnavailable) {
				stuck[msgs[0]] = err
			} else {
				changes[of[msgs[0]]].Err = err
			}
			msgs = msgs[1:]
			continue
		}
		served += n
		var rest []*Message // to be asked for again
		pause := 0
		if failed != nil {
			for _, it := range failed.Items {
				msg := msgs[it.Index]
				i := of[msg]
				switch {
				case errors.Is(it.Err, ErrNotFound):
					gone[i] = true
				case errors.Is(it.Err, ErrNotAttempted) && len(failed.Items) < n: // Exchange stopped before it came to them
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
		for _, msg := range msgs[:n] {
			if msg.ID.ID != "" {
				changes[of[msg]].ID = msg.ID
			}
		}
		msgs = append(rest, msgs[n:]...)
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
