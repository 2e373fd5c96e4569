package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// eventStream is one open GetStreamingEvents answer: SOAP envelopes one after another until either side ends it.
type eventStream struct {
	st      *stream
	silence time.Duration
	part    *streamed // what the call's read read last
	fresh   bool      // part is the first envelope, not handed out yet
	renew   *time.Timer
}

// streamed is what one envelope says, until the next one is read into the same memory.
type streamed struct {
	notes  []notification
	closed bool     // Exchange ends the stream
	lost   []string // subscriptions that it does not know (any more)
}

var (
	errSilent = errors.New("silent")
	errRenew  = errors.New("renew")
)

// openStream opens the answer and reads its first envelope. lost are the subscriptions that Exchange refused.
func (m *Mailbox) openStream(ctx context.Context, b *backEnd, ids []string, minutes int, silence time.Duration) (es *eventStream, lost []string, err error) {
	es = &eventStream{silence: silence, part: new(streamed), fresh: true}
	c := &call{
		op:      "GetStreamingEvents",
		backEnd: b,
		live:    true,
		body: func(w *wire.Writer) error {
			w.Start("m:GetStreamingEvents")
			w.Start("m:SubscriptionIds")
			for _, id := range ids {
				w.Leaf("t:SubscriptionId", id)
			}
			w.End()
			w.Leaf("m:ConnectionTimeout", itoa(minutes))
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			es.part.clear()
			return es.part.read(s)
		},
	}
	es.st, err = m.stream(ctx, c)
	if err != nil {
		return nil, es.part.lost, err
	}
	x := es.st.x
	x.body.wire.stall = 0 // silence is measured here, from envelope to envelope
	for es.st.Child(1) {  // the rest of the first envelope
	}
	if err := es.st.Err(); err != nil {
		err = x.broken(es.st.Scanner, err)
		es.close()
		return nil, nil, err
	}
	// Ended by us a little before Exchange would do it, the next one is not a reaction to a loss.
	life := time.Duration(minutes) * time.Minute
	es.renew = time.AfterFunc(life-min(life/4, time.Minute), func() { x.cancel(errRenew) })
	return es, nil, nil
}

// next waits for the next envelope. errRenew: it is time for the next stream.
func (es *eventStream) next() (*streamed, error) {
	if es.fresh {
		es.fresh = false
		return es.part, nil
	}
	x := es.st.x
	silence := time.AfterFunc(es.silence, func() { x.cancel(errSilent) })
	defer silence.Stop()
	if limit := x.m.c.limits.ResponseBytes; limit < 0 {
		x.body.limit = -1
	} else {
		x.body.limit = x.body.n + limit // of each envelope
	}
	err := x.answer(es.st.Scanner)
	for err == nil && es.st.Child(1) {
	}
	if err == nil {
		err = es.st.Err()
	}
	if err == nil {
		return es.part, nil
	}
	if x.parent.Err() == nil {
		switch context.Cause(x.ctx) {
		case errRenew:
			return nil, errRenew
		case errSilent:
			return nil, x.fill(&Error{kind: ErrUnavailable, verdict: verdictRetry,
				what: fmt.Sprintf("the event stream was silent for %v", es.silence)})
		}
	}
	return es.part, x.broken(es.st.Scanner, err)
}

func (es *eventStream) close() {
	if es.renew != nil {
		es.renew.Stop()
	}
	_ = es.st.Close()
	es.st.Release()
}

// read reads a GetStreamingEventsResponse. A response message that failed still tells which subscriptions are lost.
func (p *streamed) read(s *wire.Scanner) error {
	any := false
	for d := s.Depth(); s.Child(d); {
		if s.Local() != "ResponseMessages" {
			continue
		}
		for d := s.Depth(); s.Child(d); {
			any = true
			if e := p.message(s); e != nil && s.Err() == nil {
				return e
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if !any {
		return &Error{kind: ErrBadResponse, what: "an envelope of the event stream is empty"}
	}
	return nil
}

// maxStreamNotes bounds the subscriptions that one envelope talks about: Exchange allows 200 on a stream.
const maxStreamNotes = 10_000

// clear makes room for the next envelope, which mostly is like this one: the memory of a large one is given up.
func (p *streamed) clear() {
	const keep = 64
	notes := p.notes
	if cap(notes) > keep {
		notes = nil
	}
	for i := range notes {
		if cap(notes[i].events) > keep {
			notes[i].events = nil
		}
	}
	*p = streamed{notes: notes[:0]}
}

// another adds a notification, in the memory of an earlier one if there is one.
func (p *streamed) another() *notification {
	if len(p.notes) < cap(p.notes) {
		p.notes = p.notes[:len(p.notes)+1]
	} else {
		p.notes = append(p.notes, notification{})
	}
	n := &p.notes[len(p.notes)-1]
	*n = notification{events: n.events[:0], before: n.subscription}
	return n
}

func (p *streamed) message(s *wire.Scanner) *Error {
	m := responseMessage{class: classAttr(s)}
	for d := s.Depth(); s.Child(d); {
		if m.field(s) {
			continue
		}
		switch s.Local() {
		case "Notifications":
			for d := s.Depth(); s.Child(d); {
				if len(p.notes) == maxStreamNotes {
					s.Fail(&wire.LimitError{What: "notifications in an envelope", Limit: maxStreamNotes})
					break
				}
				readNotification(s, p.another())
			}
		case "ErrorSubscriptionIds":
			for d := s.Depth(); s.Child(d) && len(p.lost) < maxStreamNotes; {
				p.lost = append(p.lost, strings.TrimSpace(s.Text()))
			}
		case "ConnectionStatus":
			p.closed = strings.TrimSpace(s.Text()) == "Closed"
		}
	}
	return m.err()
}
