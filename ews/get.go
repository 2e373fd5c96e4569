package ews

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Message reads one message. q says how much of it (its Detail, Body, Headers, Extra, Properties and Fields; Summary counts as
// WithoutBody) and may be nil. Errors: ErrNotFound, ErrInvalidRequest for what is wrong with q, ErrDenied, ErrThrottled after the retry budget. EWS: GetItem.
func (m *Mailbox) Message(ctx context.Context, id ItemID, q *Query) (*Message, error) {
	if q == nil {
		q = new(Query)
	}
	if bad := q.bad(); bad != "" {
		return nil, m.invalid("GetItem", bad)
	}
	if id.IsZero() {
		return nil, m.invalid("GetItem", "the id is empty")
	}
	msg := &Message{ID: id}
	failed, err := m.fill(ctx, []*Message{msg}, q)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed.Items[0].Err
	}
	return msg, nil
}

// fill reads messages known by their ids in one request. Those that fail keep what they have, and are in failed; err is the
// failure of all.
func (m *Mailbox) fill(ctx context.Context, msgs []*Message, q *Query) (failed *BatchError, err error) {
	return m.fillBy(ctx, m.resend, msgs, q)
}

func (m *Mailbox) fillBy(ctx context.Context, resend resender, msgs []*Message, q *Query) (failed *BatchError, err error) {
	detail := q.Detail
	if detail == Summary {
		detail = WithoutBody
	}
	err = resend(ctx, "GetItem", len(msgs), func(work []int) error { return m.fillOnce(ctx, pick(msgs, work), q, detail) })
	if errors.As(err, &failed) {
		for _, it := range failed.Items {
			it.ID = msgs[it.Index].ID.ID
		}
		return failed, nil
	}
	return nil, err
}

func (m *Mailbox) fillOnce(ctx context.Context, msgs []*Message, q *Query, detail Detail) error {
	r := messageReader{asked: q.Properties}
	read := make([]bool, len(msgs))
	err := m.do(ctx, &call{
		op: "GetItem",
		body: func(w *wire.Writer) error {
			w.Start("m:GetItem")
			q.writeItemShape(w, detail)
			w.Start("m:ItemIds")
			for _, msg := range msgs {
				writeID(w, "t:ItemId", msg.ID.ID, "") // whatever its version is by now
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(msgs), func(i int, s *wire.Scanner) error {
				if s.Local() != "Items" || i >= len(msgs) {
					return nil
				}
				if d := s.Depth(); s.Child(d) {
					var msg Message
					r.read(s, &msg)
					if s.Err() == nil && !msg.ID.IsZero() {
						*msgs[i], read[i] = msg, true
					}
				}
				return s.Err()
			})
		},
	})
	// What was reported as a success, but did not come.
	var b *BatchError
	if err != nil && !errors.As(err, &b) {
		return err
	}
	for i := range msgs {
		if read[i] || b != nil && b.Item(i) != nil {
			continue
		}
		if b == nil {
			b = &BatchError{Op: "GetItem", Total: len(msgs)}
		}
		b.Items = append(b.Items, &ItemError{Index: i, Err: &Error{Op: "GetItem", Mailbox: m.Address(), kind: ErrBadItem, what: "the server reports success but sent no such item"}})
	}
	if b == nil {
		return nil
	}
	return b
}

// writeItemIDs writes m:ItemIds.
func writeItemIDs(w *wire.Writer, ids []ItemID) {
	w.Start("m:ItemIds")
	for _, id := range ids {
		writeID(w, "t:ItemId", id.ID, id.ChangeKey)
	}
	w.End()
}
