package ews

import (
	"strconv"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MAPI properties that are asked for along with EWS's own fields.
const (
	tagSearchKey         = 0x300B // PidTagSearchKey, binary
	tagSuppress          = 0x3FDF // PidTagAutoResponseSuppress, only WithLoopMarks
	tagSenderSMTP        = 0x5D01 // PidTagSenderSmtpAddress
	tagRepresentingSMTP  = 0x5D02 // PidTagSentRepresentingSmtpAddress
	searchKeyProperty    = "0x300B"
	senderProperty       = "0x5D01"
	representingProperty = "0x5D02"
	suppressProperty     = "0x3FDF"
)

// messageReader decodes items. The strings of one message share one allocation: they are gathered while it is being read, and
// cut out of a single string at its end. It is reused from message to message.
type messageReader struct {
	text    []byte
	strings []gathered
	listed  []listed

	sender, representing string // SMTP addresses that MAPI properties tell
	cut                  bool
}

// span is a stretch of the gathered text.
type span struct{ start, end int }

type gathered struct {
	to *string
	span
}

// listed is an Address of a list, whose place is known only when the list is complete.
type listed struct {
	list        *[]Address
	name, email span
	routing     string
}

// put keeps the current element's text for *to.
func (r *messageReader) put(s *wire.Scanner, to *string) { r.keep(s.TextBytes(), to) }

// attr keeps an attribute for *to.
func (r *messageReader) attr(s *wire.Scanner, name string, to *string) {
	if b, ok := s.AttrBytes(name); ok {
		r.keep(b, to)
	}
}

func (r *messageReader) keep(b []byte, to *string) {
	if len(b) == 0 {
		*to = ""
		return
	}
	if r.full(len(r.strings)) { // the same elements again and again
		return
	}
	at := len(r.text)
	r.text = append(r.text, b...)
	r.strings = append(r.strings, gathered{to, span{at, len(r.text)}})
}

// span gathers the current element's text.
func (r *messageReader) span(s *wire.Scanner) span {
	at := len(r.text)
	r.text = append(r.text, s.TextBytes()...)
	return span{at, len(r.text)}
}

// maxEntries bounds each list of a message: recipients, header fields, attachments, categories. Real messages stay below a
// few thousand; a list beyond it is a server gone mad, and would take many times the memory of its XML.
const maxEntries = 20_000

// full reports whether a list has reached its bound: the rest of it is then skipped, so that no sender can stop a mailbox's listing,
// and the message says that it is cut.
func (r *messageReader) full(n int) bool {
	if n < maxEntries {
		return false
	}
	r.cut = true
	return true
}

// maxKept bounds what a reader keeps between messages.
const maxKept = 256 << 10

// finish hands the strings out.
func (r *messageReader) finish() {
	all := string(r.text)
	for _, g := range r.strings {
		*g.to = all[g.start:g.end]
	}
	for i := 0; i < len(r.listed); {
		list, n := r.listed[i].list, 0
		for i+n < len(r.listed) && r.listed[i+n].list == list {
			n++
		}
		out := make([]Address, n)
		for j, l := range r.listed[i : i+n] {
			out[j] = Address{all[l.name.start:l.name.end], all[l.email.start:l.email.end], l.routing}
			if out[j].RoutingType == "" {
				out[j].RoutingType = "SMTP"
			}
		}
		*list = out
		i += n
	}
	if cap(r.text) > maxKept {
		r.text = nil
	}
	clear(r.strings) // they point into messages that are no longer ours
	clear(r.listed)
	r.text, r.strings, r.listed = r.text[:0], r.strings[:0], r.listed[:0]
}

// read decodes the item that the scanner stands on into m, which must be zero.
func (r *messageReader) read(s *wire.Scanner, m *Message) {
	r.text, r.strings, r.listed = r.text[:0], r.strings[:0], r.listed[:0] // an earlier answer may have been cut
	repaired := s.Repaired()
	m.Kind = s.Local()
	r.sender, r.representing, r.cut = "", "", false
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ItemId":
			r.attr(s, "Id", &m.ID.ID)
			r.attr(s, "ChangeKey", &m.ID.ChangeKey)
		case "ParentFolderId":
			r.attr(s, "Id", &m.ParentFolder.ID)
			r.attr(s, "ChangeKey", &m.ParentFolder.ChangeKey)
		case "ItemClass":
			m.Class = itemClass(s.TextBytes())
		case "Subject":
			r.put(s, &m.Subject)
		case "Sensitivity":
			m.Sensitivity = sensitivity(s.TextBytes())
		case "Body", "TextBody":
			r.body(s, &m.Body)
		case "Attachments":
			r.attachments(s, &m.Attachments)
		case "DateTimeReceived":
			m.Received = dateTime(s.TextBytes())
		case "Size":
			m.Size = integer(s.TextBytes())
		case "Categories":
			for d := s.Depth(); s.Child(d) && !r.full(len(m.Categories)); {
				m.Categories = append(m.Categories, s.Text())
			}
		case "Importance":
			m.Importance = importance(s.TextBytes())
		case "InReplyTo":
			r.put(s, &m.InReplyTo)
		case "IsDraft":
			m.Draft = boolean(s.TextBytes())
		case "InternetMessageHeaders":
			r.headers(s, &m.Headers)
		case "DateTimeSent":
			m.Sent = dateTime(s.TextBytes())
		case "DateTimeCreated":
			m.Created = dateTime(s.TextBytes())
		case "HasAttachments":
			m.HasAttachments = boolean(s.TextBytes())
		case "ExtendedProperty":
			r.property(s, m)
		case "LastModifiedTime":
			m.Modified = dateTime(s.TextBytes())
		case "ConversationId":
			r.attr(s, "Id", &m.ConversationID)
		case "Preview":
			r.put(s, &m.Preview)
		case "Sender":
			r.address(s, &m.Sender)
		case "From":
			r.address(s, &m.From)
		case "ToRecipients":
			r.addresses(s, &m.To)
		case "CcRecipients":
			r.addresses(s, &m.Cc)
		case "BccRecipients":
			r.addresses(s, &m.Bcc)
		case "ReplyTo":
			r.addresses(s, &m.ReplyTo)
		case "ConversationIndex":
			r.put(s, &m.ConversationIndex)
		case "ConversationTopic":
			r.put(s, &m.ConversationTopic)
		case "InternetMessageId":
			r.put(s, &m.InternetMessageID)
		case "IsRead":
			m.Read = boolean(s.TextBytes())
		case "References":
			r.put(s, &m.References)
		default:
			r.meeting(s, m)
		}
	}
	r.finish()
	m.Repaired = s.Repaired() - repaired
	m.Truncated = r.cut
	resolve(&m.Sender, r.sender)
	resolve(&m.From, r.representing)
}

