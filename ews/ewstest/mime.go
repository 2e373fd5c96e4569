package ewstest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"github.com/jhillyerd/enmime/v2/mediatype"
)

// The declared charset is believed and parts that make no sense are kept as far as they go. Conversion of HTML to text
// is left to textOf, which only runs when somebody asks for a text body that is not there.
var mimeParser = enmime.NewParser(mimeOptions...)

// asSentParser leaves the bytes of texts as they were sent: attachments are not to be converted from their charset.
var asSentParser = enmime.NewParser(append(mimeOptions[:len(mimeOptions):len(mimeOptions)], enmime.SetCustomParseMediaType(
	func(field string) (string, map[string]string, []string, error) {
		mtype, params, invalid, err := mediatype.Parse(field)
		if strings.HasPrefix(mtype, "text/") {
			params["charset"] = "as sent" // enmime converts only from charsets that it knows
		}
		return mtype, params, invalid, err
	}))...)

var mimeOptions = []enmime.Option{
	enmime.DisableCharacterDetection(true),
	enmime.DisableTextConversion(true),
	enmime.SkipMalformedParts(true),
	enmime.MultipartWOBoundaryAsSinglePart(true),
	enmime.MaxStoredPartErrors(8),
	enmime.SetReadPartErrorPolicy(func(p *enmime.Part, err error) bool { return true }),
}

// parseMIME takes a message apart. It does not fail: what enmime refuses is text from its body's first byte on.
func parseMIME(c *content) *parsed {
	b := &bodyBuilder{raw: c.raw, out: new(parsed)}
	root := readParts(mimeParser, c.raw)
	if root == nil {
		b.out.text, b.out.hasText = text8(c.raw[min(c.bodyOffset, len(c.raw)):]), true
	} else {
		b.walk(root, true)
	}
	for i, a := range b.out.attachments {
		a.serial = uint32(i + 1)
		a.modified = c.sent
	}
	b.name()
	return b.out
}

func readParts(parser *enmime.Parser, raw []byte) (root *enmime.Part) {
	defer func() {
		if recover() != nil { // a fake server must take any bytes whatever a parser thinks of them
			root = nil
		}
	}()
	if h, _ := splitHeader(raw); len(h) == 0 {
		return nil
	}
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if bytes.HasPrefix(raw, []byte("From ")) { // mbox separator
		_, next := nextLine(raw, 0)
		raw = raw[next:]
	}
	root, err := parser.ReadParts(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return root
}

type bodyBuilder struct {
	raw      []byte
	sent     *enmime.Part // the same parts with texts as they were sent; nil until an attachment needs it
	out      *parsed
	bodyDone bool // a body has been found: later texts are attachments
	calendar string
}

// walk visits a part. inBody tells whether it stands where the message's body is looked for: the first child of a mixed, the
// root of a related, any child of an alternative.
func (b *bodyBuilder) walk(p *enmime.Part, inBody bool) {
	if p.ContentType == "" && p.Parent != nil { // enmime then does not look at the disposition either
		if d, params, _, err := mediatype.Parse(p.Header.Get("Content-Disposition")); err == nil {
			p.Disposition, p.FileName = d, params["filename"]
		}
	}
	if name := partName(p); name != "" {
		p.FileName = name
	}
	ctype := strings.ToLower(p.ContentType)
	if strings.HasPrefix(ctype, "multipart/") && p.FirstChild != nil {
		switch ctype {
		case "multipart/alternative":
			for c := p.FirstChild; c != nil; c = c.NextSibling {
				if b.sameAgain(c) {
					continue
				}
				b.walk(c, inBody)
			}
			if inBody && (b.out.hasText || b.out.hasHTML) {
				b.bodyDone = true
			}
		case "multipart/related":
			for c := p.FirstChild; c != nil; c = c.NextSibling {
				if c == p.FirstChild {
					b.walk(c, inBody)
				} else {
					b.attach(c, true)
				}
			}
		default:
			for c := p.FirstChild; c != nil; c = c.NextSibling {
				b.walk(c, inBody)
				if c.ContentType == "" || !strings.HasPrefix(strings.ToLower(c.ContentType), "multipart/") {
					if b.out.hasText || b.out.hasHTML {
						b.bodyDone = true
					}
				}
			}
		}
		return
	}
	if strings.HasPrefix(ctype, "multipart/") && p.Parent != nil && len(bytes.TrimSpace(p.Content)) == 0 {
		return // an empty container is nothing anybody could open
	}
	if b.takeBody(p, ctype, inBody) {
		return
	}
	b.attach(p, false)
}

// sameAgain tells a text that stands for what has been taken already: one more alternative of the same type.
func (b *bodyBuilder) sameAgain(p *enmime.Part) bool {
	ctype := strings.ToLower(p.ContentType)
	return p.FileName == "" && p.Disposition != "attachment" &&
		(b.out.hasText && (ctype == "text/plain" || ctype == "") || b.out.hasHTML && ctype == "text/html")
}

// takeBody uses p as the text or HTML body if it can be one.
func (b *bodyBuilder) takeBody(p *enmime.Part, ctype string, inBody bool) bool {
	if ctype == "text/calendar" && p.Disposition != "attachment" && b.calendar == "" {
		b.calendar = string(p.Content)
		b.out.calendar = b.calendar
		return p.FileName == ""
	}
	if !inBody || p.Disposition == "attachment" || (p.FileName != "" && p.Parent != nil) {
		return false
	}
	switch {
	case ctype == "text/html":
		if b.out.hasHTML || (b.bodyDone && b.out.hasText) {
			return false
		}
		b.out.html, b.out.hasHTML = strings.TrimPrefix(b.htmlText(p), byteOrderMark), true
	case ctype == "text/plain", ctype == "", strings.HasPrefix(ctype, "multipart/"),
		p.Parent == nil && strings.HasPrefix(ctype, "text/"):
		if b.out.hasText || b.bodyDone {
			return false
		}
		b.out.text, b.out.hasText = strings.TrimPrefix(text8(p.Content), byteOrderMark), true
	default:
		return false
	}
	return true
}

// byteOrderMark begins texts in UTF-16 and some in UTF-8; it belongs to the encoding, not to the text.
const byteOrderMark = "\ufeff"

// htmlText honours a charset that only the document's own meta tag names.
func (b *bodyBuilder) htmlText(p *enmime.Part) string {
	if p.Charset == "" {
		if i := bytes.Index(bytes.ToLower(p.Content[:min(len(p.Content), 4096)]), []byte("charset=")); i >= 0 {
			cs := strings.TrimLeft(string(p.Content[i+len("charset="):min(len(p.Content), i+60)]), `"'`)
			if end := strings.IndexAny(cs, "\"'; />"); end > 0 {
				return decodeCharset(cs[:end], p.Content)
			}
		}
	}
	return text8(p.Content)
}

func (b *bodyBuilder) attach(p *enmime.Part, related bool) {
	ctype := strings.ToLower(p.ContentType)
	if len(p.Content) == 0 && len(p.Header) == 0 && p.FirstChild == nil {
		return // what a boundary without an end leaves behind
	}
	if related && strings.HasPrefix(ctype, "multipart/") && p.FirstChild != nil {
		b.walk(p, false)
		return
	}
	a := &attachment{
		name:        cleanText(decodeWords(p.FileName)),
		contentType: ctype,
		contentID:   p.ContentID,
		location:    strings.TrimSpace(p.Header.Get("Content-Location")),
		inline:      related && p.Disposition != "attachment" || p.Disposition == "inline" && p.ContentID != "",
		data:        b.asSent(p),
	}
	if ctype == "message/rfc822" && len(p.Content) > 0 {
		a.item, a.data = newContent(p.Content), nil
		a.contentType = ctype
		if a.name == "" {
			a.name = a.item.subject
		}
	}
	b.out.attachments = append(b.out.attachments, a)
}

// asSent returns the content of a part without conversion from its charset.
func (b *bodyBuilder) asSent(p *enmime.Part) []byte {
	switch strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding"))) {
	case "x-uuencode", "x-uue", "uuencode": // never standardized; enmime leaves it as it is
		if data := uudecode(p.Content); data != nil {
			return data
		}
	}
	if !strings.HasPrefix(strings.ToLower(p.ContentType), "text/") {
		return p.Content
	}
	if b.sent == nil {
		if b.sent = readParts(asSentParser, b.raw); b.sent == nil {
			return p.Content
		}
	}
	if same := b.sent.DepthMatchFirst(func(q *enmime.Part) bool { return q.PartID == p.PartID }); same != nil {
		return same.Content
	}
	return p.Content
}

