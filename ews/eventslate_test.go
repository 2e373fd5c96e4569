package ews_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

const second = "second@example.com"

// lateGroup listens to two mailboxes, one of which cannot be subscribed for an hour, from the first or later. It returns how many mails of
// sixty were not heard of within a minute in the other one meanwhile, and how long it takes for the late one to be heard after its trouble.
func lateGroup(t *testing.T, late string, before time.Duration, do ewstest.Effect, guard string) (missed int, own time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		theirs := x.AddMailbox(second)
		theirs.Grant(support)
		boxes, other := map[string]*ewstest.Mailbox{support: x.box, second: theirs}, support
		if late == support {
			other = second
		}
		trouble := ewstest.Fault{Op: "Subscribe", Times: -1, Do: do,
			Match: func(r *ewstest.Request) bool { return strings.Contains(string(r.Body), second) == (late == second) }}
		heard := map[string]chan ews.Event{support: make(chan ews.Event, 10_000), second: make(chan ews.Event, 10_000)}
		named, connected := 0, 0
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		listen := func() {
			defer close(done)
			for e, err := range x.client.BrokenEvents(ctx, []*ews.Mailbox{x.m, x.client.Shared(second)}, *inboxOnly, guard) {
				switch {
				case err != nil:
					assert.ErrorIs(t, err, context.Canceled)
				case e.Type == ews.EventConnected:
					connected++
				case e.Type == ews.EventDisconnected && e.Mailbox != nil:
					assert.Equal(t, late, e.Mailbox.Address())
					assert.Error(t, e.Err)
					named++
				case e.Mailbox != nil:
					heard[e.Mailbox.Address()] <- e
				}
			}
		}
		var fault *ewstest.FaultCounter
		if before == 0 {
			fault = x.Fault(trouble)
			go listen()
		} else {
			go listen()
			time.Sleep(before)
			fault = x.Fault(trouble)
			x.DropSubscriptions()
		}
		time.Sleep(time.Minute) // everybody is subscribed
		for range 60 {
			for len(heard[other]) > 0 {
				<-heard[other]
			}
			deliver(t, boxes[other], "Subject: a\n\n", nil)
			time.Sleep(time.Minute)
			if len(heard[other]) == 0 {
				missed++
			}
		}
		assert.Empty(t, heard[late])
		fault.Remove()
		for began := time.Now(); len(heard[late]) == 0 && own < time.Hour; own = time.Since(began) {
			deliver(t, boxes[late], "Subject: b\n\n", nil)
			time.Sleep(time.Second)
		}
		cancel()
		<-done
		if guard == "" {
			assert.Positive(t, named)
			assert.LessOrEqual(t, connected, 30, "streams last longer and longer")
		}
		x.end(t)
	})
	return missed, own
}

// TestStreamGroupLate: a mailbox that cannot be subscribed for an hour keeps no other from being heard, and is heard soon after its trouble.
func TestStreamGroupLate(t *testing.T) {
	for _, late := range []string{support, second} {
		for name, do := range map[string]ewstest.Effect{
			"moving":     ewstest.ResponseError("ErrorMailboxMoveInProgress", ""),
			"store down": ewstest.ResponseError("ErrorMailboxStoreUnavailable", ""),
			"a fault":    ewstest.SoapFault("ErrorMailboxMoveInProgress", ""),
		} {
			for when, before := range map[string]time.Duration{"from the first": 0, "later": 20 * time.Minute} {
				t.Run(late+"/"+name+"/"+when, func(t *testing.T) {
					missed, own := lateGroup(t, late, before, do, "")
					require.Zero(t, missed)
					require.LessOrEqual(t, own, 6*time.Minute)
					missed, _ = lateGroup(t, late, before, do, "going on without the late")
					require.NotZero(t, missed, "nobody noticed")
				})
			}
		}
	}
}

// TestStreamGroupDown: when it is not about one mailbox, or all are late, the group waits together.
func TestStreamGroupDown(t *testing.T) {
	for name, do := range map[string]ewstest.Effect{
		"all moving": ewstest.ResponseError("ErrorMailboxMoveInProgress", ""),
		"busy":       ewstest.BusyMessage(0),
		"no network": ewstest.CutBefore(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newMemExchange(t, nil)
				x.AddMailbox(second).Grant(support)
				fault := x.Fault(ewstest.Fault{Op: "Subscribe", Times: -1, Do: do})
				time.AfterFunc(10*time.Minute, fault.Remove)
				lost := 0
				for e, err := range x.client.Events(t.Context(), []*ews.Mailbox{x.m, x.client.Shared(second)}, inboxOnly) {
					require.NoError(t, err)
					require.Nil(t, e.Mailbox)
					if e.Type == ews.EventConnected {
						break
					}
					require.Equal(t, ews.EventDisconnected, e.Type)
					lost++
				}
				require.Positive(t, lost)
				require.Equal(t, 1, x.Count("GetStreamingEvents"))
				x.end(t)
			})
		})
	}
}
