package wire

import (
	"bytes"
	"strings"
)

// nameByte tells the bytes that names consist of.
var nameByte = func() (t [256]bool) {
	for i := range 256 {
		b := byte(i)
		t[i] = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b == '.' || b == ':' || b >= 0x80
	}
	return
}()

// startTag parses the start tag at pos and opens its element.
func (s *Scanner) startTag() kind {
	t := &s.table
	buf := s.buf[:s.end]
	at := s.pos + 1
	n := t.after[s.hint]
	raw := t.entries[n].raw()
	end := at + len(raw)
	if n == 0 || end >= len(buf) || nameByte[buf[end]] || string(buf[at:end]) != raw { // not the tag that was expected
		for end = at; end < len(buf) && nameByte[buf[end]]; {
			end++
		}
		if end == len(buf) {
			if end-at > maxNameBytes {
				s.Fail(&LimitError{"bytes of a name", maxNameBytes})
				return kindNone
			}
			if !s.moreTag() {
				return kindNone
			}
			return s.startTag()
		}
		if n = s.entry(buf[at:end]); n == 0 {
			return kindNone
		}
		t.after[s.hint] = n
	}
	if buf[end] == '>' {
		s.attrs = s.attrs[:0]
		if !s.open(n, len(s.binds)) {
			return kindNone
		}
		s.pos = end + 1
		return kindStart
	}
	return s.longTag(n, end-s.pos)
}

// open makes an element of the entry n the current one; binds is the number of name space declarations in force outside of it.
func (s *Scanner) open(n uint16, binds int) bool {
	if len(s.frames) >= s.lim.Depth {
		s.err = &LimitError{"levels of nesting", int64(s.lim.Depth)}
		return false
	}
	s.push(n, binds)
	return true
}

func (s *Scanner) push(n uint16, binds int) {
	s.frames = append(s.frames, frame{s.cur, int32(binds)})
	s.cur, s.hint = n, n<<1
}

// longTag is startTag for tags with more than their name, which ends nameLen behind pos.
func (s *Scanner) longTag(n uint16, nameLen int) kind {
	from := nameLen
	for {
		i := bytes.IndexByte(s.buf[s.pos+from:s.end], '>')
		if i < 0 {
			from = s.end - s.pos
			if !s.moreTag() {
				return kindNone
			}
			continue
		}
		tagEnd := s.pos + from + i
		// A '>' inside a quoted value is legal: find out by parsing, and look for the next one behind that value.
		quote, ok := s.parseTag(n, s.pos+nameLen, tagEnd)
		if quote != 0 {
			from = tagEnd + 1 - s.pos
			for {
				j := bytes.IndexByte(s.buf[s.pos+from:s.end], quote)
				if j >= 0 {
					from += j + 1
					break
				}
				from = s.end - s.pos
				if !s.moreTag() {
					return kindNone
				}
			}
			continue
		}
		if !ok {
			return kindNone
		}
		s.expect(n, tagEnd+1)
		s.pos = tagEnd + 1
		return kindStart
	}
}

