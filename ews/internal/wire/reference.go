package wire

import (
	"bytes"
	"encoding/binary"
)

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

// commonReference decodes the references that texts are full of; length is 0 for any other, and for what is no reference.
func commonReference(b []byte) (c byte, length int) {
	if len(b) < 4 {
		return 0, 0
	}
	switch binary.LittleEndian.Uint32(b) {
	case '&' | 'l'<<8 | 't'<<16 | ';'<<24:
		return '<', 4
	case '&' | 'g'<<8 | 't'<<16 | ';'<<24:
		return '>', 4
	case '&' | '#'<<8 | 'x'<<16 | 'D'<<24:
		if len(b) > 4 && b[4] == ';' {
			return '\r', 5
		}
	case '&' | 'a'<<8 | 'm'<<16 | 'p'<<24:
		if len(b) > 4 && b[4] == ';' {
			return '&', 5
		}
	case '&' | 'q'<<8 | 'u'<<16 | 'o'<<24:
		if len(b) > 5 && b[4] == 't' && b[5] == ';' {
			return '"', 6
		}
	}
	return 0, 0
}
