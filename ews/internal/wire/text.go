package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// clean reports whether a text run needs no work: ASCII without controls and without '&'.
func clean(b []byte) bool {
	for len(b) >= 8 {
		v := binary.LittleEndian.Uint64(b)
		amp := v ^ '&'*ones
		if (v|(v-0x20*ones)&^v|(amp-ones)&^amp)&highs != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < 0x20 || c >= 0x80 || c == '&' {
			return false
		}
	}
	return true
}

// plain returns the length of the longest prefix of b without '&', carriage returns and characters that XML forbids below
// 0x20. Bytes of multi-byte characters count as plain.
func plain(b []byte) int {
	for i := 0; i < len(b); {
		stop := i + 8
		if stop <= len(b) {
			v := binary.LittleEndian.Uint64(b[i:])
			amp := v ^ '&'*ones
			if ((v-0x20*ones)&^v|(amp-ones)&^amp)&highs == 0 {
				i = stop
				continue
			}
		} else {
			stop = len(b)
		}
		for ; i < stop; i++ {
			if c := b[i]; c == '&' || c < 0x20 && c != '\n' && c != '\t' {
				return i
			}
		}
	}
	return len(b)
}

// decode appends raw's text to dst: references resolved, line ends normalised, illegal characters replaced. Unless final, what
// could still become a reference, a line end or a character with more input is left: consumed says how much was not.
func (s *Scanner) decode(dst, raw []byte, final bool) (out []byte, consumed int) {
	dst, i := decodeFast(dst, raw)
	for i < len(raw) {
		if n := plain(raw[i:]); n > 0 {
			run := raw[i : i+n]
			if i+n == len(raw) && !final {
				run = run[:len(run)-partialRune(run)]
				if len(run) == 0 {
					return dst, i
				}
			}
			dst = s.appendRun(dst, run)
			i += len(run)
			if len(run) < n {
				return dst, i
			}
			continue
		}
		switch c := raw[i]; c {
		case '&':
			r, n := reference(raw[i:], final)
			if n == 0 {
				return dst, i // unfinished
			}
			if r < 0 {
				s.repaired++
				r = utf8.RuneError
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case '\r': // XML 1.0 section 2.11
			if i+1 == len(raw) && !final {
				return dst, i
			}
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			dst = append(dst, '\n')
			i++
		default:
			s.repaired++
			dst = utf8.AppendRune(dst, utf8.RuneError)
			i++
		}
	}
	return dst, i
}

// decodeFast is decode for text in which nothing is to be repaired. It stops at the first thing that is not usual: consumed
// says where.
func decodeFast(dst, raw []byte) (out []byte, consumed int) {
	if !utf8.Valid(raw) || bytes.Contains(raw, []byte("\xEF\xBF")) {
		return dst, 0
	}
	n := len(dst)
	dst = slices.Grow(dst, len(raw)+8)[:n+len(raw)] // nothing gets longer by decoding
	i := 0
	for i < len(raw) {
		if raw[i] != '&' {
			run := plain(raw[i:])
			if run == 0 {
				break // a control, or a line end
			}
			n += copy(dst[n:], raw[i:i+run])
			if i += run; i == len(raw) {
				break
			}
		}
		b, length := commonReference(raw[i:])
		if length == 0 {
			break
		}
		dst[n] = b
		n++
		i += length
	}
	return dst[:n], i
}

// commonReference decodes the references that texts are full of; length is 0 for any other, and for what is no reference.
func commonReference(b []byte) (c byte, length int) {
	if len(b) < 6 || b[0] != '&' {
		return 0, 0
	}
	switch {
	case b[1] == 'l' && b[2] == 't' && b[3] == ';':
		return '<', 4
	case b[1] == 'g' && b[2] == 't' && b[3] == ';':
		return '>', 4
	case b[1] == '#' && b[2] == 'x' && b[3] == 'D' && b[4] == ';':
		return '\r', 5
	case b[1] == 'a' && b[2] == 'm' && b[3] == 'p' && b[4] == ';':
		return '&', 5
	case b[1] == 'q' && b[2] == 'u' && b[3] == 'o' && b[4] == 't' && b[5] == ';':
		return '"', 6
	}
	return 0, 0
}

// partialRune returns how many bytes at b's end may be the beginning of a longer character.
func partialRune(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// appendRun appends text without references, replacing what is no UTF-8 or no XML character.
func (s *Scanner) appendRun(dst, run []byte) []byte {
	if utf8.Valid(run) && !bytes.Contains(run, []byte("\xEF\xBF")) {
		return append(dst, run...)
	}
	for i := 0; i < len(run); {
		if c := run[i]; c < utf8.RuneSelf {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(run[i:])
		if r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF {
			s.repaired++
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst
}

const maxReference = 12 // "&#x0010FFFF;" is the longest that means anything

// reference decodes the reference at b's start: its character and length. A negative character is one that XML forbids. n is 0
// when b ends too early to tell and is not final. What is no reference is a stray ampersand, kept as it is.
func reference(b []byte, final bool) (r rune, n int) {
	end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
	if end < 0 {
		if !final && len(b) < maxReference {
			return 0, 0
		}
		return '&', 1
	}
	switch string(b[1:end]) {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	v, ok := charRef(b[1:end])
	if !ok {
		return '&', 1
	}
	n = end + 1
	if v >= 0xD800 && v < 0xDC00 { // half a pair: some servers write both halves as references
		rest := b[n:]
		if len(rest) < maxReference && !final && bytes.IndexByte(rest, ';') < 0 && (len(rest) == 0 || rest[0] == '&') {
			return 0, 0
		}
		if e := bytes.IndexByte(rest[:min(len(rest), maxReference)], ';'); e > 1 && rest[0] == '&' {
			if lo, ok := charRef(rest[1:e]); ok && lo >= 0xDC00 && lo < 0xE000 {
				return 0x10000 + rune(v-0xD800)<<10 + rune(lo-0xDC00), n + e + 1
			}
		}
	}
	if !xmlChar(v) {
		return -1, n
	}
	return rune(v), n
}

// charRef decodes the inside of a numeric character reference, "#13" or "#xD".
func charRef(b []byte) (v uint32, ok bool) {
	if len(b) < 2 || b[0] != '#' {
		return 0, false
	}
	b = b[1:]
	base := uint32(10)
	if b[0] == 'x' || b[0] == 'X' {
		base, b = 16, b[1:]
	}
	for _, c := range b {
		d := uint32(16)
		switch {
		case c >= '0' && c <= '9':
			d = uint32(c - '0')
		case c >= 'a' && c <= 'f':
			d = uint32(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = uint32(c-'A') + 10
		}
		if d >= base {
			return 0, false
		}
		v = min(v*base+d, 0x110000)
	}
	return v, len(b) > 0
}

// xmlChar reports whether XML 1.0 allows the character (production 2).
func xmlChar(v uint32) bool {
	return v == '\t' || v == '\n' || v == '\r' || v >= 0x20 && v < 0xD800 || v >= 0xE000 && v < 0xFFFE || v >= 0x10000 && v <= 0x10FFFF
}

// run returns the next stretch of the current element's own text, undecoded unless cdata, and nil when the element has been closed
// or the scanner failed. last tells that markup follows, so that nothing can complete what is unfinished. It consumes nothing:
// the caller moves pos.
func (s *Scanner) run(atLeast int) (raw []byte, last, cdata bool) {
	if s.empty && s.err == nil {
		s.pop()
		return nil, true, false
	}
	for s.err == nil {
		if s.inCDATA {
			if i := bytes.Index(s.buf[s.pos:s.end], []byte("]]>")); i == 0 {
				s.pos += 3
				s.inCDATA = false
				continue
			} else if i > 0 {
				return s.buf[s.pos : s.pos+i], true, true
			}
			if n := s.end - s.pos - 2; n >= max(atLeast, 1) { // the last two bytes may begin the mark
				return s.buf[s.pos : s.pos+n], false, true
			}
			if !s.fill() {
				s.unexpectedEOF()
			}
			continue
		}
		i := bytes.IndexByte(s.buf[s.pos:s.end], '<')
		if i > 0 {
			return s.buf[s.pos : s.pos+i], true, false
		}
		if i < 0 {
			if n := s.end - s.pos; n >= max(atLeast, 1) {
				return s.buf[s.pos:s.end], false, false
			}
			if !s.fill() {
				s.unexpectedEOF()
			}
			continue
		}
		if !s.need(2) {
			break
		}
		switch s.buf[s.pos+1] {
		case '/':
			s.endTag()
			return nil, true, false
		case '?':
			s.instruction()
		case '!':
			s.declaration(true)
		default: // a child where text was expected
			if s.startTag() == kindStart {
				s.Skip()
			}
		}
	}
	return nil, true, false
}

// appendText appends the next stretch of decoded text to dst; more is false when the element has been closed or the scanner failed.
func (s *Scanner) appendText(dst []byte) (out []byte, more bool) {
	for atLeast := 1; ; {
		raw, last, cdata := s.run(atLeast)
		if raw == nil {
			return dst, false
		}
		n := len(raw)
		switch {
		case cdata:
			dst, n = s.decodeCDATA(dst, raw, last)
		case clean(raw):
			dst = append(dst, raw...)
		default:
			dst, n = s.decode(dst, raw, last)
		}
		s.pos += n
		if n > 0 {
			return dst, true
		}
		atLeast = len(raw) + 1 // an unfinished reference or character: wait for more
	}
}

// decodeCDATA is decode for a CDATA section's content, in which nothing is a reference.
func (s *Scanner) decodeCDATA(dst, raw []byte, final bool) (out []byte, consumed int) {
	for consumed < len(raw) {
		rest := raw[consumed:]
		if rest[0] == '&' {
			dst = append(dst, '&')
			consumed++
			continue
		}
		n, last := bytes.IndexByte(rest, '&'), true
		if n < 0 {
			n, last = len(rest), final
		}
		var used int
		dst, used = s.decode(dst, rest[:n], last)
		consumed += used
		if used < n {
			break
		}
	}
	return dst, consumed
}

// TextBytes returns the whole text of the current element and closes it; child elements in it are skipped. The bytes are valid
// until the scanner moves. Longer texts than Limits.TextBytes fail with a *LimitError; see TextReader for those.
func (s *Scanner) TextBytes() []byte {
	if s.err != nil || len(s.frames) == 0 {
		return nil
	}
	if !s.empty && !s.inCDATA {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '<'); i >= 0 { // the usual case: all of it in the window, nothing to decode
			raw := s.buf[s.pos : s.pos+i]
			want := s.raw()
			at := s.pos + i
			if n := at + 2 + len(want); n < s.end && s.buf[at+1] == '/' && s.buf[n] == '>' && string(s.buf[at+2:n]) == want && i <= s.lim.TextBytes {
				if !clean(raw) {
					s.scratch, _ = s.decode(s.scratch[:0], raw, true)
					raw = s.scratch
				}
				s.pos = n + 1
				s.pop()
				return raw
			}
		}
	}
	s.scratch = s.scratch[:0]
	for more := true; more; {
		s.scratch, more = s.appendText(s.scratch)
		if len(s.scratch) > s.lim.TextBytes {
			s.Fail(&LimitError{"bytes of a text", int64(s.lim.TextBytes)})
		}
	}
	if s.err != nil {
		return nil
	}
	return s.scratch
}

// Text is TextBytes as a string.
func (s *Scanner) Text() string { return string(s.TextBytes()) }

// TextReader returns a reader of the current element's text, of any length, in constant memory. It ends at the element's end tag,
// which closes the element. It is valid until the scanner is used otherwise.
func (s *Scanner) TextReader() io.Reader { return &textReader{s: s, depth: len(s.frames)} }

type textReader struct {
	s     *Scanner
	depth int
	rest  []byte
}

func (t *textReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(t.rest) == 0 {
		if t.s.err != nil {
			return 0, t.s.err
		}
		if t.depth == 0 || len(t.s.frames) != t.depth {
			return 0, io.EOF
		}
		t.s.scratch, _ = t.s.appendText(t.s.scratch[:0])
		t.rest = t.s.scratch
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}
