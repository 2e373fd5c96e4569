package ews_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

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
