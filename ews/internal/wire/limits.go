package wire

import (
	"errors"
	"fmt"
)

// windowSize is the reader's whole memory for the input; a single tag must fit in it.
const windowSize = 64 << 10

// Defaults of Limits.
const (
	DefaultTotalBytes = 16 << 30
	DefaultDepth      = 128
	DefaultAttributes = 64
	DefaultTextBytes  = 32 << 20
)

// Limits bounds what one answer may make the reader do or keep. Zero means the default, negative means no limit.
type Limits struct {
	TotalBytes int64 // bytes read, after decompression; default 16 GiB
	Depth      int   // nesting of elements; default 128
	Attributes int   // attributes of one tag; default 64
	TextBytes  int   // bytes of one text gathered in memory (not of a streamed one); default 32 MiB
}

func (l *Limits) withDefaults() Limits {
	var r Limits
	if l != nil {
		r = *l
	}
	r.TotalBytes = limit(r.TotalBytes, DefaultTotalBytes)
	r.Depth = int(limit(int64(r.Depth), DefaultDepth))
	r.Attributes = int(limit(int64(r.Attributes), DefaultAttributes))
	r.TextBytes = int(limit(int64(r.TextBytes), DefaultTextBytes))
	return r
}

func limit(v, def int64) int64 {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 1<<63 - 1
	}
	return v
}

// LimitError says which bound an answer broke.
type LimitError struct {
	What  string // "nesting", "attributes of a tag", "bytes of a tag", "bytes of a text", "bytes of the answer"
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("xml: more than %d %s", e.Limit, e.What)
}

// SyntaxError is input that is no XML even for a tolerant reader.
type SyntaxError struct {
	Offset int64 // bytes from the start of the answer
	Msg    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("xml: %s at byte %d", e.Msg, e.Offset)
}

// ErrDTD reports a document type declaration. EWS sends none, and they are the way to entity bombs, so they are refused.
var ErrDTD = errors.New("xml: document type declaration refused")

// ErrCharset reports a declared encoding other than UTF-8.
var ErrCharset = errors.New("xml: encoding other than UTF-8")
