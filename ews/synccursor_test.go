package ews_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

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
