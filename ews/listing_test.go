package ews_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestListing(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 30 {
		deliver(t, box, fmt.Sprintf("Subject: %02d\nFrom: a@example.com\n\nbody %d\n", i, i),
			&ewstest.DeliverOptions{Received: start.Add(time.Duration(i) * time.Hour), Read: i%2 == 0})
	}
	subjects := func(q *ews.Query) (all []string) {
		for msg, err := range m.Messages(t.Context(), ews.Inbox, q) {
			require.NoError(t, err)
			all = append(all, msg.Subject)
			require.Equal(t, q != nil && q.Detail != ews.Full, msg.Body.Text == "", "body")
		}
		return all
	}
	expect := func(keep func(i int) bool, newestFirst bool) (all []string) {
		for i := range 30 {
			if newestFirst {
				i = 29 - i
			}
			if keep(i) {
				all = append(all, fmt.Sprintf("%02d", i))
			}
		}
		return all
	}
	everything := func(int) bool { return true }
	for _, page := range []int{1, 7, 30, 0} {
		for _, detail := range []ews.Detail{ews.Full, ews.WithoutBody, ews.Summary} {
			require.Equal(t, expect(everything, true), subjects(&ews.Query{PageSize: page, Detail: detail}), "page %d, detail %d", page, detail)
			require.Equal(t, expect(everything, false), subjects(&ews.Query{PageSize: page, Detail: detail, OldestFirst: true}), "page %d, detail %d, oldest first", page, detail)
		}
	}
	require.Equal(t, expect(func(i int) bool { return i%2 == 1 }, true), subjects(&ews.Query{UnreadOnly: true, PageSize: 4}))
	require.Equal(t, expect(func(i int) bool { return i >= 3 && i < 20 }, true), subjects(&ews.Query{Since: start.Add(3 * time.Hour), Before: start.Add(20 * time.Hour), PageSize: 5}))
	require.Equal(t, []string{"29", "28", "27"}, subjects(&ews.Query{Limit: 3, PageSize: 2}))
	require.Len(t, subjects(nil), 30)
}

// TestListingWhileTheFolderChanges checks that a listing hands out every message that is there all the time exactly once, whatever the
// loop and others do meanwhile, also when many messages were received in the same second.
func TestListingWhileTheFolderChanges(t *testing.T) {
	for _, perSecond := range []int{1, 3, 50} {
		for _, oldest := range []bool{false, true} {
			for _, stay := range []int{1, 2, 1000} { // every n-th message stays, the others are moved when they are handed out
				t.Run(fmt.Sprintf("%d a second, oldest first %v, 1 of %d stays", perSecond, oldest, stay), func(t *testing.T) {
					_, box, m := newMailbox(t, nil)
					box.AddFolder("done")
					start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
					const n = 60
					for i := range n {
						deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), &ewstest.DeliverOptions{Received: start.Add(time.Duration(i/perSecond) * time.Second)})
					}
					seen := map[string]int{}
					k := 0
					for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{PageSize: 7, OldestFirst: oldest, Detail: ews.Summary}) {
						require.NoError(t, err)
						seen[msg.Subject]++
						if k++; k%stay != 0 || stay == 1000 {
							_, err := box.MoveTo(msg.ID.ID, "done")
							require.NoError(t, err)
						}
						if k%5 == 0 && k < 200 { // somebody writes meanwhile, at both ends
							at := start.Add(-time.Hour)
							if k%2 == 0 {
								at = start.Add(time.Hour)
							}
							deliver(t, box, fmt.Sprintf("Subject: new %d\n\n", k), &ewstest.DeliverOptions{Received: at})
						}
					}
					for i := range n {
						if got := seen[fmt.Sprint(i)]; got != 1 {
							t.Errorf("message %d was handed out %d times", i, got)
						}
					}
					for s, got := range seen {
						if got > 1 {
							t.Errorf("%s was handed out %d times", s, got)
						}
					}
				})
			}
		}
	}
}

func TestListingSurvivesBadAndVanishedMessages(t *testing.T) {
	srv, box, _ := newMailbox(t, nil)
	var ids []ews.ItemID
	for i := range 5 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), &ewstest.DeliverOptions{Received: time.Unix(int64(1e9+i), 0)}))
	}
	box.Poison(ids[1].ID, "ErrorCorruptData")
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		if srv.Count("FindItem") == 1 { // the folder has been listed, the messages are about to be read
			box.Remove(ids[3].ID)
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	var good, bad []string
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{OldestFirst: true}) {
		require.NotNil(t, msg, "%v", err)
		if err != nil {
			require.ErrorIs(t, err, ews.ErrBadItem)
			require.Equal(t, ids[1].ID, msg.ID.ID)
			bad = append(bad, msg.Subject)
			continue
		}
		good = append(good, msg.Subject)
	}
	require.Equal(t, []string{"0", "2", "4"}, good)
	require.Equal(t, []string{"1"}, bad)
}
