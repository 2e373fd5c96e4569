package ews_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// cannedSync is a page of changes, so that a work of 10,000 is 20 requests.
const cannedSync = 500

func cannedChanges() []byte {
	var b strings.Builder
	for i := range cannedSync {
		b.WriteString("<t:Create>" + cannedSummary(i) + "</t:Create>")
	}
	return response("SyncFolderItems", success("SyncFolderItems", "<m:SyncState>"+strings.Repeat("H4sIAAAAAAAEAGNg", 40)+
		"</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes>"+b.String()+"</m:Changes>"))
}

func BenchmarkSync10000(b *testing.B) {
	const pages = 10_000 / cannedSync
	endpoint := benchServer(b, "sync")
	request := soapRequest(`<m:SyncFolderItems/>`)
	client := plainHTTP()
	size := drainBody(b, plainPost(b, client, endpoint, request)) * pages
	b.Run("drain", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range pages {
				drainBody(b, plainPost(b, client, endpoint, request))
			}
		})
	})
	b.Run("ews", func(b *testing.B) {
		m := benchClient(b, endpoint).Own()
		measureCPU(b, size, func() {
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
		})
	})
	b.Run("encodingxml", func(b *testing.B) {
		measureCPU(b, size, func() {
			for range pages {
				var v struct {
					Items []xmlMessage `xml:"Body>SyncFolderItemsResponse>ResponseMessages>SyncFolderItemsResponseMessage>Changes>Create>Message"`
				}
				body := plainPost(b, client, endpoint, request)
				if err := xml.NewDecoder(body).Decode(&v); err != nil || len(v.Items) != cannedSync {
					b.Fatal(err, len(v.Items))
				}
				body.Close()
			}
		})
	})
}

// BenchmarkWatch measures the time from a message's arrival at the server to the loop body, over loopback.
func BenchmarkWatch(b *testing.B) {
	for name, o := range map[string]ews.WatchOptions{
		"stream":      {MinInterval: 1},
		"poll-100ms":  {NoStream: true, PollInterval: 100 * time.Millisecond, MinInterval: 1},
		"stream-rest": {}, // with the default pause between two Syncs
	} {
		b.Run(name, func(b *testing.B) {
			_, box, m := newMailbox(b, nil)
			o.Sync.Detail = ews.Summary
			ready := make(chan struct{}, 100)
			o.Report = func(r ews.WatchReport) { ready <- struct{}{} }
			if o.NoStream {
				ready <- struct{}{}
			}
			at := make(chan time.Time, 1)
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for batch, err := range m.Watch(ctx, ews.Inbox, "", &o) {
					if err == nil && len(batch.Changes) > 0 {
						at <- time.Now()
					}
				}
			}()
			<-ready
			time.Sleep(600 * time.Millisecond) // the Sync after the stream opened
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				deliver(b, box, fmt.Sprintf("Subject: %d\n\n", i), nil)
				took = append(took, (<-at).Sub(began))
			}
			cancel()
			<-done
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
