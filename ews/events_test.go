package ews_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestStreamFixtures(t *testing.T) {
	type outcome struct {
		Events     []string
		Subscribes int
	}
	for name, want := range map[string]outcome{
		"stream-ok-event-heartbeat-closed":     {[]string{"connected", "NewMailEvent AAMkAD1=", "connected"}, 1},
		"stream-no-declarations":               {[]string{"connected", "NewMailEvent AAMkAD1=", "NewMailEvent AAMkAD1=", "connected"}, 1},
		"stream-crlf-whitespace-between":       {[]string{"connected", "NewMailEvent AAMkAD1=", "connected"}, 1},
		"stream-error-subscription":            {[]string{"connected", "disconnected: subscription lost", "connected"}, 2},
		"stream-truncated":                     {[]string{"connected", "disconnected: unavailable", "connected"}, 1},
		"stream-truncated, one byte at a time": {[]string{"connected", "disconnected: unavailable", "connected"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file, _, slow := strings.Cut(name, ",")
			content := readFile(t, shared(t, "fixtures", "constructed", file+".stream"))
			synctest.Test(t, func(t *testing.T) {
				first := text(content)
				if slow {
					first = func(context.Context) io.Reader { return iotest.OneByteReader(strings.NewReader(content)) }
				}
				srv := &streamServer{streams: []func(context.Context) io.Reader{first, open}}
				m := newClient(t, srv, nil).Own()
				began := time.Now()
				got := outcome{until(t, m, 2), srv.count("Subscribe")}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
				require.LessOrEqual(t, time.Since(began), 2*time.Second)
				require.Equal(t, "Unsubscribe", srv.ops[len(srv.ops)-1])
			})
		})
	}
}

func TestStreamAffinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{text(streamEnvelope("OK", newMail("S2", "I2"))), open}}
		c := newClient(t, srv, nil)
		one, two := c.Impersonate("one@example.com"), c.Impersonate("two@example.com")
		for e, err := range c.Events(t.Context(), []*ews.Mailbox{one, two}, inboxOnly) {
			require.NoError(t, err)
			if e.Item.ID != "" {
				require.Same(t, two, e.Mailbox)
				break
			}
		}
		require.Equal(t, []string{"Subscribe", "Subscribe", "GetStreamingEvents", "Unsubscribe", "Unsubscribe"}, srv.ops)
		for i, r := range srv.reqs {
			require.Equal(t, "one@example.com", r.Header.Get("X-AnchorMailbox"), "the first mailbox leads the group")
			require.Equal(t, "true", r.Header.Get("X-PreferServerAffinity"))
			want := ""
			if i > 0 {
				want = "X-BackEndOverrideCookie=be1~42"
			}
			require.Equal(t, want, r.Header.Get("Cookie"))
		}
		require.Equal(t, "identity", srv.reqs[2].Header.Get("Accept-Encoding"), "packing holds events back")
		require.Contains(t, srv.bodies[2], "<t:SubscriptionId>S1</t:SubscriptionId><t:SubscriptionId>S2</t:SubscriptionId>")
		require.Contains(t, srv.bodies[1], "two@example.com")
	})
}

// TestStreamGroup: what befalls one mailbox of a group leaves the others alone.
func TestStreamGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		second := x.AddMailbox("second@example.com")
		second.Grant(support)
		x.AddMailbox("foreign@example.com")
		shared, foreign := x.client.Shared("second@example.com"), x.client.Shared("foreign@example.com")
		var left []*ews.Mailbox
		var got []string
		connects := 0
		for e, err := range x.client.Events(t.Context(), []*ews.Mailbox{x.m, foreign, shared}, &ews.EventsOptions{SubscribeOptions: ews.SubscribeOptions{
			Folders: []ews.FolderRef{ews.Inbox}, Types: []ews.EventType{ews.EventNewMail}}}) {
			if err != nil {
				require.NotNil(t, e.Mailbox, err)
				left = append(left, e.Mailbox)
				continue
			}
			if e.Type == ews.EventConnected {
				if connects++; connects == 2 {
					break
				}
				deliver(t, x.box, "Subject: a\n\n", nil)
				deliver(t, second, "Subject: b\n\n", nil)
			}
			if e.Type == ews.EventNewMail {
				got = append(got, e.Mailbox.Address())
				if len(got) == 2 {
					x.DropSubscriptions()
				}
			}
		}
		require.Equal(t, []*ews.Mailbox{foreign}, left)
		require.ElementsMatch(t, []string{support, "second@example.com"}, got)
		require.Equal(t, 3+2, x.Count("Subscribe"))
		x.end(t)
	})
}

func TestStreamGroupErrors(t *testing.T) {
	c := newClient(t, &streamServer{}, nil)
	other := newClient(t, &streamServer{}, nil)
	for name, boxes := range map[string][]*ews.Mailbox{"none": nil, "too many": make([]*ews.Mailbox, 201), "of another client": {c.Own(), other.Own()}} {
		n := 0
		for e, err := range c.Events(t.Context(), boxes, nil) {
			require.Error(t, err, name)
			require.Zero(t, e)
			n++
		}
		require.Equal(t, 1, n)
	}
	for _, err := range c.Shared("a@example.com").Events(t.Context(), nil) {
		require.ErrorContains(t, err, "name the folders")
	}
	for _, o := range []*ews.EventsOptions{{ConnectionTimeout: time.Hour}, {Silence: -1}} {
		for _, err := range c.Own().Events(t.Context(), o) {
			require.Error(t, err)
		}
	}
}

func TestEventsOverRealConnections(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	ids := map[string]string{}
	for e, err := range m.Events(t.Context(), nil) {
		require.NoError(t, err)
		switch e.Type {
		case ews.EventConnected:
			id := deliver(t, box, "Subject: a\n\n", nil)
			ids["old"] = id.ID
			_, err := m.Folder(t.Context(), ews.Inbox)
			require.NoError(t, err)
			moved, err := m.Move(t.Context(), ews.DeletedItems, id)
			require.NoError(t, err)
			ids["new"] = moved[0].ID
		case ews.EventMoved:
			require.Equal(t, ids["old"], e.OldItem.ID)
			require.Equal(t, ids["new"], e.Item.ID)
			require.NotEmpty(t, e.OldParent.ID)
			require.NotEqual(t, e.OldParent.ID, e.Parent.ID)
			require.WithinDuration(t, time.Now(), e.Time, time.Minute)
			require.Same(t, m, e.Mailbox)
		}
		if e.Type == ews.EventMoved {
			break
		}
	}
	require.Equal(t, 1, srv.Count("Unsubscribe"))
}
