package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
)

// TestRunAnew: an account in trouble is left alone for a minute and more; a Run that is begun anew, as after a new sign-in, does not
// wait that out. Only what was tried keeps its pause.
func TestRunAnew(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	o := w.outbox(plain(w), nil)
	run := func(done func() bool) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- o.Run(ctx) }()
		for end := time.Now().Add(30 * time.Second); !done() && time.Now().Before(end); {
			time.Sleep(2 * time.Millisecond)
		}
		cancel()
		require.NoError(t, <-ended)
		require.True(t, done())
	}
	w.add(1, 0)
	w.srv.Fault(ewstest.Fault{Times: -1, Do: ewstest.Blocked()})
	run(func() bool {
		row, err := o.Row(t.Context(), w.want[0])
		require.NoError(t, err)
		return row.Reason != ""
	})
	w.srv.ClearFaults()
	w.add(1, 0)
	run(func() bool { return len(w.srv.Outbound()) == 1 })
	require.Contains(t, string(w.srv.Outbound()[0].MIME), w.want[1])
}
