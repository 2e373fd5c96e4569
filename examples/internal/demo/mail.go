package demo

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

//go:embed mail/*.eml
var embedded embed.FS

// Message is one mail to deliver: RFC 5322, or what somebody takes for it.
type Message struct {
	Name string                        // its file's name
	Open func() (io.ReadCloser, error) // its bytes, from the start at every call
}

// Mail returns the demo tenant's mail in the order of its names, the message of 30 MB last.
func Mail() []Message {
	entries, err := fs.ReadDir(embedded, "mail")
	if err != nil {
		panic(err) // embedded at build time: cannot fail
	}
	var mail []Message
	for _, e := range entries {
		mail = append(mail, Message{
			Name: e.Name(),
			Open: func() (io.ReadCloser, error) { return embedded.Open("mail/" + e.Name()) },
		})
	}
	return append(mail, Message{Name: "49-large-log.eml", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(largeLog()), nil
	}})
}

// Dir returns every regular file below path, whatever its name, in lexical order: a folder of .eml files, a
// Maildir, anything. A link to a file counts as the file; a link to a folder is not followed, unless it is path itself.
// A link that leads nowhere, or round in a circle, is left out: skipped, which may be nil, is told its name.
func Dir(path string, skipped func(name string)) ([]Message, error) {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", path)
	}
	var mail []Message
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(name)
		if err != nil && d.Type()&fs.ModeSymlink != 0 {
			if skipped != nil {
				skipped(name)
			}
			return nil
		}
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		mail = append(mail, Message{Name: rel, Open: func() (io.ReadCloser, error) { return os.Open(name) }})
		return nil
	})
	return mail, err
}

// largeLogSize is the size of the attachment in the message of 30 MB, before base64 makes 4 of 3 and adds line ends.
const largeLogSize = 21_900_000

// largeLog makes the message of 30 MB: the same bytes at every run, and such that compression cannot help.
func largeLog() io.Reader {
	const head = "Received: from files.mill-software.example (files.mill-software.example [192.0.2.61])\r\n" +
		"\tby mx1.harbour-it.example with ESMTPS;\r\n\tWed, 04 Mar 2026 17:00:00 +0000\r\n" +
		"From: Jo Fraser <jo.fraser@mill-software.example>\r\n" +
		"To: Harbour IT Support <support@harbour-it.example>\r\n" +
		"Subject: Crash dump as you asked\r\n" +
		"Date: Wed, 04 Mar 2026 17:00:00 +0000\r\n" +
		"Message-ID: <49.dump@mill-software.example>\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"large-49\"\r\n\r\n" +
		"--large-49\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		"The dump is attached; it is as large as our server lets me send.\r\n\r\nJo\r\n\r\n" +
		"--large-49\r\nContent-Type: application/octet-stream; name=\"crash.dmp\"\r\n" +
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"crash.dmp\"\r\n\r\n"
	return io.MultiReader(
		bytes.NewReader([]byte(head)),
		&base64Lines{src: io.LimitReader(rand.NewChaCha8([32]byte{49}), largeLogSize)},
		bytes.NewReader([]byte("\r\n--large-49--\r\n")),
	)
}

// base64Lines encodes src as RFC 2045 section 6.8 wants it: lines of 76 characters.
type base64Lines struct {
	src  io.Reader
	rest []byte // encoded, not handed out yet
	err  error
	raw  [57 * 512]byte
	text [78 * 512]byte
}

func (b *base64Lines) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		n, err := io.ReadFull(b.src, b.raw[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		b.err = err
		out := b.text[:0]
		for line := b.raw[:n]; len(line) > 0; {
			cut := min(57, len(line))
			out = base64.StdEncoding.AppendEncode(out, line[:cut])
			out = append(out, '\r', '\n')
			line = line[cut:]
		}
		b.rest = out
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}
