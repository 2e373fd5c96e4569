package ews

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Send sends a message and keeps a copy in SentItems, or Draft.SentFolder.
//
// The message is first stored in Drafts with its marker, then its attachments are added, then it is sent: a failure before the last
// step, which removes the draft where it can, means that nothing went out. When the answer to the last step is lost, the marker is looked up
// to find out. If even that does not tell, the error says so and MaybeApplied is true: look it up with FindSent later, never
// send it again blindly.
//
// Errors: one that names each wrong field of d; ErrDenied, ErrQuota, ErrInvalidRequest, ErrThrottled and all others of this package's
// calls. EWS: CreateItem, CreateAttachment, SendItem.
func (m *Mailbox) Send(ctx context.Context, d *Draft) (*Sent, error) {
	if d == nil {
		return nil, errors.New("ews: Send: the draft is nil")
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	marker := d.Marker
	if marker == "" {
		marker = newMarker()
	}
	id, err := m.create(ctx, func(w *wire.Writer) { d.write(w, marker) })
	if err != nil {
		return nil, m.unsent(ctx, err, id, marker)
	}
	return m.finish(ctx, id, d.Attachments, d.BeforeSend, d.SentFolder, marker)
}

// finish adds attachments to a stored draft and sends it.
func (m *Mailbox) finish(ctx context.Context, draft ItemID, attachments []Upload, before func(context.Context, ItemID) error, sent FolderRef, marker string) (*Sent, error) {
	for i := range attachments {
		id, err := m.attach(ctx, draft, &attachments[i])
		if err != nil {
			return nil, m.unsent(ctx, err, draft, marker)
		}
		draft = id
	}
	if sent == nil {
		sent = SentItems
	}
	if before != nil {
		if err := before(ctx, draft); err != nil {
			return nil, m.unsent(ctx, err, draft, marker)
		}
	}
	err := m.sendItem(ctx, draft, sent)
	if err != nil && !MaybeApplied(err) {
		return nil, m.unsent(ctx, err, draft, marker)
	}
	if err != nil {
		if err = m.settle(ctx, draft, sent, marker, err); err != nil {
			return nil, err
		}
	}
	return &Sent{Marker: marker}, nil
}

// sendItem sends a stored draft. EWS: SendItem.
func (m *Mailbox) sendItem(ctx context.Context, draft ItemID, sent FolderRef) error {
	return m.do(ctx, &call{
		op:   "SendItem",
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:SendItem", "SaveItemToFolder", "true")
			writeItemIDs(w, []ItemID{draft})
			w.Start("m:SavedItemFolderId")
			sent.writeTo(w, m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readResponses(s, nil) },
	})
}

// cleanup bounds the work that is done after a caller's context may have ended.
const cleanup = 30 * time.Second

// unsent removes the draft of a message that was not sent, as well as can be done, and returns the error with which it failed, now
// certain that nothing was sent.
func (m *Mailbox) unsent(ctx context.Context, err error, draft ItemID, marker string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	switch {
	case !draft.IsZero():
		_ = m.Delete(ctx, HardDelete, ItemID{ID: draft.ID})
	case MaybeApplied(err):
		_ = m.RemoveDrafts(ctx, marker)
	}
	var e *Error
	if errors.As(err, &e) {
		clean := *e
		clean.MaybeApplied = false
		return &clean
	}
	return err
}

// settleLooks is how often it is looked what became of a message whose answer was lost, after half of RetryPolicy.BaseDelay and then
// twice as long each time: with the default for 15 seconds. A sent message reaches its folder within seconds, unless the server
// is in trouble.
const settleLooks = 5

// settle finds out whether a message was sent although SendItem failed with lost. nil: it was. An error without MaybeApplied: it was
// not, and its draft is gone.
func (m *Mailbox) settle(ctx context.Context, draft ItemID, sent FolderRef, marker string, lost error) error {
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
		if id, last = m.marked(ctx, sent, marker); last != nil {
			continue
		}
		if !id.IsZero() {
			return nil
		}
		if id, last = m.marked(ctx, Drafts, marker); last == nil && !id.IsZero() {
			waiting++
		}
	}
	if waiting == settleLooks {
		// It lay in Drafts all the time. Removing it settles the matter: either the removal finds it, and it can no longer be
		// sent, or it does not, and it was.
		switch err := m.Delete(ctx, HardDelete, ItemID{ID: draft.ID}); {
		case err == nil:
			return m.unsent(ctx, lost, ItemID{}, marker)
		case errors.Is(err, ErrNotFound):
			if id, err := m.marked(ctx, sent, marker); err == nil && !id.IsZero() {
				return nil
			}
		default:
			last = err
		}
	}
	return unknown(lost, last)
}

// unknown is the error of a message about which nothing could be found out.
func unknown(lost, look error) error {
	if look == nil {
		return lost
	}
	return fmt.Errorf("%w (looking it up failed as well: %v)", lost, look)
}

// FindSent returns the id of the message with that marker in a folder, nil meaning SentItems, or a zero id if it is not there (yet).
// A message appears there shortly after it was sent. EWS: FindItem with a restriction on the marker's property.
func (m *Mailbox) FindSent(ctx context.Context, folder FolderRef, marker string) (ItemID, error) {
	if folder == nil {
		folder = SentItems
	}
	return m.marked(ctx, folder, marker)
}

func (m *Mailbox) marked(ctx context.Context, folder FolderRef, marker string) (ItemID, error) {
	found, err := m.findIDs(ctx, folder, 1, func(w *wire.Writer) { writeRestriction(w, []condition{{"IsEqualTo", markerField, marker}}) })
	if err != nil || len(found) == 0 {
		return ItemID{}, err
	}
	return found[0], nil
}
