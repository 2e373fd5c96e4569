package ews

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

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

	// From is sent as the author. Exchange sends as From if the account has the right to send as it, on behalf of it if it has only
	// that right, and else refuses (ErrDenied). Zero: the mailbox itself.
	From Address

	// Sender asks for "Sender on behalf of From" although the account may send as From: it is the account's own address. Zero:
	// as the rights have it.
	Sender Address

	Importance  Importance
	Sensitivity string // "Personal", "Private", "Confidential"; "": Normal

	// ReadReceipt and DeliveryReceipt ask the recipients' systems for them; few people's send any.
	ReadReceipt, DeliveryReceipt bool

	// Headers are internet header fields of one's own, such as X-Ticket. Their names arrive in lower case, and one name comes only
	// once. Fields that Exchange makes itself are refused.
	Headers []Header

	// InReplyTo and References thread a message that answers one by Message-ID without being made by Mailbox.Reply. They are
	// Message-IDs with angle brackets; several in References are separated by spaces.
	InReplyTo  string
	References string

	// MIME is a whole RFC 5322 message, which then takes the place of everything above.
	MIME *Content

	Attachments []Upload

	// Properties are kept with the draft and the sent copy. Recipients of the same organisation may see them.
	Properties []PropertyValue

	// SendAt makes Exchange hold the message back until then; zero or past: it goes out at once. Until then it lies in Drafts (on some
	// servers in Outbox), where FindSent finds it and Delete calls it off, as RemoveDrafts does. It is sent whether this program
	// runs or not. EWS: PidTagDeferredSendTime.
	SendAt time.Time

	// SentFolder is where the sent copy goes. nil: SentItems of the mailbox. For that of another one see FolderName.In.
	SentFolder FolderRef

	// Marker is kept with the message as a property, and found again by FindSent. Give each message its own: an outbox's row id,
	// say. "": a random one.
	Marker string

	// BeforeSend, if not nil, is called when the draft is complete, right before the one request that sends it: the place to
	// write down, durably, that from now on it may have gone out. draft is its id in Drafts. An error keeps it from being sent,
	// removes the draft (unless it wraps ErrKeepDraft), and is returned. If the message then turns out not to have been sent, its draft lies in Deleted Items, as the proof:
	// a program that ends before it has written that down asks Settle. Any further try removes it with RemoveDrafts first.
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

// markerURI is what markerProperty.writeTo writes: every message that is made has it.
const markerURI = `<t:ExtendedFieldURI PropertySetId="` + markerSet + `" PropertyName="` + markerName + `" PropertyType="` + string(MAPIString) + `"/>`

func markerField(w *wire.Writer) { w.Raw(markerURI) }

func writeMarker(w *wire.Writer, marker string) {
	w.Start("t:ExtendedProperty")
	markerField(w)
	w.Leaf("t:Value", marker)
	w.End()
}

func markerValue(marker string) PropertyValue { return PropertyValue{markerProperty, marker} }

func newMarker() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return hex.EncodeToString(b)
}

// check names every wrong field. send: it must be fit to be sent.
func (d *Draft) check(send bool) error {
	var wrong []string
	lists := []struct {
		name string
		list []Address
	}{{"To", d.To}, {"Cc", d.Cc}, {"Bcc", d.Bcc}, {"ReplyTo", d.ReplyTo}, {"From", some(d.From)}, {"Sender", some(d.Sender)}}
	for _, l := range lists {
		wrong = append(wrong, badAddresses(l.name, l.list)...)
	}
	if send && d.MIME == nil && len(d.To)+len(d.Cc)+len(d.Bcc) == 0 {
		wrong = append(wrong, "To, Cc, Bcc: nobody to send it to")
	}
	if d.MIME != nil && !d.MIME.valid() {
		wrong = append(wrong, "MIME: needs Open and a Size: make it with Bytes, ReaderAt or File")
	}
	wrong = append(wrong, badTexts("Subject", d.Subject, "Body", d.Body.Text, "InReplyTo", d.InReplyTo, "References", d.References, "Marker", d.Marker)...)
	wrong = append(wrong, badImportance(d.Importance)...)
	wrong = append(wrong, badSensitivity(d.Sensitivity)...)
	wrong = append(wrong, badHeaders(d.Headers)...)
	wrong = append(wrong, badProperties("Properties", d.Properties)...)
	wrong = append(wrong, badTime("SendAt", d.SendAt)...)
	wrong = append(wrong, badUploads("Attachments", d.Attachments)...)
	wrong = append(wrong, badFolder("SentFolder", d.SentFolder)...)
	if len(wrong) > 0 {
		return errors.New("ews: Draft: " + strings.Join(wrong, "; "))
	}
	return nil
}

// some is a list of the address, if it is one.
func some(a Address) []Address {
	if a.IsZero() {
		return nil
	}
	return []Address{a}
}

func badAddresses(field string, list []Address) (wrong []string) {
	for i, a := range list {
		wrong = append(wrong, badTexts(fmt.Sprintf("%s[%d].Name", field, i), a.Name, fmt.Sprintf("%s[%d].RoutingType", field, i), a.RoutingType)...)
		if a.RoutingType == "EX" && a.Email != "" {
			wrong = append(wrong, badTexts(fmt.Sprintf("%s[%d].Email", field, i), a.Email)...)
			continue
		}
		if bad := badAddress(a.Email); bad != "" {
			wrong = append(wrong, fmt.Sprintf("%s[%d]: %s", field, i, bad))
		}
	}
	return wrong
}

func badSensitivity(s string) []string {
	if s == "" {
		return nil
	}
	return badChoice("Sensitivity", s, sensitivities...)
}

func badProperties(field string, list []PropertyValue) (wrong []string) {
	for i, v := range list {
		if bad := v.bad(); bad != "" {
			wrong = append(wrong, fmt.Sprintf("%s[%d]: %s", field, i, bad))
		}
	}
	return wrong
}
