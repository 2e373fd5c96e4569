package ews_test

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// decodeBase64 adds the standard library's decoder to a drain of that many bytes.
func decodeBase64(b *testing.B, bytes int64) {
	for left := bytes; left > 0; left -= int64(len(encoded)) {
		if _, err := base64.StdEncoding.Decode(decoded, encoded); err != nil {
			b.Fatal(err)
		}
	}
}

var (
	encoded = []byte(base64.StdEncoding.EncodeToString(random(48 << 10)))
	decoded = make([]byte, len(encoded))
)

func benchAttachment(b *testing.B, bytes int) {
	endpoint := benchServer(b, strconv.Itoa(bytes))
	request := soapRequest(`<m:GetAttachment/>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	size := p.drain(b, 1, request)
	race(b, size,
		contender{"drain", nil, func(b *testing.B) { p.drain(b, 1, request) }},
		contender{"drain+base64", overDrain, func(b *testing.B) {
			p.drain(b, 1, request)
			decodeBase64(b, size)
		}},
		contender{"ews", overBoth, func(b *testing.B) {
			r, err := m.Attachment(context.Background(), ews.AttachmentID{ID: "A"})
			if err != nil {
				b.Fatal(err)
			}
			if n := drainBody(b, r); n != int64(bytes) {
				b.Fatal(n)
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			var v xmlAnswer
			body := p.post(b, request)
			if err := xml.NewDecoder(body).Decode(&v); err != nil {
				b.Fatal(err)
			}
			body.Close()
			if out, err := base64.StdEncoding.DecodeString(v.Body.Attachment.Content); err != nil || len(out) != bytes {
				b.Fatal(err)
			}
		}})
}

func BenchmarkAttachment25MB(b *testing.B)  { benchAttachment(b, 25_000_000) }
func BenchmarkAttachment150MB(b *testing.B) { benchAttachment(b, 150_000_000) }

// BenchmarkMIME1000x100kB downloads a thousand messages, ten a request.
func BenchmarkMIME1000x100kB(b *testing.B) {
	benchMIME(b, 10, func(b *testing.B, m *ews.Mailbox, n int) {
		got := 0
		for msg, err := range m.MIMEs(context.Background(), slices.Repeat([]ews.ItemID{{ID: "A"}}, n)) {
			if err != nil {
				b.Fatal(err)
			}
			if n := drainBody(b, io.NopCloser(msg)); n != mimeSize {
				b.Fatal(n)
			}
			got++
		}
		if got != n {
			b.Fatal(got)
		}
	})
}

// BenchmarkMIME1000x100kBSingly downloads them with a request each.
func BenchmarkMIME1000x100kBSingly(b *testing.B) {
	benchMIME(b, 1, func(b *testing.B, m *ews.Mailbox, n int) {
		for range n {
			r, err := m.MIME(context.Background(), ews.ItemID{ID: "A"})
			if err != nil {
				b.Fatal(err)
			}
			if n := drainBody(b, r); n != mimeSize {
				b.Fatal(n)
			}
		}
	})
}

const mimeSize = 100_000

func benchMIME(b *testing.B, atOnce int, read func(b *testing.B, m *ews.Mailbox, n int)) {
	const messages = 1000
	endpoint := benchServer(b, "mime")
	request := soapRequest(`<m:GetItem>` + strings.Repeat("<t:ItemId />", atOnce) + `</m:GetItem>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	size := p.drain(b, messages/atOnce, request)
	race(b, size,
		contender{"drain", nil, func(b *testing.B) { p.drain(b, messages/atOnce, request) }},
		contender{"drain+base64", overDrain, func(b *testing.B) {
			p.drain(b, messages/atOnce, request)
			decodeBase64(b, size)
		}},
		contender{"ews", overBoth, func(b *testing.B) { read(b, m, messages) }},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			for range messages / atOnce {
				var v xmlAnswer
				body := p.post(b, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Body.Get.Items) != atOnce {
					b.Fatal(err)
				}
				body.Close()
				for _, item := range v.Body.Get.Items {
					if out, err := base64.StdEncoding.DecodeString(item.MimeContent); err != nil || len(out) != mimeSize {
						b.Fatal(err)
					}
				}
			}
		}})
}
