package wire

import "bytes"

// Pattern is how one small answer was written, with gaps where the values stood that its decoder does nothing with but keep. The next answer to the same
// operation mostly differs in nothing else, and comparing it takes a fifth of the time of reading it tag by tag:
//
//	if s.Fits(p) {
//		for i := range s.Gaps() {
//			label, value := s.Gap(i)
//			...
//		}
//	} else {
//		s.Note()
//		... // read it, those values with AttrAs
//		p = s.Pattern()
//	}
//
// All but the gaps is the same byte for byte, and nothing that needs work stands in them, so that reading it tag by tag would come to the
// same, under the same Limits. A Pattern never changes: any number of Scanners may use it at the same time.
type Pattern struct {
	parts  []string // what stands before, between and behind the gaps
	labels []Label  // of the gaps
}

const (
	maxPattern = 8 << 10 // bytes
	maxGaps    = 16
)

// gap is a value that Fits found, or Note: an attribute's, in the window.
type gap struct {
	start, end int
	label      Label
}

// Fits reads the whole document, of which nothing has been read yet, if it is written as p says. It returns false otherwise, and nothing has happened but that
// more of it stands in the window. Nothing fits nil.
func (s *Scanner) Fits(p *Pattern) bool {
	if p == nil || s.pos > 0 || s.docs > 0 || s.read != int64(s.end) {
		return false
	}
	s.gaps = s.gaps[:0]
	for at, part := 0, 0; ; {
		rest, want := s.buf[at:s.end], p.parts[part]
		if n := min(len(rest), len(want)); string(rest[:n]) != want[:n] {
			return false
		}
		value := 0
		if len(rest) >= len(want) {
			at += len(want)
			if part == len(p.labels) {
				s.pos, s.docs = at, 1
				return true
			}
			if value = plainValue(s.buf[at:s.end]); value >= 0 {
				s.gaps = append(s.gaps, gap{at, at + value, p.labels[part]})
				at += value
				part++
				continue
			}
			if bytes.IndexByte(s.buf[at:s.end], '"') >= 0 { // it needs work; waiting for more may be in vain
				return false
			}
			at -= len(want)
		}
		if s.end > maxPattern || !s.fill() {
			return false
		}
	}
}

// Gaps returns the number of values that Fits found.
func (s *Scanner) Gaps() int { return len(s.gaps) }

// Gap returns a value that Fits found.
func (s *Scanner) Gap(i int) (Label, string) {
	g := &s.gaps[i]
	return g.label, string(s.buf[g.start:g.end])
}

// Note makes the Scanner, of whose document nothing has been read yet, remember for Pattern which values AttrAs takes.
func (s *Scanner) Note() { s.noting, s.gaps = true, s.gaps[:0] }

func (s *Scanner) note(a *attribute, l Label) {
	g := gap{a.value, a.valueEnd, l}
	inOrder := len(s.gaps) == 0 || s.gaps[len(s.gaps)-1].end < g.start
	if !inOrder || len(s.gaps) == maxGaps || plainValue(s.buf[g.start:s.end]) != g.end-g.start {
		s.noting = false
		return
	}
	s.gaps = append(s.gaps, g)
}

// Pattern returns how the document was written that has just been read to its end since Note: nil if it is too large, or a value needs work.
func (s *Scanner) Pattern() *Pattern {
	// What stands in the window must be all of it, as it came.
	whole := s.docs == 1 && len(s.frames) == 0 && s.read == int64(s.end)
	if !s.noting || s.err != nil || !whole || s.pos > maxPattern || s.repaired > 0 {
		return nil
	}
	p := &Pattern{make([]string, len(s.gaps)+1), make([]Label, len(s.gaps))}
	all, from := string(s.buf[:s.pos]), 0
	for i, g := range s.gaps {
		p.parts[i], p.labels[i] = all[from:g.start], g.label
		from = g.end
	}
	p.parts[len(s.gaps)] = all[from:]
	return p
}
