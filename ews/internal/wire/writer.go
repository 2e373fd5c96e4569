package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	vector "github.com/segmentio/asm/base64"
)

// Writer builds a SOAP request or answer in memory, except for large contents, which it keeps as segments: opened, and
// base64-encoded, only while the whole is being read, so that its length is known beforehand and a second attempt can read it
// again. The zero value is ready. It is not safe for concurrent use; readers made by NewReader are independent of each other.
type Writer struct {
	// KeepIllegal writes characters that XML 1.0 forbids as references (&#x1F;), as Exchange does. Otherwise they become U+FFFD.
	KeepIllegal bool

	// Strict writes no character in another's place: a text that XML cannot carry fails the Writer (Err).
	Strict bool

	buf      []byte
	open     []string // names of the open elements
	segments []segment
	err      error
}

var writers = sync.Pool{New: func() any { return &Writer{buf: make([]byte, 0, usualSize)} }}

// usualSize is room for most requests.
const usualSize = 4 << 10

// NewWriter returns an empty Writer.
func NewWriter() *Writer { return writers.Get().(*Writer) }

// Release gives the Writer's memory back for the next NewWriter. Nothing obtained from it may be used afterwards. Calling it is optional.
func (w *Writer) Release() {
	if cap(w.buf) > 64<<10 || len(w.segments) > 0 { // one large request must not stay for ever
		return
	}
	*w = Writer{buf: w.buf[:0], open: w.open[:0]}
	writers.Put(w)
}

// Fail notes that what was to be written cannot be said; the first one counts. Writing may go on.
func (w *Writer) Fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Err returns what Fail noted.
func (w *Writer) Err() error { return w.err }

// segment is a content of size bytes whose base64 form stands at offset at of buf.
type segment struct {
	at   int
	size int64
	from func() (io.ReadCloser, error)
}

// Start opens an element. name carries one of the prefixes the envelope declares; attrs are name, value pairs.
func (w *Writer) Start(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '>')
	w.open = append(w.open, name)
}

// End closes the innermost open element.
func (w *Writer) End() {
	name := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	w.buf = append(w.buf, "</"...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '>')
}

// Leaf writes an element that holds text only.
func (w *Writer) Leaf(name, text string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '>')
	w.Text(text)
	w.buf = append(w.buf, "</"...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '>')
}

// Empty writes an element without content.
func (w *Writer) Empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, "/>"...)
}

func (w *Writer) tag(name string, attrs []string) {
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, name...)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.buf = append(w.buf, ' ')
		w.buf = append(w.buf, attrs[i]...)
		w.buf = append(w.buf, `="`...)
		w.escape(attrs[i+1], true)
		w.buf = append(w.buf, '"')
	}
}

// Text writes escaped text.
func (w *Writer) Text(text string) { w.escape(text, false) }

// Raw writes xml as it is.
func (w *Writer) Raw(xml string) { w.buf = append(w.buf, xml...) }

// Base64 writes the base64 form of size bytes that open returns. It is opened once for each pass over the request; fewer or more
// bytes than size fail that pass.
func (w *Writer) Base64(size int64, open func() (io.ReadCloser, error)) {
	w.segments = append(w.segments, segment{len(w.buf), size, open})
}

// InMemory reports whether Bytes can be called: nothing has to be opened.
func (w *Writer) InMemory() bool { return len(w.segments) == 0 }

// Bytes returns what has been written so far, which must hold no segments.
func (w *Writer) Bytes() []byte {
	if len(w.segments) > 0 {
		panic("wire: Bytes of a Writer with segments")
	}
	return w.buf
}

// Len returns the number of bytes a pass gives.
func (w *Writer) Len() int64 {
	n := int64(len(w.buf))
	for _, s := range w.segments {
		n += encodedLen(s.size)
	}
	return n
}

func encodedLen(n int64) int64 { return (n + 2) / 3 * 4 }

// NewReader returns a fresh pass over everything written. The Writer must not be changed while a pass is being read.
func (w *Writer) NewReader() io.ReadCloser {
	return &pass{w: w}
}

