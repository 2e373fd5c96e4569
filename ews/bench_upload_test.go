package ews_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// repeated reads the same piece for ever.
type repeated struct {
	piece []byte
	off   int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.piece[r.off:])
		r.off = (r.off + c) % len(r.piece)
		n += c
	}
	return n, nil
}

// postStream posts size bytes of body, which is not in memory.
func (p *plain) postStream(b *testing.B, body io.Reader, size int64) {
	b.Helper()
	req, err := http.NewRequest(http.MethodPost, p.endpoint, io.LimitReader(body, size))
	if err != nil {
		b.Fatal(err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := p.http.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	drainBody(b, resp.Body)
}

type xmlAttach struct {
	XMLName xml.Name `xml:"m:CreateAttachment"`
	Content string   `xml:"m:Attachments>t:FileAttachment>t:Content"`
}

// BenchmarkUpload150MB adds an attachment to a draft. drain posts as many bytes as its base64 has.
func BenchmarkUpload150MB(b *testing.B) {
	const bytesOut = 150_000_000
	letters := int64(base64.StdEncoding.EncodedLen(bytesOut))
	endpoint := benchServer(b, "rss-0") // takes a body without holding it
	head := soapRequest(`<m:CreateAttachment/>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	plainText := random(48 << 10)
	drain := func(b *testing.B) {
		p.postStream(b, io.MultiReader(bytes.NewReader([]byte(head)), &repeated{piece: encoded}), int64(len(head))+letters)
	}
	race(b, letters,
		contender{"drain", nil, drain},
		contender{"drain+base64", overDrain, func(b *testing.B) {
			drain(b)
			for left := bytesOut; left > 0; left -= len(plainText) {
				base64.StdEncoding.Encode(encodedAgain, plainText)
			}
		}},
		contender{"ews", overBoth, func(b *testing.B) {
			content := ews.Content{Size: bytesOut, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.LimitReader(&repeated{piece: plainText}, bytesOut)), nil
			}}
			if _, _, err := m.Attach(context.Background(), ews.ItemID{ID: "D1", ChangeKey: "K"}, ews.Upload{Name: "a.bin", Content: content}); err != nil {
				b.Fatal(err)
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			content, err := io.ReadAll(io.LimitReader(&repeated{piece: plainText}, bytesOut))
			if err != nil {
				b.Fatal(err)
			}
			out, err := xml.Marshal(xmlAttach{Content: base64.StdEncoding.EncodeToString(content)})
			if err != nil {
				b.Fatal(err)
			}
			p.drain(b, 1, soapRequest(string(out)))
		}})
}

var encodedAgain = make([]byte, len(encoded))
