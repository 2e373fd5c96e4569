package ews_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestWatchEndsUnderLoad: with mail pouring in, the answers slow or never coming, Watch and Events end within five seconds of their context, at
// whatever moment, and leave no goroutine and no connection behind.
func TestWatchEndsUnderLoad(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for name, fault := range map[string]ewstest.Fault{
		"slow":               {Times: -1, Do: ewstest.Delay(700 * time.Millisecond)},
		"hanging":            {After: 20, Times: -1, Do: ewstest.Hang()},
		"hanging GetItem":    {Op: "GetItem", Times: -1, Do: ewstest.Hang()},
		"hanging goodbye":    {Op: "Unsubscribe", Times: -1, Do: ewstest.Hang()},
		"throttled":          {After: 10, Times: -1, Do: ewstest.BusyMessage(5 * time.Minute)},
		"throttled goodbye":  {Op: "Unsubscribe", Times: -1, Do: ewstest.BusyMessage(5 * time.Minute)},
		"hanging subscriber": {Op: "Subscribe", Times: -1, Do: ewstest.Hang()},
	} {
		t.Run(name, func(t *testing.T) {
			for range 8 {
				synctest.Test(t, func(t *testing.T) {
					x := newMemExchange(t, nil)
					x.Fault(fault)
					ctx, cancel := context.WithCancel(t.Context())
					var group sync.WaitGroup
					group.Go(func() {
						for range x.m.Watch(ctx, ews.Inbox, "", &ews.WatchOptions{Sync: ews.SyncOptions{PageSize: 10}}) {
						}
					})
					group.Go(func() {
						for range x.m.Events(ctx, inboxOnly) {
						}
					})
					for i := range 50 + rnd.IntN(300) {
						deliver(t, x.box, fmt.Sprintf("Subject: %d\n\n", i), nil)
						time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
					}
					began := time.Now()
					cancel()
					group.Wait()
					require.LessOrEqual(t, time.Since(began), 5*time.Second)
					x.end(t)
				})
			}
		})
	}
}
