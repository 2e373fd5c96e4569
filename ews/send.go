package ews

import (
	"context"
	"errors"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Send sends a message and keeps a copy in SentItems, or Draft.SentFolder.
//
// The message is first stored in Drafts with its marker, then its attachments are added, then it is sent: a failure before the last
// step, which removes the draft where it can, means that nothing went out. When the answer to the last step is lost, the marker is looked up
// to find out. If even that does not tell, the error says so and MaybeApplied is true: ask Settle later, never
// send it again blindly. The looking, and the removing of the draft, go on when ctx has ended, for 30 seconds at most: a Send that was called
// off returns only when it knows. A text that XML cannot carry (control characters, broken UTF-8) is refused, not sent with others in
// its place; Draft.MIME takes any bytes.
//
// Errors: one that names each wrong field of d; ErrDenied, ErrQuota, ErrInvalidRequest, ErrThrottled and all others of this package's
// calls. EWS: CreateItem, CreateAttachment, SendItem.
func (m *Mailbox) Send(ctx context.Context, d *Draft) (*Sent, error) {
	if d == nil {
		return nil, errors.New("ews: Send: the draft is nil")
	}
	if err := d.check(true); err != nil {
		return nil, err
	}
	p := &sending{sent: d.SentFolder, marker: d.marker(), before: d.BeforeSend}
	draft, err := m.draft(ctx, d, p.marker)
	if err != nil {
		return nil, certain(err) // whatever became of the draft, it was not sent
	}
	return m.send(ctx, draft, p)
}

// ErrKeepDraft, wrapped by an error of BeforeSend, keeps the draft where it is: it is open whether it was written down that the message may go
// out, as the database's answer was lost. The draft then proves to Settle that it did not, should nothing more be written. Whoever has written
// down that it did not go out removes it: RemoveDrafts.
var ErrKeepDraft = errors.New("ews: the draft is kept")

// sending is what is to be done with a stored draft.
type sending struct {
	sent   FolderRef // nil: SentItems
	marker string
	before func(ctx context.Context, draft ItemID) error
	keep   bool // the draft is not ours to remove when it cannot be sent
}

// send sends a stored draft that has the marker.
func (m *Mailbox) send(ctx context.Context, draft ItemID, p *sending) (*Sent, error) {
	if p.sent == nil {
		p.sent = SentItems
	}
	if p.before != nil {
		switch err := p.before(ctx, draft); {
		case errors.Is(err, ErrKeepDraft):
			return nil, certain(err)
		case err != nil:
			return nil, m.notSent(ctx, err, draft, p)
		}
	}
	err := m.sendItem(ctx, draft, p.sent)
	switch {
	case err == nil:
		return &Sent{Marker: p.marker}, nil
	case MaybeApplied(err), isDraftGone(err) && !p.keep:
		// A draft that we have just made and that is not there may have been removed. Or it was sent: by the same request, of which a proxy on the
		// way made two.
		if err = m.settleSend(ctx, draft, p, err); err != nil {
			return nil, err
		}
		return &Sent{Marker: p.marker}, nil
	case p.keep, p.before == nil:
		return nil, m.notSent(ctx, err, draft, p)
	}
	// It is written down that it may have gone out: see Settle.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	_ = m.Delete(ctx, ToDeletedItems, ItemID{ID: draft.ID})
	return nil, certain(err)
}

// isDraftGone tells a draft that is not there from a folder for the sent copy that is not.
func isDraftGone(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "ErrorItemNotFound"
}

// notSent is the error of a message that was not sent, and for which nobody needs a proof. A draft that is not to be kept is removed.
func (m *Mailbox) notSent(ctx context.Context, err error, draft ItemID, p *sending) error {
	if !p.keep {
		_ = m.discard(ctx, err, draft, p.marker)
	}
	return certain(err)
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
		read:  func(s *wire.Scanner) error { return readResponses(s, nil) },
		habit: &m.c.sent,
	})
}

// cleanup bounds the work that is done after a caller's context may have ended.
const cleanup = 30 * time.Second

// discard removes the draft of a message that is not to be sent, and returns err, with MaybeApplied if a draft may have stayed behind: it
// could not be removed, or it was not found although a creation whose answer was lost may yet make it.
func (m *Mailbox) discard(ctx context.Context, err error, draft ItemID, marker string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	switch {
	case !draft.IsZero():
		if d := m.Delete(ctx, HardDelete, ItemID{ID: draft.ID}); d != nil && !errors.Is(d, ErrNotFound) {
			return doubtful(err)
		}
	case MaybeApplied(err):
		if n, d := m.removeDrafts(ctx, marker); d != nil || n == 0 {
			return err
		}
	}
	return certain(err)
}

// FindSent returns the id of the message with that marker in a folder, nil meaning SentItems, or a zero id if it is not there (yet).
// A message appears there shortly after it was sent. EWS: FindItem with a restriction on the marker's property.
func (m *Mailbox) FindSent(ctx context.Context, folder FolderRef, marker string) (ItemID, error) {
	if marker == "" {
		return ItemID{}, errors.New("ews: FindSent: the marker is empty")
	}
	if err := unsendable("FindSent", "marker", marker); err != nil {
		return ItemID{}, err
	}
	if folder == nil {
		folder = SentItems
	}
	return m.marked(ctx, folder, marker)
}

func (m *Mailbox) marked(ctx context.Context, folder FolderRef, marker string) (ItemID, error) {
	found, err := m.findMarked(ctx, folder, marker, "")
	if err != nil || len(found) == 0 {
		return ItemID{}, err
	}
	return found[0], nil
}
