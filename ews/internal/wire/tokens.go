package wire

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// Tokens returns the current element as tokens of encoding/xml, from its start tag to its end tag, for answers that are decoded into
// a caller's own structs. What the scanner repairs and refuses holds for them too. Name spaces are URIs. It is valid until the
// scanner is used otherwise.
func (s *Scanner) Tokens() xml.TokenReader { return &tokens{s: s, depth: len(s.frames)} }

type tokens struct {
	s       *Scanner
	depth   int
	started bool
	text    []byte
	run     int // bytes of text since the last tag
	value   []byte
	names   map[string]string // of attributes, as they repeat
}

// Token implements xml.TokenReader.
func (t *tokens) Token() (xml.Token, error) {
	s := t.s
	if !t.started {
		t.started = true
		if t.depth == 0 || s.err != nil {
			return nil, t.end()
		}
		return t.startElement(), nil
	}
	if len(s.frames) < t.depth || t.depth == 0 {
		return nil, t.end()
	}
	name := t.name(t.raw())
	if s.empty {
		s.pop()
		return xml.EndElement{Name: name}, nil
	}
	for s.err == nil {
		if s.inCDATA {
			if !s.need(3) {
				break
			}
			if bytes.HasPrefix(s.buf[s.pos:s.end], []byte("]]>")) {
				s.pos += 3
				s.inCDATA = false
				continue
			}
		} else if !s.need(1) {
			break
		}
		if s.inCDATA || s.buf[s.pos] != '<' {
			t.text, _ = s.appendText(t.text[:0])
			if t.run += len(t.text); t.run > s.lim.TextBytes { // whoever takes the pieces puts them together
				s.Fail(&LimitError{"bytes of a text", int64(s.lim.TextBytes)})
				break
			}
			if len(t.text) > 0 {
				return xml.CharData(t.text), nil
			}
			continue
		}
		if !s.need(2) {
			break
		}
		switch s.buf[s.pos+1] {
		case '?':
			s.instruction()
		case '!':
			s.declaration(true)
		case '/':
			t.run = 0
			if s.endTag() == kindEnd {
				return xml.EndElement{Name: name}, nil
			}
		default:
			t.run = 0
			if s.startTag() == kindStart {
				return t.startElement(), nil
			}
		}
	}
	return nil, t.end()
}

func (t *tokens) end() error {
	if t.s.err != nil {
		return t.s.err
	}
	return io.EOF
}

// raw returns the current element's name as written.
func (t *tokens) raw() string {
	return t.s.raw()
}

func (t *tokens) name(raw string) xml.Name {
	prefix, local, ok := strings.Cut(raw, ":")
	if !ok {
		return xml.Name{Space: t.defaultSpace(), Local: raw}
	}
	return xml.Name{Space: t.s.uri(prefix), Local: local}
}

func (t *tokens) defaultSpace() string {
	for i := len(t.s.binds) - 1; i >= 0; i-- {
		if t.s.binds[i].prefix == "" {
			return t.s.uri("")
		}
	}
	return ""
}

func (t *tokens) startElement() xml.StartElement {
	s := t.s
	e := xml.StartElement{Name: t.name(t.raw())}
	if len(s.attrs) > 0 {
		e.Attr = make([]xml.Attr, len(s.attrs)) // the caller's to keep
	}
	for i, a := range s.attrs {
		raw := t.attrName(s.buf[a.name:a.nameEnd])
		t.value, _ = s.decode(t.value[:0], s.buf[a.value:a.valueEnd], true)
		attr := &e.Attr[i]
		attr.Name.Local, attr.Value = raw, string(t.value)
		if prefix, local, ok := strings.Cut(raw, ":"); ok {
			attr.Name = xml.Name{Space: s.uri(prefix), Local: local}
			if prefix == "xmlns" {
				attr.Name.Space = "xmlns"
			}
		}
	}
	return e
}

// maxAttrNames bounds the names that are remembered: the schema has about fifty.
const maxAttrNames = 64

func (t *tokens) attrName(raw []byte) string {
	if name, ok := t.names[string(raw)]; ok {
		return name
	}
	name := string(raw)
	if t.names == nil {
		t.names = make(map[string]string)
	}
	if len(t.names) < maxAttrNames {
		t.names[name] = name
	}
	return name
}
