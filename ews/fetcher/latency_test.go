package fetcher_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// BenchmarkArrival measures the time from a message's arrival in the mailbox to its handler, over a real connection:
//
//	go test ./ews/fetcher -run '^$' -bench Arrival -benchtime 200x
func BenchmarkArrival(b *testing.B) {
	for _, bc := range []struct {
		name  string
		watch *ews.WatchOptions
		quiet time.Duration // between two messages, at least
	}{
		{"stream", nil, time.Second}, // longer than WatchOptions.MinInterval: the bell is answered at once
		{"stream, one after the other", nil, 0},
		{"polling every second", &ews.WatchOptions{NoStream: true, PollInterval: time.Second}, 0},
	} {
		b.Run(bc.name, func(b *testing.B) {
			srv := ewstest.NewServer(nil)
			defer srv.Close()
			box := srv.AddMailbox(address)
			client, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: address,
				Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))})
			require.NoError(b, err)
			defer client.Close()
			came := make(chan time.Time, 1)
			f, err := fetcher.New(client.Own(), ews.Inbox, &fetcher.Options{Store: fetcher.NewMemoryStore(), Watch: bc.watch,
				Handler: func(context.Context, *ews.Message) error { came <- time.Now(); return nil }})
			require.NoError(b, err)
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = f.Run(ctx) }()
			defer func() { stop(); <-done }()
			for bc.watch == nil && !f.Stats().StreamOpen {
				time.Sleep(10 * time.Millisecond)
			}
			var waits []time.Duration
			for n := 0; b.Loop(); n++ {
				time.Sleep(bc.quiet + time.Duration(37*n%100)*time.Millisecond) // mail does not wait for the one before
				began := time.Now()
				_, err := box.Deliver(mail(fmt.Sprint("m", n)), nil)
				require.NoError(b, err)
				waits = append(waits, (<-came).Sub(began))
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
