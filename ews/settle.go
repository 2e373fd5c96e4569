package ews

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// settleLooks is how often it is looked what became of a message whose answer was lost, after half of RetryPolicy.BaseDelay and then
// twice as long each time: with the default for 15 seconds. A sent message reaches its folder within seconds, unless the server
// is in trouble.
const settleLooks = 5

// settle finds out whether a message was sent although SendItem failed with lost. nil: it was. An error without MaybeApplied: it was
// not, and its draft is gone, unless it is to be kept.
func (m *Mailbox) settle(ctx context.Context, draft ItemID, p *sending, lost error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	var last error
	waiting := 0 // looks that found the draft, not the sent copy
	pause := m.c.retry.BaseDelay / 2
	for range settleLooks {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return unknown(lost, ctx.Err())
		}
		pause = min(2*pause, 8*time.Second)
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
		if last == nil && !id.IsZero() {
			waiting++
		}
	}
	if waiting == settleLooks {
		// It lay in Drafts all the time. Putting it out of SendItem's reach settles the matter: either that finds it, and it can no
		// longer be sent, or it does not, and it was.
		switch err := m.fence(ctx, draft, p); {
		case err == nil:
			return certain(lost)
		case errors.Is(err, ErrNotFound):
			if id, err := m.marked(ctx, p.sent, p.marker); err == nil && !id.IsZero() {
				return nil
			}
		default:
			last = err
		}
	}
	return unknown(lost, last)
}

// fence makes sure that a SendItem that is still under way does not find the draft, or not the version that it names.
func (m *Mailbox) fence(ctx context.Context, draft ItemID, p *sending) error {
	if !p.keep {
		return m.Delete(ctx, HardDelete, ItemID{ID: draft.ID})
	}
	_, err := m.Update(ctx, &Update{Set: []PropertyValue{{fenceProperty, newMarker()}}}, ItemID{ID: draft.ID})
	return err
}

// fenceProperty is changed for nothing but a new change key.
var fenceProperty = Property{Set: markerSet, Name: "ewsmail-fence", Type: MAPIString}

// queued finds the message with that marker where it lies before it is sent. accepted: Exchange has taken it for delivery, at once or
// at its Draft.SendAt.
func (m *Mailbox) queued(ctx context.Context, marker string) (id ItemID, accepted bool, err error) {
	if id, err = m.marked(ctx, Drafts, marker); err == nil && !id.IsZero() {
		accepted, err = m.submitted(ctx, id)
		return id, accepted, err
	}
	var waiting ItemID
	if waiting, err = m.marked(ctx, Outbox, marker); err == nil && !waiting.IsZero() {
		return waiting, true, nil
	}
	return ItemID{}, false, err
}

// submitted reports whether the item has been taken for delivery. EWS: GetItem.
func (m *Mailbox) submitted(ctx context.Context, id ItemID) (bool, error) {
	yes := false
	err := m.do(ctx, &call{
		op: "GetItem",
		body: func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			w.Start("t:AdditionalProperties")
			w.Empty("t:FieldURI", "FieldURI", "item:IsSubmitted")
			w.End()
			w.End()
			writeItemIDs(w, []ItemID{id})
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			yes = false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "Items" && descend(s, "IsSubmitted") {
					yes = boolean(s.TextBytes())
				}
				return s.Err()
			})
		},
	})
	return yes, err
}

// unknown is the error of a message about which nothing could be found out.
func unknown(lost, look error) error {
	if look == nil {
		return lost
	}
	return fmt.Errorf("%w (looking it up failed as well: %v)", lost, look)
}
