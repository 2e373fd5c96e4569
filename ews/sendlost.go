package ews

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// settleLooks is how often it is looked what became of a message whose answer was lost, after half of RetryPolicy.BaseDelay and then
// twice as long each time: with the default for 15 seconds. A sent message reaches its folder within seconds, unless the server
// is in trouble.
const settleLooks = 5

// settleSend finds out whether a message was sent although SendItem failed with lost. nil: it was. An error without MaybeApplied: it was
// not, and its draft is out of the way, unless it is to be kept.
func (m *Mailbox) settleSend(ctx context.Context, draft ItemID, p *sending, lost error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	var last error
	waiting := false // it lay in Drafts when it was last looked for
	pause := m.c.retry.BaseDelay / 2
	for range settleLooks {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return unknown(lost, ctx.Err())
		}
		pause = min(2*pause, 8*time.Second)
		waiting = false
		var id ItemID
		if id, last = m.marked(ctx, p.sent, p.marker); last != nil {
			continue
		}
		if !id.IsZero() {
			return nil
		}
		var accepted bool
		if id, accepted, last = m.queued(ctx, p.marker); accepted {
			return nil
		}
		waiting = last == nil && !id.IsZero()
	}
	fate := FateUnknown
	switch {
	case !p.keep:
		fate, last = m.Settle(ctx, p.sent, p.marker, draft)
	case waiting:
		fate, last = m.fence(ctx, draft, p)
	}
	switch fate {
	case FateSent:
		return nil
	case FateNotSent:
		if p.before == nil && !p.keep { // nobody has written down that it may have gone out: nobody needs the proof that it did not
			_ = m.RemoveDrafts(ctx, p.marker)
		}
		return certain(lost)
	}
	return unknown(lost, last)
}

// fence makes sure that a SendItem that is still under way does not find the version of a kept draft that it names.
func (m *Mailbox) fence(ctx context.Context, draft ItemID, p *sending) (Fate, error) {
	_, err := m.Update(ctx, &Update{Set: []PropertyValue{{fenceProperty, newMarker()}}}, ItemID{ID: draft.ID})
	if err == nil {
		return FateNotSent, nil
	}
	if errors.Is(err, ErrNotFound) {
		id, err := m.marked(ctx, p.sent, p.marker)
		if err == nil && !id.IsZero() {
			return FateSent, nil
		}
		return FateUnknown, err
	}
	return FateUnknown, err
}

// fenceProperty is changed for nothing but a new change key.
var fenceProperty = Property{Set: markerSet, Name: "ewsmail-fence", Type: MAPIString}

// unknown is the error of a message about which nothing could be found out.
func unknown(lost, look error) error {
	lost = doubtful(lost)
	if look == nil {
		return lost
	}
	return fmt.Errorf("%w (looking it up failed as well: %v)", lost, look)
}

// certain is the error of what did not happen.
func certain(err error) error { return maybe(err, false) }

// doubtful is the error of what may have happened.
func doubtful(err error) error { return maybe(err, true) }

// maybe returns err with that MaybeApplied.
func maybe(err error, applied bool) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		if e.MaybeApplied == applied {
			return err
		}
		clean := *e
		clean.MaybeApplied = applied
		return &clean
	case applied:
		return &Error{kind: ErrUnavailable, cause: err, MaybeApplied: true}
	}
	return err
}
