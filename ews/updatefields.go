package ews

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Update says what Mailbox.Update changes. A field that is nil is left as it is: Update{Read: new(true)} marks as read, nothing else.
type Update struct {
	// Read marks as read or unread. SendReceipts lets Exchange send the read receipt that the sender has asked for; otherwise none is.
	Read         *bool
	SendReceipts bool

	// Categories replaces all categories; not nil but empty removes them.
	Categories []string

	// AddCategories and RemoveCategories change some categories and leave those that others have set, also when they are being
	// set at the same moment. They exclude Categories. Categories are the same in upper and lower case, as in Outlook.
	AddCategories, RemoveCategories []string

	Flag        *Flag
	Importance  *Importance
	Sensitivity *string // "Normal", "Personal", "Private" or "Confidential"

	Subject *string
	Body    *Body

	// What follows is for drafts. To, Cc, Bcc and ReplyTo replace the addresses; not nil but empty removes them. Headers are set
	// besides those there are. SendAt of zero time takes it back. For the rest see Draft.
	To, Cc, Bcc, ReplyTo         []Address
	From                         *Address
	ReadReceipt, DeliveryReceipt *bool
	Headers                      []Header
	SendAt                       *time.Time

	// Set and Delete change any other property. Deleting one that is not there is no error.
	Set    []PropertyValue
	Delete []Property

	exact bool // must not meet a newer version, whatever it changes
}

var sensitivities = []string{"Normal", "Personal", "Private", "Confidential"}

// check names every wrong field.
func (c *Update) check() error {
	var wrong []string
	if c.Categories != nil && c.merges() {
		wrong = append(wrong, "Categories: replaces all of them: leave it nil along with AddCategories and RemoveCategories")
	}
	for _, l := range []struct {
		name string
		list []string
	}{{"Categories", c.Categories}, {"AddCategories", c.AddCategories}, {"RemoveCategories", c.RemoveCategories}} {
		for i, category := range l.list {
			if strings.TrimSpace(category) == "" {
				wrong = append(wrong, fmt.Sprintf("%s[%d]: empty", l.name, i))
			}
		}
		wrong = append(wrong, badList(l.name, l.list)...)
	}
	if c.Flag != nil {
		if bad := c.Flag.bad(); bad != "" {
			wrong = append(wrong, bad)
		}
	}
	if c.Subject != nil {
		wrong = append(wrong, badTexts("Subject", *c.Subject)...)
	}
	if c.Body != nil {
		wrong = append(wrong, badTexts("Body", c.Body.Text)...)
	}
	if c.Importance != nil {
		wrong = append(wrong, badImportance(*c.Importance)...)
	}
	if c.Sensitivity != nil {
		wrong = append(wrong, badChoice("Sensitivity", *c.Sensitivity, sensitivities...)...)
	}
	if c.From != nil {
		wrong = append(wrong, badAddresses("From", []Address{*c.From})...)
	}
	if c.SendAt != nil {
		wrong = append(wrong, badTime("SendAt", *c.SendAt)...)
	}
	wrong = append(wrong, badHeaders(c.Headers)...)
	wrong = append(wrong, badAddresses("To", c.To)...)
	wrong = append(wrong, badAddresses("Cc", c.Cc)...)
	wrong = append(wrong, badAddresses("Bcc", c.Bcc)...)
	wrong = append(wrong, badAddresses("ReplyTo", c.ReplyTo)...)
	wrong = append(wrong, badProperties("Set", c.Set)...)
	for i, p := range c.Delete {
		if bad := p.bad(); bad != "" {
			wrong = append(wrong, fmt.Sprintf("Delete[%d]: %s", i, bad))
		}
	}
	if c.empty() {
		wrong = append(wrong, "nothing to change: every field is nil")
	}
	if len(wrong) > 0 {
		return errors.New("ews: Update: " + strings.Join(wrong, "; "))
	}
	return nil
}

func (c *Update) empty() bool { return !c.merges() && !c.besidesMerging() }

// merges: what is to be written depends on what is there.
func (c *Update) merges() bool { return len(c.AddCategories)+len(c.RemoveCategories) > 0 }

// besidesMerging: there is something to write whatever is there.
func (c *Update) besidesMerging() bool {
	return c.Read != nil || c.Categories != nil || c.Flag != nil || c.Importance != nil || c.Sensitivity != nil || c.ReadReceipt != nil || c.DeliveryReceipt != nil ||
		c.SendAt != nil || len(c.Headers)+len(c.Set)+len(c.Delete) > 0 || c.rewrites()
}

