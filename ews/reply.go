package ews

import (
	"context"
	"errors"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Answer is what a reply or a forward adds to the message it is about. Exchange quotes the original below Body.
type Answer struct {
	Body Body

	// Subject replaces the one Exchange makes ("RE: ...", "FW: ..."). A ticket's number may be put there: the conversation holds.
	// With a subject given, nothing can stay behind in Drafts when the connection breaks at a bad moment: see Mailbox.RemoveDrafts.
	Subject string

	// To, Cc and Bcc replace the recipients that Exchange fills in. A forward needs some.
	To, Cc, Bcc []Address

	// From is sent as the author; see Draft.From.
	From Address

	Attachments []Upload
	SentFolder  FolderRef // see Draft.SentFolder
	Marker      string    // see Draft.Marker

	BeforeSend func(ctx context.Context, draft ItemID) error // see Draft.BeforeSend
}

// Reply answers a message, to its sender (its Reply-To, if it has one), in its thread: In-Reply-To, References and the conversation are
// set by Exchange. Whether it was sent is settled as by Send. Errors: ErrNotFound for the message, and those of Send.
// EWS: CreateItem with ReplyToItem, SendItem.
func (m *Mailbox) Reply(ctx context.Context, to ItemID, a *Answer) (*Sent, error) {
	return m.answer(ctx, "t:ReplyToItem", to, a)
}

// ReplyAll is Reply to the sender and all other recipients. EWS: CreateItem with ReplyAllToItem, SendItem.
func (m *Mailbox) ReplyAll(ctx context.Context, to ItemID, a *Answer) (*Sent, error) {
	return m.answer(ctx, "t:ReplyAllToItem", to, a)
}

// Forward sends a message on, with its attachments, to Answer.To. EWS: CreateItem with ForwardItem, SendItem.
func (m *Mailbox) Forward(ctx context.Context, id ItemID, a *Answer) (*Sent, error) {
	if a == nil || len(a.To)+len(a.Cc)+len(a.Bcc) == 0 {
		return nil, errors.New("ews: Answer: To, Cc, Bcc: nobody to forward it to")
	}
	return m.answer(ctx, "t:ForwardItem", id, a)
}

func (m *Mailbox) answer(ctx context.Context, element string, about ItemID, a *Answer) (*Sent, error) {
	if a == nil {
		a = new(Answer)
	}
	if err := a.check(about); err != nil {
		return nil, err
	}
	marker := a.Marker
	if marker == "" {
		marker = newMarker()
	}
	if about.ChangeKey == "" { // Exchange refuses to answer an item whose version is not named
		var err error
		if about, err = m.current(ctx, about); err != nil {
			return nil, err
		}
	}
	subject := a.Subject
	if subject != "" { // or Exchange makes one, in the mailbox's language
		subject = provisional(marker)
	}
	draft, err := m.create(ctx, func(w *wire.Writer) { a.write(w, element, about, subject) })
	if err != nil {
		return nil, m.unsent(ctx, err, draft, marker)
	}
	// An answer cannot be created with properties of one's own: it gets its marker, and its subject, while still a draft.
	e := &edit{id: draft}
	change := Update{Set: []PropertyValue{markerValue(marker)}}
	if a.Subject != "" {
		change.Subject = &a.Subject
	}
	err = m.settled(ctx, []*edit{e}, &change)
	if err != nil {
		var b *BatchError
		if errors.As(err, &b) {
			err = b.Items[0].Err
		}
		return nil, m.unsent(ctx, err, draft, marker)
	}
	return m.finish(ctx, e.done, a.Attachments, a.BeforeSend, a.SentFolder, marker)
}

func (a *Answer) check(about ItemID) error {
	var wrong []string
	if about.IsZero() {
		wrong = append(wrong, "the id of the message is empty")
	}
	wrong = append(wrong, badAddresses("To", a.To)...)
	wrong = append(wrong, badAddresses("Cc", a.Cc)...)
	wrong = append(wrong, badAddresses("Bcc", a.Bcc)...)
	if !a.From.IsZero() {
		wrong = append(wrong, badAddresses("From", []Address{a.From})...)
	}
	wrong = append(wrong, badUploads(a.Attachments)...)
	if len(wrong) > 0 {
		return errors.New("ews: Answer: " + strings.Join(wrong, "; "))
	}
	return nil
}

// write writes a response object, in the schema's order. EWS: SmartResponseType.
func (a *Answer) write(w *wire.Writer, element string, about ItemID, subject string) {
	w.Start(element)
	if subject != "" {
		w.Leaf("t:Subject", subject)
	}
	writeRecipients(w, "t:ToRecipients", a.To)
	writeRecipients(w, "t:CcRecipients", a.Cc)
	writeRecipients(w, "t:BccRecipients", a.Bcc)
	if !a.From.IsZero() {
		w.Start("t:From")
		writeAddress(w, a.From)
		w.End()
	}
	writeID(w, "t:ReferenceItemId", about.ID, about.ChangeKey)
	writeBody(w, "t:NewBodyContent", a.Body)
	w.End()
}
