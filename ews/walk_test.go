package ews_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestSorting(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	seedTickets(t, box, 6)
	for _, tt := range []struct {
		name string
		sort []ews.SortField
		want string
	}{
		{"size", []ews.SortField{{Field: ews.FieldSize}}, "012345"},
		{"size, the largest first", []ews.SortField{{Field: ews.FieldSize, Descending: true}}, "543210"},
		{"importance, then subject", []ews.SortField{{Field: ews.FieldImportance, Descending: true}, {Field: ews.FieldSubject}}, "251403"},
		{"property", []ews.SortField{{Field: queue}, {Field: ews.FieldSubject}}, "024135"},
		{"received", []ews.SortField{{Field: ews.FieldReceived}}, "012345"},
		{"received, the newest first", []ews.SortField{{Field: ews.FieldReceived, Descending: true}}, "543210"},
	} {
		for _, size := range []int{0, 1, 2, 3, 6} {
			require.Equal(t, tt.want, tickets(t, m, &ews.Query{Sort: tt.sort, PageSize: size}), "%s, %d a page", tt.name, size)
		}
		require.Equal(t, tt.want[:3], tickets(t, m, &ews.Query{Sort: tt.sort, PageSize: 2, Limit: 3}), tt.name)
	}
}

// TestSortedListingCostsOneWalk: in a folder at rest no page is asked for twice.
func TestSortedListingCostsOneWalk(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	seedTickets(t, box, 9)
	srv.ResetRequests()
	require.Equal(t, "012345678", tickets(t, m, &ews.Query{Sort: []ews.SortField{{Field: ews.FieldSubject}}, PageSize: 5}))
	require.Equal(t, 2, srv.Count("FindItem"))
}

// TestSortedListingWhileTheFolderChanges: what is there all the time comes exactly once, also when pages are found by number, while the
// loop and others change the folder.
func TestSortedListingWhileTheFolderChanges(t *testing.T) {
	for _, search := range []string{"", "subject:mail"} {
		for _, stay := range unlessRace([]int{1, 2, 3, 1000}, []int{1, 3}) { // every n-th message stays, the others are moved when they are handed out
			for _, every := range unlessRace([]int{1, 4, 7, 1000}, []int{4}) { // so often somebody writes, to either end
				t.Run(fmt.Sprintf("search %q, 1 of %d stays, a new one every %d", search, stay, every), func(t *testing.T) {
					_, box, m := newMailbox(t, nil)
					box.AddFolder("done")
					start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
					const n = 60
					for i := range n {
						deliver(t, box, fmt.Sprintf("Subject: mail %03d\n\n", i), &ewstest.DeliverOptions{Received: start.Add(time.Duration(i) * time.Second)})
					}
					q := &ews.Query{PageSize: 7, Detail: ews.Summary, Search: search}
					if search == "" {
						q.Sort = []ews.SortField{{Field: ews.FieldSubject}}
					}
					seen := map[string]int{}
					k := 0
					for msg, err := range m.Messages(t.Context(), ews.Inbox, q) {
						require.NoError(t, err)
						seen[msg.Subject]++
						if k++; k%stay != 0 || stay == 1000 {
							_, err := box.MoveTo(msg.ID.ID, "done")
							require.NoError(t, err)
						}
						if k%every == 0 && k < 90 {
							deliver(t, box, fmt.Sprintf("Subject: mail %s new %d\n\n", []string{"-", "z"}[k%2], k), nil)
						}
					}
					for i := range n {
						require.Equal(t, 1, seen[fmt.Sprintf("mail %03d", i)], "message %d", i)
					}
					for s, got := range seen {
						require.Equal(t, 1, got, s)
					}
				})
			}
		}
	}
}

// TestSearchPages: Exchange gives 250 messages a page to a query string.
func TestSearchPages(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	for range 600 {
		deliver(t, box, "Subject: mail\n\n", nil)
	}
	found := 0
	for _, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Search: "subject:mail", Detail: ews.Summary}) {
		require.NoError(t, err)
		found++
	}
	require.Equal(t, 600, found)
	require.Equal(t, 3, srv.Count("FindItem"))
}

func TestFieldSelection(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	deliver(t, box, question, nil)
	for _, tt := range []struct {
		q       ews.Query
		subject bool
		to      int
		body    bool
	}{
		{ews.Query{Detail: ews.Summary, Fields: []ews.Field{ews.FieldSubject}}, true, 0, false},
		{ews.Query{Detail: ews.Summary, Fields: []ews.Field{ews.FieldRead}}, false, 0, false},
		{ews.Query{Fields: []ews.Field{ews.FieldTo}}, false, 2, false},
		{ews.Query{Fields: []ews.Field{ews.FieldSubject, ews.FieldBody}}, true, 0, true},
	} {
		for msg, err := range m.Messages(t.Context(), ews.Inbox, &tt.q) {
			require.NoError(t, err)
			require.NotEmpty(t, msg.ID.ID)
			require.NotZero(t, msg.Received)
			require.Empty(t, msg.From)
			require.Equal(t, tt.subject, msg.Subject != "")
			require.Len(t, msg.To, tt.to)
			require.Equal(t, tt.body, msg.Body.Text != "")
		}
	}
}
