package ews_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestBeforeSend: the hook sees the complete draft, and what it refuses is not sent.
func TestBeforeSend(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	no := errors.New("no")
	for _, refusal := range []error{no, nil} {
		called := 0
		before := func(_ context.Context, draft ews.ItemID) error {
			called++
			require.Zero(t, srv.Count("SendItem"))
			it, ok := box.Item(draft.ID)
			require.True(t, ok)
			require.Equal(t, "[#42]", it.Subject)
			msg, err := m.Message(t.Context(), draft, nil)
			require.NoError(t, err)
			require.Len(t, msg.Attachments, 1)
			return refusal
		}
		files := []ews.Upload{{Name: "a", Content: ews.String("b")}}
		_, err := m.Reply(t.Context(), id, &ews.Answer{Subject: "[#42]", Attachments: files, BeforeSend: before})
		require.ErrorIs(t, err, refusal)
		srv.ResetRequests()
		_, err = m.Send(t.Context(), &ews.Draft{Subject: "[#42]", To: []ews.Address{{Email: "a@example.org"}}, Attachments: files, BeforeSend: before})
		require.ErrorIs(t, err, refusal)
		require.Equal(t, 2, called)
		require.Empty(t, box.Items("drafts"))
		srv.ResetRequests()
	}
	require.Len(t, srv.Outbound(), 2)
}

// TestErrKeepDraft: the draft of a message that the hook refuses so stays in Drafts, and tells Settle that it was not sent.
func TestErrKeepDraft(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	lost := errors.New("the database's answer was lost")
	var draft ews.ItemID
	before := func(_ context.Context, id ews.ItemID) error {
		draft = id
		return errors.Join(lost, ews.ErrKeepDraft)
	}
	for name, send := range map[string]func() error{
		"new": func() error {
			_, err := m.Send(t.Context(), &ews.Draft{Subject: "x", To: []ews.Address{{Email: "a@example.org"}}, Marker: "row", BeforeSend: before})
			return err
		},
		"reply": func() error {
			_, err := m.Reply(t.Context(), id, &ews.Answer{Subject: "x", Marker: "row", BeforeSend: before})
			return err
		},
	} {
		err := send()
		require.ErrorIs(t, err, lost, name)
		require.False(t, ews.MaybeApplied(err), name)
		require.Zero(t, srv.Count("SendItem"), name)
		require.Len(t, box.Items("drafts"), 1, name)
		fate, err := m.Settle(t.Context(), nil, "row", draft)
		require.NoError(t, err)
		require.Equal(t, ews.FateNotSent, fate, name)
		require.NoError(t, m.RemoveDrafts(t.Context(), "row"))
		require.Empty(t, box.Items("drafts"), name)
	}
}

// TestRemoveDrafts: drafts of other markers stay.
func TestRemoveDrafts(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	gone := errors.New("the program ends here")
	leave := func(marker string) {
		defer func() { require.Equal(t, gone, recover()) }()
		_, _ = m.Reply(t.Context(), id, &ews.Answer{Subject: "x", Marker: marker, BeforeSend: func(context.Context, ews.ItemID) error { panic(gone) }})
	}
	leave("a")
	leave("a")
	leave("b")
	require.Len(t, box.Items("drafts"), 3)
	require.NoError(t, m.RemoveDrafts(t.Context(), "a"))
	require.Len(t, box.Items("drafts"), 1)
	require.NoError(t, m.RemoveDrafts(t.Context(), "a"))
	require.ErrorContains(t, m.RemoveDrafts(t.Context(), ""), "marker is empty")
	require.NoError(t, m.RemoveDrafts(t.Context(), "b"))
	require.Empty(t, box.Items("drafts"))
}
