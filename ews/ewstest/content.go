package ewstest

import (
	"net/mail"
	"strings"
	"time"
	"weak"
)

// content is what a message says, apart from where it lies and what was done to it: the RFC 5322 form, or the fields it
// was built from. It is shared by every copy of the message and never changed once an item holds it (built contents are
// cloned first); only the caches fill up. The server's lock guards them.
type content struct {
	raw []byte // as delivered; of a built message nil until somebody asks for it

	headers    headerBlock
	bodyOffset int

	subject                   string
	from, sender              address
	to, cc, bcc, replyTo      []address
	sent                      time.Time // Date field; zero when missing or garbage
	messageID                 string
	inReplyTo, references     string
	importance, sensitivity   string
	categories                []string
	class                     string
	topic                     string
	index                     []byte // Thread-Index, else made at delivery
	readReceipt, delivReceipt bool
	extra                     headerBlock // of a built message: fields set as properties of the InternetHeaders set

	clip   int8    // hasAttachments once known: 1 no, 2 yes
	built  *parsed // of a built message: its body and attachments
	parsed weak.Pointer[parsed]
}

// parsed is the decoded inside of a message. That of a delivered one is made when first needed and dropped by the garbage
// collector when memory is short, so that a mailbox of big messages costs little more than their raw bytes.
type parsed struct {
	text, html  string
	hasText     bool // there is a text/plain body, even an empty one
	hasHTML     bool
	attachments []*attachment
	calendar    string // iCalendar object of a message about a meeting
}

// attachment of a message. Its bytes are never changed.
type attachment struct {
	serial      uint32 // unique within its item; part of the AttachmentId
	name        string
	contentType string
	contentID   string
	location    string
	inline      bool
	data        []byte   // file attachment
	item        *content // item attachment: the message inside
	url         string   // reference attachment: what it refers to
	provider    string
	modified    time.Time
}

// element is the name of the attachment's element.
func (a *attachment) element() string {
	switch {
	case a.item != nil:
		return "t:ItemAttachment"
	case a.url != "":
		return "t:ReferenceAttachment"
	}
	return "t:FileAttachment"
}

func (a *attachment) size() int64 {
	if a.item != nil {
		return int64(len(a.item.mime()))
	}
	return int64(len(a.data))
}

// newContent reads the header of raw at once and leaves the body for later.
func newContent(raw []byte) *content {
	c := &content{raw: raw}
	c.headers, c.bodyOffset = splitHeader(raw)
	h := c.headers
	c.subject = cleanText(decodeWords(h.get("Subject")))
	c.from = firstAddress(h.get("From"))
	c.sender = firstAddress(h.get("Sender"))
	if c.sender.isZero() {
		c.sender = c.from
	}
	c.to = parseAddresses(h.all("To"))
	c.cc = parseAddresses(h.all("Cc"))
	c.bcc = parseAddresses(h.all("Bcc"))
	c.replyTo = parseAddresses(h.all("Reply-To"))
	c.sent = parseDate(h.get("Date"))
	c.messageID = strings.TrimSpace(h.get("Message-ID"))
	c.inReplyTo = strings.TrimSpace(h.get("In-Reply-To"))
	c.references = strings.TrimSpace(h.get("References"))
	c.importance = parseImportance(h)
	c.sensitivity = parseSensitivity(h.get("Sensitivity"))
	c.categories = parseKeywords(h.all("Keywords"))
	c.class = itemClass(h)
	c.topic = cleanText(decodeWords(h.get("Thread-Topic")))
	if c.topic == "" {
		c.topic = normalizedSubject(c.subject)
	}
	c.index = parseThreadIndex(h.get("Thread-Index"))
	c.readReceipt = h.get("Disposition-Notification-To") != ""
	c.delivReceipt = h.get("Return-Receipt-To") != ""
	return c
}

// inside returns the message's body and attachments.
func (c *content) inside() *parsed {
	if c.built != nil {
		return c.built
	}
	if p := c.parsed.Value(); p != nil {
		return p
	}
	p := parseMIME(c)
	c.parsed = weak.Make(p)
	return p
}

