package ews

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// maxLate is the longest stream that is opened while a mailbox of the group is late.
const maxLate = 5 * time.Minute

// openStream opens a stream for the subscriptions. It ends earlier while somebody is late, whom
// the next one may find.
func (l *listener) openStream(ctx context.Context, ids []string) (es *eventStream, lost []string, err error) {
	life := l.o.ConnectionTimeout
	for _, b := range l.boxes {
		if b.late != nil {
			life = min(life, time.Duration(b.fails)*time.Minute, maxLate)
		}
	}
	minutes, _ := minutes("", life, 0)
	return l.leader().openStream(ctx, l.backEnd, ids, minutes, l.o.Silence)
}

// leader is the mailbox in whose name a stream is opened: the first that is listened to.
func (l *listener) leader() *Mailbox {
	for _, b := range l.boxes {
		if b.late == nil {
			return b.m
		}
	}
	return l.boxes[0].m
}

// subscribe subscribes the mailboxes that are not. Those that have to wait are late, unless that is all of them.
func (l *listener) subscribe(ctx context.Context, yield func(Event, error) bool) error {
	for _, b := range l.boxes {
		if b.late != nil && b.fails%freshStart == 0 { // perhaps it is where the others' server does not reach
			l.unsubscribe(ctx)
			l.backEnd.forget()
			break
		}
	}
	var late error
	ready := 0
	for i := 0; i < len(l.boxes); i++ {
		b := l.boxes[i]
		if b.id != "" {
			ready++
			continue
		}
		// Nobody waits for one that failed before, nor for all of a database that is down.
		sub, err := b.m.subscribeStreaming(ctx, l.backEnd, &l.o.SubscribeOptions, b.late != nil || late != nil)
		if err == nil {
			b.id, b.late, b.fails = sub.ID, nil, 0
			ready++
			continue
		}
		switch again := l.refused.would(err); {
		case len(l.boxes) == 1 || ctx.Err() != nil:
			return err
		case again && l.alone(err):
			b.fails++
			b.late, late = err, err
			continue
		case again:
			return err
		}
		l.boxes = append(l.boxes[:i], l.boxes[i+1:]...)
		i--
		if !yield(Event{Mailbox: b.m}, err) {
			return errStop
		}
	}
	if ready == 0 {
		return late
	}
	for _, b := range l.boxes {
		if b.late != nil {
			l.c.log.LogAttrs(ctx, slog.LevelInfo, "ews event stream goes on without a mailbox", slog.String("mailbox", b.m.Address()),
				slog.String("error", reason(b.late)), slog.Int("failures", b.fails))
		}
	}
	return nil
}

// aboutOne reports whether Exchange said of this mailbox what may be different for the next one. A network that is down, a server that is busy and a
// token that is refused are not.
func aboutOne(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code != "" && (e.Class() == ClassMove || e.Class() == ClassTransient)
}
