package wire

import "bytes"

// Content is what an element held, byte for byte, to recognise where it comes again: a message's From is nearly always its Sender. It
// holds for the Scanner that it was taken from, and only there.
type Content struct {
	raw   []byte
	gen   uint32 // the declarations it was read under
	depth int
}

// Forget makes c match nothing.
func (c *Content) Forget() { c.raw = c.raw[:0] }

// Mark is a place in the input, for Keep.
type Mark struct {
	at       int64
	repaired int
}

// Mark returns the place behind the current element's start tag, if nothing of it has been read yet.
func (s *Scanner) Mark() Mark { return Mark{s.Offset(), s.repaired} }

// Keep makes c the content of the element that was opened at m and has just been closed. It keeps nothing of one that did not stand in
// the window as a whole, or in which something was repaired.
func (s *Scanner) Keep(c *Content, m Mark) {
	c.Forget()
	from := m.at - (s.read - int64(s.end))
	raw, ok := bytes.CutSuffix(s.buf[max(from, 0):s.pos], []byte(s.table.entries[s.hint>>1].end))
	if ok && from >= 0 && s.err == nil && s.repaired == m.repaired {
		c.raw, c.gen, c.depth = append(c.raw, raw...), s.gen, len(s.frames)+1
	}
}

// Repeats reports whether the current element, of which nothing has been read yet, holds c again. It is closed then; otherwise nothing
// has happened.
func (s *Scanner) Repeats(c *Content) bool {
	if len(c.raw) == 0 || c.gen != s.gen || c.depth != len(s.frames) || s.err != nil || s.empty || s.inCDATA {
		return false
	}
	rest, ok := bytes.CutPrefix(s.buf[s.pos:s.end], c.raw)
	end := s.table.entries[s.cur].end
	if !ok || len(rest) < len(end) || string(rest[:len(end)]) != end {
		return false
	}
	s.pos += len(c.raw) + len(end)
	s.pop()
	return true
}
