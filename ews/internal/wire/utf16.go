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
	endian, ok := endianOf(s.buf[s.pos:s.end])
	if !ok {
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

// endianOf reports whether a document begins in UTF-16, and in which byte order.
func endianOf(b []byte) (endian unicode.Endianness, ok bool) {
	if len(b) < 2 {
		return false, false
	}
	switch string(b[:2]) {
	case "\xFF\xFE", "<\x00":
		return unicode.LittleEndian, true
	case "\xFE\xFF", "\x00<":
		return unicode.BigEndian, true
	}
	return false, false
}

// UTF8 returns a whole body in UTF-8 if it begins in UTF-16, otherwise as it is: for looking into answers before it is known what they are.
func UTF8(body []byte) []byte {
	endian, ok := endianOf(body)
	if !ok {
		return body
	}
	out, err := unicode.UTF16(endian, unicode.UseBOM).NewDecoder().Bytes(body)
	if err != nil { // a BOM is not asked for, and the rest is replaced where it is wrong
		return body
	}
	return out
}
