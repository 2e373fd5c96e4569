package wire

import (
	"bytes"
	"io"
	"sync"
)

type kind uint8

const (
	kindNone kind = iota // error or end of input
	kindStart
	kindEnd
)

// frame is one open element.
type frame struct {
	outer uint16 // the entry of the element around it
	binds int32  // len(Scanner.binds) before its own declarations
}

// attribute of the current start tag, as offsets into the window.
type attribute struct {
	name, nameEnd, value, valueEnd int
	plain                          bool // the value is known to need no work
}

// Scanner reads XML as Exchange writes it: a pull parser over a fixed 64 KiB window. The first error sticks: every method
// then returns zero values and Err tells. A Scanner is not safe for concurrent use.
//
// Characters that XML 1.0 forbids (raw or as references), broken UTF-8 and stray ampersands do not end the reading: the
// first two are replaced by U+FFFD and counted by Repaired, the last is kept as it stands. UTF-16 is read, too. Entities other than the five
// predefined ones are never expanded. A document type declaration is refused with ErrDTD.
type Scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	read     int64 // bytes taken from r
	eof      bool
	err      error
	lim      Limits

	frames []frame
	cur    uint16 // the current element's entry; 0 outside of all
	binds  []binding
	gen    uint32 // changes whenever binds does
	table  nameTable
	hint   uint16 // where the entry of the next start tag is kept: an index in the table's after

	attrs    []attribute
	empty    bool // the current element was written <a/>: its end is still to be reported
	known    bool // SkipForeign was called
	inCDATA  bool // the text reader stands inside a CDATA section
	recoded  bool // r is made UTF-8 of UTF-16
	docs     int
	repaired int
	scratch  []byte // decoded text
	learning *Shape // of the element that is being read
	noting   bool   // Note was called
	gaps     []gap
}

var scanners = sync.Pool{New: func() any {
	return &Scanner{buf: make([]byte, windowSize), table: nameTable{entries: make([]entry, 1, 128)}}
}}

// NewScanner returns a Scanner over r. lim may be nil.
func NewScanner(r io.Reader, lim *Limits) *Scanner {
	s := scanners.Get().(*Scanner)
	s.r, s.lim = r, lim.withDefaults()
	s.pos, s.end, s.read, s.eof, s.err = 0, 0, 0, false, nil
	s.recoded = false
	s.frames, s.binds, s.attrs = s.frames[:0], s.binds[:0], s.attrs[:0]
	s.gen++
	s.cur, s.hint, s.learning = 0, 0, nil
	s.table.reset()
	s.empty, s.known, s.inCDATA, s.docs, s.repaired = false, false, false, 0, 0
	s.noting, s.gaps = false, s.gaps[:0]
	return s
}

// Release gives the Scanner's memory back for the next NewScanner. Nothing obtained from it as bytes, and no reader of it,
// may be used afterwards; strings may. Calling it is optional.
func (s *Scanner) Release() {
	s.r, s.learning = nil, nil
	if cap(s.scratch) > 1<<20 { // one huge text must not stay for ever
		s.scratch = nil
	}
	scanners.Put(s)
}

// Err returns the first error met, or nil. Input that ends inside a document is io.ErrUnexpectedEOF; others are *SyntaxError,
// *LimitError, ErrDTD, ErrCharset, or what the underlying reader returned.
func (s *Scanner) Err() error { return s.err }

// Fail makes err the scanner's error, if it has none yet, so that a decoder can stop everything above it.
func (s *Scanner) Fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Offset returns how many bytes of the input have been consumed.
func (s *Scanner) Offset() int64 { return s.read - int64(s.end-s.pos) }

// Repaired returns how many illegal characters have been replaced so far.
func (s *Scanner) Repaired() int { return s.repaired }

// Depth returns the depth of the current element; a root element has 1, before it is 0.
func (s *Scanner) Depth() int { return len(s.frames) }

// Name returns the current element's expanded name.
func (s *Scanner) Name() Name {
	if len(s.frames) == 0 {
		return Name{}
	}
	return s.name(s.cur)
}

// raw returns the current element's name as written.
func (s *Scanner) raw() string { return s.table.entries[s.cur].raw() }

// Local returns the current element's local name.
func (s *Scanner) Local() string { return s.table.entries[s.cur].local }

// Space returns the current element's namespace.
func (s *Scanner) Space() Space { return s.Name().Space }

// Is reports whether the current element has that expanded name.
func (s *Scanner) Is(space Space, local string) bool {
	n := s.Name()
	return n.Space == space && n.Local == local
}

// Root advances to the start tag of the next document's root element, skipping the rest of the current one. It returns
// false at the clean end of the input, and on an error. Answers that are several documents one after the other, as
// GetStreamingEvents sends, are read by calling it again.
func (s *Scanner) Root() bool {
	for len(s.frames) > 0 {
		if s.advance() == kindNone {
			return false
		}
	}
	for s.err == nil {
		if s.pos == s.end && !s.fill() {
			if s.err == nil && s.docs == 0 {
				s.err = io.ErrUnexpectedEOF
			}
			return false
		}
		switch b := s.buf[s.pos]; {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			s.pos++
		case b == 0xEF:
			if !s.need(3) || string(s.buf[s.pos:s.pos+3]) != "\xEF\xBB\xBF" {
				s.syntax("text where a document should start")
				return false
			}
			s.pos += 3
		case b == '<':
			if !s.need(2) {
				return false
			}
			switch s.buf[s.pos+1] {
			case 0:
				if !s.utf16() {
					s.syntax("text where a document should start")
					return false
				}
			case '?':
				s.instruction()
			case '!':
				s.declaration(false)
			case '/':
				s.syntax("end tag where a document should start")
			default:
				if s.startTag() != kindStart {
					return false
				}
				s.docs++
				return true
			}
		default:
			if !s.utf16() {
				s.syntax("text where a document should start")
			}
		}
	}
	return false
}

