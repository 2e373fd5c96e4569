package ews_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// leaveDraft makes the draft that a program leaves behind which ends right before it sends it.
func leaveDraft(t *testing.T, m *ews.Mailbox, marker string) (draft ews.ItemID) {
	t.Helper()
	gone := errors.New("the program ends here")
	defer func() { require.Equal(t, gone, recover()) }()
	_, _ = m.Send(t.Context(), &ews.Draft{Subject: "x", To: []ews.Address{{Email: "ann@example.org"}}, Marker: marker, BeforeSend: func(_ context.Context, id ews.ItemID) error {
		draft = id
		panic(gone)
	}})
	return draft
}

// TestSettle: what is found where, and what that makes of the message.
func TestSettle(t *testing.T) {
	for name, tc := range map[string]struct {
		act  func(t *testing.T, srv *ewstest.Server, box *ewstest.Mailbox, m *ews.Mailbox, draft ews.ItemID)
		want ews.Fate
	}{
		"not sent": {nil, ews.FateNotSent},
		"sent": {func(t *testing.T, _ *ewstest.Server, _ *ewstest.Mailbox, m *ews.Mailbox, draft ews.ItemID) {
			_, err := m.SendDraft(t.Context(), ews.ItemID{ID: draft.ID}, nil)
			require.NoError(t, err)
		}, ews.FateSent},
		"sent, and the copy deleted": {func(t *testing.T, _ *ewstest.Server, box *ewstest.Mailbox, m *ews.Mailbox, draft ews.ItemID) {
			_, err := m.SendDraft(t.Context(), ews.ItemID{ID: draft.ID}, nil)
			require.NoError(t, err)
			require.NoError(t, m.Delete(t.Context(), ews.ToDeletedItems, ews.ItemID{ID: box.Items("sentitems")[0].ID}))
		}, ews.FateSent},
		"sent, and the copy purged": {func(t *testing.T, _ *ewstest.Server, box *ewstest.Mailbox, m *ews.Mailbox, draft ews.ItemID) {
			_, err := m.SendDraft(t.Context(), ews.ItemID{ID: draft.ID}, nil)
			require.NoError(t, err)
			box.Remove(box.Items("sentitems")[0].ID)
		}, ews.FateUnknown},
		"the draft deleted by a person": {func(t *testing.T, _ *ewstest.Server, _ *ewstest.Mailbox, m *ews.Mailbox, draft ews.ItemID) {
			require.NoError(t, m.Delete(t.Context(), ews.ToDeletedItems, ews.ItemID{ID: draft.ID}))
		}, ews.FateNotSent},
		"the draft purged": {func(t *testing.T, _ *ewstest.Server, box *ewstest.Mailbox, _ *ews.Mailbox, draft ews.ItemID) {
			box.Remove(draft.ID)
		}, ews.FateUnknown},
		"the move's answer lost": {func(_ *testing.T, srv *ewstest.Server, _ *ewstest.Mailbox, _ *ews.Mailbox, _ ews.ItemID) {
			srv.Fault(ewstest.Fault{Op: "DeleteItem", Do: ewstest.CutAfter()})
		}, ews.FateNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			srv, box, m := newMailbox(t, nil)
			draft := leaveDraft(t, m, "row-1")
			if tc.act != nil {
				tc.act(t, srv, box, m, draft)
			}
			out := len(srv.Outbound())
			for range 2 { // whoever asks again is told the same
				got, err := m.Settle(t.Context(), nil, "row-1", draft)
				require.NoError(t, err)
				require.Equal(t, tc.want, got, "%v", got)
			}
			_, err := m.SendDraft(t.Context(), ews.ItemID{ID: draft.ID}, nil)
			require.ErrorIs(t, err, ews.ErrNotFound, "what is settled is not sent any more")
			require.Len(t, srv.Outbound(), out)
			copies := len(box.Items("sentitems"))
			require.NoError(t, m.RemoveDrafts(t.Context(), "row-1"))
			require.Empty(t, box.Items("drafts"))
			require.Len(t, box.Items("sentitems"), copies)
			for _, it := range box.Items("deleteditems") {
				require.False(t, it.Draft, "the proof goes with the drafts; what was sent stays")
			}
			fate, err := m.Settle(t.Context(), nil, "row-1", ews.ItemID{})
			require.NoError(t, err)
			require.Equal(t, tc.want == ews.FateSent, fate == ews.FateSent, "without a draft only what was sent can be told")
		})
	}
	_, _, m := newMailbox(t, nil)
	_, err := m.Settle(t.Context(), nil, "", ews.ItemID{})
	require.ErrorContains(t, err, "marker is empty")
}

// TestProofIsKept: with BeforeSend the draft of a message that turns out not to have been sent stays as the proof, without it goes.
func TestProofIsKept(t *testing.T) {
	for name, effect := range map[string]ewstest.Effect{"lost": ewstest.CutBefore(), "refused": ewstest.ResponseError("ErrorSendAsDenied", "")} {
		for _, noted := range []bool{true, false} {
			srv, box, m := newMailbox(t, nil)
			srv.Fault(ewstest.Fault{Op: "SendItem", Times: -1, Do: effect})
			d := &ews.Draft{Subject: "x", To: []ews.Address{{Email: "ann@example.org"}}, Marker: "row-1"}
			var draft ews.ItemID
			if noted {
				d.BeforeSend = func(_ context.Context, id ews.ItemID) error { draft = id; return nil }
			}
			_, err := m.Send(t.Context(), d)
			require.Error(t, err, name)
			require.False(t, ews.MaybeApplied(err), name)
			require.Empty(t, box.Items("drafts"))
			if !noted {
				require.Empty(t, box.Items("deleteditems"), name)
				continue
			}
			require.Len(t, box.Items("deleteditems"), 1, name)
			fate, err := m.Settle(t.Context(), nil, "row-1", draft)
			require.NoError(t, err)
			require.Equal(t, ews.FateNotSent, fate)
		}
	}
}

