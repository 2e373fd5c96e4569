package fetcher_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestBackfillIsCheap: what a first run leaves alone is gone through in large steps, and nothing of what it does not is left out or repeated.
func TestBackfillIsCheap(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		const messages = 3000
		want := map[string]int{}
		for i := range messages {
			received := time.Now().Add(-48 * time.Hour)
			subject := fmt.Sprint("m", i)
			if i%300 == 150 {
				received = time.Now().Add(-time.Minute)
				want[subject] = 1
			}
			p.mail(t, mail(subject), &ewstest.DeliverOptions{Received: received})
		}
		p.o.Backfill, p.o.Once = time.Hour, true
		f := must(fetcher.New(p.m, ews.Inbox, &p.o))
		require.NoError(t, f.Run(t.Context()))
		require.Equal(t, want, p.calls)
		require.LessOrEqual(t, p.Count("SyncFolderItems"), 12, "50 a page it takes 61")
		p.ResetRequests()
		require.NoError(t, f.Run(t.Context()))
		require.Equal(t, want, p.calls)
		require.Equal(t, 1, p.Count("SyncFolderItems"))
	})
}
