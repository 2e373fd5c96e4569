package ews

import (
	"context"
	"errors"
	"strings"
	"time"

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

	// ReplyTo is where answers to the answer shall go.
	ReplyTo []Address

	// The rest is as in Draft. An Importance that is normal leaves that which Exchange gives.
	From                         Address
	Importance                   Importance
	Sensitivity                  string
	ReadReceipt, DeliveryReceipt bool
	Headers                      []Header
	Attachments                  []Upload
	Properties                   []PropertyValue
	SendAt                       time.Time
	SentFolder                   FolderRef
	Marker                       string
	BeforeSend                   func(ctx context.Context, draft ItemID) error
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

// answer makes an answer and sends it.
func (m *Mailbox) answer(ctx context.Context, element string, about ItemID, a *Answer) (*Sent, error) {
	if a == nil {
		a = new(Answer)
	}
	p := &sending{sent: a.SentFolder, marker: a.marker(), before: a.BeforeSend}
	draft, err := m.draftAnswer(ctx, element, about, a, p.marker)
	if err != nil {
		return nil, certain(err)
	}
	return m.send(ctx, draft, p)
}

func (a *Answer) marker() string {
	if a.Marker == "" {
		return newMarker()
	}
	return a.Marker
}

// draftAnswer stores an answer, complete, in Drafts.
func (m *Mailbox) draftAnswer(ctx context.Context, element string, about ItemID, a *Answer, marker string) (ItemID, error) {
	if err := a.check(about); err != nil {
		return ItemID{}, err
	}
	if about.ChangeKey == "" { // Exchange refuses to answer an item whose version is not named
		var err error
		if about, err = m.current(ctx, about); err != nil {
			return ItemID{}, err
		}
	}
	subject := a.Subject
	if subject != "" { // or Exchange makes one, in the mailbox's language
		subject = provisional(marker)
	}
	draft, err := m.create(ctx, func(w *wire.Writer) { a.writeTo(w, element, about, subject, m.author()) })
	if err != nil {
		return ItemID{}, m.discard(ctx, err, draft, marker)
	}
	// An answer cannot be created with properties of one's own: it gets its marker, and its subject, while still a draft.
	e := &edit{id: draft}
	if err = m.settled(ctx, []*edit{e}, a.rest(marker)); err != nil {
		return ItemID{}, m.discard(ctx, certain(single(err)), draft, marker)
	}
	return m.attachAll(ctx, e.done, a.Attachments, marker)
}

func (a *Answer) check(about ItemID) error {
	var wrong []string
	if about.IsZero() {
		wrong = append(wrong, "the id of the message is empty")
	}
	wrong = append(wrong, badAddresses("To", a.To)...)
	wrong = append(wrong, badAddresses("Cc", a.Cc)...)
	wrong = append(wrong, badAddresses("Bcc", a.Bcc)...)
	wrong = append(wrong, badAddresses("ReplyTo", a.ReplyTo)...)
	wrong = append(wrong, badAddresses("From", some(a.From))...)
	wrong = append(wrong, badTexts("Subject", a.Subject, "Body", a.Body.Text, "Marker", a.Marker)...)
	wrong = append(wrong, badImportance(a.Importance)...)
	wrong = append(wrong, badSensitivity(a.Sensitivity)...)
	wrong = append(wrong, badTime("SendAt", a.SendAt)...)
	wrong = append(wrong, badHeaders(a.Headers)...)
	wrong = append(wrong, badProperties("Properties", a.Properties)...)
	wrong = append(wrong, badUploads("Attachments", a.Attachments)...)
	wrong = append(wrong, badFolder("SentFolder", a.SentFolder)...)
	wrong = append(wrong, badTexts("the id of the message", about.ID, "its ChangeKey", about.ChangeKey)...)
	if len(wrong) > 0 {
		return errors.New("ews: Answer: " + strings.Join(wrong, "; "))
	}
	return nil
}

// writeTo writes a response object, in the schema's order. EWS: SmartResponseType.
func (a *Answer) writeTo(w *wire.Writer, element string, about ItemID, subject string, author Address) {
	w.Start(element)
	if subject != "" {
		w.Leaf("t:Subject", subject)
	}
	writeRecipients(w, "t:ToRecipients", a.To)
	writeRecipients(w, "t:CcRecipients", a.Cc)
	writeRecipients(w, "t:BccRecipients", a.Bcc)
	writeReceipts(w, a.ReadReceipt, a.DeliveryReceipt)
	if a.From.IsZero() {
		writePerson(w, "t:From", author)
	} else {
		writePerson(w, "t:From", a.From)
	}
	writeID(w, "t:ReferenceItemId", about.ID, about.ChangeKey)
	writeBody(w, "t:NewBodyContent", a.Body)
	w.End()
}

// rest is what a response object cannot be created with.
func (a *Answer) rest(marker string) *Update {
	u := &Update{Set: append([]PropertyValue{markerValue(marker)}, ownProperties(a.Headers, a.Properties, a.SendAt)...), ReplyTo: a.ReplyTo}
	if a.Subject != "" {
		u.Subject = &a.Subject
	}
	if a.Importance != NormalImportance {
		u.Importance = &a.Importance
	}
	if a.Sensitivity != "" {
		u.Sensitivity = &a.Sensitivity
	}
	return u
}
