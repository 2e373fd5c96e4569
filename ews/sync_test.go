package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
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
	synctest.Test(t, func(t *testing.T) {
		rt := &script{answers: []answer{reply(200, syncPage("S1", false, createdItem("a"))), bad}}
		m := newClient(t, rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 2} }).Own()
		o := &ews.SyncOptions{Detail: ews.Summary}
		batches, cursor, err := collect(m.Sync(t.Context(), ews.Inbox, "", o), nil)
		require.ErrorIs(t, err, kind)
		require.Equal(t, [][]string{{"created a"}}, batches)
		// The next program goes on behind the first page.
		rt.answers, rt.reqs, rt.bodies = []answer{reply(200, syncPage("S3", true, createdItem("b")))}, nil, nil
		batches, _, err = collect(m.Sync(t.Context(), ews.Inbox, cursor, o), nil)
		require.NoError(t, err)
		require.Equal(t, [][]string{{"created b"}}, batches)
		require.Contains(t, rt.bodies[0], "<m:SyncState>S1</m:SyncState>")
	})
}

func TestCursorIsChecked(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	deliver(t, box, "Subject: a\n\n", nil)
	_, cursor, err := collect(m.Sync(t.Context(), ews.Inbox, "", nil), nil)
	require.NoError(t, err)
	var folders ews.Cursor
	for b, err := range m.SyncFolders(t.Context(), ews.MsgFolderRoot, "") {
		require.NoError(t, err)
		folders = b.Cursor
	}
	srv.ResetRequests() // the server need not be asked, and must not: some take any text for the beginning
	for name, bad := range map[string]ews.Cursor{
		"cut": cursor[:len(cursor)-1], "cut short": cursor[:3], "changed": cursor + "A", "not ours": "H4sIAAA=", "of folders": folders, "empty state": "ewsi.00000000.",
	} {
		_, _, err := collect(m.Sync(t.Context(), ews.Inbox, bad, nil), nil)
		require.ErrorIs(t, err, ews.ErrCursorInvalid, name)
		require.NotContains(t, err.Error(), "\n")
	}
	for _, err := range m.SyncFolders(t.Context(), ews.MsgFolderRoot, cursor) {
		require.ErrorIs(t, err, ews.ErrCursorInvalid)
	}
	require.Empty(t, srv.Requests())
}

// memory is a program that remembers what it was handed, as a helpdesk does.
type memory struct {
	seen   map[string]int // by search key
	cursor ews.Cursor
}

func (p *memory) take(b ews.Batch) {
	for _, c := range b.Changes {
		if c.Kind == ews.Created {
			p.seen[c.Message.SearchKey]++
		}
	}
	p.cursor = b.Cursor
}

func (p *memory) known(_ context.Context, page []*ews.Message) ([]bool, error) {
	out := make([]bool, len(page))
	for i, msg := range page {
		out[i] = p.seen[msg.SearchKey] > 0
	}
	return out, nil
}

// TestSyncRestart: an invalid cursor costs nothing twice and nothing at all, whatever page the program is stopped after.
func TestSyncRestart(t *testing.T) {
	const before, after = 7, 3
	for stop := range 6 {
		t.Run(fmt.Sprint("stopped after page ", stop), func(t *testing.T) {
			_, box, m := newMailbox(t, nil)
			for i := range before {
				deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil)
			}
			p := &memory{seen: map[string]int{}}
			o := &ews.SyncOptions{PageSize: 2, Detail: ews.Summary, Known: p.known}
			for b, err := range m.Sync(t.Context(), ews.Inbox, "", o) {
				require.NoError(t, err)
				require.False(t, b.Restarted)
				p.take(b)
			}
			require.Len(t, p.seen, before)
			require.True(t, box.InvalidateSyncStates("inbox"))
			for i := range after {
				deliver(t, box, fmt.Sprintf("Subject: new %d\n\n", i), nil)
			}
			_, _, err := collect(m.Sync(t.Context(), ews.Inbox, p.cursor, nil), nil)
			require.ErrorIs(t, err, ews.ErrCursorInvalid, "without Known")
			pages := 0
			for b, err := range m.Sync(t.Context(), ews.Inbox, p.cursor, o) {
				require.NoError(t, err)
				require.True(t, b.Restarted)
				p.take(b)
				if pages++; pages == stop {
					break
				}
			}
			for b, err := range m.Sync(t.Context(), ews.Inbox, p.cursor, o) { // another program goes on
				require.NoError(t, err)
				p.take(b)
			}
			require.Len(t, p.seen, before+after)
			for key, n := range p.seen {
				require.Equal(t, 1, n, key)
			}
		})
	}
	t.Run("cursor lost", func(t *testing.T) {
		_, box, m := newMailbox(t, nil)
		deliver(t, box, "Subject: a\n\n", nil)
		p := &memory{seen: map[string]int{}}
		for range 2 {
			for b, err := range m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Detail: ews.Summary, Known: p.known}) {
				require.NoError(t, err)
				p.take(b)
			}
		}
		for _, n := range p.seen {
			require.Equal(t, 1, n)
		}
	})
	t.Run("known fails", func(t *testing.T) {
		_, box, m := newMailbox(t, nil)
		deliver(t, box, "Subject: a\n\n", nil)
		broken := errors.New("database is down")
		for name, known := range map[string]func(context.Context, []*ews.Message) ([]bool, error){
			"error":     func(context.Context, []*ews.Message) ([]bool, error) { return nil, broken },
			"too short": func(context.Context, []*ews.Message) ([]bool, error) { return nil, nil },
		} {
			batches, _, err := collect(m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Known: known}), nil)
			require.Error(t, err, name)
			require.Equal(t, name == "error", errors.Is(err, broken))
			require.Empty(t, batches)
		}
	})
}

// TestSyncRestartIsBounded: a server that refuses the states it has just made.
func TestSyncRestartIsBounded(t *testing.T) {
	refuse := reply(200, string(response("SyncFolderItems", strings.ReplaceAll(errMessage("ErrorInvalidSyncStateData", ""), "GetItem", "SyncFolderItems"))))
	n := 0
	rt := &script{answers: []answer{func(r *http.Request) (*http.Response, error) {
		if n++; n%2 == 1 {
			return reply(200, syncPage(fmt.Sprint("S", n), false, createdItem("a")))(r)
		}
		return refuse(r)
	}}}
	m := newClient(t, rt, nil).Own()
	none := func(_ context.Context, page []*ews.Message) ([]bool, error) { return make([]bool, len(page)), nil }
	_, _, err := collect(m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Detail: ews.Summary, Known: none}), nil)
	require.ErrorIs(t, err, ews.ErrCursorInvalid)
	require.Less(t, rt.count(), 20)
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
