package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

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

// decodeFast is decode for text in which nothing is to be repaired, in one pass. It stops at the first thing that is not usual:
// consumed says where.
func decodeFast(dst, raw []byte) (out []byte, consumed int) {
	n := len(dst)
	dst = slices.Grow(dst, len(raw)+8)[:n+len(raw)+8] // nothing gets longer by decoding; eight bytes are written at a time
	i := 0
	for i < len(raw) {
		if i+8 <= len(raw) {
			v := binary.LittleEndian.Uint64(raw[i:])
			binary.LittleEndian.PutUint64(dst[n:], v)
			found := unusual(v) & highs
			if found == 0 {
				i += 8
				n += 8
				continue
			}
			ordinary := bits.TrailingZeros64(found) / 8
			i += ordinary
			n += ordinary
		}
		switch c := raw[i]; {
		case c == '&':
			b, length := commonReference(raw[i:])
			if length == 0 {
				return dst[:n], i
			}
			dst[n] = b
			n++
			i += length
		case c >= 0xC2 && c < 0xE0 && i+1 < len(raw) && raw[i+1]&0xC0 == 0x80:
			dst[n], dst[n+1] = c, raw[i+1]
			n += 2
			i += 2
		case c >= utf8.RuneSelf:
			r, length := utf8.DecodeRune(raw[i:])
			if r >= 0xFFFD && r <= 0xFFFF {
				return dst[:n], i
			}
			n += copy(dst[n:], raw[i:i+length])
			i += length
		case c >= 0x20 || c == '\n' || c == '\t':
			dst[n] = c
			n++
			i++
		default: // a control, or a line end
			return dst[:n], i
		}
	}
	return dst[:n], i
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
