package ews_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// gzipFast is an answer as a server that packs sends it: at the fastest level, as IIS does for what it makes anew each time.
func gzipFast(answer []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = w.Write(answer)
	_ = w.Close()
	return b.Bytes()
}

func gunzip(b *testing.B, body io.ReadCloser) {
	r, err := gzip.NewReader(body)
	if err != nil {
		b.Fatal(err)
	}
	drainBody(b, r)
	body.Close()
}

// BenchmarkGzipList10000 lists ten thousand summaries from packed answers. drain reads them packed.
func BenchmarkGzipList10000(b *testing.B) {
	const pages = 10
	endpoint := benchServer(b, "list-gzip")
	request := soapRequest(`<m:FindItem><m:IndexedPageItemView Offset="0"/></m:FindItem>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	race(b, p.drain(b, pages, request),
		contender{"drain", nil, func(b *testing.B) { p.drain(b, pages, request) }},
		contender{"drain+gzip", overDrain, func(b *testing.B) {
			for range pages {
				gunzip(b, p.post(b, request))
			}
		}},
		contender{"ews", overGzip, func(b *testing.B) {
			for range pages {
				n := 0
				for _, err := range m.Messages(context.Background(), ews.Inbox, &ews.Query{Detail: ews.Summary, PageSize: cannedPage}) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != cannedPage {
					b.Fatal(n)
				}
			}
		}})
}

// BenchmarkGzipAttachment25MB downloads an attachment of random bytes, of which only the base64 packs.
func BenchmarkGzipAttachment25MB(b *testing.B) {
	endpoint := benchServer(b, "25000000-gzip")
	request := soapRequest(`<m:GetAttachment/>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	race(b, p.drain(b, 1, request),
		contender{"drain", nil, func(b *testing.B) { p.drain(b, 1, request) }},
		contender{"drain+gzip", overDrain, func(b *testing.B) { gunzip(b, p.post(b, request)) }},
		contender{"ews", overGzip, func(b *testing.B) {
			r, err := m.Attachment(context.Background(), ews.AttachmentID{ID: "A"})
			if err != nil {
				b.Fatal(err)
			}
			if n := drainBody(b, r); n != 25_000_000 {
				b.Fatal(n)
			}
		}})
}

var overGzip = []string{"drain", "drain+gzip"}
