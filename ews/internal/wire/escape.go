package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// escape appends s so that a reader gets back exactly s, carriage returns included, but for what XML cannot carry.
func (w *Writer) escape(s string, attr bool) {
	quote := uint64(0)
	if attr {
		quote = '&' - '"' // one bit
	}
	buf := w.buf
	for i := 0; i < len(s); {
		if i+8 <= len(s) { // eight bytes that stand for themselves, or as many as do
			v := eight(s[i:])
			buf = binary.LittleEndian.AppendUint64(buf, v)
			special := notPlain(v, quote) & highs
			if special == 0 {
				i += 8
				continue
			}
			n := bits.TrailingZeros64(special) / 8
			buf = buf[:len(buf)-8+n]
			i += n
		}
		n := 1
		switch c := s[i]; {
		case c == '<':
			buf = append(buf, "&lt;"...)
		case c == '>':
			buf = append(buf, "&gt;"...)
		case c == '&':
			buf = append(buf, "&amp;"...)
		case c == '\r':
			buf = append(buf, "&#xD;"...)
		case c == '"' && attr:
			buf = append(buf, "&quot;"...)
		case c == '\n' && attr:
			buf = append(buf, "&#xA;"...)
		case c == '\t' && attr:
			buf = append(buf, "&#x9;"...)
		case c < 0x20 && c != '\n' && c != '\t':
			w.buf = buf // it looks there
			buf = append(buf, w.illegal(s, i)...)
		case c >= utf8.RuneSelf:
			if n = foreign(s[i:]); n > 0 {
				buf = append(buf, s[i:i+n]...)
				break
			}
			_, n = utf8.DecodeRuneInString(s[i:])
			w.buf = buf
			buf = append(buf, w.illegal(s, i)...)
		default:
			buf = append(buf, c)
		}
		i += n
	}
	w.buf = buf
}

// foreign returns how many bytes at s's start are characters beyond ASCII that XML can carry.
func foreign(s string) int {
	i := 0
	for i < len(s) && s[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF {
			break
		}
		i += n
	}
	return i
}

// eight returns the first eight bytes of s, the first one lowest.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// notPlain is unusual for what is written: it finds '<' and '>' besides, which differ in one bit, and what the bit in quote makes '&'.
func notPlain(v, quote uint64) uint64 {
	return unusual(v|quote*ones) | (((v | ('<'^'>')*ones) ^ '>'*ones) - ones)
}

// illegal says how to write what stands at s[i].
func (w *Writer) illegal(s string, i int) string {
	r, n := utf8.DecodeRuneInString(s[i:])
	broken := r == utf8.RuneError && n == 1
	switch {
	case w.Strict:
		// Values are escaped: the last bracket is that of the tag which the text is in, or follows.
		tag := strings.TrimLeft(string(w.buf[bytes.LastIndexByte(w.buf, '<')+1:]), "/")
		if end := strings.IndexAny(tag, " >"); end >= 0 {
			tag = tag[:end]
		}
		what := fmt.Sprintf("byte %d is %U, which XML cannot carry", i, r)
		if broken {
			what = fmt.Sprintf("byte %d (0x%02X) is not UTF-8", i, s[i])
		}
		w.Fail(&TextError{Element: tag, What: what})
	case w.KeepIllegal && !broken:
		return fmt.Sprintf("&#x%X;", r)
	}
	return "\uFFFD"
}

// TextError is a text of a Strict Writer that XML cannot carry as it is.
type TextError struct{ Element, What string }

func (e *TextError) Error() string { return e.Element + ": " + e.What }
