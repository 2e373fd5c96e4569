package ews_test

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestMessagesByID(t *testing.T) {
	srv, box, _ := newMailbox(t, nil)
	var underWay, most, requests atomic.Int64
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		requests.Add(1)
		n := underWay.Add(1)
		defer underWay.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Millisecond) // so that requests meet
		return http.DefaultTransport.RoundTrip(r)
	}))
	const n = 610
	ids := make([]ews.ItemID, n)
	for i := range ids {
		ids[i] = deliver(t, box, fmt.Sprintf("Subject: %d\n\nbody %[1]d", i), nil)
	}
	require.NoError(t, m.Delete(t.Context(), ews.HardDelete, ids[7], ids[555]))
	requests.Store(0)

	t.Run("all", func(t *testing.T) {
		i := 0
		for msg, err := range m.MessagesByID(t.Context(), ids, nil) {
			switch {
			case i == 7 || i == 555:
				require.ErrorIs(t, err, ews.ErrNotFound)
				require.Equal(t, ids[i].ID, msg.ID.ID)
			default:
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(i), msg.Subject)
				require.Contains(t, msg.Body.Text, fmt.Sprintf("body %d", i))
			}
			i++
		}
		require.Equal(t, n, i)
		require.EqualValues(t, 13, requests.Load(), "fifty a request")
		require.LessOrEqual(t, most.Load(), int64(ews.DefaultConcurrency))
		require.Greater(t, most.Load(), int64(1))
	})
	t.Run("left early", func(t *testing.T) {
		requests.Store(0)
		for range m.MessagesByID(t.Context(), ids, nil) {
			break
		}
		require.LessOrEqual(t, requests.Load(), int64(10), "it does not read on")
		require.Zero(t, underWay.Load(), "nothing is left running")
	})
	t.Run("summaries are more than ids", func(t *testing.T) {
		for msg, err := range m.MessagesByID(t.Context(), ids[:1], &ews.Query{Detail: ews.Summary}) {
			require.NoError(t, err)
			require.Equal(t, "0", msg.Subject)
		}
	})
	t.Run("empty id", func(t *testing.T) {
		for msg, err := range m.MessagesByID(t.Context(), []ews.ItemID{ids[0], {}}, nil) {
			require.Nil(t, msg)
			require.ErrorIs(t, err, ews.ErrInvalidRequest)
		}
	})
}

// TestListingBeforeAnError: what was read before a page that fails is handed out before its error, however far ahead that page was read.
func TestListingBeforeAnError(t *testing.T) {
	srv, box, _ := newMailbox(t, nil)
	const n, pageSize = 30, 10
	now := time.Now().Truncate(time.Second)
	for i := range n {
		deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), &ewstest.DeliverOptions{Received: now.Add(-time.Duration(i) * time.Minute)})
	}
	var finds atomic.Int64
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		request, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		if operation(request) == "FindItem" && finds.Add(1) > 2 {
			return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	got := 0
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{PageSize: pageSize}) {
		if msg == nil {
			require.ErrorIs(t, err, ews.ErrEWSBlocked)
			break
		}
		got++
	}
	require.Equal(t, 2*pageSize-1, got, "the second page begins with the last message of the first")
}
