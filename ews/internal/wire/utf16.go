package wire

import (
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// utf16 reads on in UTF-8 where the first bytes of the input say that it is UTF-16, and reports whether they do. Exchange answers in UTF-8;
// what stands in front of it, and recordings, may have the other encoding that every reader of XML must know (XML 1.0 section 4.3.3).
func (s *Scanner) utf16() bool {
	if s.recoded || s.docs > 0 || !s.need(2) {
		return false
	}
	endian := unicode.LittleEndian
	switch string(s.buf[s.pos : s.pos+2]) {
	case "\xFF\xFE", "<\x00":
	case "\xFE\xFF", "\x00<":
		endian = unicode.BigEndian
	default:
		return false
	}
	rest := io.Reader(bytes.NewReader(bytes.Clone(s.buf[s.pos:s.end])))
	if !s.eof {
		rest = io.MultiReader(rest, s.r)
	}
	s.r = unicode.UTF16(endian, unicode.UseBOM).NewDecoder().Reader(rest)
	s.recoded, s.eof, s.pos, s.end = true, false, 0, 0
	return true
}
