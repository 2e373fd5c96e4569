package ews_test

import (
	"context"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// BenchmarkList10000 lists ten thousand summaries, a thousand a page.
func BenchmarkList10000(b *testing.B) {
	const pages = 10
	endpoint := benchServer(b, "list")
	request := soapRequest(`<m:FindItem><m:IndexedPageItemView Offset="0"/></m:FindItem>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	race(b, p.drain(b, pages, request),
		contender{"drain", nil, func(b *testing.B) { p.drain(b, pages, request) }},
		contender{"io.Copy", overDrain, func(b *testing.B) { p.copies(b, pages, request) }},
		contender{"ews", overCopy, func(b *testing.B) {
			for range pages {
				n := 0
				for msg, err := range m.Messages(context.Background(), ews.Inbox, &ews.Query{Detail: ews.Summary, PageSize: cannedPage}) {
					if err != nil || msg.Subject == "" {
						b.Fatal(err)
					}
					n++
				}
				if n != cannedPage {
					b.Fatal(n)
				}
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			for range pages {
				var v xmlAnswer
				body := p.post(b, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Body.Find.Items) != cannedPage {
					b.Fatal(err, len(v.Body.Find.Items))
				}
				body.Close()
			}
		}})
}

// cannedSync is a page of changes, so that a work of 10,000 is 20 requests.
const cannedSync = 500

func cannedChanges() []byte {
	var b strings.Builder
	for i := range cannedSync {
		b.WriteString("<t:Create>" + cannedSummary(i) + "</t:Create>")
	}
	return response("SyncFolderItems", success("SyncFolderItems", "<m:SyncState>"+strings.Repeat("H4sIAAAAAAAEAGNg", 39)+cannedState+
		"</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes>"+b.String()+"</m:Changes>"))
}

// BenchmarkSync10000 takes ten thousand changes with their summaries.
func BenchmarkSync10000(b *testing.B) {
	const pages = 10_000 / cannedSync
	endpoint := benchServer(b, "sync")
	request := soapRequest(`<m:SyncFolderItems/>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	race(b, p.drain(b, pages, request),
		contender{"drain", nil, func(b *testing.B) { p.drain(b, pages, request) }},
		contender{"io.Copy", overDrain, func(b *testing.B) { p.copies(b, pages, request) }},
		contender{"ews", overCopy, func(b *testing.B) {
			n := 0
			for batch, err := range m.Sync(context.Background(), ews.Inbox, "", &ews.SyncOptions{Detail: ews.Summary, PageSize: cannedSync}) {
				if err != nil || len(batch.Changes) != cannedSync || batch.Changes[0].Message.Subject == "" {
					b.Fatal(err)
				}
				if n++; n == pages {
					break
				}
			}
			if n != pages {
				b.Fatal(n)
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			for range pages {
				var v struct {
					Items []xmlMessage `xml:"Body>SyncFolderItemsResponse>ResponseMessages>SyncFolderItemsResponseMessage>Changes>Create>Message"`
				}
				body := p.post(b, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Items) != cannedSync {
					b.Fatal(err, len(v.Items))
				}
				body.Close()
			}
		}})
}
