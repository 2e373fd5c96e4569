package ews_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestPull(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	srv, box, m := newMailbox(t, &ewstest.Options{Now: func() time.Time { return now }})
	sub, err := m.SubscribePull(t.Context(), &ews.PullOptions{Timeout: 10 * time.Minute, SubscribeOptions: ews.SubscribeOptions{
		Folders: []ews.FolderRef{ews.Inbox}, Types: []ews.EventType{ews.EventNewMail}}})
	require.NoError(t, err)
	require.NotEmpty(t, sub.BackEnd)
	pull := func(most int) (ids []string) {
		for e, err := range m.Pull(t.Context(), sub) {
			require.NoError(t, err)
			require.Equal(t, ews.EventNewMail, e.Type)
			ids = append(ids, e.Item.ID)
			if len(ids) == most {
				break
			}
		}
		return ids
	}
	require.Empty(t, pull(-1))
	var want []string
	for i := range 120 { // more than one answer holds
		want = append(want, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil).ID)
	}
	require.Equal(t, want[:10], pull(10))
	require.Equal(t, want[9:], pull(-1), "the event whose loop body did not end comes again")
	require.Empty(t, pull(-1))
	stored := *sub // plain data: another program goes on with it
	want = []string{deliver(t, box, "Subject: x\n\n", nil).ID}
	require.Equal(t, want, pull(-1))
	sub = &stored
	require.Equal(t, want, pull(-1))
	now = now.Add(time.Hour)
	for _, err := range m.Pull(t.Context(), sub) {
		require.ErrorIs(t, err, ews.ErrSubscriptionLost)
	}
	require.NoError(t, m.Unsubscribe(t.Context(), sub), "gone is gone")
	require.Equal(t, 1, srv.Count("Unsubscribe"))

	for _, o := range []*ews.PullOptions{{Timeout: -1}, {Timeout: 25 * time.Hour}} {
		_, err := m.SubscribePull(t.Context(), o)
		require.ErrorContains(t, err, "PullOptions.Timeout")
	}
}

func TestPullSample(t *testing.T) {
	rt := &script{answers: []answer{recorded(t, filepath.Join(shared(t, "samples"), "GetEvents-2.response.xml"))}}
	sub := &ews.Subscription{ID: "f6bc657d-dde1-4f94-952d-143b95d6483d", Watermark: "AAAAAMAGAAAAAAAAAQ=="}
	n := 0
	for e, err := range newClient(t, rt, nil).Own().Pull(t.Context(), sub) {
		require.NoError(t, err)
		require.Equal(t, ews.EventNewMail, e.Type)
		n++
	}
	require.Equal(t, 2, n)
	require.Equal(t, "AAAAAOQGAAAAAAAAAQ==", sub.Watermark)
}
