package ews

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
)

// Content is bytes to be uploaded: a size, and a way to read them from the start as often as a request has to be sent. They
// are never held in memory as a whole.
type Content struct {
	Size int64
	Open func() (io.ReadCloser, error)
}

// Bytes returns a Content of b, which must not be changed while it is in use.
func Bytes(b []byte) Content {
	return Content{int64(len(b)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// String returns a Content of s.
func String(s string) Content {
	return Content{int64(len(s)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }}
}

// ReaderAt returns a Content of the first size bytes of r.
func ReaderAt(r io.ReaderAt, size int64) Content {
	return Content{size, func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(r, 0, size)), nil }}
}

// File returns a Content of the file's bytes as it is now; a file that changes its size before it is sent fails the upload.
func File(name string) (Content, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Content{}, err
	}
	if !info.Mode().IsRegular() {
		return Content{}, &os.PathError{Op: "upload", Path: name, Err: errors.New("not a regular file")}
	}
	return Content{info.Size(), func() (io.ReadCloser, error) { return os.Open(name) }}, nil
}

func (c Content) valid() bool { return c.Open != nil && c.Size >= 0 }