// mime returns the RFC 5322 form.
func (c *content) mime() []byte {
	if c.raw == nil {
		c.raw = buildMIME(c)
		c.headers, c.bodyOffset = splitHeader(c.raw)
	}
	return c.raw
}

// internetHeaders are the header fields, which a message that was only built has not got until it is sent.
func (c *content) internetHeaders() headerBlock { return c.headers }

// hasAttachments counts as Exchange does: inline attachments alone do not make a paper clip.
func (c *content) hasAttachments() bool {
	if c.built == nil && c.clip != 0 {
		return c.clip > 1
	}
	c.clip = 1
	for _, a := range c.inside().attachments {
		if !a.inline {
			c.clip = 2
			return true
		}
	}
	return false
}

// edit returns a copy that may be changed: from then on the message is a built one, and its MIME is made anew from its
// fields when asked for, as Exchange does.
func (c *content) edit() *content {
	in := c.inside()
	n := *c
	if c.built == nil {
		for _, h := range c.headers {
			if !generated[strings.ToLower(h.name)] {
				n.extra = append(n.extra, headerField{h.name, decodeWords(h.value)})
			}
		}
	}
	n.raw, n.headers, n.bodyOffset = nil, nil, 0
	n.parsed = weak.Pointer[parsed]{}
	p := *in
	p.attachments = append([]*attachment(nil), in.attachments...)
	n.built = &p
	return &n
}

// generated are the header fields that buildMIME makes from properties.
var generated = map[string]bool{
	"from": true, "sender": true, "to": true, "cc": true, "bcc": true, "reply-to": true, "subject": true, "thread-topic": true,
	"thread-index": true, "date": true, "message-id": true, "in-reply-to": true, "references": true, "importance": true,
	"sensitivity": true, "disposition-notification-to": true, "return-receipt-to": true, "mime-version": true,
	"content-type": true, "content-transfer-encoding": true, "content-disposition": true, "content-id": true,
}

func firstAddress(value string) address {
	if list := parseAddresses(value); len(list) > 0 {
		return list[0]
	}
	return address{}
}

// parseDate reads a Date field tolerantly; the zero time stands for one that cannot be read.
func parseDate(value string) time.Time {
	value = strings.TrimSpace(value)
	if t, err := mail.ParseDate(value); err == nil {
		return t.UTC()
	}
	if i := strings.LastIndexByte(value, '('); i > 0 { // a broken comment at the end
		value = strings.TrimSpace(value[:i])
	}
	for _, layout := range []string{time.RFC1123Z, time.RFC1123, time.RFC822Z, time.RFC822, time.RFC850, time.ANSIC,
		time.RFC3339, "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -0700 MST"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

func parseImportance(h headerBlock) string {
	switch strings.ToLower(h.get("Importance")) {
	case "high":
		return "High"
	case "low":
		return "Low"
	case "normal":
		return "Normal"
	}
	switch p := strings.TrimSpace(h.get("X-Priority")); {
	case strings.HasPrefix(p, "1"), strings.HasPrefix(p, "2"):
		return "High"
	case strings.HasPrefix(p, "4"), strings.HasPrefix(p, "5"):
		return "Low"
	}
	switch strings.ToLower(h.get("Priority")) {
	case "urgent":
		return "High"
	case "non-urgent":
		return "Low"
	}
	return "Normal"
}

func parseSensitivity(v string) string {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "personal":
		return "Personal"
	case "private":
		return "Private"
	case "company-confidential":
		return "Confidential"
	}
	return "Normal"
}

func parseKeywords(v string) []string {
	var out []string
	for k := range strings.SplitSeq(decodeWords(v), ",") {
		if k = cleanText(k); k != "" {
			out = append(out, k)
		}
	}
	return out
}

// cleanText makes one line of a decoded header value.
func cleanText(s string) string {
	if strings.ContainsAny(s, "\r\n\t") {
		s = strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == '\t' {
				return ' '
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s)
}
