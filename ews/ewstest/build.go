package ewstest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"time"
)

// buildMIME generates the RFC 5322 form of a message that was made from properties. Bcc stays out of it: it is what recipients get.
func buildMIME(c *content) []byte {
	var b bytes.Buffer
	for _, a := range c.inside().attachments {
		b.Grow(int(a.size()) * 11 / 8)
	}
	h := headerWriter{&b}
	if !c.from.isZero() {
		h.line("From", c.from.header())
	}
	if !c.sender.isZero() && c.sender.email != c.from.email {
		h.line("Sender", c.sender.header())
	}
	h.people("To", c.to)
	h.people("Cc", c.cc)
	h.people("Reply-To", c.replyTo)
	h.line("Subject", mime.QEncoding.Encode("utf-8", c.subject))
	h.line("Thread-Topic", mime.QEncoding.Encode("utf-8", c.topic))
	if len(c.index) > 0 {
		h.line("Thread-Index", base64.StdEncoding.EncodeToString(c.index))
	}
	if !c.sent.IsZero() {
		h.line("Date", c.sent.Format(time.RFC1123Z))
	}
	h.line("Message-ID", c.messageID)
	h.line("In-Reply-To", c.inReplyTo)
	h.line("References", c.references)
	if c.importance == "High" || c.importance == "Low" {
		h.line("Importance", strings.ToLower(c.importance))
	}
	if c.sensitivity != "" && c.sensitivity != "Normal" {
		h.line("Sensitivity", strings.ToLower(c.sensitivity))
	}
	if c.readReceipt {
		h.line("Disposition-Notification-To", c.from.header())
	}
	if c.delivReceipt {
		h.line("Return-Receipt-To", c.from.header())
	}
	for _, e := range c.extra {
		h.line(e.name, mime.QEncoding.Encode("utf-8", e.value))
	}
	h.line("MIME-Version", "1.0")
	writeMixed(&b, c)
	return b.Bytes()
}

type headerWriter struct{ b *bytes.Buffer }

// line writes one field; long values are folded at spaces (RFC 5322 section 2.2.3).
func (h headerWriter) line(name, value string) {
	value = cleanText(value)
	if value == "" {
		return
	}
	out := name + ":"
	width := len(out)
	for _, word := range strings.Split(value, " ") {
		if width+1+len(word) > 76 && width > len(name)+1 {
			out += "\r\n"
			width = 0
		}
		out += " " + word
		width += 1 + len(word)
	}
	h.b.WriteString(out + "\r\n")
}

func (h headerWriter) people(name string, list []address) {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = a.header()
	}
	h.line(name, strings.Join(parts, ", "))
}

// writeMixed writes the content fields and the body: mixed( related( alternative( text, html ), inline... ), attachments... ).
func writeMixed(b *bytes.Buffer, c *content) {
	in := c.inside()
	var inline, other []*attachment
	for _, a := range in.attachments {
		if a.url != "" {
			continue // RFC 5322 has no place for a link
		}
		if a.inline && a.item == nil && in.hasHTML {
			inline = append(inline, a)
		} else {
			other = append(other, a)
		}
	}
	body := func(p partWriter) { writeAlternative(p, in) }
	related := body
	if len(inline) > 0 {
		related = func(p partWriter) { p.multipart("related", append([]func(partWriter){body}, files(inline)...)) }
	}
	top := partWriter{func(h textproto.MIMEHeader) io.Writer {
		writeHeaderFields(b, h)
		b.WriteString("\r\n")
		return b
	}, c.messageID}
	if len(other) == 0 {
		related(top)
		return
	}
	top.multipart("mixed", append([]func(partWriter){related}, files(other)...))
}

func writeAlternative(p partWriter, in *parsed) {
	text := func(p partWriter) { p.text("text/plain", in.asText()) }
	html := func(p partWriter) { p.text("text/html", in.html) }
	if in.hasHTML {
		p.multipart("alternative", []func(partWriter){text, html})
		return
	}
	text(p)
}

func files(list []*attachment) []func(partWriter) {
	var out []func(partWriter)
	for _, a := range list {
		out = append(out, func(p partWriter) { p.attachment(a) })
	}
	return out
}

// partWriter starts one part by writing its header. seed makes boundaries that differ between messages and are the same for the same one.
type partWriter struct {
	begin func(h textproto.MIMEHeader) io.Writer
	seed  string
}

func (p partWriter) multipart(kind string, parts []func(partWriter)) {
	boundary := fmt.Sprintf("_%s_%x_", kind, hash32(p.seed+kind))
	w := p.begin(textproto.MIMEHeader{"Content-Type": {fmt.Sprintf("multipart/%s; boundary=%q", kind, boundary)}})
	mw := multipart.NewWriter(w)
	_ = mw.SetBoundary(boundary)
	for _, part := range parts {
		part(partWriter{func(h textproto.MIMEHeader) io.Writer {
			pw, _ := mw.CreatePart(h) // writes to memory: no error
			return pw
		}, p.seed + kind})
	}
	_ = mw.Close()
}

func (p partWriter) text(ctype, text string) {
	w := p.begin(textproto.MIMEHeader{
		"Content-Type":              {ctype + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	q := quotedprintable.NewWriter(w)
	_, _ = io.WriteString(q, text)
	_ = q.Close()
}

func (p partWriter) attachment(a *attachment) {
	disposition := "attachment"
	if a.inline {
		disposition = "inline"
	}
	ctype := orDefault(a.contentType, "application/octet-stream")
	h := textproto.MIMEHeader{
		"Content-Type":        {mime.FormatMediaType(ctype, map[string]string{"name": a.name})},
		"Content-Disposition": {mime.FormatMediaType(disposition, map[string]string{"filename": a.name})},
	}
	if h["Content-Type"][0] == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	if a.contentID != "" {
		h.Set("Content-ID", "<"+a.contentID+">")
	}
	if a.location != "" {
		h.Set("Content-Location", a.location)
	}
	if a.item != nil { // RFC 2046 section 5.2.1: no encoding but 7bit, 8bit, binary
		h.Set("Content-Type", "message/rfc822")
		h.Set("Content-Transfer-Encoding", "8bit")
		_, _ = p.begin(h).Write(a.item.mime())
		return
	}
	h.Set("Content-Transfer-Encoding", "base64")
	w := p.begin(h)
	const line = 57 // 76 characters
	buf := make([]byte, 78)
	for data := a.data; len(data) > 0; {
		n := min(line, len(data))
		base64.StdEncoding.Encode(buf, data[:n])
		end := (n + 2) / 3 * 4
		buf[end], buf[end+1] = '\r', '\n'
		_, _ = w.Write(buf[:end+2])
		data = data[n:]
	}
}

func writeHeaderFields(b *bytes.Buffer, h textproto.MIMEHeader) {
	for _, k := range []string{"Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Disposition", "Content-Location"} {
		if v := h.Get(k); v != "" {
			headerWriter{b}.line(k, v)
		}
	}
}

func hash32(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}
