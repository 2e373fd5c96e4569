package ews

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"
)

// EventsOptions says what to listen for. The zero value, and nil, is all that happens to mail in all folders.
type EventsOptions struct {
	SubscribeOptions

	// ConnectionTimeout is how long Exchange is asked to keep a stream open, 1 to 30 minutes in whole ones; the next one is opened shortly
	// before its end. Less than the default only helps where a proxy ends long answers. 0: 30 minutes.
	ConnectionTimeout time.Duration

	// Silence is how long nothing may arrive before a stream counts as dead; Exchange sends a heartbeat about every 45 seconds.
	// 0: 2 minutes.
	Silence time.Duration
}

// Defaults and limits of EventsOptions.
const (
	DefaultConnectionTimeout = 30 * time.Minute
	DefaultSilence           = 2 * time.Minute

	// MaxStreamMailboxes is how many mailboxes one stream can serve in Exchange Online.
	MaxStreamMailboxes = 200
)

func (o *EventsOptions) check() error {
	if o.ConnectionTimeout == 0 {
		o.ConnectionTimeout = DefaultConnectionTimeout
	}
	if o.ConnectionTimeout < 0 || o.ConnectionTimeout > DefaultConnectionTimeout {
		return fmt.Errorf("ews: EventsOptions.ConnectionTimeout: %v is outside of 1 to 30 minutes", o.ConnectionTimeout)
	}
	if o.Silence == 0 {
		o.Silence = DefaultSilence
	}
	if o.Silence < 0 {
		return fmt.Errorf("ews: EventsOptions.Silence: %v is negative", o.Silence)
	}
	return nil
}

// Events listens to what happens in the mailbox over a streaming subscription, and does not end by itself: lost streams and
// subscriptions are replaced, with growing pauses while that fails. o may be nil.
//
// Events are hints. What happened before EventConnected, which comes each time a stream opens, is not told: who must not miss
// anything uses Watch, or a Sync after each EventConnected. EventDisconnected tells of every loss.
//
// The loop body must not dawdle: what happens meanwhile waits in the connection, and Exchange ends a stream that is not read. A
// stream occupies one HTTP connection (see Config.HTTPClient for limits of it), and counts against Exchange's HangingConnectionLimit (10
// per account); it does not count against Config.Concurrency.
//
// The last pair carries the error: the context's, or one that repeating does not cure: ErrDenied, ErrNotFound,
// ErrUnauthorized (once it is certain: see Watch), ErrEWSBlocked, ErrInvalidRequest, ErrEndpoint, ErrVersion. Leaving the loop and the
// end of the context end the subscription, too, which takes 2 seconds at most.
//
// EWS: Subscribe, GetStreamingEvents, Unsubscribe.
func (m *Mailbox) Events(ctx context.Context, o *EventsOptions) iter.Seq2[Event, error] {
	return m.c.Events(ctx, []*Mailbox{m}, o)
}

// Events is Mailbox.Events for several mailboxes of this Client on one connection, at most MaxStreamMailboxes of them. A pair with both an
// Event, whose Mailbox is set, and an error is about that mailbox alone: it cannot be listened to and is left out from then on,
// while the loop goes on. A pair without a Mailbox in it and with an error is the last.
//
// A mailbox that cannot be listened to for now (it is being moved to another server, say, which can take hours) does not keep the others waiting: an
// EventDisconnected with that Mailbox follows each EventConnected until it joins them. It is asked again each time a stream is opened, for which streams end
// after 1 minute at first, and 5 later.
//
// The first mailbox leads the others to its server and its account's budget; Exchange works best when those of a group live close
// together (Autodiscover's GroupingInformation). EWS: "Maintain affinity between a group of subscriptions and the Mailbox server".
func (c *Client) Events(ctx context.Context, mailboxes []*Mailbox, o *EventsOptions) iter.Seq2[Event, error] {
	var opt EventsOptions
	if o != nil {
		opt = *o
	}
	return func(yield func(Event, error) bool) {
		if err := opt.check(); err != nil {
			yield(Event{}, err)
			return
		}
		l, err := newListener(c, mailboxes, &opt)
		if err == nil {
			err = l.run(ctx, yield)
		}
		if err != nil && err != errStop {
			yield(Event{}, err)
		}
	}
}

// listener keeps a stream open.
type listener struct {
	c       *Client
	o       *EventsOptions
	boxes   []*listened
	backEnd *backEnd
	tries   int // streams in a row that failed or did not last
	refused refusals
	patient bool // no error ends it (but the context's)

	// The parts that tests exchange.
	open  func(ctx context.Context, ids []string) (es *eventStream, lost []string, err error)
	drop  func(lost []string, err error) error
	alone func(err error) bool // see aboutOne
}

// listened is a mailbox and its subscription; "" when there is none.
type listened struct {
	m  *Mailbox
	id string

	late  error // why it could not be subscribed for now, while the others are listened to; see subscribe
	fails int   // times in a row
}

