package ews

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// CreateDraft stores a message in Drafts, complete with its attachments, for somebody to see and change, and for SendDraft. Nobody needs
// to be named yet that it goes to. SentFolder and BeforeSend are for SendDraft to say; a Marker stays with the draft.
//
// A draft whose attachments cannot be added, or whose creation's answer is lost, is removed. MaybeApplied tells when it may lie in Drafts all the
// same, complete or not: RemoveDrafts, or FindSent in Drafts, finds it by a Marker of yours. Other errors as with Send. EWS: CreateItem with SaveOnly,
// CreateAttachment.
func (m *Mailbox) CreateDraft(ctx context.Context, d *Draft) (ItemID, error) {
	if d == nil {
		return ItemID{}, errors.New("ews: CreateDraft: the draft is nil")
	}
	if err := d.check(false); err != nil {
		return ItemID{}, err
	}
	return m.draft(ctx, d, d.marker())
}

// DraftReply stores an answer in Drafts instead of sending it: see Reply and CreateDraft.
func (m *Mailbox) DraftReply(ctx context.Context, to ItemID, a *Answer) (ItemID, error) {
	return m.draftOf(ctx, "t:ReplyToItem", to, a)
}

// DraftReplyAll stores an answer to all in Drafts instead of sending it: see ReplyAll and CreateDraft.
func (m *Mailbox) DraftReplyAll(ctx context.Context, to ItemID, a *Answer) (ItemID, error) {
	return m.draftOf(ctx, "t:ReplyAllToItem", to, a)
}

// DraftForward stores a message to be sent on in Drafts, with the attachments of the original: see Forward and CreateDraft.
func (m *Mailbox) DraftForward(ctx context.Context, id ItemID, a *Answer) (ItemID, error) {
	return m.draftOf(ctx, "t:ForwardItem", id, a)
}

func (m *Mailbox) draftOf(ctx context.Context, element string, about ItemID, a *Answer) (ItemID, error) {
	if a == nil {
		a = new(Answer)
	}
	return m.draftAnswer(ctx, element, about, a, a.marker())
}

// UpdateDraft changes a draft, and returns its id with the new change key. It is Update for one item: with the ChangeKey that the
// draft was read with, nobody's edit is written over (ErrConflict). For its attachments see Attach and DeleteAttachments.
// EWS: UpdateItem.
func (m *Mailbox) UpdateDraft(ctx context.Context, draft ItemID, u *Update) (ItemID, error) {
	ids, err := m.Update(ctx, u, draft)
	return ids[0], single(err)
}

func (d *Draft) marker() string {
	if d.Marker == "" {
		return newMarker()
	}
	return d.Marker
}

// draft stores a draft, complete.
func (m *Mailbox) draft(ctx context.Context, d *Draft, marker string) (ItemID, error) {
	id, err := m.create(ctx, func(w *wire.Writer) { d.writeTo(w, marker, m.author()) })
	if err != nil {
		return ItemID{}, m.discard(ctx, err, id, marker)
	}
	return m.attachAll(ctx, id, d.Attachments, marker)
}

// attachAll adds attachments to a draft of our own, which is removed if one of them cannot be added.
func (m *Mailbox) attachAll(ctx context.Context, draft ItemID, attachments []Upload, marker string) (ItemID, error) {
	if len(attachments) == 0 {
		return draft, nil
	}
	complete, _, err := m.Attach(ctx, draft, attachments...)
	if err != nil {
		return ItemID{}, m.discard(ctx, firstOf(err), draft, marker)
	}
	return complete, nil
}
