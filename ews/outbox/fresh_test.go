package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// TestRefusedTexts: what JSON would change is refused.
func TestRefusedTexts(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	o := w.outbox(plain(w), nil)
	for want, m := range map[string]*outbox.Message{
		"MIME: ":       {Kind: outbox.NewMail, To: ann, MIME: []byte("x")},
		"Subject: no":  {Kind: outbox.NewMail, To: ann, Subject: "\xE4"},
		"Body: no":     {Kind: outbox.NewMail, To: ann, Body: ews.Body{Text: "\xE4"}},
		"To[0]: no":    {Kind: outbox.NewMail, To: []ews.Address{{Name: "\xE4", Email: "a@b.example"}}},
		"Headers: no":  {Kind: outbox.NewMail, To: ann, Headers: []ews.Header{{Name: "X", Value: "\xE4"}}},
		"Attachments[": {Kind: outbox.NewMail, To: ann, Attachments: []outbox.Attachment{{Name: "\xE4"}}},
	} {
		_, err := o.Add(t.Context(), w.db, m)
		require.ErrorContains(t, err, want)
	}
}

// TestMailboxNames: a row finds its worker whatever the case of the address, or is refused.
func TestMailboxNames(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	o := w.outbox(plain(w), nil)
	adder, err := outbox.New(t.Context(), w.db, nil, nil)
	require.NoError(t, err)
	_, err = adder.Add(t.Context(), w.db, &outbox.Message{Kind: outbox.NewMail, To: ann})
	require.ErrorContains(t, err, "no worker would look for it")
	_, err = adder.Add(t.Context(), w.db, &outbox.Message{ID: "a", Kind: outbox.NewMail, To: ann, Mailbox: "Support@Example.com"})
	require.NoError(t, err)
	until(t, w, o, time.Minute)
	row, err := o.Row(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, outbox.Sent, row.State)
}

// TestRemoveCallsOff: a queued message is removed for certain, also when a worker has its draft ready.
func TestRemoveCallsOff(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	o := w.outbox(plain(w), nil)
	w.add(1, 0)
	var removed atomic.Bool
	o.Step(func(what string) {
		if what == "before: sending" && removed.CompareAndSwap(false, true) {
			if err := w.outbox(nil, nil).Remove(t.Context(), w.want[0]); err != nil {
				t.Error(err)
			}
		}
	})
	until(t, w, o, time.Minute)
	require.True(t, removed.Load())
	require.Empty(t, w.srv.Outbound())
	require.Empty(t, w.box.Items("drafts"))
	require.EqualValues(t, 1, o.Stats().TakenOver)

	w.srv.Fault(ewstest.Fault{Op: "CreateItem", Do: ewstest.HTML(500, "oops")})
	slow := w.outbox(plain(w), func(o *outbox.Options) { o.RetryDelay = time.Hour; o.MaxRetryDelay = time.Hour })
	id, err := slow.Add(t.Context(), w.db, &outbox.Message{Kind: outbox.NewMail, To: ann})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- slow.Run(ctx) }()
	require.Eventually(t, func() bool { return slow.Stats().Retried > 0 }, time.Minute, time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.NoError(t, slow.Remove(t.Context(), id), "one that waits for another try")
}

// TestPoisonEndpoint: a message that something on the way refuses as if the whole service were gone holds up the others once, not each time.
func TestPoisonEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, bubbleSQLite(t), "")
		o := w.outbox(plain(w), func(o *outbox.Options) {
			o.GiveUp = 3 * time.Hour
			o.RetryDelay = time.Minute
			o.MaxRetryDelay = time.Minute
		})
		w.srv.Fault(ewstest.Fault{Op: "CreateItem", Times: -1, Do: ewstest.HTML(404, "404.13"),
			Match: func(r *ewstest.Request) bool { return bytes.Contains(r.Body, []byte("poison")) }})
		_, err := o.Add(t.Context(), w.db, &outbox.Message{ID: "poison", Kind: outbox.NewMail, To: ann, Subject: "poison"})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- o.Run(ctx) }()
		time.Sleep(10 * time.Second)
		slowest := time.Duration(0)
		for i := range 12 {
			id, err := o.Add(t.Context(), w.db, &outbox.Message{ID: fmt.Sprint("m", i), Kind: outbox.NewMail, To: ann})
			require.NoError(t, err)
			began := time.Now()
			for {
				row, err := o.Row(t.Context(), id)
				require.NoError(t, err)
				if row.State == outbox.Sent {
					break
				}
				time.Sleep(time.Second)
			}
			if i > 0 {
				slowest = max(slowest, time.Since(began))
			}
			time.Sleep(17 * time.Second)
		}
		require.Less(t, slowest, 5*time.Second)
		row, err := o.Row(t.Context(), "poison")
		require.NoError(t, err)
		require.Positive(t, row.Tries, "it is tried again by itself")
		stop()
		require.NoError(t, <-done)
	})
}

// TestPanics: the application's functions may panic for a message; the others go out, and this one does when they have recovered.
func TestPanics(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	var opens, dones atomic.Int64
	o := w.outbox(plain(w), func(o *outbox.Options) {
		o.Open = func(context.Context, string) (ews.Content, error) {
			if opens.Add(1) < 3 {
				panic("nil pointer")
			}
			return ews.String("x"), nil
		}
		record := o.Done
		o.Done = func(ctx context.Context, tx *sql.Tx, r *outbox.Row) error {
			if dones.Add(1) < 3 {
				panic(errors.New("nil map"))
			}
			return record(ctx, tx, r)
		}
	})
	w.add(2, 0)
	_, err := o.Add(t.Context(), w.db, &outbox.Message{ID: "ref", Kind: outbox.NewMail, To: ann, Subject: "[ref]", Attachments: []outbox.Attachment{{Name: "a", Ref: "r"}}})
	require.NoError(t, err)
	w.want = append(w.want, "ref")
	until(t, w, o, time.Minute)
	require.Len(t, w.srv.Outbound(), 3)
	require.False(t, w.judge().bad(), "%+v", w.judge())
}
