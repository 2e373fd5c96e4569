package ews

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Draft is a message to be sent: either the fields, or MIME alone.
type Draft struct {
	Subject string
	Body    Body
	To      []Address
	Cc      []Address
	Bcc     []Address
	ReplyTo []Address

	// From is sent as the author; the account needs the right to send as, or on behalf of, it. Zero: the mailbox itself.
	From Address

	Importance  Importance
	Attachments []Upload

	// InReplyTo and References thread a message that answers one by Message-ID without being made by Mailbox.Reply. They are
	// Message-IDs with angle brackets; several in References are separated by spaces.
	InReplyTo  string
	References string

	// MIME is a whole RFC 5322 message, which then takes the place of everything above but Attachments.
	MIME *Content

	// SentFolder is where the sent copy goes. nil: SentItems of the mailbox.
	SentFolder FolderRef

	// Marker is kept with the message as a property, and found again by FindSent. Give each message its own: an outbox's row id,
	// say. "": a random one.
	Marker string

	// BeforeSend, if not nil, is called when the draft is complete, right before the one request that sends it: the place to
	// write down, durably, that from now on it may have gone out. draft is its id in Drafts. An error keeps it from being sent,
	// removes the draft, and is returned.
	BeforeSend func(ctx context.Context, draft ItemID) error
}

// Sent tells of a message that has been handed to Exchange for delivery.
type Sent struct {
	// Marker is the message's marker: see Draft.Marker and FindSent.
	Marker string
}

// markerSet is the property set (PS) that this package's named properties belong to.
const (
	markerSet  = "5c5b3d4e-9d8a-4e0e-8f4b-6b1f2e7a90c1"
	markerName = "ewsmail-marker"
)

var markerProperty = Property{Set: markerSet, Name: markerName, Type: MAPIString}

func markerField(w *wire.Writer) { markerProperty.writeTo(w) }

func markerValue(marker string) PropertyValue { return PropertyValue{markerProperty, marker} }

func writeMarker(w *wire.Writer, marker string) { markerValue(marker).writeTo(w) }

func newMarker() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return hex.EncodeToString(b)
}

// check names every wrong field.
func (d *Draft) check() error {
	var wrong []string
	lists := []struct {
		name string
		list []Address
	}{{"To", d.To}, {"Cc", d.Cc}, {"Bcc", d.Bcc}, {"ReplyTo", d.ReplyTo}}
	for _, l := range lists {
		wrong = append(wrong, badAddresses(l.name, l.list)...)
	}
	if !d.From.IsZero() {
		wrong = append(wrong, badAddresses("From", []Address{d.From})...)
	}
	if d.MIME == nil && len(d.To)+len(d.Cc)+len(d.Bcc) == 0 {
		wrong = append(wrong, "To, Cc, Bcc: nobody to send it to")
	}
	if d.MIME != nil && !d.MIME.valid() {
		wrong = append(wrong, "MIME: needs Open and a Size: make it with Bytes, ReaderAt or File")
	}
	wrong = append(wrong, badUploads(d.Attachments)...)
	if len(wrong) > 0 {
		return errors.New("ews: Draft: " + strings.Join(wrong, "; "))
	}
	return nil
}

func badAddresses(field string, list []Address) (wrong []string) {
	for i, a := range list {
		if a.RoutingType == "EX" && a.Email != "" {
			continue
		}
		if bad := badAddress(a.Email); bad != "" {
			wrong = append(wrong, fmt.Sprintf("%s[%d]: %s", field, i, bad))
		}
	}
	return wrong
}

func badUploads(list []Upload) (wrong []string) {
	for i, u := range list {
		if u.Name == "" {
			wrong = append(wrong, fmt.Sprintf("Attachments[%d].Name: empty", i))
		}
		if !u.Content.valid() {
			wrong = append(wrong, fmt.Sprintf("Attachments[%d].Content: needs Open and a Size: make it with Bytes, ReaderAt or File", i))
		}
	}
	return wrong
}

// write writes the t:Message element, in the schema's order.
func (d *Draft) write(w *wire.Writer, marker string) {
	w.Start("t:Message")
	if d.MIME != nil {
		w.Start("t:MimeContent", "CharacterSet", "UTF-8")
		w.Base64(d.MIME.Size, d.MIME.Open)
		w.End()
		writeMarker(w, marker)
		w.End()
		return
	}
	w.Leaf("t:Subject", d.Subject)
	writeBody(w, "t:Body", d.Body)
	if d.Importance != NormalImportance {
		w.Leaf("t:Importance", d.Importance.String())
	}
	if d.InReplyTo != "" {
		w.Leaf("t:InReplyTo", d.InReplyTo)
	}
	writeMarker(w, marker)
	writeRecipients(w, "t:ToRecipients", d.To)
	writeRecipients(w, "t:CcRecipients", d.Cc)
	writeRecipients(w, "t:BccRecipients", d.Bcc)
	if !d.From.IsZero() {
		w.Start("t:From")
		writeAddress(w, d.From)
		w.End()
	}
	if d.References != "" {
		w.Leaf("t:References", d.References)
	}
	writeRecipients(w, "t:ReplyTo", d.ReplyTo)
	w.End()
}

func writeBody(w *wire.Writer, element string, b Body) {
	kind := "Text"
	if b.HTML {
		kind = "HTML"
	}
	w.Leaf(element, b.Text, "BodyType", kind)
}

func writeRecipients(w *wire.Writer, element string, list []Address) {
	if len(list) == 0 {
		return
	}
	w.Start(element)
	for _, a := range list {
		writeAddress(w, a)
	}
	w.End()
}

func writeAddress(w *wire.Writer, a Address) {
	w.Start("t:Mailbox")
	writeAddressFields(w, a)
	w.End()
}

// writeAddressFields writes what an element of EmailAddressType holds.
func writeAddressFields(w *wire.Writer, a Address) {
	if a.Name != "" {
		w.Leaf("t:Name", a.Name)
	}
	w.Leaf("t:EmailAddress", a.Email)
	if a.RoutingType != "" && a.RoutingType != "SMTP" {
		w.Leaf("t:RoutingType", a.RoutingType)
	}
}

// create makes an item in Drafts; write writes the element in m:Items. once says that a lost answer must not lead to another try.
// EWS: CreateItem with SaveOnly.
func (m *Mailbox) create(ctx context.Context, write func(w *wire.Writer)) (ItemID, error) {
	var id ItemID
	err := m.do(ctx, &call{
		op:   "CreateItem",
		once: true, // a second draft would do no harm, but lie in the user's Drafts
		body: func(w *wire.Writer) error {
			w.Start("m:CreateItem", "MessageDisposition", "SaveOnly")
			w.Start("m:SavedItemFolderId")
			Drafts.writeTo(w, m)
			w.End()
			w.Start("m:Items")
			write(w)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "Items" {
					readItemID(s, &id)
				}
				return s.Err()
			})
		},
	})
	if err == nil && id.IsZero() {
		err = &Error{Op: "CreateItem", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no id of the draft"}
	}
	return id, err
}
