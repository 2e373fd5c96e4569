package ews_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// sparse lists a folder of which only what news says is not known, 50 a page, and says how many requests that took and what was wrong.
func sparse(t *testing.T, messages int, news func(i int) bool, guard string) (requests int, wrong []string) {
	srv, box, m := newMailbox(t, nil)
	want := map[string]int{}
	for i := range messages {
		subject := strconv.Itoa(i)
		deliver(t, box, "Subject: "+subject+"\n\n", nil)
		if news(i) {
			want[subject] = 1
		}
	}
	known := func(_ context.Context, page []*ews.Message) ([]bool, error) {
		known := make([]bool, len(page))
		for i, msg := range page {
			n, err := strconv.Atoi(msg.Subject)
			if err != nil {
				return nil, err
			}
			known[i] = !news(n)
		}
		return known, nil
	}
	srv.ResetRequests()
	got := map[string]int{}
	var cursor ews.Cursor
	// Each batch is taken by a program of its own, which dies then.
	for done := false; !done; {
		for b, err := range m.WideSync(t.Context(), ews.Inbox, cursor, ews.SyncOptions{Detail: ews.Summary, PageSize: 50, Known: known}, guard) {
			require.NoError(t, err)
			if len(b.Changes) > 50 {
				wrong = append(wrong, fmt.Sprintf("a batch of %d", len(b.Changes)))
			}
			for _, c := range b.Changes {
				got[c.Message.Subject]++
			}
			if cursor, done = b.Cursor, b.Last; len(b.Changes) > 0 {
				break
			}
		}
	}
	for subject := range want {
		if got[subject] != 1 {
			wrong = append(wrong, fmt.Sprintf("message %s came %d times", subject, got[subject]))
		}
	}
	if len(got) > len(want) {
		wrong = append(wrong, fmt.Sprintf("%d messages instead of %d", len(got), len(want)))
	}
	return srv.Count("SyncFolderItems"), wrong
}

// TestSyncWidens: a listing that is nearly all known takes few requests, whatever is new in it comes once, and no batch is larger than it may be.
func TestSyncWidens(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := map[int]bool{}
	for range 40 {
		random[r.IntN(4000)] = true
	}
	for name, tc := range map[string]struct {
		news     func(i int) bool
		requests int // at most
	}{
		"nothing is new":            {func(int) bool { return false }, 12},
		"the last is":               {func(i int) bool { return i == 3999 }, 12},
		"forty are":                 {func(i int) bool { return random[i] }, 60}, // each ends a program
		"three hundred in a row":    {func(i int) bool { return i >= 2000 && i < 2300 }, 35},
		"all are":                   {func(int) bool { return true }, 80},
		"every second is, at first": {func(i int) bool { return i < 400 && i%2 == 0 }, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests, wrong := sparse(t, 4000, tc.news, "")
			require.Empty(t, wrong)
			require.LessOrEqual(t, requests, tc.requests)
			t.Logf("%d requests", requests)
		})
	}
}

// TestSyncWidensMutants: without the parts of it there are too many requests, or batches that are too large.
func TestSyncWidensMutants(t *testing.T) {
	requests, wrong := sparse(t, 1000, func(int) bool { return false }, "wider pages")
	require.Empty(t, wrong)
	require.Greater(t, requests, 15, "nobody noticed")
	_, wrong = sparse(t, 1000, func(i int) bool { return i >= 600 }, "asking again")
	require.NotEmpty(t, wrong, "nobody noticed")
	require.True(t, strings.HasPrefix(wrong[0], "a batch of "), wrong)
	_, wrong = sparse(t, 1000, func(i int) bool { return i >= 600 }, "the same state")
	require.NotEmpty(t, wrong, "nobody noticed")
}
