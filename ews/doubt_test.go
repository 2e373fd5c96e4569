package ews_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// clientOfAnswer returns the mailbox of a client that is always answered so.
func clientOfAnswer(t *testing.T, body string) *ews.Mailbox {
	t.Helper()
	c, err := ews.NewClient(ews.Config{Endpoint: "https://ews.example.com", HTTPClient: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return reply(200, envelope(body))(r)
	})}, Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)})),
		Retry: &ews.RetryPolicy{MaxAttempts: 2, BaseDelay: time.Millisecond}})
	require.NoError(t, err)
	return c.Own()
}

// TestSilenceIsNoConsent gives answers that confirm nothing.
func TestSilenceIsNoConsent(t *testing.T) {
	ctx := t.Context()
	id := ews.ItemID{ID: "I", ChangeKey: "K"}
	for _, op := range []string{"CreateItem", "SendItem"} {
		m := clientOfAnswer(t, "<m:"+op+"Response><m:ResponseMessages/></m:"+op+"Response>")
		_, err := m.Send(ctx, &ews.Draft{To: []ews.Address{{Email: "a@example.com"}}})
		require.ErrorIs(t, err, ews.ErrBadResponse, op)
	}
	for _, answer := range []string{"<m:ResponseMessages/>", `<m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode></m:FindItemResponseMessage></m:ResponseMessages>`} {
		m := clientOfAnswer(t, "<m:FindItemResponse>"+answer+"</m:FindItemResponse>")
		require.ErrorIs(t, drain(m.Messages(ctx, ews.Inbox, nil)), ews.ErrBadResponse, "an empty listing would be a lie")
	}
	for _, items := range []string{"<m:Items/>", "<m:Items><t:Message/></m:Items>"} {
		m := clientOfAnswer(t, `<m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+items+`</m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse>`)
		_, err := m.Message(ctx, id, nil)
		require.ErrorIs(t, err, ews.ErrBadItem)
	}
}

// TestListingEndsWhenTheServerDoesNot lists from a server that gives the same page for ever.
func TestListingEndsWhenTheServerDoesNot(t *testing.T) {
	item := func(i int) string {
		return fmt.Sprintf(`<t:Message><t:ItemId Id="I%d"/><t:DateTimeReceived>2026-11-01T00:00:00Z</t:DateTimeReceived></t:Message>`, i)
	}
	m := clientOfAnswer(t, `<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder IncludesLastItemInRange="false" TotalItemsInView="9"><t:Items>`+
		item(1)+item(2)+item(3)+`</t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>`)
	n := 0
	var last error
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Detail: ews.Summary}) {
		if msg != nil {
			n++
		}
		last = err
	}
	require.Equal(t, 3, n)
	require.ErrorIs(t, last, ews.ErrBadResponse)
}

// TestHiccupsOfSingleItems: items that fail in a way that passes are asked for again, and only they.
func TestHiccupsOfSingleItems(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	var ids []ews.ItemID
	for i := range 5 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), &ewstest.DeliverOptions{Received: time.Unix(int64(1e9+i), 0)}))
	}
	for _, call := range []struct {
		op string
		do func() error
	}{
		{"GetItem", func() error { return drain(m.Messages(t.Context(), ews.Inbox, nil)) }},
		{"UpdateItem", func() error { return m.SetRead(t.Context(), true, ids...) }},
		{"DeleteItem", func() error { return m.Delete(t.Context(), ews.ToDeletedItems, ids...) }},
	} {
		srv.ResetRequests()
		box.Poison(ids[2].ID, "ErrorInternalServerTransientError")
		hiccup := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
			if srv.Count(call.op) == 1 {
				box.Poison(ids[2].ID, "")
			}
			return http.DefaultTransport.RoundTrip(r)
		}))
		m = hiccup
		require.NoError(t, call.do(), call.op)
		requests := srv.Requests()
		last := requests[len(requests)-1]
		require.Equal(t, call.op, last.Operation)
		require.Equal(t, 1, strings.Count(string(last.Body), "ItemId Id="), "only the item that failed is asked for again")
	}
	require.Len(t, box.Items("deleteditems"), 5)
}

func TestReadAfterClose(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	for _, size := range []int{10, 3_000_000} {
		id := deliver(t, box, "Subject: x\n\n"+strings.Repeat("0123456789", size/10), nil)
		r, err := m.MIME(t.Context(), id)
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 5))
		require.NoError(t, err)
		require.NoError(t, r.Close())
		n, err := r.Read(make([]byte, 5))
		require.Zero(t, n)
		require.ErrorIs(t, err, fs.ErrClosed)
		require.NoError(t, r.Close())
		var temporary interface{ Temporary() bool }
		require.False(t, errors.As(err, &temporary) && temporary.Temporary())
	}
}

// TestCloseWhileReading closes a download from another goroutine; the race detector looks on.
func TestCloseWhileReading(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, "Subject: x\n\n"+strings.Repeat("0123456789", 200_000), nil)
	for i := range 20 {
		r, err := m.MIME(t.Context(), id)
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, r)
		}()
		time.Sleep(time.Duration(i) * 100 * time.Microsecond)
		require.NoError(t, r.Close())
		<-done
	}
}

func TestWrongUseIsAnError(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	ctx := t.Context()
	_, err := m.Send(ctx, nil)
	require.ErrorContains(t, err, "draft is nil")
	_, err = m.Folder(ctx, nil)
	require.ErrorContains(t, err, "folder is nil")
	_, err = m.EnsureFolder(ctx, nil, "x")
	require.ErrorContains(t, err, "folder is nil")
	require.ErrorContains(t, drain(m.Messages(ctx, nil, nil)), "folder is nil")
	_, err = m.Move(ctx, nil, ews.ItemID{ID: "a"})
	require.ErrorContains(t, err, "folder is nil")
	require.ErrorContains(t, m.Delete(ctx, 9, ews.ItemID{ID: "a"}), "no mode 9")
}
