package wire

import (
	"encoding/binary"
	"math/bits"
)

// value is an attribute's value in a tag that is expected.
type value struct {
	name    int    // bytes from the attribute's name to the value
	nameLen int    // bytes of the name
	rest    string // what follows the value, its quote first, up to the next one or the tag's end
}

const (
	maxExpected     = 256 // bytes of a tag besides its values; those of real answers have less than a hundred
	maxExpectedVals = 4
)

// expect remembers how the current start tag, buf[pos:end], was written, as the answer will have more of its kind.
func (s *Scanner) expect(n uint16, end int) {
	e := &s.table.entries[n]
	learned := len(e.tag) != len(e.end)-1
	if learned || len(s.attrs) > maxExpectedVals || int(s.frames[len(s.frames)-1].binds) < len(s.binds) {
		return
	}
	length, at := end-s.pos, end
	for _, a := range s.attrs {
		length -= a.valueEnd - a.value
	}
	if length > maxExpected {
		return
	}
	var values []value
	for i, a := range s.attrs {
		rest := end
		if i+1 < len(s.attrs) {
			rest = s.attrs[i+1].value
		}
		values = append(values, value{a.value - a.name, a.nameEnd - a.name, string(s.buf[a.valueEnd:rest])})
		at = min(at, a.value)
	}
	e.tag, e.values = string(s.buf[s.pos:at]), values
}

// expected reads the values of a tag at pos that begins as e says, and returns the tag's length; 0 when it goes on otherwise.
func (s *Scanner) expected(e *entry) int {
	if len(e.values) > s.lim.Attributes {
		return 0
	}
	at := s.pos + len(e.tag)
	for i := range e.values {
		v := &e.values[i]
		n := plainValue(s.buf[at:s.end])
		end := at + n
		if n < 0 || len(v.rest) > s.end-end || string(s.buf[end:end+len(v.rest)]) != v.rest {
			return 0
		}
		name := at - v.name
		s.attrs = append(s.attrs, attribute{name, name + v.nameLen, at, end, true})
		at = end + len(v.rest)
	}
	return at - s.pos
}

// plainValue returns the length of the attribute's value at b's start if it needs no work: see clean. It is negative for any other.
func plainValue(b []byte) int {
	for i := 0; i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		if found := (unusual(v) | ((v ^ '"'*ones) - ones) | ((v ^ '<'*ones) - ones)) & highs; found != 0 {
			if i += bits.TrailingZeros64(found) / 8; b[i] == '"' {
				return i
			}
			break
		}
	}
	return -1
}
