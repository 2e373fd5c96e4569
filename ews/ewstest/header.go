package ewstest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// headerField is one field of an RFC 5322 header block, unfolded, its encoded words still in place.
type headerField struct{ name, value string }

type headerBlock []headerField

// get returns the first field of that name, as it stands in the message.
func (h headerBlock) get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].name, name) {
			return h[i].value
		}
	}
	return ""
}

// all returns every field of that name, joined as one list: broken senders repeat To and Cc.
func (h headerBlock) all(name string) string {
	var out string
	for i := range h {
		if !strings.EqualFold(h[i].name, name) {
			continue
		}
		if out != "" {
			out += ", "
		}
		out += h[i].value
	}
	return out
}

// maxHeaderBlock bounds how far into something that may be no mail at all a header is looked for.
const maxHeaderBlock = 1 << 20

// splitHeader returns the fields of raw in order and the offset of the body. It never fails: what has no header
// at all (an image delivered as mail) is all body.
func splitHeader(raw []byte) (headerBlock, int) {
	var h headerBlock
	pos := 0
	for pos < len(raw) && pos < maxHeaderBlock {
		line, next := nextLine(raw, pos)
		if len(line) == 0 || len(h) == 0 && len(bytes.TrimRight(line, " \t")) == 0 { // blanks alone fold the field before (RFC 5322 section 4.2)
			if len(h) == 0 && next < len(raw) && pos == 0 && looksLikeField(raw[next:]) {
				pos = next // a stray empty line before the header
				continue
			}
			return h, next
		}
		colon := bytes.IndexByte(line, ':')
		name := []byte(nil)
		if colon > 0 {
			name = bytes.TrimRight(line[:colon], " \t")
		}
		switch {
		case pos == 0 && bytes.HasPrefix(line, []byte("From ")): // mbox separator
		case (line[0] == ' ' || line[0] == '\t') && len(h) > 0:
			fold(&h[len(h)-1], line)
		case validFieldName(bytes.TrimLeft(name, " \t")):
			h = append(h, headerField{string(bytes.TrimLeft(name, " \t")), strings.TrimSpace(text8(line[colon+1:]))})
		case len(h) == 0:
			return nil, 0 // does not begin like a message: all of it is body
		case colon == 0: // ":" alone names nothing
		default:
			fold(&h[len(h)-1], line) // continuation that lost its indent
		}
		pos = next
	}
	return h, pos
}

func fold(f *headerField, line []byte) {
	if s := strings.TrimSpace(text8(line)); s != "" {
		f.value = strings.TrimLeft(f.value+" "+s, " ")
	}
}

func nextLine(raw []byte, pos int) (line []byte, next int) {
	i := bytes.IndexByte(raw[pos:], '\n')
	if i < 0 {
		return bytes.TrimSuffix(raw[pos:], []byte("\r")), len(raw)
	}
	return bytes.TrimSuffix(raw[pos:pos+i], []byte("\r")), pos + i + 1
}

func looksLikeField(raw []byte) bool {
	line, _ := nextLine(raw[:min(len(raw), 1000)], 0)
	colon := bytes.IndexByte(line, ':')
	return colon > 0 && validFieldName(bytes.TrimRight(line[:colon], " \t"))
}

// validFieldName follows RFC 5322 section 2.2: printable US-ASCII without colon and space.
func validFieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return len(name) > 0
}

// text8 makes valid UTF-8 of raw header or body bytes; what is not UTF-8 is read as Windows-1252, which is what
// senders of unlabelled 8-bit text mostly meant.
func text8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

var encodedWord = regexp.MustCompile(`=\?([^?\s]+)\?([bBqQ])\?([^?]*)\?=`)

// decodeWords decodes the encoded words of RFC 2047. Neighbours of one charset are decoded together, because
// senders cut multi-byte characters between words; what cannot be decoded stays as it is written.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var out strings.Builder
	var pending []byte
	charset := ""
	flush := func() {
		if pending != nil {
			out.WriteString(decodeCharset(charset, pending))
			pending = nil
		}
	}
	pos := 0
	for _, m := range encodedWord.FindAllStringSubmatchIndex(s, -1) {
		between := s[pos:m[0]]
		if pending == nil || strings.TrimSpace(between) != "" {
			flush()
			out.WriteString(between)
		}
		cs, _, _ := strings.Cut(strings.ToLower(s[m[2]:m[3]]), "*") // RFC 2231 language suffix
		word, ok := decodeWord(s[m[4]:m[5]], s[m[6]:m[7]])
		if !ok {
			flush()
			out.WriteString(s[m[0]:m[1]])
		} else {
			if cs != charset {
				flush()
			}
			charset, pending = cs, append(pending, word...)
			if pending == nil {
				pending = []byte{}
			}
		}
		pos = m[1]
	}
	flush()
	out.WriteString(s[pos:])
	return out.String()
}

func decodeWord(enc, text string) ([]byte, bool) {
	if strings.EqualFold(enc, "b") {
		clean := strings.TrimRight(strings.ReplaceAll(text, " ", ""), "=")
		b, err := base64.RawStdEncoding.DecodeString(clean)
		return b, err == nil || len(b) > 0
	}
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(strings.ReplaceAll(text, "_", " "))))
	return b, err == nil
}

// decodeCharset returns text in the named charset as UTF-8, falling back to text8.
func decodeCharset(charset string, b []byte) string {
	switch strings.ToLower(strings.Trim(charset, "\"' ")) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return text8(b)
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return text8(b)
	}
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return text8(b)
	}
	return string(out)
}
