package ews_test

import (
	"context"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

const bodiesInAll, bodiesAtOnce = 1000, 50

// readBodies decodes a thousand bodies with encoding/xml, one request after the other.
func readBodies(b *testing.B, p *plain, request string) {
	for range bodiesInAll / bodiesAtOnce {
		var v xmlAnswer
		body := p.post(b, request)
		if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Body.Get.Items) != bodiesAtOnce {
			b.Fatal(err, len(v.Body.Get.Items))
		}
		body.Close()
	}
}

// listBodies reads the same through the package: a listing of a thousand messages, with their bodies.
func listBodies(b *testing.B, m *ews.Mailbox, q *ews.Query) {
	n := 0
	for msg, err := range m.Messages(context.Background(), ews.Inbox, q) {
		if err != nil || len(msg.Body.Text) < 20000 {
			b.Fatal(err)
		}
		n++
	}
	if n != bodiesInAll {
		b.Fatal(n)
	}
}

// BenchmarkHTMLBodies1000 reads a thousand HTML bodies of 26 kB. Both sides also list the messages, so that they do the same requests.
func BenchmarkHTMLBodies1000(b *testing.B) {
	endpoint := benchServer(b, "html")
	list := soapRequest(`<m:FindItem><m:IndexedPageItemView Offset="0"/></m:FindItem>`)
	request := soapRequest(`<m:GetItem>` + strings.Repeat("<t:ItemId />", bodiesAtOnce) + `</m:GetItem>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	drain := func(b *testing.B) int64 {
		return p.drain(b, 1, list) + p.drain(b, bodiesInAll/bodiesAtOnce, request)
	}
	race(b, drain(b),
		contender{"drain", nil, func(b *testing.B) { drain(b) }},
		contender{"io.Copy", overDrain, func(b *testing.B) {
			p.copies(b, 1, list)
			p.copies(b, bodiesInAll/bodiesAtOnce, request)
		}},
		contender{"ews", overCopy, func(b *testing.B) { listBodies(b, m, &ews.Query{PageSize: cannedPage}) }},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			p.drain(b, 1, list)
			readBodies(b, p, request)
		}})
}

// BenchmarkBodies1000Latency20ms is wall time against a server that answers after 20 ms: a thousand messages known by their ids, and
// a thousand that must be listed first.
func BenchmarkBodies1000Latency20ms(b *testing.B) {
	endpoint := benchServer(b, "html20ms")
	request := soapRequest(`<m:GetItem>` + strings.Repeat("<t:ItemId />", bodiesAtOnce) + `</m:GetItem>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	ids := make([]ews.ItemID, bodiesInAll)
	for i := range ids {
		ids[i].ID = cannedID(i)
	}
	race(b, p.drain(b, bodiesInAll/bodiesAtOnce, request),
		contender{"drain", nil, func(b *testing.B) { p.drain(b, bodiesInAll/bodiesAtOnce, request) }},
		contender{"ews", nil, func(b *testing.B) {
			n := 0
			for msg, err := range m.MessagesByID(context.Background(), ids, nil) {
				if err != nil || len(msg.Body.Text) < 20000 {
					b.Fatal(err)
				}
				n++
			}
			if n != bodiesInAll {
				b.Fatal(n)
			}
		}},
		contender{"ews-listed", nil, func(b *testing.B) { listBodies(b, m, nil) }},
		contender{"encodingxml", nil, func(b *testing.B) { readBodies(b, p, request) }})
}
