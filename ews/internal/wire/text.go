package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// unusual returns eight bytes of text with the highest bit set in each that is no ASCII, a control or '&'; bits above the lowest of those
// may be set wrongly.
func unusual(v uint64) uint64 {
	return v | (v - 0x20*ones) | ((v ^ '&'*ones) - ones)
}

// clean reports whether a text run needs no work: ASCII without controls and without '&'.
func clean(b []byte) bool {
	for len(b) >= 8 {
		if unusual(binary.LittleEndian.Uint64(b))&highs != 0 {
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

// textEnd returns where markup follows the text at b's start, or -1. plain tells that the text needs no work: see clean.
func textEnd(b []byte) (end int, plain bool) {
	i := 0
	for ; i+8 <= len(b); i += 8 { // most texts are short
		v := binary.LittleEndian.Uint64(b[i:])
		if found := (unusual(v) | ((v ^ '<'*ones) - ones)) & highs; found != 0 { // the lowest bit is exact
			i += bits.TrailingZeros64(found) / 8
			if b[i] == '<' {
				return i, true
			}
			break
		}
	}
	if end = bytes.IndexByte(b[i:], '<'); end < 0 {
		return -1, false
	}
	return i + end, false
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

// TextBytes returns the whole text of the current element and closes it; child elements in it are skipped. The bytes are valid
// until the scanner moves. Longer texts than Limits.TextBytes fail with a *LimitError; see TextReader for those.
func (s *Scanner) TextBytes() []byte {
	if s.learning != nil {
		s.Unlearn()
	}
	return s.textBytes()
}

// wholeText returns the current element's text as written, and its length with the end tag: 0 if that does not follow in the window.
func (s *Scanner) wholeText() (raw []byte, plain bool, length int) {
	if s.empty || s.inCDATA {
		return nil, false, 0
	}
	rest := s.buf[s.pos:s.end]
	i, plain := textEnd(rest)
	if end := s.table.entries[s.cur].end; i >= 0 && i <= s.lim.TextBytes {
		if n := i + len(end); n <= len(rest) && string(rest[i:n]) == end {
			return rest[:i], plain, n
		}
	}
	return nil, false, 0
}

func (s *Scanner) textBytes() []byte {
	if s.err != nil || s.cur == 0 {
		return nil
	}
	if raw, plain, length := s.wholeText(); length > 0 { // the usual case
		if !plain {
			s.scratch, _ = s.decode(s.scratch[:0], raw, true)
			raw = s.scratch
		}
		s.pos += length
		s.pop()
		return raw
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
func (s *Scanner) TextReader() io.Reader {
	s.Unlearn()
	return &textReader{s: s, depth: len(s.frames)}
}

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
