package ews_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// listedPages watches a folder with seven messages, all of them known, two on a page at first, until it has caught up. It counts the pages that are
// told, and the messages that Known was asked about just before each. stop leaves the loop after so many pages, and another program goes on from
// the cursor.
func listedPages(t *testing.T, stop int, refused bool, guard string) (pages, asked int) {
	_, box, m := newMailbox(t, nil)
	for i := range 7 {
		deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil)
	}
	now := 0 // asked about at last
	o := &ews.WatchOptions{NoStream: true, Sync: ews.SyncOptions{PageSize: 2, Detail: ews.Summary, Known: func(_ context.Context, page []*ews.Message) ([]bool, error) {
		now = len(page)
		known := make([]bool, len(page))
		for i := range known {
			known[i] = true
		}
		return known, nil
	}}}
	var cursor ews.Cursor
	if refused {
		_, at, err := collect(m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Detail: ews.Summary}), nil)
		require.NoError(t, err)
		cursor = at
		require.True(t, box.InvalidateSyncStates("inbox"))
	}
	watch := func(from ews.Cursor) iter.Seq2[ews.Batch, error] {
		if guard != "" && from == "" {
			return m.BrokenWatch(t.Context(), ews.Inbox, *o, guard)
		}
		return m.Watch(t.Context(), ews.Inbox, from, o)
	}
	for caught := false; !caught; {
		for b, err := range watch(cursor) {
			require.NoError(t, err)
			require.Empty(t, b.Changes)
			pages++
			asked += now
			now, cursor, caught = 0, b.Cursor, b.Last
			if caught || pages == stop {
				break
			}
		}
	}
	return pages, asked
}

// TestWatchTellsOfListings: each page of a listing is told although nothing on it is new, so that its messages can be noted, and the cursor: from
// the start, after a cursor was refused, and when another program goes on in the middle.
func TestWatchTellsOfListings(t *testing.T) {
	for _, refused := range []bool{false, true} {
		for stop := range 3 {
			t.Run(fmt.Sprintf("refused %v, stopped after page %d", refused, stop), func(t *testing.T) {
				pages, asked := listedPages(t, stop, refused, "")
				require.Greater(t, pages, 1)
				require.Equal(t, 7, asked)
			})
		}
	}
}

// TestWatchTellsOfListingsMutant: one that tells only of what is new leaves out all pages but the last.
func TestWatchTellsOfListingsMutant(t *testing.T) {
	pages, asked := listedPages(t, 0, false, "pages of what is known")
	require.Equal(t, 1, pages)
	require.Less(t, asked, 7)
}