// name gives attachments without a name the one Exchange gives them: ATT00001 and an extension for their type.
func (b *bodyBuilder) name() {
	n := 0
	for _, a := range b.out.attachments {
		if a.name != "" {
			continue
		}
		if a.item != nil {
			a.name = "(no subject)"
			continue
		}
		n++
		a.name = fmt.Sprintf("ATT%05d%s", n, extension(a.contentType))
	}
}

// extension does not ask the machine's tables of types: a test's outcome must not depend on them.
func extension(ctype string) string {
	switch ctype {
	case "text/plain", "":
		return ".txt"
	case "text/html":
		return ".htm"
	case "image/jpeg":
		return ".jpg"
	case "message/delivery-status", "message/disposition-notification", "text/rfc822-headers":
		return ".txt"
	case "application/pgp-signature":
		return ".asc"
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return ".p7s"
	case "image/png":
		return ".png"
	case "image/gif":
		return ".gif"
	case "application/pdf":
		return ".pdf"
	case "text/csv":
		return ".csv"
	case "text/calendar":
		return ".ics"
	case "application/zip":
		return ".zip"
	}
	return ".dat"
}

// deepClass refines an item class by what stands inside: a meeting request is usually one alternative of a multipart.
func deepClass(c *content) string {
	if c.class != classNote && !strings.HasPrefix(c.class, "IPM.Schedule") {
		return c.class
	}
	ctype := strings.ToLower(c.headers.get("Content-Type"))
	if !strings.HasPrefix(ctype, "multipart/") && !strings.HasPrefix(ctype, "text/calendar") {
		return c.class
	}
	if !bytes.Contains(bytes.ToLower(c.raw[:min(len(c.raw), 256<<10)]), []byte("text/calendar")) {
		return c.class
	}
	b := &bodyBuilder{raw: c.raw, out: new(parsed)}
	root := readParts(mimeParser, c.raw)
	if root == nil {
		return c.class
	}
	b.walk(root, true)
	for line := range strings.Lines(b.calendar) {
		key, method, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.EqualFold(key, "METHOD") {
			return meetingClass(strings.TrimSpace(method), b.calendar)
		}
	}
	return c.class
}
