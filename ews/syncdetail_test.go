package ews_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestSyncGoneBeforeRead(t *testing.T) {
	srv := ewstest.NewServer(nil)
	t.Cleanup(srv.Close)
	box := srv.AddMailbox(support)
	var victim string
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if operation(body) == "GetItem" {
			box.Remove(victim)
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	deliver(t, box, "Subject: a\n\n", nil)
	victim = deliver(t, box, "Subject: victim\n\n", nil).ID
	deliver(t, box, "Subject: b\n\n", nil)
	batches, cursor, err := collect(m.Sync(t.Context(), ews.Inbox, "", nil), nil)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"created a", "created b"}}, batches)
	batches, _, err = collect(m.Sync(t.Context(), ews.Inbox, cursor, nil), map[string]string{victim: "victim"})
	require.NoError(t, err)
	require.Equal(t, [][]string{{"deleted victim"}}, batches)
}

// TestSyncPoison: one message that cannot be read neither holds up the others nor vanishes.
func TestSyncPoison(t *testing.T) {
	for _, code := range []string{"ErrorCorruptData", "ErrorInternalServerError"} {
		t.Run(code, func(t *testing.T) {
			_, box, m := newMailbox(t, nil)
			for i := range 5 {
				id := deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil)
				if i == 2 {
					require.True(t, box.Poison(id.ID, code))
				}
			}
			batches, _, err := collect(m.Sync(t.Context(), ews.Inbox, "", nil), nil)
			require.NoError(t, err)
			require.Equal(t, [][]string{{"created 0", "created 1", "created 2 failed", "created 3", "created 4"}}, batches)
		})
	}
	t.Run("alone", func(t *testing.T) { // it looks like an outage, and is reported as one
		_, box, m := newMailbox(t, nil)
		box.Poison(deliver(t, box, "Subject: x\n\n", nil).ID, "ErrorInternalServerError")
		batches, _, err := collect(m.Sync(t.Context(), ews.Inbox, "", nil), nil)
		require.ErrorIs(t, err, ews.ErrUnavailable)
		require.Empty(t, batches)
	})
	t.Run("too large", func(t *testing.T) {
		srv, box, _ := newMailbox(t, nil)
		for i := range 6 {
			body := "small"
			if i == 3 {
				body = strings.Repeat("large ", 50_000)
			}
			deliver(t, box, fmt.Sprintf("Subject: %d\n\n%s", i, body), nil)
		}
		c, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, Token: &tokens{}, Limits: &ews.Limits{ResponseBytes: 100 << 10}})
		require.NoError(t, err)
		defer c.Close()
		var failed error
		for b, err := range c.Own().Sync(t.Context(), ews.Inbox, "", nil) {
			require.NoError(t, err)
			require.Equal(t, []string{"created 0", "created 1", "created 2", "created 3 failed", "created 4", "created 5"}, told(b.Changes, nil))
			failed = b.Changes[3].Err
		}
		require.ErrorIs(t, failed, ews.ErrTooLarge)
	})
}

// TestSyncReadsAtOnce: the messages of a page are read by several requests at a time, no more than a listing has under way, and come in their
// order.
func TestSyncReadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		var want []string
		for i := range 512 {
			deliver(t, x.box, fmt.Sprintf("Subject: %d\n\n", i), nil)
			want = append(want, fmt.Sprint("created ", i))
		}
		x.Fault(ewstest.Fault{Op: "GetItem", Times: -1, Do: ewstest.Delay(time.Second)})
		began := time.Now()
		batches, _, err := collect(x.m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{PageSize: 512}), nil)
		require.NoError(t, err)
		require.Equal(t, [][]string{want}, batches)
		require.Equal(t, 11, x.Count("GetItem"))
		require.Equal(t, 2*time.Second, time.Since(began), "nine at once, then two")
		x.end(t)
	})
}

// TestSyncReadsFail: an error that concerns all messages ends the pass with that error, whichever of the requests got it.
func TestSyncReadsFail(t *testing.T) {
	for after := range 6 {
		synctest.Test(t, func(t *testing.T) {
			x := newMemExchange(t, nil)
			for i := range 300 {
				deliver(t, x.box, fmt.Sprintf("Subject: %d\n\n", i), nil)
			}
			x.Fault(ewstest.Fault{Op: "GetItem", After: after, Do: ewstest.Blocked()})
			x.Fault(ewstest.Fault{Op: "GetItem", Times: -1, Do: ewstest.Delay(time.Second)}) // the others are under way
			began := time.Now()
			batches, cursor, err := collect(x.m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{PageSize: 512}), nil)
			require.ErrorIs(t, err, ews.ErrEWSBlocked)
			require.Empty(t, batches)
			require.Empty(t, cursor)
			require.Less(t, time.Since(began), time.Second)
			x.end(t)
		})
	}
}
