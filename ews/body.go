package ews

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// maxErrorBody bounds what is read of an answer other than 200: faults have a few KiB, web pages are looked at for their title.
const maxErrorBody = 256 << 10

// headBytes is how much of an answer is remembered to tell what it is when it is no EWS answer.
const headBytes = 1 << 10

// download is the answer's body, unpacked, with its limits. Read is not to be called concurrently, Close may be.
type download struct {
	x     *exchange
	wire  wireReader
	r     io.Reader // wire, or a gzip reader over it
	gz    *gzip.Reader
	limit int64 // of unpacked bytes; negative: none
	n     int64 // unpacked bytes
	head  []byte
	err   error // sticky: readers above take an error beside bytes as one that will come again
}

var (
	gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	heads = sync.Pool{New: func() any { return new([headBytes]byte) }}
)

func newDownload(x *exchange, resp *http.Response, limit int64, stall time.Duration) (*download, error) {
	d := &x.download
	d.x, d.limit = x, limit
	d.head = heads.Get().(*[headBytes]byte)[:0]
	d.wire = wireReader{body: resp.Body, x: x, d: d, stall: stall}
	d.r = &d.wire
	switch enc := contentEncoding(resp.Header); enc {
	case "", "identity":
	case "gzip", "x-gzip":
		d.gz = gzips.Get().(*gzip.Reader)
		d.r = &lazyGzip{d: d}
	default:
		return d, &Error{kind: ErrBadResponse, what: fmt.Sprintf("the answer is packed as %.40q, which was not asked for", enc)}
	}
	return d, nil
}

func contentEncoding(h http.Header) string {
	if len(h["Content-Encoding"]) == 0 {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding")))
}

func (d *download) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.r.Read(p)
	d.n += int64(n)
	if len(d.head) < headBytes {
		d.head = append(d.head, p[:min(n, headBytes-len(d.head))]...)
	}
	if d.limit >= 0 && d.n > d.limit {
		n, err = 0, &wire.LimitError{What: "bytes of the answer", Limit: d.limit}
	}
	d.err = err
	return n, err
}

// drain reads the end of a body whose last byte of interest has been read, so that its connection can be used again. It does
// not wait for what a server may yet add.
func (d *download) drain() {
	if d.err == io.EOF && d.gz == nil {
		return // as it is with a small answer of known length
	}
	d.wire.stall = time.Second
	tail := d.head[:headBytes] // of no use any more
	for range 4 {
		if _, err := d.r.Read(tail); err != nil {
			if err == io.EOF && d.gz != nil {
				gzips.Put(d.gz)
				d.gz, d.r = nil, eof{}
			}
			return
		}
	}
}

// forget gives back what is only needed to explain a failure.
func (d *download) forget() {
	if d.head != nil {
		heads.Put((*[headBytes]byte)(d.head[:headBytes]))
		d.head = nil
	}
}

func (d *download) Close() error { return d.wire.body.Close() }

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// lazyGzip reads the gzip header with the first Read.
type lazyGzip struct {
	d    *download
	open bool
}

func (l *lazyGzip) Read(p []byte) (int, error) {
	if !l.open {
		if err := l.d.gz.Reset(&l.d.wire); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		l.open = true
	}
	return l.d.gz.Read(p)
}

// maxGzipOverhead is how many more bytes a gzip answer may have than what it unpacks to, so that an endless chain of empty
// gzip members ends. Real ones shrink.
const maxGzipOverhead = 1 << 20

var errGzipOfNothing = &wire.LimitError{What: "bytes of gzip that unpack to nothing", Limit: maxGzipOverhead}

// minProgress is what an answer must bring within Limits.Stall of waiting. A line that gives less is no line.
const minProgress = 4 << 10

// wireReader is the body as it comes from the network. The time between reads is the caller's and does not count.
type wireReader struct {
	body   io.ReadCloser
	x      *exchange
	d      *download
	n      atomic.Int64
	stall  time.Duration
	waited time.Duration // in this period
	got    int           // in this period
	err    error         // of the network, other than EOF
}

func (r *wireReader) Read(p []byte) (int, error) {
	if r.stall > 0 {
		r.x.watch(r.stall, errStalled)
	}
	began := time.Now()
	n, err := r.body.Read(p)
	r.x.unwatch()
	if packed := r.n.Add(int64(n)); err == nil && r.d.gz != nil && packed > r.d.n+maxGzipOverhead {
		err = errGzipOfNothing
	}
	if err != nil {
		if err != io.EOF {
			r.err = err
		}
		return n, err
	}
	r.waited += time.Since(began)
	r.got += n
	if r.stall > 0 && r.waited >= r.stall {
		if r.got < minProgress {
			r.x.cancel(errStalled)
			r.err = errStalled
			return n, errStalled
		}
		r.waited, r.got = 0, 0
	}
	return n, nil
}