// WriteTo writes one pass to dst.
func (w *Writer) WriteTo(dst io.Writer) (int64, error) {
	if len(w.segments) == 0 {
		n, err := dst.Write(w.buf)
		return int64(n), err
	}
	r := w.NewReader()
	defer r.Close()
	return io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{r}, make([]byte, 32<<10))
}

// String shows sizes only: a request may hold secrets.
func (w *Writer) String() string { return fmt.Sprintf("wire.Writer(%d bytes)", w.Len()) }

// pass is one reading of a Writer.
type pass struct {
	w       *Writer
	off     int // in w.buf
	next    int // segment
	content io.ReadCloser
	left    int64   // bytes of the open content still to come
	piece   *[]byte // of the content, before it is encoded
	group   [4]byte // letters that did not fit into the caller's buffer
	rest    []byte  // of group
}

// pieces are what contents are read into. The size goes into the 32 KiB that net/http copies at a time.
var pieces = sync.Pool{New: func() any {
	b := make([]byte, 24<<10)
	return &b
}}

// ErrContentSize reports a content whose length differs from the size given for it.
var ErrContentSize = errors.New("content is not of the size announced")

func (p *pass) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(p.rest) > 0 {
			c := copy(b[n:], p.rest)
			p.rest = p.rest[c:]
			n += c
			continue
		}
		if p.content != nil {
			c, err := p.encode(b[n:])
			n += c
			if err != nil {
				return n, err
			}
			continue
		}
		end := len(p.w.buf)
		if p.next < len(p.w.segments) {
			end = p.w.segments[p.next].at
		}
		if p.off < end {
			c := copy(b[n:], p.w.buf[p.off:end])
			p.off += c
			n += c
			continue
		}
		if p.next == len(p.w.segments) {
			break
		}
		s := p.w.segments[p.next]
		p.next++
		if p.content, err = s.from(); err != nil {
			p.content = nil
			return n, err
		}
		p.left = s.size
		p.piece = pieces.Get().(*[]byte)
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// encode takes the next piece of the open content into b, and returns how many letters it wrote. Pieces are multiples of three bytes, so that
// only the last one is padded.
func (p *pass) encode(b []byte) (int, error) {
	all := *p.piece
	if p.left == 0 {
		if n, _ := io.ReadFull(p.content, all[:1]); n > 0 {
			return 0, fmt.Errorf("%w: more than %d bytes", ErrContentSize, p.w.segments[p.next-1].size)
		}
		err := p.content.Close()
		p.content = nil
		pieces.Put(p.piece) // not by Close, which may come while a Read is under way
		p.piece = nil
		return 0, err
	}
	out := b
	if len(b) < len(p.group) {
		out = p.group[:]
	}
	piece := all[:min(int64(len(all)), int64(len(out)/4*3), p.left)]
	if n, err := io.ReadFull(p.content, piece); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			size := p.w.segments[p.next-1].size
			return 0, fmt.Errorf("%w: %d bytes instead of %d", ErrContentSize, size-p.left+int64(n), size)
		}
		return 0, err
	}
	p.left -= int64(len(piece))
	vector.StdEncoding.Encode(out, piece)
	if len(b) < len(p.group) {
		p.rest = p.group[:]
		return 0, nil
	}
	return int(encodedLen(int64(len(piece)))), nil
}

// Close ends the pass and closes a content it has open.
func (p *pass) Close() error {
	if p.content == nil {
		return nil
	}
	err := p.content.Close()
	p.content = nil
	return err
}

// StartEnvelope opens soap:Envelope with the prefixes soap, t and m, and no more.
func (w *Writer) StartEnvelope() {
	if w.buf == nil {
		w.buf = make([]byte, 0, usualSize)
	}
	w.Raw(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	w.Start("soap:Envelope", "xmlns:soap", NSSOAP, "xmlns:t", NSTypes, "xmlns:m", NSMessages)
}

// EndAll closes every open element.
func (w *Writer) EndAll() {
	for len(w.open) > 0 {
		w.End()
	}
}

// Lines is a debugging aid for golden files: the request with one element a line. It holds contents in memory.
func (w *Writer) Lines() (string, error) {
	var b strings.Builder
	if _, err := w.WriteTo(&b); err != nil {
		return "", err
	}
	return strings.ReplaceAll(b.String(), "><", ">\n<"), nil
}
