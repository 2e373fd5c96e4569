package ews_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// selections are the choices of SyncOptions, each with what shows that it was heeded.
var selections = map[string]struct {
	options ews.SyncOptions
	heeded  func(s *selected) bool
	forget  func(o *ews.SyncOptions) // the mutant
}{
	"Summary":      {ews.SyncOptions{Detail: ews.Summary}, func(s *selected) bool { return s.first.Body.Text == "" && s.gets == 0 }, forgetDetail},
	"without body": {ews.SyncOptions{Detail: ews.WithoutBody}, func(s *selected) bool { return s.first.Body.Text == "" && len(s.first.To) == 1 }, forgetDetail},
	"Full":         {ews.SyncOptions{}, func(s *selected) bool { return strings.Contains(s.first.Body.Text, "bold") && len(s.first.To) == 1 }, func(o *ews.SyncOptions) { o.Detail = ews.Summary }},
	"text body":    {ews.SyncOptions{Body: ews.TextBody}, func(s *selected) bool { return !s.first.Body.HTML && !strings.Contains(s.first.Body.Text, "<b>") }, func(o *ews.SyncOptions) { o.Body = ews.BestBody }},
	"headers":      {ews.SyncOptions{Headers: true}, func(s *selected) bool { return len(s.first.Headers) > 3 }, func(o *ews.SyncOptions) { o.Headers = false }},
	"no headers":   {ews.SyncOptions{}, func(s *selected) bool { return len(s.first.Headers) == 0 }, func(o *ews.SyncOptions) { o.Headers = true }},
	"loop marks":   {ews.SyncOptions{Extra: ews.WithLoopMarks}, func(s *selected) bool { return s.first.Automatic().Is(ews.AutoReply) }, func(o *ews.SyncOptions) { o.Extra = 0 }},
	"text besides": {ews.SyncOptions{Extra: ews.WithTextBody}, func(s *selected) bool { return s.first.TextBody != nil }, func(o *ews.SyncOptions) { o.Extra = 0 }},
	"properties":   {ews.SyncOptions{Properties: []ews.Property{ticketProperty}}, func(s *selected) bool { return len(s.first.Properties) > 0 }, func(o *ews.SyncOptions) { o.Properties = nil }},
	"page size":    {ews.SyncOptions{PageSize: 2, Detail: ews.Summary}, func(s *selected) bool { return slices.Max(s.pages) == 2 }, func(o *ews.SyncOptions) { o.PageSize = 0 }},
	"ignored":      {ews.SyncOptions{Detail: ews.Summary}, func(s *selected) bool { return s.changed == 1 }, func(o *ews.SyncOptions) { o.Ignore = nil }},
}

func forgetDetail(o *ews.SyncOptions) { o.Detail = ews.Full }

var ticketProperty = ews.Property{Set: "c11ff724-aa03-4555-9952-8fa248a11c3e", Name: "ticket", Type: ews.MAPIString}

// selected is what a pass with the options gave.
type selected struct {
	first   *ews.Message
	pages   []int // their lengths
	gets    int   // GetItem requests
	changed int   // changes of the second pass: two messages were marked as read, one of which is to be ignored
}

func selectWith(t *testing.T, options ews.SyncOptions, forget func(*ews.SyncOptions)) *selected {
	srv, box, m := newMailbox(t, nil)
	var ids []ews.ItemID
	for i := range 5 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("From: a@example.org\nTo: b@example.org\nSubject: %d\nAuto-Submitted: auto-replied\nContent-Type: text/html\n\n<b>bold</b>\n", i), nil))
	}
	_, err := m.Update(t.Context(), &ews.Update{Set: []ews.PropertyValue{{Property: ticketProperty, Value: "1"}}}, ids...)
	require.NoError(t, err)
	options.Ignore = ids[:1]
	forget(&options)
	srv.ResetRequests()
	s := new(selected)
	var cursor ews.Cursor
	for b, err := range m.Sync(t.Context(), ews.Inbox, "", &options) {
		require.NoError(t, err)
		for _, c := range b.Changes {
			if s.first == nil {
				s.first = c.Message
			}
		}
		s.pages, cursor = append(s.pages, len(b.Changes)), b.Cursor
	}
	s.gets = srv.Count("GetItem")
	require.True(t, box.SetRead(ids[0].ID, true))
	require.True(t, box.SetRead(ids[1].ID, true))
	for b, err := range m.Sync(context.WithoutCancel(t.Context()), ews.Inbox, cursor, &options) {
		require.NoError(t, err)
		s.changed += len(b.Changes)
	}
	return s
}

// TestSyncSelects: what SyncOptions choose is what comes, and without the choice it would not.
func TestSyncSelects(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(selections)) {
		tc := selections[name]
		t.Run(name, func(t *testing.T) {
			s := selectWith(t, tc.options, func(*ews.SyncOptions) {})
			require.True(t, tc.heeded(s), "%+v", s)
			require.False(t, tc.heeded(selectWith(t, tc.options, tc.forget)), "the mutant that forgets it: nobody noticed")
		})
	}
}

// TestSyncOnePageAtATime: a page is asked for when the one before has been dealt with, and not sooner.
func TestSyncOnePageAtATime(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	for i := range 5 {
		deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil)
	}
	asked := func(pass iter.Seq2[ews.Batch, error]) (asked []int) {
		srv.ResetRequests()
		for _, err := range pass {
			require.NoError(t, err)
			asked = append(asked, srv.Count("SyncFolderItems"))
		}
		return asked
	}
	pass := m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{PageSize: 2, Detail: ews.Summary})
	require.Equal(t, []int{1, 2, 3}, asked(pass))
	ahead := func(yield func(ews.Batch, error) bool) { // the mutant
		var all []ews.Batch
		for b := range pass {
			all = append(all, b)
		}
		for _, b := range all {
			if !yield(b, nil) {
				return
			}
		}
	}
	require.NotEqual(t, []int{1, 2, 3}, asked(ahead), "nobody noticed")
}
