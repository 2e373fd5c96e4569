package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"

	vector "github.com/segmentio/asm/base64"
)

// Base64Reader returns a reader of what the current element's text encodes in base64 (RFC 4648 section 4; white space is ignored), of
// any length, in constant memory. It ends at the element's end tag, which closes the element. A character outside of the
// alphabet, data behind the padding and a missing end are errors, and fail the scanner. It is valid until the scanner is used otherwise.
func (s *Scanner) Base64Reader() io.Reader { return &base64Reader{s: s, depth: len(s.frames)} }

type base64Reader struct {
	s       *Scanner
	depth   int
	quantum [4]byte // values of an unfinished group of four
	have    int
	padding int
	out     [3]byte // decoded, not yet handed out
	outLen  int
	done    bool
	broken  bool // into lines, or bad
}

func (b *base64Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if b.outLen > 0 {
			c := copy(p[n:], b.out[:b.outLen])
			n += c
			b.outLen = copy(b.out[:], b.out[c:b.outLen])
			continue
		}
		if b.done {
			break
		}
		if n > 0 && b.s.pos == b.s.end {
			return n, nil // what follows must be waited for
		}
		raw, _, cdata := b.s.run(1)
		if raw == nil {
			b.finish()
			continue
		}
		if b.have == 0 && b.padding == 0 {
			if c := b.quanta(p[n:], raw); c > 0 {
				b.s.pos += c
				n += c / 4 * 3
				continue
			}
		}
		used := b.slow(raw, cdata) // may move the window
		b.s.pos += used
	}
	if b.s.err != nil {
		return n, b.s.err
	}
	if n == 0 && len(p) > 0 && b.done {
		return 0, io.EOF
	}
	return n, nil
}

// vectors tells that vector is more than another name of encoding/base64, which the tables below beat.
var vectors = func() bool {
	_, standard := any(vector.StdEncoding).(*base64.Encoding)
	return !standard
}()

// minVector is from how many letters on vector code is used. It needs 45 itself.
const minVector = 64

// quanta is decodeQuanta at the pace of vector instructions, while the text is one long line, as Exchange writes it.
func (b *base64Reader) quanta(dst, src []byte) (used int) {
	groups := min(len(src)/4, len(dst)/3)
	if groups > 0 && src[groups*4-1] == '=' { // the last group of all
		groups--
	}
	if vectors && !b.broken && groups*4 >= minVector {
		n, err := vector.StdEncoding.Decode(dst[:groups*3], src[:groups*4])
		if err == nil && n == groups*3 {
			return groups * 4
		}
		b.broken = true // it passes over line ends without saying how many: the tables find them
	}
	return decodeQuanta(dst, src)
}

// finish is called at the end of the text.
func (b *base64Reader) finish() {
	b.done = true
	if b.s.err == nil && b.have != 0 {
		b.s.syntax("base64 text with an unfinished group of four")
	}
}

// slow takes characters one at a time until a group of four is complete; it returns how many it used.
func (b *base64Reader) slow(raw []byte, cdata bool) int {
	for i, c := range raw {
		if c == '&' && !cdata {
			if i > 0 {
				return i
			}
			return b.reference()
		}
		if b.take(c) {
			return i + 1
		}
	}
	return len(raw)
}

// take takes one character, and reports whether it completes a group of four, or is wrong.
func (b *base64Reader) take(c byte) bool {
	switch {
	case isSpace(c):
		return false
	case c == '=':
		if b.have < 2 || b.have+b.padding >= 4 {
			b.s.syntax("misplaced base64 padding")
			return true
		}
		b.padding++
		if b.have+b.padding < 4 {
			return false
		}
	default:
		v := base64Value(c)
		if v < 0 || b.padding > 0 {
			b.s.syntax("character that is no base64")
			return true
		}
		b.quantum[b.have] = byte(v)
		b.have++
		if b.have < 4 {
			return false
		}
	}
	q := b.quantum
	b.out = [3]byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
	b.outLen = b.have - 1
	b.quantum = [4]byte{}
	b.have = 0
	return true
}

// reference consumes a reference inside base64 text, mostly a line end (&#xD;).
func (b *base64Reader) reference() int {
	s := b.s
	for s.end-s.pos < maxReference && bytes.IndexByte(s.buf[s.pos:s.end], ';') < 0 {
		if !s.fill() {
			break
		}
	}
	raw := s.buf[s.pos:s.end]
	r, n := reference(raw, true)
	if r < 0 || r > 0x7F {
		s.syntax("character that is no base64")
		return 0
	}
	b.take(byte(r))
	return n
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// Four tables, one for each place of a group, hold a character's bits where they belong; invalid sets bits no group has. They serve lines,
// what lies between two windows, and machines without vector code. Measured on one core: 2.3 GB/s of base64, against 1.4 of
// encoding/base64. segmentio/asm reads 15 (AVX2, NEON), which is half of the CPU that a download takes; its decoder writes whole
// vectors and stays within the destination as long as that holds what all of the source gives: TestBase64WithinBounds.
const invalid = 0xFF000000

var place0, place1, place2, place3 = func() (a, b, c, d [256]uint32) {
	for i := range 256 {
		v := base64Value(byte(i))
		if v < 0 {
			a[i], b[i], c[i], d[i] = invalid, invalid, invalid, invalid
			continue
		}
		a[i], b[i], c[i], d[i] = uint32(v)<<18, uint32(v)<<12, uint32(v)<<6, uint32(v)
	}
	return
}()

// decodeQuanta decodes whole groups of four from src into dst until either is used up, or a group holds anything but the 64
// letters. It returns the number of letters used: 4 for each 3 bytes written.
func decodeQuanta(dst, src []byte) (used int) {
	groups := min(len(src)/4, len(dst)/3)
	src = src[:groups*4]
	d := 0
	for len(src) >= 8 && len(dst)-d >= 8 {
		v := place0[src[0]] | place1[src[1]] | place2[src[2]] | place3[src[3]]
		w := place0[src[4]] | place1[src[5]] | place2[src[6]] | place3[src[7]]
		if (v|w)&invalid != 0 {
			break
		}
		binary.BigEndian.PutUint64(dst[d:], uint64(v)<<40|uint64(w)<<16)
		src = src[8:]
		d += 6
	}
	for len(src) >= 4 {
		v := place0[src[0]] | place1[src[1]] | place2[src[2]] | place3[src[3]]
		if v&invalid != 0 {
			break
		}
		dst[d], dst[d+1], dst[d+2] = byte(v>>16), byte(v>>8), byte(v)
		src = src[4:]
		d += 3
	}
	return d / 3 * 4
}
