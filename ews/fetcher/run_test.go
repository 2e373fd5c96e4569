package fetcher_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

var processed = fetcher.Place{Parent: ews.Inbox, Path: []string{"Processed"}}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		w.deliver(t, 120)
		h := newTickets()
		f, err := fetcher.New(w.m, ews.Inbox, &fetcher.Options{Handler: h.handle, Store: fetcher.NewMemoryStore(),
			After: fetcher.Action{MarkRead: true, Categories: []string{"ticket"}, Move: processed}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(time.Minute)
		require.Equal(t, each(120), h.counts())
		w.mail(t, mail("m120"), nil)
		time.Sleep(5 * time.Second)
		require.Equal(t, each(121), h.counts())
		require.Empty(t, w.box.Items("inbox"))
		moved := w.box.Items("inbox/Processed")
		require.Len(t, moved, 121)
		require.True(t, moved[0].Read)
		require.Equal(t, []string{"ticket"}, moved[0].Categories)
		require.EqualValues(t, 121, f.Stats().Handled)
		require.Zero(t, f.Stats().Open)
		require.Empty(t, f.Stats().LastError)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		w.deliver(t, 7)
		h := newTickets()
		o := &fetcher.Options{Handler: h.handle, Store: fetcher.NewMemoryStore(), Once: true}
		require.NoError(t, fetcher.Run(t.Context(), w.m, ews.Inbox, o))
		require.Equal(t, each(7), h.counts())
		w.mail(t, mail("m7"), nil)
		require.NoError(t, fetcher.Run(t.Context(), w.m, ews.Inbox, o))
		require.Equal(t, each(8), h.counts())
		require.Equal(t, each(8), h.calls)
	})
}

// TestAdvice: what somebody can do about an error is told beside it.
func TestAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		w.Fault(ewstest.Fault{Times: -1, Do: ewstest.Blocked()})
		f, err := fetcher.New(w.m, ews.Inbox, &fetcher.Options{Store: fetcher.NewMemoryStore(),
			Handler: func(context.Context, *ews.Message) error { return errors.New("no room") }})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(time.Minute)
		require.Contains(t, f.Stats().LastAdvice, "Set-OrganizationConfig")
		w.ClearFaults()
		w.deliver(t, 1)
		time.Sleep(time.Hour)
		require.Contains(t, f.Stats().LastError, "no room")
		require.Empty(t, f.Stats().LastAdvice, "that of another error")
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}
