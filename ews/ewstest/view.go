package ewstest

import (
	"strings"
	"time"

	"github.com/inbucket/html2text"
)

// view is a message as properties are read from it: an item, or a message inside an item's attachments.
type view struct {
	it   *item // nil for an attached message
	c    *content
	root *item    // the item it is in
	path []uint32 // of attachment serials, from root
}

func viewOf(it *item) *view { return &view{it: it, c: it.c, root: it} }

func (v *view) attached(a *attachment) *view {
	return &view{c: a.item, root: v.root, path: append(v.path[:len(v.path):len(v.path)], a.serial)}
}

func (v *view) attachmentID(a *attachment) string {
	return makeAttachmentID(v.root.id, append(v.path[:len(v.path):len(v.path)], a.serial)...)
}

func (v *view) class() string {
	switch {
	case v.it != nil:
		return v.it.class
	case v.c.class == "":
		return classNote
	}
	return v.c.class
}

func (v *view) received() time.Time {
	if v.it != nil {
		return v.it.received
	}
	return v.sent()
}

// sent is the Date field; a message without one counts as sent when it was received.
func (v *view) sent() time.Time {
	switch {
	case !v.c.sent.IsZero():
		return v.c.sent
	case v.it == nil:
		return v.root.received
	case v.it.draft:
		return v.it.modified
	}
	return v.it.received
}

func (v *view) categories() []string {
	if v.it != nil {
		return v.it.categories
	}
	return v.c.categories
}

func (v *view) importance() string {
	switch {
	case v.it != nil:
		return v.it.importance
	case v.c.importance == "":
		return "Normal"
	}
	return v.c.importance
}

func (v *view) sensitivity() string {
	if v.c.sensitivity == "" {
		return "Normal"
	}
	return v.c.sensitivity
}

func (v *view) size() int64 {
	if v.it != nil {
		return v.it.size()
	}
	return int64(len(v.c.mime()))
}

// draft tells a message that was never sent; its headers do not exist yet.
func (v *view) draft() bool { return v.it != nil && v.it.draft }

// body returns the body in the wanted form: "Text", "HTML" or "Best".
func (v *view) body(want string) (kind, text string) {
	in := v.c.inside()
	switch {
	case want == "Text":
		return "Text", in.asText()
	case want == "HTML" && !in.hasHTML:
		return "HTML", htmlOf(in.text)
	case in.hasHTML:
		return "HTML", in.html
	}
	return "Text", in.text
}

// asText is the text body, made from the HTML one when it is all there is.
func (p *parsed) asText() string {
	if p.hasText || !p.hasHTML {
		return p.text
	}
	text, err := html2text.FromString(p.html, html2text.Options{OmitLinks: false})
	if err != nil {
		return p.html
	}
	return text
}

// htmlOf is how Exchange shows a text body to those who ask for HTML.
func htmlOf(text string) string {
	var b strings.Builder
	b.WriteString("<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n<body>\r\n<div class=\"PlainText\">")
	for line := range strings.Lines(text) {
		b.WriteString(htmlEscaper.Replace(strings.TrimRight(line, "\r\n")))
		if strings.HasSuffix(line, "\n") {
			b.WriteString("<br>\r\n")
		}
	}
	b.WriteString("</div>\r\n</body>\r\n</html>\r\n")
	return b.String()
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func (v *view) preview() string {
	text := strings.Join(strings.Fields(v.c.inside().asText()), " ")
	if r := []rune(text); len(r) > 255 {
		return string(r[:255])
	}
	return text
}

// legacyDN is the X.500 address Exchange shows for its own users in item lists.
func (s *Server) legacyDN(addr string) string {
	mb := s.byAddress[strings.ToLower(addr)]
	if mb == nil {
		return ""
	}
	return mb.legacyDN()
}

func (mb *Mailbox) legacyDN() string {
	local, _, _ := strings.Cut(mb.address, "@")
	return "/O=EWSTEST/OU=EXCHANGE ADMINISTRATIVE GROUP (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN=" + strings.ToUpper(hexOf(mb.guid[:])+"-"+local)
}
