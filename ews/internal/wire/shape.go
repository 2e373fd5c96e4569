package wire

import "strings"

// Label is a decoder's own name for a value that it takes from an element; see Shape.
type Label uint8

// Shape is how the elements of one kind were written so far: the markup that stood between the values a decoder took from them. Answers repeat
// themselves, so that the next message of a listing is mostly read by comparing it with that markup, which takes half the time of reading
// tag by tag:
//
//	if s.Replay(&shape) {
//		n, _ := shape.Values(0)
//		for i := range n {
//			label, text := s.Replayed(&shape, i)
//			...
//		}
//	} else {
//		s.Learn(&shape)
//		... // read it with TextAs and AttrAs
//		s.Learned()
//	}
//
// A shape is a graph. Its places are where a value ended: in which elements, of which label. Its edges are the markup up to a next value. What is
// written in a combination of known edges is known, however the optional elements are mixed. Places that differ in the elements around
// them are different, so that any way through the graph is well-formed, and means what reading tag by tag would have made of it.
//
// The zero Shape knows nothing. What it knows is forgotten with the Scanner's answer.
type Shape struct {
	of     *Scanner
	gen    uint32 // the declarations it was learned under
	depth  int    // of the elements
	places []place
	find   map[placeKey]uint16
	size   int // bytes of markup
	credit int // falls with every element that is read tag by tag: it is not worth the while where all of them differ

	values []replayed

	// Of the element that is being learned.
	from    int64 // the offset where the markup begins
	lessons []lesson
}

const (
	maxPlaces = 512
	maxEdges  = 8       // from one place
	maxMarkup = 1 << 10 // bytes of one edge
	maxShape  = 64 << 10
	maxPath   = 6

	firstCredit = 16 // elements read in vain before trying ends
	maxCredit   = 64
)

// form is how a value is written.
type form uint8

const (
	formText form = iota // up to the next markup
	formAttr             // up to the next quote
	formNone             // an empty element's
	formEnd              // the element's end: no value
)

// placeKey tells places apart.
type placeKey struct {
	path  [maxPath]uint16
	form  form
	label Label
}

type place struct {
	edges   []edge
	longest int // bytes of their markup
}

type edge struct {
	markup string
	to     uint16
	form   form
	label  Label
}

type lesson struct {
	edge
	key placeKey
}

// replayed is a value in the window.
type replayed struct {
	start, end int
	label      Label
	plain      bool
}

// Replay reads the current element, of which nothing has been read yet, to its end, if all of it stands in the window and is written as sh knows. It
// returns false otherwise, and nothing has happened.
func (s *Scanner) Replay(sh *Shape) bool {
	if sh.of != s || sh.gen != s.gen || sh.depth != len(s.frames) || s.err != nil || s.empty || s.inCDATA {
		return false
	}
	for {
		n, short := s.match(sh)
		if n >= 0 {
			s.pos += n
			s.pop()
			sh.credit = min(sh.credit+1, maxCredit)
			return true
		}
		if !short || !s.fill() {
			return false
		}
	}
}

// match compares what stands at pos with sh and notes the values. It returns the length of the whole, or -1; short tells that more input may
// make it fit.
func (s *Scanner) match(sh *Shape) (length int, short bool) {
	buf := s.buf[:s.end]
	at := s.pos
	sh.values = sh.values[:0]
	p := &sh.places[0]
	for {
		rest := buf[at:]
		var e *edge
		for i := range p.edges {
			if c := &p.edges[i]; len(c.markup) <= len(rest) && string(rest[:len(c.markup)]) == c.markup {
				if i > 0 { // what comes often shall be found first
					p.edges[i], p.edges[i-1] = p.edges[i-1], p.edges[i]
					c = &p.edges[i-1]
				}
				e = c
				break
			}
		}
		if e == nil {
			return -1, len(rest) < p.longest
		}
		at += len(e.markup)
		v := replayed{at, at, e.label, true}
		switch e.form {
		case formText:
			n, plain := textEnd(buf[at:])
			if n < 0 {
				return -1, true
			}
			if n > s.lim.TextBytes {
				return -1, false
			}
			at += n
			v.end, v.plain = at, plain
		case formAttr:
			n := plainValue(buf[at:])
			if n < 0 {
				return -1, len(buf)-at < maxMarkup // perhaps it was cut
			}
			at += n
			v.end = at
		case formEnd:
			if !strings.HasSuffix(e.markup, s.table.entries[s.cur].end) { // of an element of another name
				return -1, false
			}
			return at - s.pos, false
		}
		sh.values = append(sh.values, v)
		p = &sh.places[e.to]
	}
}

// Values returns the number of values that the last Replay found, and of bytes in those whose label is at most last.
func (sh *Shape) Values(last Label) (n, bytes int) {
	for i := range sh.values {
		if v := &sh.values[i]; v.label <= last {
			bytes += v.end - v.start
		}
	}
	return len(sh.values), bytes
}