// rewrites: the change is to what a person wrote, so that it must not meet what somebody else has written meanwhile.
func (c *Update) rewrites() bool {
	return c.exact || c.Subject != nil || c.Body != nil || c.To != nil || c.Cc != nil || c.Bcc != nil || c.ReplyTo != nil || c.From != nil
}

// changesNothing: the item has what it should have, now that it is known.
func (c *Update) changesNothing(e *edit) bool {
	return c.merges() && !c.besidesMerging() && slices.Equal(e.categories, c.merged(e.categories))
}

// merged returns what the change makes of an item's categories.
func (c *Update) merged(have []string) []string {
	holds := func(list []string, s string) bool {
		return slices.ContainsFunc(list, func(t string) bool { return strings.EqualFold(s, t) })
	}
	var out []string
	for _, s := range have {
		if !holds(c.RemoveCategories, s) {
			out = append(out, s)
		}
	}
	for _, s := range c.AddCategories {
		if !holds(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// write writes the content of t:Updates.
func (c *Update) write(w *wire.Writer, e *edit) {
	if c.Read != nil {
		set(w, "message:IsRead", func() { w.Leaf("t:IsRead", yes(*c.Read)) })
	}
	categories := c.Categories
	if c.merges() {
		categories = c.merged(e.categories)
	}
	switch {
	case len(categories) > 0:
		set(w, "item:Categories", func() {
			w.Start("t:Categories")
			for _, category := range categories {
				w.Leaf("t:String", category)
			}
			w.End()
		})
	case c.merges() || categories != nil:
		unset(w, "item:Categories")
	}
	if c.Flag != nil {
		set(w, "item:Flag", func() { c.Flag.writeTo(w) })
	}
	if c.Importance != nil {
		set(w, "item:Importance", func() { w.Leaf("t:Importance", c.Importance.String()) })
	}
	if c.Sensitivity != nil {
		set(w, "item:Sensitivity", func() { w.Leaf("t:Sensitivity", *c.Sensitivity) })
	}
	if c.Subject != nil {
		set(w, "item:Subject", func() { w.Leaf("t:Subject", *c.Subject) })
	}
	if c.Body != nil {
		set(w, "item:Body", func() { writeBody(w, "t:Body", *c.Body) })
	}
	for _, l := range []struct {
		element string
		list    []Address
	}{{"ToRecipients", c.To}, {"CcRecipients", c.Cc}, {"BccRecipients", c.Bcc}, {"ReplyTo", c.ReplyTo}} {
		switch {
		case len(l.list) > 0:
			set(w, "message:"+l.element, func() { writeRecipients(w, "t:"+l.element, l.list) })
		case l.list != nil:
			unset(w, "message:"+l.element)
		}
	}
	if c.From != nil {
		set(w, "message:From", func() { writePerson(w, "t:From", *c.From) })
	}
	if c.ReadReceipt != nil {
		set(w, "message:IsReadReceiptRequested", func() { w.Leaf("t:IsReadReceiptRequested", yes(*c.ReadReceipt)) })
	}
	if c.DeliveryReceipt != nil {
		set(w, "message:IsDeliveryReceiptRequested", func() { w.Leaf("t:IsDeliveryReceiptRequested", yes(*c.DeliveryReceipt)) })
	}
	for _, h := range c.Headers {
		setProperty(w, h.property())
	}
	if c.SendAt != nil && !c.SendAt.IsZero() {
		setProperty(w, PropertyValue{deferredSendTime, *c.SendAt})
	}
	for _, v := range c.Set {
		setProperty(w, v)
	}
	if c.SendAt != nil && c.SendAt.IsZero() {
		unsetProperty(w, deferredSendTime)
	}
	for _, p := range c.Delete {
		unsetProperty(w, p)
	}
}

// set writes a SetItemField for a field of EWS's own; value writes the element with its new value.
func set(w *wire.Writer, uri string, value func()) {
	w.Start("t:SetItemField")
	w.Empty("t:FieldURI", "FieldURI", uri)
	w.Start("t:Message")
	value()
	w.End()
	w.End()
}

func unset(w *wire.Writer, uri string) {
	w.Start("t:DeleteItemField")
	w.Empty("t:FieldURI", "FieldURI", uri)
	w.End()
}

// setProperty writes a SetItemField for a MAPI property.
func setProperty(w *wire.Writer, v PropertyValue) {
	w.Start("t:SetItemField")
	v.Property.writeTo(w)
	w.Start("t:Message")
	v.writeTo(w)
	w.End()
	w.End()
}

func unsetProperty(w *wire.Writer, p Property) {
	w.Start("t:DeleteItemField")
	p.writeTo(w)
	w.End()
}
