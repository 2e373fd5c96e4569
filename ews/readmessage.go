package ews

import (
	"cmp"
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

// messageReader decodes items. The strings of one message share one allocation, as large as the last message's. It is reused from
// message to message. To add a field of listings, add it to field and set; to add another, add a case to rest that hands a place in the Message
// to put, attr or one of their kind.
type messageReader struct {
	text  strings.Builder // never grows: what is full is left to its message
	need  int             // bytes of text that the last message took
	used  int             // and this one so far
	lists []Address       // the list of addresses being read
	shape wire.Shape      // of messages that have nothing but fields

	folder FolderID // of the last message: most have the same

	sender, representing string // SMTP addresses that MAPI properties tell

	cut   bool
	asked []Property // the caller's own
}

// put keeps the current element's text for *to.
func (r *messageReader) put(s *wire.Scanner, to *string) { *to = r.string(s.TextBytes()) }

// attr keeps an attribute for *to.
func (r *messageReader) attr(s *wire.Scanner, name string, to *string) {
	if b, ok := s.AttrBytes(name); ok {
		*to = r.string(b)
	}
}

// string returns a copy of b.
func (r *messageReader) string(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	at := r.text.Len()
	if r.text.Cap()-at < len(b) {
		r.text, at = strings.Builder{}, 0
		r.text.Grow(max(len(b), r.need-r.used, r.used/2, 64))
	}
	r.text.Write(b)
	r.used += len(b)
	return r.text.String()[at:]
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

// begin forgets the last message. The next one's text takes about need bytes.
func (r *messageReader) begin(need int) {
	r.text = strings.Builder{}
	r.need, r.used = min(need, maxNeed), 0
	r.sender, r.representing, r.cut = "", "", false
}

// maxNeed bounds what is allocated for a message because the one before it was large.
const maxNeed = 4 << 10

// read decodes the item that the scanner stands on into m, which must be zero.
func (r *messageReader) read(s *wire.Scanner, m *Message) {
	repaired := s.Repaired()
	m.Kind = s.Local()
	if !r.replay(s, m) {
		r.begin(r.used + r.used/8)
		s.Learn(&r.shape)
		for d := s.Depth(); s.Child(d); {
			r.child(s, m)
		}
		s.Learned()
	}
	m.Repaired = s.Repaired() - repaired
	m.Truncated = r.cut
	if m.Sender.Email == m.From.Email { // then what tells of one tells of both
		r.sender, r.representing = cmp.Or(r.sender, r.representing), cmp.Or(r.representing, r.sender)
	}
	resolve(&m.Sender, r.sender)
	resolve(&m.From, r.representing)
}

// replay reads an item that is written as others before it, and has nothing but fields.
func (r *messageReader) replay(s *wire.Scanner, m *Message) bool {
	if !s.Replay(&r.shape) {
		return false
	}
	n, bytes := r.shape.Values(lastText)
	r.begin(bytes)
	for i := range n {
		f, b := s.Replayed(&r.shape, i)
		r.set(m, f, b)
	}
	return true
}

// child decodes one field of an item.
func (r *messageReader) child(s *wire.Scanner, m *Message) {
	switch s.Local() {
	case "ItemId":
		r.fieldAttr(s, m, "Id", fieldItemID)
		r.fieldAttr(s, m, "ChangeKey", fieldItemKey)
	case "ParentFolderId":
		r.fieldAttr(s, m, "Id", fieldFolderID)
		r.fieldAttr(s, m, "ChangeKey", fieldFolderKey)
	case "ItemClass":
		r.field(s, m, fieldClass)
	case "Subject":
		r.field(s, m, fieldSubject)
	case "Sensitivity":
		r.field(s, m, fieldSensitive)
	case "DateTimeReceived":
		r.field(s, m, fieldReceived)
	case "Size":
		r.field(s, m, fieldSize)
	case "Categories":
		for d := s.Depth(); s.Child(d); {
			r.field(s, m, fieldCategory)
		}
	case "Importance":
		r.field(s, m, fieldImportant)
	case "InReplyTo":
		r.field(s, m, fieldInReplyTo)
	case "IsDraft":
		r.field(s, m, fieldDraft)
	case "DateTimeSent":
		r.field(s, m, fieldSent)
	case "DateTimeCreated":
		r.field(s, m, fieldCreated)
	case "HasAttachments":
		r.field(s, m, fieldHasAttachments)
	case "ExtendedProperty":
		r.property(s, m)
	case "LastModifiedTime":
		r.field(s, m, fieldModified)
	case "ConversationId":
		r.fieldAttr(s, m, "Id", fieldConversationID)
	case "Preview":
		r.field(s, m, fieldPreview)
	case "Sender":
		r.party(s, m, fieldSenderName, fieldSenderEmail, fieldSenderRouting)
	case "From":
		r.party(s, m, fieldFromName, fieldFromEmail, fieldFromRouting)
	case "ConversationIndex":
		r.field(s, m, fieldConversationIndex)
	case "ConversationTopic":
		r.field(s, m, fieldConversationTopic)
	case "InternetMessageId":
		r.field(s, m, fieldMessageID)
	case "IsRead":
		r.field(s, m, fieldRead)
	case "References":
		r.field(s, m, fieldReferences)
	default:
		s.Unlearn()
		r.rest(s, m)
	}
}

// rest decodes what listings do not have.
func (r *messageReader) rest(s *wire.Scanner, m *Message) {
	switch s.Local() {
	case "Body":
		r.body(s, &m.Body)
	case "UniqueBody":
		r.extraBody(s, &m.UniqueBody)
	case "NormalizedBody":
		r.extraBody(s, &m.NormalizedBody)
	case "TextBody":
		r.extraBody(s, &m.TextBody)
	case "Attachments":
		r.attachments(s, &m.Attachments)
	case "InternetMessageHeaders":
		r.headers(s, &m.Headers)
	case "ToRecipients":
		r.addresses(s, &m.To)
	case "CcRecipients":
		r.addresses(s, &m.Cc)
	case "BccRecipients":
		r.addresses(s, &m.Bcc)
	case "ReplyTo":
		r.addresses(s, &m.ReplyTo)
	default:
		if !r.client(s, m) {
			r.meeting(s, m)
		}
	}
}

// resolve puts the SMTP address in the place of an X.500 one.
func resolve(a *Address, smtp string) {
	if smtp != "" && (a.RoutingType == "EX" || a.Email == "") && strings.Contains(smtp, "@") {
		a.Email, a.RoutingType = smtp, "SMTP"
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

// address reads an element that holds one Mailbox.
func (r *messageReader) address(s *wire.Scanner, a *Address) {
	for d := s.Depth(); s.Child(d); {
		if s.Local() == "Mailbox" {
			r.mailbox(s, a)
		}
	}
}

// addresses reads a list of Mailbox elements.
func (r *messageReader) addresses(s *wire.Scanner, list *[]Address) {
	r.lists = r.lists[:0]
	for d := s.Depth(); s.Child(d) && !r.full(len(r.lists)); {
		if s.Local() == "Mailbox" {
			a := Address{RoutingType: "SMTP"}
			r.mailbox(s, &a)
			r.lists = append(r.lists, a)
		}
	}
	*list = append([]Address(nil), r.lists...) // nil if there are none
	clear(r.lists)                             // they would keep the message's text
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
	case "ContentLocation":
		a.ContentLocation = s.Text()
	case "ProviderType":
		a.Provider = s.Text()
	}
}