// Replayed returns a value that Replay found, valid until the Scanner moves or the next one is asked for.
func (s *Scanner) Replayed(sh *Shape, i int) (Label, []byte) {
	v := &sh.values[i]
	raw := s.buf[v.start:v.end]
	if !v.plain {
		s.scratch, _ = s.decode(s.scratch[:0], raw, true)
		raw = s.scratch
	}
	return v.label, raw
}

// Learn makes sh remember how the current element is written, of which nothing has been read yet. Until Learned, the decoder takes what it makes use of
// with TextAs and AttrAs, may look at names and at ConstAttr, and calls Unlearn where it does anything else.
func (s *Scanner) Learn(sh *Shape) {
	if s.learning != nil || s.empty || s.inCDATA || s.err != nil {
		return
	}
	if sh.of != s {
		sh.of, sh.gen, sh.credit = s, s.gen-1, firstCredit
	}
	if sh.credit == 0 {
		return
	}
	sh.credit--
	if sh.gen != s.gen || sh.depth != len(s.frames) {
		sh.gen, sh.depth, sh.size = s.gen, len(s.frames), 0
		sh.places, sh.find = make([]place, 1, 64), map[placeKey]uint16{}
	}
	sh.from, sh.lessons = s.Offset(), sh.lessons[:0]
	s.learning = sh
}

// Unlearn ends what Learn began: the current element is not to be remembered.
func (s *Scanner) Unlearn() { s.learning = nil }

// Learned ends what Learn began, after the element has been closed.
func (s *Scanner) Learned() {
	sh := s.learning
	s.learning = nil
	if sh != nil && s.err == nil && s.gen == sh.gen && len(s.frames) == sh.depth-1 && sh.lesson(s, formEnd, 0, s.pos, s.pos) {
		sh.commit()
	}
}

// lesson notes the markup up to the value at buf[start:end] of s, and which that is. It returns false when the element cannot be remembered.
func (sh *Shape) lesson(s *Scanner, f form, l Label, start, end int) bool {
	base := s.read - int64(s.end) // the offset of the window's first byte
	from := int(sh.from - base)
	if from < 0 || start < from || start-from > maxMarkup || len(sh.lessons) == maxPlaces {
		return false
	}
	n := lesson{edge: edge{markup: string(s.buf[from:start]), form: f, label: l}, key: placeKey{form: f, label: l}}
	if f != formEnd {
		open := s.frames[sh.depth:]
		if len(open) == 0 || len(open) > maxPath {
			return false
		}
		for i := range open[1:] {
			n.key.path[i] = open[i+1].outer
		}
		n.key.path[len(open)-1] = s.cur
	}
	sh.lessons = append(sh.lessons, n)
	sh.from = base + int64(end)
	return true
}

// commit adds what was learned to the graph.
func (sh *Shape) commit() {
	at := uint16(0)
	for _, n := range sh.lessons {
		if n.form != formEnd {
			to, ok := sh.find[n.key]
			if !ok {
				if len(sh.places) == maxPlaces {
					return
				}
				to = uint16(len(sh.places))
				sh.places = append(sh.places, place{})
				sh.find[n.key] = to
			}
			n.to = to
		}
		p := &sh.places[at]
		known := false
		for i := range p.edges {
			known = known || p.edges[i] == n.edge
		}
		if !known {
			if sh.size+len(n.markup) > maxShape {
				return
			}
			if len(p.edges) == maxEdges {
				p.edges = p.edges[:maxEdges-1] // the one that came least
			}
			sh.size += len(n.markup)
			p.edges = append(p.edges, n.edge)
			p.longest = max(p.longest, len(n.markup))
		}
		at = n.to
	}
}

// TextAs is TextBytes for a value that the decoder calls l.
func (s *Scanner) TextAs(l Label) []byte {
	sh := s.learning
	if sh == nil {
		return s.textBytes()
	}
	s.learning = nil
	raw, _, length := s.wholeText()
	f := formText
	switch {
	case s.err != nil || s.inCDATA:
		return s.textBytes()
	case s.empty:
		f, raw = formNone, nil
	case length == 0: // not as usual
		return s.textBytes()
	}
	if sh.lesson(s, f, l, s.pos, s.pos+len(raw)) {
		s.learning = sh
	}
	return s.textBytes()
}

// AttrAs is AttrBytes for a value that the decoder calls l.
func (s *Scanner) AttrAs(local string, l Label) ([]byte, bool) {
	value, ok := s.ConstAttr(local)
	if !ok || s.learning == nil && !s.noting {
		return value, ok
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		if string(s.buf[a.name:a.nameEnd]) != local {
			continue
		}
		if s.noting {
			s.note(a, l)
		}
		if sh := s.learning; sh != nil && (s.buf[a.valueEnd] != '"' || !sh.lesson(s, formAttr, l, a.value, a.valueEnd)) {
			s.learning = nil
		}
		break
	}
	return value, ok
}
