package ews_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// readMail is what a client gets to see of a message.
type readMail struct {
	Subject, From, Text string     `json:",omitempty"`
	HTML                string     `json:",omitempty"` // its length and hash: it is long
	To, Cc, ReplyTo     []string   `json:",omitempty"`
	Attachments         []mailFile `json:",omitempty"`
}

type mailFile struct {
	Name, Type string
	Size       int
	SHA256     string
	Inline     bool `json:",omitempty"`
	Item       bool `json:",omitempty"`
}

func addresses(list []ews.Address) (out []string) {
	for _, a := range list {
		out = append(out, a.Email)
	}
	return out
}

func hash(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b))[:16] }

// TestSharedMailFields delivers real and broken messages and reads them back: subject, addresses, texts, and each attachment's name, size and
// bytes are those of testdata/sharedmail.json (go test -update writes it anew). Where the standard library can take a message apart, it
// must agree.
func TestSharedMailFields(t *testing.T) {
	dir := shared(t, "mail")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 54)
	_, box, m := newMailbox(t, &ewstest.Options{IllegalCharacters: true})
	names := map[string]string{}
	for i, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		id, err := box.Deliver(raw, &ewstest.DeliverOptions{Received: time.Unix(int64(1e9+i), 0)})
		require.NoError(t, err)
		names[id.ID] = f.Name()
	}
	got := map[string]readMail{}
	agreed := 0
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Extra: ews.WithTextBody}) {
		require.NoError(t, err)
		name := names[msg.ID.ID]
		out := readMail{Subject: msg.Subject, From: msg.From.Email, To: addresses(msg.To), Cc: addresses(msg.Cc), ReplyTo: addresses(msg.ReplyTo)}
		if msg.Body.HTML {
			out.HTML = fmt.Sprintf("%d bytes, %s", len(msg.Body.Text), hash([]byte(msg.Body.Text)))
		} else {
			out.Text = msg.Body.Text
		}
		for _, a := range msg.Attachments {
			r, err := m.Attachment(t.Context(), a.ID)
			require.NoError(t, err)
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			r.Close()
			if a.Kind == ews.FileAttachment {
				require.EqualValues(t, len(b), a.Size, "%s: %s", name, a.Name)
			}
			out.Attachments = append(out.Attachments, mailFile{a.Name, a.ContentType, len(b), hash(b), a.Inline, a.Kind == ews.ItemAttachment})
		}
		got[name] = out

		raw, _ := os.ReadFile(filepath.Join(dir, name))
		agreed += agrees(t, raw, msg, m)
	}
	require.Len(t, got, len(files))
	t.Logf("the standard library agrees in %d fields and contents", agreed)
	require.GreaterOrEqual(t, agreed, 130)

	golden := filepath.Join("testdata", "sharedmail.json")
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "\t")
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(got))
	if *update {
		require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
	}
	if d := cmp.Diff(readFile(t, golden), b.String()); d != "" {
		t.Errorf("(go test -update writes it anew)\n%s", d)
	}
}

// agrees compares a message with what the standard library makes of its RFC 5322 form, as far as it can take it apart, and returns in how
// many fields and contents they agree.
func agrees(t *testing.T, raw []byte, msg *ews.Message, m *ews.Mailbox) (agreed int) {
	t.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return 0
	}
	decoder := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(r), nil
	}}
	if want, err := decoder.DecodeHeader(parsed.Header.Get("Subject")); err == nil && utf8.ValidString(want) && !strings.ContainsFunc(want, func(r rune) bool { return r < ' ' }) {
		require.Equal(t, want, msg.Subject)
		agreed++
	}
	parser := mail.AddressParser{WordDecoder: &decoder}
	for header, have := range map[string][]ews.Address{"From": {msg.From}, "To": msg.To, "Cc": msg.Cc, "Reply-To": msg.ReplyTo} {
		if len(parsed.Header[header]) != 1 {
			continue
		}
		list, err := parser.ParseList(parsed.Header.Get(header))
		if err != nil {
			continue
		}
		var want []string
		for _, a := range list {
			want = append(want, a.Address)
		}
		if header == "From" {
			want = want[:1] // Exchange knows one
		}
		require.Equal(t, want, addresses(have), header)
		agreed++
	}
	if date, err := parsed.Header.Date(); err == nil {
		require.WithinDuration(t, date, msg.Sent, 0)
		agreed++
	}
	if len(msg.Headers) > 0 {
		for name, values := range parsed.Header {
			if strings.Contains(name, " ") { // an mbox separator
				continue
			}
			require.Len(t, msg.Headers.Values(name), len(values), name)
			agreed++
		}
	}
	parts, err := namedParts(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Disposition"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body)
	if err != nil {
		return agreed
	}
	for name, want := range parts {
		if name, err = decoder.DecodeHeader(name); err != nil || !utf8.ValidString(name) {
			continue
		}
		found := false // two may have one name
		for _, a := range msg.Attachments {
			if a.Name != name {
				continue
			}
			r, err := m.Attachment(t.Context(), a.ID)
			require.NoError(t, err)
			have, err := io.ReadAll(r)
			require.NoError(t, err)
			r.Close()
			found = found || bytes.Equal(want, have)
		}
		require.True(t, found, "the attachment %q, with these bytes", name)
		agreed++
	}
	return agreed
}

// namedParts takes a MIME body apart with the standard library alone, and returns the contents that have a file name.
func namedParts(ctype, disposition, encoding string, body io.Reader) (map[string][]byte, error) {
	kind, params, err := mime.ParseMediaType(ctype)
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return found, nil
			}
			if err != nil {
				return nil, err
			}
			inner := p.Header.Get("Content-Type")
			if inner == "" {
				inner = "text/plain"
			}
			sub, err := namedParts(inner, p.Header.Get("Content-Disposition"), p.Header.Get("Content-Transfer-Encoding"), p)
			if err != nil {
				return nil, err
			}
			for name, b := range sub {
				found[name] = b
			}
		}
	}
	name := params["name"]
	if disposition != "" {
		_, params, err := mime.ParseMediaType(disposition)
		if err != nil {
			return nil, err
		}
		if params["filename"] != "" {
			name = params["filename"]
		}
	}
	if name == "" || kind == "message/rfc822" {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "", "7bit", "8bit", "binary":
	default:
		return nil, fmt.Errorf("encoding %q", encoding)
	}
	b, err := io.ReadAll(body)
	if err == nil {
		found[name] = b
	}
	return found, err
}
