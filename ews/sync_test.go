package ews_test

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// told writes changes as "created 1 full", by their subjects or what ids were delivered as.
func told(changes []ews.Change, names map[string]string) []string {
	var out []string
	for _, c := range changes {
		s := c.Kind.String()
		if c.Message != nil {
			s += " " + c.Message.Subject
			if c.Message.ID != c.ID {
				s += " WRONG ID"
			}
		} else {
			s += " " + names[c.ID.ID]
		}
		if c.Kind == ews.ReadChanged {
			s += fmt.Sprintf(" %v", c.Read)
		}
		if c.Err != nil {
			s += " failed"
		}
		out = append(out, s)
	}
	return out
}

// collect runs a pass and returns what its batches told and the last cursor.
func collect(seq iter.Seq2[ews.Batch, error], names map[string]string) (batches [][]string, cursor ews.Cursor, err error) {
	for b, err := range seq {
		if err != nil {
			return batches, cursor, err
		}
		batches, cursor = append(batches, told(b.Changes, names)), b.Cursor
	}
	return batches, cursor, nil
}

func TestSync(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	ctx := t.Context()
	names := map[string]string{}
	add := func(n string) ews.ItemID {
		id := deliver(t, box, "Subject: "+n+"\n\nbody of "+n+"\n", nil)
		names[id.ID] = n
		return id
	}
	ids := map[string]ews.ItemID{}
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		ids[n] = add(n)
	}
	o := &ews.SyncOptions{PageSize: 2, Body: ews.TextBody}
	var cursors []ews.Cursor
	var all [][]string
	for b, err := range m.Sync(ctx, ews.Inbox, "", o) {
		require.NoError(t, err)
		require.Equal(t, len(all) == 2, b.Last)
		require.False(t, b.Restarted)
		for _, c := range b.Changes {
			require.Contains(t, c.Message.Body.Text, "body of "+c.Message.Subject)
			require.NotEmpty(t, c.Message.SearchKey)
		}
		cursors, all = append(cursors, b.Cursor), append(all, told(b.Changes, names))
	}
	require.Equal(t, [][]string{{"created 1", "created 2"}, {"created 3", "created 4"}, {"created 5"}}, all)
	require.Equal(t, 3, srv.Count("SyncFolderItems"))
	require.Equal(t, 3, srv.Count("GetItem"))

	// From the middle, after a break: what was not handed out comes, what was does not.
	batches, _, err := collect(m.Sync(ctx, ews.Inbox, cursors[0], o), names)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"created 3", "created 4"}, {"created 5"}}, batches)
	for range m.Sync(ctx, ews.Inbox, "", o) {
		break
	}

	box.SetRead(ids["1"].ID, true)
	box.Remove(ids["2"].ID)
	moved, err := m.Move(ctx, ews.DeletedItems, ids["3"])
	require.NoError(t, err)
	require.Len(t, moved, 1)
	box.Remove(add("came and went").ID)
	add("6")
	batches, cursor, err := collect(m.Sync(ctx, ews.Inbox, cursors[2], &ews.SyncOptions{Detail: ews.Summary, Ignore: []ews.ItemID{ids["2"]}}), names)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"read changed 1 true", "deleted 3", "created 6"}}, batches)

	batches, cursor2, err := collect(m.Sync(ctx, ews.Inbox, cursor, nil), names)
	require.NoError(t, err)
	require.Equal(t, [][]string{nil}, batches, "one batch always comes: its cursor is where to go on")
	require.NotEmpty(t, cursor2)

	_, _, err = collect(m.Sync(ctx, ews.FolderID{ID: "AAMkno"}, "", nil), names)
	require.Error(t, err)
	require.NotErrorIs(t, err, ews.ErrCursorInvalid, "there is no cursor that could be wrong")
}

func syncPage(state string, last bool, changes string) string {
	return string(response("SyncFolderItems", success("SyncFolderItems", fmt.Sprintf("<m:SyncState>%s</m:SyncState><m:IncludesLastItemInRange>%v</m:IncludesLastItemInRange><m:Changes>%s</m:Changes>", state, last, changes))))
}

func createdItem(id string) string {
	return `<t:Create><t:Message><t:ItemId Id="` + id + `" ChangeKey="K"/><t:Subject>` + id + `</t:Subject></t:Message></t:Create>`
}

const busySync = `<m:SyncFolderItemsResponse><m:ResponseMessages><m:SyncFolderItemsResponseMessage ResponseClass="Error"><m:MessageText>The server cannot service this request right now.</m:MessageText>` +
	`<m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml><t:Value Name="BackOffMilliseconds">5000</t:Value></m:MessageXml><m:SyncState/>` +
	`<m:IncludesLastItemInRange>true</m:IncludesLastItemInRange></m:SyncFolderItemsResponseMessage></m:ResponseMessages></m:SyncFolderItemsResponse>`