// moreTag reads on while a tag is unfinished.
func (s *Scanner) moreTag() bool {
	if s.fill() {
		return true
	}
	if s.err == nil && !s.eof {
		s.err = &LimitError{"bytes of a tag", windowSize}
	}
	s.unexpectedEOF()
	return false
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// parseTag reads buf[i:end], a start tag from the end of its name to its angle bracket, and opens its element. If the tag stops within
// a quoted value, that quote is returned and nothing has changed. ok is false when the scanner failed.
func (s *Scanner) parseTag(n uint16, i, end int) (quote byte, ok bool) {
	buf := s.buf
	empty := false
	s.attrs = s.attrs[:0]
	declares := false
	if i < end && !isSpace(buf[i]) && buf[i] != '/' {
		s.syntax("malformed tag name")
		return 0, false
	}
	less := bytes.IndexByte(buf[i:end], '<') >= 0
	for i < end {
		for i < end && isSpace(buf[i]) {
			i++
		}
		if i == end {
			break
		}
		if buf[i] == '/' {
			if i != end-1 {
				s.syntax("misplaced / in a tag")
				return 0, false
			}
			empty = true
			break
		}
		a := attribute{name: i}
		for i < end && nameByte[buf[i]] {
			i++
		}
		a.nameEnd = i
		for i < end && isSpace(buf[i]) {
			i++
		}
		if i == end || buf[i] != '=' || !validColon(buf[a.name:a.nameEnd]) {
			s.syntax("malformed attribute")
			return 0, false
		}
		i++
		for i < end && isSpace(buf[i]) {
			i++
		}
		if i == end || buf[i] != '"' && buf[i] != '\'' {
			s.syntax("attribute without quotes")
			return 0, false
		}
		q := buf[i]
		i++
		a.value = i
		length := bytes.IndexByte(buf[i:end], q)
		if length < 0 {
			return q, false
		}
		i += length
		a.valueEnd = i
		i++
		if less && bytes.IndexByte(buf[a.value:a.valueEnd], '<') >= 0 {
			s.syntax("< in an attribute's value")
			return 0, false
		}
		if len(s.attrs) >= s.lim.Attributes {
			s.err = &LimitError{"attributes of a tag", int64(s.lim.Attributes)}
			return 0, false
		}
		declares = declares || buf[a.name] == 'x' && bytes.HasPrefix(buf[a.name:a.nameEnd], []byte("xmlns"))
		s.attrs = append(s.attrs, a)
	}
	binds := len(s.binds)
	if declares {
		s.declare()
	}
	s.empty = empty
	return 0, s.open(n, binds)
}

// declare puts the current tag's xmlns attributes in force.
func (s *Scanner) declare() {
	for _, a := range s.attrs {
		name := s.buf[a.name:a.nameEnd]
		rest, ok := bytes.CutPrefix(name, []byte("xmlns"))
		if !ok || len(rest) > 0 && rest[0] != ':' {
			continue
		}
		prefix := ""
		if len(rest) > 0 {
			prefix = s.intern(rest[1:])
		}
		b := binding{prefix: prefix, space: spaceOf(s.buf[a.value:a.valueEnd])}
		if b.space == SpaceOther {
			b.other = string(s.buf[a.value:a.valueEnd])
		}
		s.binds = append(s.binds, b)
		s.gen++
	}
}

// intern returns prefixes without allocating for the usual ones.
func (s *Scanner) intern(b []byte) string {
	switch string(b) {
	case "t":
		return "t"
	case "m":
		return "m"
	case "s":
		return "s"
	case "h":
		return "h"
	case "e":
		return "e"
	case "soap":
		return "soap"
	case "xsi":
		return "xsi"
	case "xsd":
		return "xsd"
	}
	return string(b)
}

// endTag parses the end tag at pos and closes the current element.
func (s *Scanner) endTag() kind {
	if len(s.frames) == 0 {
		s.syntax("end tag without a start")
		return kindNone
	}
	want := s.raw()
	from := 2
	for {
		i := bytes.IndexByte(s.buf[s.pos+from:s.end], '>')
		if i >= 0 {
			from += i
			break
		}
		from = s.end - s.pos
		if !s.moreTag() {
			return kindNone
		}
	}
	if got := bytes.TrimRight(s.buf[s.pos+2:s.pos+from], " \t\r\n"); string(got) != want {
		s.syntax("end tag that does not match " + strings.ToValidUTF8(want, "?"))
		return kindNone
	}
	s.pos += from + 1
	s.pop()
	return kindEnd
}

// pop closes the current element.
func (s *Scanner) pop() {
	f := s.frames[len(s.frames)-1]
	s.frames = s.frames[:len(s.frames)-1]
	s.cur, s.hint = f.outer, s.cur<<1|1
	if int(f.binds) < len(s.binds) {
		s.binds = s.binds[:f.binds]
		s.gen++
	}
	s.empty = false
	s.attrs = s.attrs[:0]
}

// instruction skips the processing instruction at pos, and looks at the encoding of an XML declaration.
func (s *Scanner) instruction() {
	body, ok := s.until("?>", 2)
	if !ok {
		return
	}
	if rest, found := bytes.CutPrefix(body, []byte("xml")); found && len(rest) > 0 && isSpace(rest[0]) {
		if i := bytes.Index(rest, []byte("encoding")); i >= 0 {
			value := bytes.Trim(rest[i+len("encoding"):], " \t\r\n=")
			if len(value) > 1 {
				if j := bytes.IndexByte(value[1:], value[0]); j >= 0 && !readable(value[1:1+j]) {
					s.Fail(ErrCharset)
				}
			}
		}
	}
}

// readable reports whether the input may be in the encoding that it declares. What got as far as its declaration is no UTF-16 (any more): the
// word is left over from a text that .NET wrote into a string, as traces and recordings have it.
func readable(encoding []byte) bool {
	switch strings.ToLower(string(encoding)) {
	case "utf-8", "us-ascii", "utf-16":
		return true
	}
	return false
}

// until consumes input through mark, which is looked for from pos+skip on, and returns the tail of what stood before it: all
// of it when it fits in the window.
func (s *Scanner) until(mark string, skip int) ([]byte, bool) {
	if !s.need(skip) {
		return nil, false
	}
	s.pos += skip
	from := 0
	for {
		if i := bytes.Index(s.buf[s.pos+from:s.end], []byte(mark)); i >= 0 {
			body := s.buf[s.pos : s.pos+from+i]
			s.pos += from + i + len(mark)
			return body, true
		}
		from = max(0, s.end-s.pos-len(mark)+1)
		if s.end-s.pos == len(s.buf) { // full: what stands before the last bytes cannot be part of the mark
			s.pos += from
			from = 0
		}
		if !s.fill() {
			s.unexpectedEOF()
			return nil, false
		}
	}
}

// declaration handles <!...>: comments are skipped; a CDATA section is skipped, or entered if inText; anything else is refused.
func (s *Scanner) declaration(inText bool) {
	if !s.need(4) {
		return
	}
	if string(s.buf[s.pos:s.pos+4]) == "<!--" {
		s.until("-->", 4)
		return
	}
	const cdata = "<![CDATA["
	if s.buf[s.pos+2] != '[' {
		s.Fail(ErrDTD)
		return
	}
	if !s.need(len(cdata)) {
		return
	}
	switch {
	case string(s.buf[s.pos:s.pos+len(cdata)]) != cdata || len(s.frames) == 0:
		s.syntax("malformed CDATA section")
	case inText:
		s.pos += len(cdata)
		s.inCDATA = true
	default:
		s.until("]]>", len(cdata))
	}
}

// AttrBytes returns the value of the current start tag's unprefixed attribute, valid until the scanner moves.
func (s *Scanner) AttrBytes(local string) ([]byte, bool) {
	if s.learning != nil {
		s.Unlearn()
	}
	return s.ConstAttr(local)
}

// ConstAttr is AttrBytes for a value that is the same wherever the element comes, such as the tag of a property. A Shape counts it as markup.
func (s *Scanner) ConstAttr(local string) ([]byte, bool) {
	if s.err != nil {
		return nil, false
	}
	for _, a := range s.attrs {
		if string(s.buf[a.name:a.nameEnd]) == local {
			raw := s.buf[a.value:a.valueEnd]
			if a.plain || clean(raw) {
				return raw, true
			}
			s.learning = nil // what is repaired must be counted each time
			s.scratch, _ = s.decode(s.scratch[:0], raw, true)
			return s.scratch, true
		}
	}
	return nil, false
}

// Attr returns the value of the current start tag's unprefixed attribute. It must be asked before the scanner moves on.
func (s *Scanner) Attr(local string) (string, bool) {
	b, ok := s.AttrBytes(local)
	return string(b), ok
}
