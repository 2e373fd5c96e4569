package ews

import (
	"context"
	"errors"
	"iter"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Pull fetches the events of a pull subscription that came since its Watermark, and ends when there are no more. The Watermark moves
// on with each event whose loop body ended; events after it come again with the next Pull.
//
// The last pair carries the error if there is one. ErrSubscriptionLost: Exchange has dropped the subscription (not asked for in
// time, server restarted) or no longer has the events; subscribe anew without the watermark, and Sync for what was missed. Others:
// ErrDenied, ErrThrottled after the retry budget. A Subscription must not be pulled concurrently. EWS: GetEvents.
func (m *Mailbox) Pull(ctx context.Context, sub *Subscription) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := sub.usable("Pull"); err != nil {
			yield(Event{}, err)
			return
		}
		for {
			n, err := m.getEvents(ctx, sub)
			if err == nil && n.more && len(n.events) == 0 {
				err = &Error{Op: "GetEvents", Mailbox: m.Address(), kind: ErrBadResponse, what: "Exchange says there are more events, and gives none"}
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range n.events {
				e.Mailbox = m
				if e.Type != EventStatus && !yield(e, nil) {
					return
				}
				if e.Watermark != "" {
					sub.Watermark = e.Watermark
				}
			}
			if !n.more {
				return
			}
		}
	}
}

func (m *Mailbox) getEvents(ctx context.Context, sub *Subscription) (n notification, err error) {
	err = m.do(ctx, &call{
		op:      "GetEvents",
		backEnd: &backEnd{cookie: sub.BackEnd},
		body: func(w *wire.Writer) error {
			w.Start("m:GetEvents")
			w.Leaf("m:SubscriptionId", sub.ID)
			if sub.Watermark != "" { // some servers give none
				w.Leaf("m:Watermark", sub.Watermark)
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			n = notification{}
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "Notification" {
					readNotification(s, &n)
				}
				return s.Err()
			})
		},
	})
	return n, err
}

// known turns the refusal of a subscription that is gone anyway into success.
func known(err error) error {
	if errors.Is(err, ErrSubscriptionLost) {
		return nil
	}
	return err
}