// SkipForeign lets Child pass over elements of any other namespace than those that Space names, from now on, so that a decoder
// may go by local names.
func (s *Scanner) SkipForeign() { s.known = true }

// Child advances to the next child element of the open element at depth, skipping whatever of earlier children was left
// unread. It returns false when that element ends, or on an error.
func (s *Scanner) Child(depth int) bool {
	if len(s.frames) < depth {
		return false
	}
	for {
		k := s.quick()
		if k == kindNone {
			k = s.advance()
		}
		switch k {
		case kindStart:
			if len(s.frames) == depth+1 && !(s.known && s.foreign()) {
				return true
			}
		case kindEnd:
			if len(s.frames) < depth {
				return false
			}
		default:
			return false
		}
	}
}

// quick is advance for the most frequent sights at pos: the start tag that was expected, as it was written before, and the end tag of
// the current element. For any other it does nothing.
func (s *Scanner) quick() kind {
	if s.err != nil || s.inCDATA {
		return kindNone
	}
	if s.empty {
		s.pop()
		return kindEnd
	}
	rest := s.buf[s.pos:s.end]
	if len(rest) < 2 || rest[0] != '<' {
		return kindNone
	}
	if rest[1] == '/' {
		end := s.table.entries[s.cur].end
		if len(end) > len(rest) || string(rest[:len(end)]) != end || s.cur == 0 {
			return kindNone
		}
		s.pos += len(end)
		s.pop()
		return kindEnd
	}
	n := s.table.after[s.hint%(2*maxNames)]
	e := &s.table.entries[n]
	if len(e.tag) > len(rest) || string(rest[:len(e.tag)]) != e.tag || n == 0 || len(s.frames) >= s.lim.Depth {
		return kindNone
	}
	s.attrs = s.attrs[:0]
	length := len(e.tag)
	if e.values != nil {
		if length = s.expected(e); length == 0 {
			return kindNone
		}
	}
	s.empty = rest[length-2] == '/'
	s.pos += length
	s.push(n, len(s.binds))
	return kindStart
}

// Skip ends the current element without looking at what is left of it.
func (s *Scanner) Skip() {
	for depth := len(s.frames); len(s.frames) >= depth && depth > 0; {
		if s.advance() == kindNone {
			return
		}
	}
}

// advance moves to the next start or end tag, dropping text.
func (s *Scanner) advance() kind {
	if s.err != nil {
		return kindNone
	}
	if s.empty {
		s.pop()
		return kindEnd
	}
	if s.inCDATA { // a text was left in the middle
		s.inCDATA = false
		s.until("]]>", 0)
	}
	for s.err == nil {
		if s.pos == s.end || s.buf[s.pos] != '<' {
			i := bytes.IndexByte(s.buf[s.pos:s.end], '<')
			if i < 0 {
				s.pos = s.end
				if !s.fill() {
					s.unexpectedEOF()
					return kindNone
				}
				continue
			}
			s.pos += i
		}
		if s.end-s.pos < 2 && !s.need(2) {
			return kindNone
		}
		switch s.buf[s.pos+1] {
		case '/':
			return s.endTag()
		case '?':
			s.instruction()
		case '!':
			s.declaration(false)
		default:
			return s.startTag()
		}
	}
	return kindNone
}

// fill reads more input behind end, making room by moving what is unread to the window's start. It returns false at the end
// of the input, on an error, and when the window is full.
func (s *Scanner) fill() bool {
	if s.eof || s.err != nil {
		return false
	}
	if s.pos == s.end {
		s.pos, s.end = 0, 0
	} else if s.end == len(s.buf) {
		if s.pos == 0 {
			return false
		}
		copy(s.buf, s.buf[s.pos:s.end])
		s.end -= s.pos
		s.pos = 0
	}
	for tries := 0; ; tries++ {
		n, err := s.r.Read(s.buf[s.end:])
		if n > 0 {
			s.end += n
			s.read += int64(n)
			if s.read > s.lim.TotalBytes {
				s.err = &LimitError{"bytes of the answer", s.lim.TotalBytes}
				return false
			}
			if err == io.EOF {
				s.eof = true // any other error comes again with the next read
			}
			return true
		}
		switch {
		case err == io.EOF:
			s.eof = true
			return false
		case err != nil:
			s.err = err
			return false
		case tries > 100:
			s.err = io.ErrNoProgress
			return false
		}
	}
}

// need makes at least n bytes available at pos; it fails the scanner when the input ends before.
func (s *Scanner) need(n int) bool {
	for s.end-s.pos < n {
		if !s.fill() {
			s.unexpectedEOF()
			return false
		}
	}
	return true
}

func (s *Scanner) unexpectedEOF() {
	if s.err == nil {
		s.err = io.ErrUnexpectedEOF
	}
}

func (s *Scanner) syntax(msg string) {
	if s.err == nil {
		s.err = &SyntaxError{s.Offset(), msg}
	}
}