// TestSentByTheProxy: a proxy that makes two requests of one hands on the second answer, which says that there is no draft. The message went out.
func TestSentByTheProxy(t *testing.T) {
	srv, box, _ := newMailbox(t, nil)
	srv.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.CutAfter()})
	sends := 0
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(body, []byte("<m:SendItem ")) {
			r.Body = io.NopCloser(bytes.NewReader(body))
			return http.DefaultTransport.RoundTrip(r)
		}
		sends++
		for range 2 {
			r.Body = io.NopCloser(bytes.NewReader(body))
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				return resp, nil
			}
		}
		return nil, errors.New("unreachable")
	}))
	_, err := m.Send(t.Context(), &ews.Draft{Subject: "x", To: []ews.Address{{Email: "ann@example.org"}}})
	require.NoError(t, err)
	require.Equal(t, 1, sends)
	require.Equal(t, 2, srv.Count("SendItem"))
	require.Len(t, srv.Outbound(), 1)
	require.Len(t, box.Items("sentitems"), 1)
}

// TestDraftsInDoubt: CreateDraft and DraftReply say when a draft may have stayed behind, and only then.
func TestDraftsInDoubt(t *testing.T) {
	always := func(op string, do ewstest.Effect) []ewstest.Fault {
		return []ewstest.Fault{{Op: op, Times: -1, Do: do}}
	}
	for name, tc := range map[string]struct {
		faults []ewstest.Fault
		reply  bool
		maybe  bool
		left   int
	}{
		"refused":                              {always("CreateItem", ewstest.ResponseError("ErrorInvalidRecipients", "")), false, false, 0},
		"answer lost, removed":                 {always("CreateItem", ewstest.CutAfter()), false, false, 0},
		"never arrived, as far as one can see": {always("CreateItem", ewstest.CutBefore()), false, true, 0},
		"answer lost, not to be found":         {append(always("CreateItem", ewstest.CutAfter()), always("FindItem", ewstest.CutBefore())...), false, true, 1},
		"answer lost, not to be removed":       {append(always("CreateItem", ewstest.CutAfter()), always("DeleteItem", ewstest.CutBefore())...), false, true, 1},
		"attachment refused":                   {always("CreateAttachment", ewstest.ResponseError("ErrorAttachmentSizeLimitExceeded", "")), false, false, 0},
		"attachment refused, not to be removed": {append(always("CreateAttachment", ewstest.ResponseError("ErrorAttachmentSizeLimitExceeded", "")),
			always("DeleteItem", ewstest.CutBefore())...), false, true, 1},
		"attachment's answer lost": {always("CreateAttachment", ewstest.CutAfter()), false, false, 0},
		"reply without a mark":     {always("CreateItem", ewstest.CutAfter()), true, true, 1},
		"reply's mark refused":     {always("UpdateItem", ewstest.ResponseError("ErrorAccessDenied", "")), true, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv, box, m := newMailbox(t, nil)
			id := deliver(t, box, question, nil)
			for _, f := range tc.faults {
				srv.Fault(f)
			}
			files := []ews.Upload{{Name: "a", Content: ews.String("b")}}
			var err error
			if tc.reply {
				_, err = m.DraftReply(t.Context(), id, &ews.Answer{Attachments: files})
			} else {
				_, err = m.CreateDraft(t.Context(), &ews.Draft{Subject: "x", To: []ews.Address{{Email: "ann@example.org"}}, Attachments: files})
			}
			require.Error(t, err)
			require.Equal(t, tc.maybe, ews.MaybeApplied(err), "%v", err)
			require.Len(t, box.Items("drafts"), tc.left)
			require.True(t, tc.maybe || tc.left == 0)

			srv.ClearFaults()
			for _, f := range tc.faults { // a send that ended so is certain, all the same
				srv.Fault(f)
			}
			if tc.reply {
				_, err = m.Reply(t.Context(), id, &ews.Answer{Attachments: files})
			} else {
				_, err = m.Send(t.Context(), &ews.Draft{Subject: "x", To: []ews.Address{{Email: "ann@example.org"}}, Attachments: files})
			}
			require.Error(t, err)
			require.False(t, ews.MaybeApplied(err), "%v", err)
			require.Empty(t, srv.Outbound())
		})
	}
}

// TestMarkersDifferInCase: Exchange finds what differs in case only. One message's copy says nothing about another, nor are another's drafts removed.
func TestMarkersDifferInCase(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	upper := leaveDraft(t, m, "Row-jR")
	require.NoError(t, m.RemoveDrafts(t.Context(), "Row-Jr"))
	require.Len(t, box.Items("drafts"), 1)
	_, err := m.SendDraft(t.Context(), ews.ItemID{ID: upper.ID}, nil)
	require.NoError(t, err)
	for marker, there := range map[string]bool{"Row-jR": true, "Row-Jr": false} {
		found, err := m.FindSent(t.Context(), nil, marker)
		require.NoError(t, err)
		require.Equal(t, there, !found.IsZero(), marker)
		fate, err := m.Settle(t.Context(), nil, marker, ews.ItemID{})
		require.NoError(t, err)
		require.Equal(t, there, fate == ews.FateSent, marker)
	}
}