func newListener(c *Client, mailboxes []*Mailbox, o *EventsOptions) (*listener, error) {
	if len(mailboxes) == 0 || len(mailboxes) > MaxStreamMailboxes {
		return nil, fmt.Errorf("ews: Events: %d mailboxes: a stream serves 1 to %d", len(mailboxes), MaxStreamMailboxes)
	}
	if i := slices.Index(mailboxes, nil); i >= 0 {
		return nil, fmt.Errorf("ews: Events: mailboxes[%d] is nil", i)
	}
	l := &listener{c: c, o: o, backEnd: &backEnd{anchor: mailboxes[0].anchor()}}
	l.open, l.drop, l.alone = l.openStream, l.forget, aboutOne
	for _, m := range mailboxes {
		if m.c != c {
			return nil, fmt.Errorf("ews: Events: the mailbox %s belongs to another Client", m.Address())
		}
		l.boxes = append(l.boxes, &listened{m: m})
	}
	return l, nil
}

const (
	// lasting is how long a stream must have lived for its end not to count as a failure.
	lasting = 30 * time.Second

	// freshStart is after how many failures in a row everything that Exchange keeps for us is given up.
	freshStart = 3

	// hopeless is the pause before a patient listener tries again what repeating should not cure.
	hopeless = 30 * time.Minute

	// goodbye bounds the time that ending the subscriptions takes.
	goodbye = 2 * time.Second
)

// run listens until the loop is left (errStop), the context ends, or an error that does not pass.
func (l *listener) run(ctx context.Context, yield func(Event, error) bool) error {
	defer l.unsubscribe(ctx)
	for {
		began := time.Now()
		err := l.listen(ctx, yield)
		if err == errStop {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) >= lasting {
			l.tries = 0
		}
		if err == nil || err == errRenew {
			if l.tries++; l.tries > 1 { // streams that end early by themselves must not make us spin
				if err := sleep(ctx, jitter(l.c.retry.delay(l.tries-1, l.c.retry.BaseDelay))); err != nil {
					return err
				}
			}
			continue
		}
		l.tries++
		wait := jitter(l.c.retry.delay(l.tries, l.c.retry.BaseDelay))
		if d, ok := RetryAfter(err); ok {
			wait = max(wait, d)
		}
		if !l.refused.passes(err) && !errors.Is(err, ErrSubscriptionLost) && !errors.Is(err, ErrTooLarge) {
			if !l.patient {
				return err
			}
			wait = hopeless - jitter(hopeless/4)
		}
		l.c.log.LogAttrs(ctx, slog.LevelInfo, "ews event stream lost", slog.String("mailbox", l.boxes[0].m.Address()),
			slog.String("error", reason(err)), slog.Int("failures", l.tries), slog.Duration("wait", wait))
		if !yield(Event{Type: EventDisconnected, Time: time.Now(), Err: err}, nil) {
			return errStop
		}
		if l.tries%freshStart == 0 {
			l.unsubscribe(ctx)
			l.backEnd.forget()
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// listen subscribes what is not subscribed, opens a stream and hands out what arrives until the stream ends. nil: Exchange ended it in
// good order.
func (l *listener) listen(ctx context.Context, yield func(Event, error) bool) error {
	if err := l.subscribe(ctx, yield); err != nil {
		return err
	}
	byID := map[string]*Mailbox{}
	var ids []string
	for _, b := range l.boxes {
		if b.late == nil {
			byID[b.id] = b.m
			ids = append(ids, b.id)
		}
	}
	es, lost, err := l.open(ctx, ids)
	if err != nil {
		return l.drop(lost, err)
	}
	defer es.close()
	if !yield(Event{Type: EventConnected, Time: time.Now()}, nil) {
		return errStop
	}
	for _, b := range l.boxes {
		if b.late != nil && !yield(Event{Type: EventDisconnected, Mailbox: b.m, Time: time.Now(), Err: b.late}, nil) {
			return errStop
		}
	}
	for {
		part, err := es.next()
		if part == nil {
			return err
		}
		if err != nil {
			return l.drop(part.lost, err)
		}
		l.refused = 0
		for _, n := range part.notes {
			for _, e := range n.events {
				e.Mailbox = byID[n.subscription]
				if e.Type != EventStatus && !yield(e, nil) {
					return errStop
				}
			}
		}
		switch {
		case len(part.lost) > 0:
			return l.drop(part.lost, &Error{Op: "GetStreamingEvents", Mailbox: l.boxes[0].m.Address(), kind: ErrSubscriptionLost,
				what: "Exchange dropped a subscription"})
		case part.closed:
			return nil
		}
	}
}

// forget forgets subscriptions that Exchange no longer has: those it names, or all when it only says that one is lost.
func (l *listener) forget(lost []string, err error) error {
	named := map[string]bool{}
	for _, id := range lost {
		named[id] = true
	}
	any := false
	for _, b := range l.boxes {
		if named[b.id] {
			b.id, any = "", true
		}
	}
	if !any && errors.Is(err, ErrSubscriptionLost) {
		for _, b := range l.boxes {
			b.id = ""
		}
	}
	return err
}

// unsubscribe tells Exchange that we are leaving, so that subscriptions do not pile up there. Whether it hears does not matter: it
// drops them by itself after a while.
func (l *listener) unsubscribe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	for _, b := range l.boxes {
		if b.id != "" && ctx.Err() == nil {
			_ = b.m.unsubscribe(ctx, l.backEnd, b.id)
		}
		b.id = ""
	}
}
