package ews_test

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"strconv"
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

// BenchmarkMIME1000x100kB downloads a thousand messages, a request each.
func BenchmarkMIME1000x100kB(b *testing.B) {
	const messages = 1000
	endpoint := benchServer(b, "mime")
	request := soapRequest(`<m:GetItem><t:ItemId /></m:GetItem>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	size := p.drain(b, messages, request)
	race(b, size,
		contender{"drain", nil, func(b *testing.B) { p.drain(b, messages, request) }},
		contender{"drain+base64", overDrain, func(b *testing.B) {
			p.drain(b, messages, request)
			decodeBase64(b, size)
		}},
		contender{"ews", overBoth, func(b *testing.B) {
			for range messages {
				r, err := m.MIME(context.Background(), ews.ItemID{ID: "A"})
				if err != nil {
					b.Fatal(err)
				}
				if n := drainBody(b, r); n != 100_000 {
					b.Fatal(n)
				}
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			for range messages {
				var v xmlAnswer
				body := p.post(b, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil {
					b.Fatal(err)
				}
				body.Close()
				if out, err := base64.StdEncoding.DecodeString(v.Body.Get.Items[0].MimeContent); err != nil || len(out) != 100_000 {
					b.Fatal(err)
				}
			}
		}})
}
