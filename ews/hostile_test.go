package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// TestHostile: whatever a server sends costs bounded memory and time, ends in the right error, and takes the token to no
// other host.
func TestHostile(t *testing.T) {
	const (
		maxHeap = 64 << 20
		maxCPU  = 2 * time.Second // of this process, which is the client's
	)
	server := hostileServer(t)
	calls := map[string]func(ctx context.Context, m *ews.Mailbox) error{
		"Message": func(ctx context.Context, m *ews.Mailbox) error {
			_, err := m.Message(ctx, ews.ItemID{ID: "x"}, nil)
			return err
		},
		"MIME": func(ctx context.Context, m *ews.Mailbox) error {
			r, err := m.MIME(ctx, ews.ItemID{ID: "x"})
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		},
		"Do": func(ctx context.Context, m *ews.Mailbox) error {
			var resp struct {
				Subject string `xml:"ResponseMessages>GetItemResponseMessage>Items>Message>Subject"`
			}
			return m.Do(ctx, ews.Raw{Op: "GetItem", XML: "<m:GetItem/>"}, &resp)
		},
	}
	for n, tc := range hostileCases("") {
		for name, call := range calls {
			t.Run(tc.name+"/"+name, func(t *testing.T) {
				limits := &ews.Limits{}
				if raceEnabled { // ten times slower: not the cost is of interest then, but the order of things
					limits = &ews.Limits{ResponseBytes: 2 << 20, TextBytes: 1 << 20, StreamBytes: 8 << 20}
				}
				if tc.slow {
					limits.FirstByte, limits.Stall = 200*time.Millisecond, 200*time.Millisecond
				}
				c, err := ews.NewClient(ews.Config{Endpoint: fmt.Sprintf("%s/%d/EWS/Exchange.asmx", server, n), AllowLoopbackHTTP: true, Token: &tokens{},
					Retry: &ews.RetryPolicy{MaxAttempts: 1}, Limits: limits})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				var heap int64
				var cpu time.Duration
				for range 3 { // processor time is not the program's alone on a machine that does other things: the best of three counts
					cost := costOf()
					err = call(t.Context(), c.Own())
					h, used := cost()
					heap = max(heap, h)
					if cpu == 0 || used < cpu {
						cpu = used
					}
					if cpu <= maxCPU || raceEnabled {
						break
					}
				}
				t.Logf("%5.1f MiB, %v: %.300s", float64(heap)/(1<<20), cpu, fmt.Sprint(err))
				if heap > maxHeap {
					t.Errorf("heap grew by %d MiB", heap>>20)
				}
				if cpu > maxCPU && !raceEnabled {
					t.Errorf("took %v of processor time", cpu)
				}
				ok := false
				for _, k := range tc.kinds {
					ok = ok || errors.Is(err, k)
				}
				if !ok {
					t.Errorf("error %v, want one of %v", err, tc.kinds)
				}
			})
		}
	}
	resp, err := http.Get(server + "/stolen")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if stolen, err := io.ReadAll(resp.Body); err != nil || string(stolen) != "0" {
		t.Errorf("another host was asked: %s, %v", stolen, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// costOf starts watching heap and processor time of this process.
func costOf() func() (heap int64, cpu time.Duration) {
	runtime.GC()
	read := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	base, began := read(), cpuTime()
	done, peak := make(chan bool), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, read())
			case <-done:
				peak <- max(most, read())
				return
			}
		}
	}()
	return func() (int64, time.Duration) {
		cpu := cpuTime() - began
		close(done)
		return <-peak - base, cpu
	}
}