// resolve puts the SMTP address in the place of an X.500 one.
func resolve(a *Address, smtp string) {
	if smtp != "" && (a.RoutingType == "EX" || a.Email == "") && strings.Contains(smtp, "@") {
		a.Email, a.RoutingType = smtp, "SMTP"
	}
}

// property reads an ExtendedProperty: only those are known that every request asks for.
func (r *messageReader) property(s *wire.Scanner, m *Message) {
	var to *string
	suppress := false
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ExtendedFieldURI":
			tag, _ := s.AttrBytes("PropertyTag")
			switch propertyTag(tag) {
			case tagSuppress:
				suppress = true
			case tagSearchKey:
				to = &m.SearchKey
			case tagSenderSMTP:
				to = &r.sender
			case tagRepresentingSMTP:
				to = &r.representing
			}
		case "Value":
			if to != nil {
				r.put(s, to)
			} else if suppress {
				m.AutoResponseSuppress = uint32(integer(s.TextBytes())) // -1 is all of them
			}
		}
	}
}

// propertyTag reads "0x300B", "0x300b" or "12299".
func propertyTag(b []byte) int {
	base := 10
	if len(b) > 2 && b[0] == '0' && (b[1] == 'x' || b[1] == 'X') {
		base, b = 16, b[2:]
	}
	n, err := strconv.ParseUint(string(b), base, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// address reads an element that holds one Mailbox (From, Sender).
func (r *messageReader) address(s *wire.Scanner, a *Address) {
	for d := s.Depth(); s.Child(d); {
		if s.Local() == "Mailbox" {
			r.mailbox(s, a)
		}
	}
}

// addresses reads a list of Mailbox elements.
func (r *messageReader) addresses(s *wire.Scanner, list *[]Address) {
	for d := s.Depth(); s.Child(d) && !r.full(len(r.listed)); {
		if s.Local() != "Mailbox" {
			continue
		}
		l := listed{list: list}
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "Name":
				l.name = r.span(s)
			case "EmailAddress":
				l.email = r.span(s)
			case "RoutingType":
				l.routing = routingType(s.TextBytes())
			}
		}
		r.listed = append(r.listed, l)
	}
}

// mailbox reads a Mailbox element.
func (r *messageReader) mailbox(s *wire.Scanner, a *Address) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Name":
			r.put(s, &a.Name)
		case "EmailAddress":
			r.put(s, &a.Email)
		case "RoutingType":
			a.RoutingType = routingType(s.TextBytes())
		}
	}
}

// body reads a Body element.
func (r *messageReader) body(s *wire.Scanner, b *Body) {
	kind, _ := s.AttrBytes("BodyType")
	b.HTML = string(kind) == "HTML"
	cut, _ := s.AttrBytes("IsTruncated")
	b.Truncated = boolean(cut)
	b.Text = s.Text() // often the largest part: no detour through the gathered text
}

func (r *messageReader) headers(s *wire.Scanner, list *Headers) {
	for d := s.Depth(); s.Child(d) && !r.full(len(*list)); {
		name, _ := s.Attr("HeaderName")
		*list = append(*list, Header{name, s.Text()})
	}
}

func (r *messageReader) attachments(s *wire.Scanner, list *[]Attachment) {
	for d := s.Depth(); s.Child(d) && !r.full(len(*list)); {
		var a Attachment
		readAttachment(s, &a)
		*list = append(*list, a)
	}
}

// readAttachment reads an attachment's description; content, if there is any, is skipped.
func readAttachment(s *wire.Scanner, a *Attachment) {
	switch s.Local() {
	case "ItemAttachment":
		a.Kind = ItemAttachment
	case "ReferenceAttachment":
		a.Kind = ReferenceAttachment
	}
	for d := s.Depth(); s.Child(d); {
		readAttachmentField(s, a)
	}
}

func readAttachmentField(s *wire.Scanner, a *Attachment) {
	switch s.Local() {
	case "AttachmentId":
		a.ID.ID, _ = s.Attr("Id")
	case "Name":
		a.Name = s.Text()
	case "ContentType":
		a.ContentType = s.Text()
	case "ContentId":
		a.ContentID = strings.Trim(s.Text(), "<> \t\r\n")
	case "Size":
		a.Size = integer(s.TextBytes())
	case "LastModifiedTime":
		a.Modified = dateTime(s.TextBytes())
	case "IsInline":
		a.Inline = boolean(s.TextBytes())
	case "AttachLongPathName":
		a.URL = s.Text()
	}
}