// TestSyncNeverTakesABadPage: a page without a sync state, whole or failed, is no place to go on from.
func TestSyncNeverTakesABadPage(t *testing.T) {
	bad := map[string]struct {
		answer answer
		kind   error
	}{
		"busy":            {reply(200, envelope(busySync)), ews.ErrThrottled},
		"empty state":     {reply(200, syncPage("", true, createdItem("x"))), ews.ErrUnavailable},
		"blank state":     {reply(200, syncPage(" \r\n ", true, "")), ews.ErrUnavailable},
		"cut":             {reply(200, syncPage("S2", true, createdItem("x"))[:700]), ews.ErrUnavailable},
		"more of nothing": {reply(200, syncPage("S1", false, "")), ews.ErrBadResponse},
		"fault":           {reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "5000"))), ews.ErrThrottled},
		"invalid state":   {reply(200, string(response("SyncFolderItems", strings.ReplaceAll(errMessage("ErrorInvalidSyncStateData", ""), "GetItem", "SyncFolderItems")))), ews.ErrCursorInvalid},
	}
	t.Run("recorded", func(t *testing.T) {
		name := shared(t, "fixtures", "recorded-rs", "soap.deserialize_envelope_with_server_busy_error.xml")
		testBadPage(t, recorded(t, name), ews.ErrThrottled)
	})
	for name, tc := range bad {
		t.Run(name, func(t *testing.T) { testBadPage(t, tc.answer, tc.kind) })
	}
}

func testBadPage(t *testing.T, bad answer, kind error) {
	o := ews.SyncOptions{Detail: ews.Summary}
	synctest.Test(t, func(t *testing.T) {
		batches, state, err := withBadPage(t, bad, func(m *ews.Mailbox, from ews.Cursor) iter.Seq2[ews.Batch, error] {
			return m.Sync(t.Context(), ews.Inbox, from, &o)
		})
		require.ErrorIs(t, err, kind)
		require.Equal(t, [][]string{{"created a"}}, batches)
		require.Equal(t, "S1", state, "the next program goes on behind the first page")
	})
}

// TestSyncNeverTakesABadPageMutants: one that does goes on from nowhere.
func TestSyncNeverTakesABadPageMutants(t *testing.T) {
	for name, tc := range map[string]struct {
		bad    answer
		failed bool
	}{
		"any state":            {reply(200, syncPage("", true, createdItem("x"))), false},
		"any answer":           {reply(200, envelope(busySync)), true},
		"any answer, recorded": {recorded(t, shared(t, "fixtures", "recorded-rs", "soap.deserialize_envelope_with_server_busy_error.xml")), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, state, err := withBadPage(t, tc.bad, func(m *ews.Mailbox, from ews.Cursor) iter.Seq2[ews.Batch, error] {
					return m.BrokenSync(t.Context(), ews.Inbox, from, ews.SyncOptions{Detail: ews.Summary}, tc.failed)
				})
				require.NoError(t, err)
				require.NotEqual(t, "S1", state, "nobody noticed")
			})
		})
	}
}

// withBadPage synchronises when the second page is bad, and tells what came of it, and the sync state that the next program asks with.
func withBadPage(t *testing.T, bad answer, sync func(m *ews.Mailbox, from ews.Cursor) iter.Seq2[ews.Batch, error]) (batches [][]string, state string, err error) {
	rt := &script{answers: []answer{reply(200, syncPage("S1", false, createdItem("a"))), bad}}
	m := newClient(t, rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 2} }).Own()
	batches, cursor, err := collect(sync(m, ""), nil)
	rt.answers, rt.reqs, rt.bodies = []answer{reply(200, syncPage("S3", true, createdItem("b")))}, nil, nil
	_, _, _ = collect(sync(m, cursor), nil)
	if len(rt.bodies) > 0 {
		_, rest, _ := strings.Cut(rt.bodies[0], "<m:SyncState>")
		state, _, _ = strings.Cut(rest, "</m:SyncState>")
	}
	return batches, state, err
}

func TestSyncFolders(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	pass := func(from ews.Cursor) (changes []ews.FolderChange, cursor ews.Cursor) {
		for b, err := range m.SyncFolders(t.Context(), ews.MsgFolderRoot, from) {
			require.NoError(t, err)
			changes, cursor = append(changes, b.Changes...), b.Cursor
		}
		return changes, cursor
	}
	all, cursor := pass("")
	require.Len(t, all, len(box.Folders()))
	box.AddFolder("Processed")
	changes, cursor := pass(cursor)
	require.Len(t, changes, 1)
	require.Equal(t, ews.Created, changes[0].Kind)
	require.Equal(t, "Processed", changes[0].Folder.Name)
	require.NoError(t, box.RemoveFolder("Processed"))
	gone, cursor := pass(cursor)
	require.Equal(t, []ews.FolderChange{{Kind: ews.Deleted, ID: ews.FolderID{ID: changes[0].ID.ID, ChangeKey: gone[0].ID.ChangeKey}}}, gone)
	none, _ := pass(cursor)
	require.Empty(t, none)
}

func TestSyncOfSamples(t *testing.T) {
	dir := shared(t, "samples")
	rt := &script{answers: []answer{recorded(t, filepath.Join(dir, "SyncFolderItems-1.response.xml"))}}
	batches, cursor, err := collect(newClient(t, rt, nil).Own().Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Detail: ews.Summary}), nil)
	require.NoError(t, err)
	if d := cmp.Diff([][]string{slices.Repeat([]string{"created "}, 5)}, batches); d != "" {
		t.Error(d)
	}
	require.Contains(t, string(cursor), "H4sIAAA==")
}
