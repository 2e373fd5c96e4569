package ews

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// deferredSendTime is PidTagDeferredSendTime.
var deferredSendTime = Property{Tag: 0x3FEF, Type: MAPISystemTime}

// ownProperties are the MAPI properties that a message is made with, besides EWS's own fields and the marker.
func ownProperties(headers []Header, more []PropertyValue, sendAt time.Time) []PropertyValue {
	if len(headers) == 0 && sendAt.IsZero() {
		return more
	}
	var all []PropertyValue
	for _, h := range headers {
		all = append(all, h.property())
	}
	all = append(all, more...)
	if !sendAt.IsZero() {
		all = append(all, PropertyValue{deferredSendTime, sendAt})
	}
	return all
}

// writeTo writes the t:Message element, in the schema's order. author is From for a draft that names none.
func (d *Draft) writeTo(w *wire.Writer, marker string, author Address) {
	w.Start("t:Message")
	defer w.End()
	if d.MIME != nil {
		w.Start("t:MimeContent", "CharacterSet", "UTF-8")
		w.Base64(d.MIME.Size, d.MIME.Open)
		w.End()
		writeMarker(w, marker)
		for _, v := range ownProperties(nil, d.Properties, d.SendAt) {
			v.writeTo(w)
		}
		return
	}
	w.Leaf("t:Subject", d.Subject)
	if d.Sensitivity != "" {
		w.Leaf("t:Sensitivity", d.Sensitivity)
	}
	writeBody(w, "t:Body", d.Body)
	if d.Importance != NormalImportance {
		w.Leaf("t:Importance", d.Importance.String())
	}
	if d.InReplyTo != "" {
		w.Leaf("t:InReplyTo", d.InReplyTo)
	}
	writeMarker(w, marker)
	for _, v := range ownProperties(d.Headers, d.Properties, d.SendAt) {
		v.writeTo(w)
	}
	writePerson(w, "t:Sender", d.Sender)
	writeRecipients(w, "t:ToRecipients", d.To)
	writeRecipients(w, "t:CcRecipients", d.Cc)
	writeRecipients(w, "t:BccRecipients", d.Bcc)
	writeReceipts(w, d.ReadReceipt, d.DeliveryReceipt)
	if d.From.IsZero() {
		writePerson(w, "t:From", author)
	} else {
		writePerson(w, "t:From", d.From)
	}
	if d.References != "" {
		w.Leaf("t:References", d.References)
	}
	writeRecipients(w, "t:ReplyTo", d.ReplyTo)
}

func writeBody(w *wire.Writer, element string, b Body) {
	kind := "Text"
	if b.HTML {
		kind = "HTML"
	}
	w.Leaf(element, b.Text, "BodyType", kind)
}

func writeReceipts(w *wire.Writer, read, delivery bool) {
	if read {
		w.Leaf("t:IsReadReceiptRequested", "true")
	}
	if delivery {
		w.Leaf("t:IsDeliveryReceiptRequested", "true")
	}
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

// writePerson writes an element that holds one address, if there is one.
func writePerson(w *wire.Writer, element string, a Address) { writeRecipients(w, element, some(a)) }

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

// author is who a message that names nobody is from. In somebody else's mailbox it is said, since Exchange would take the account.
func (m *Mailbox) author() Address { return Address{Email: m.shared} }

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
		habit:  &m.c.created,
		repeat: func(s *wire.Scanner) { repeatItemID(s, &id) },
	})
	if err == nil && id.IsZero() {
		err = &Error{Op: "CreateItem", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no id of the draft"}
	}
	return id, err
}
