package ews_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestItemOfAnotherKind: an item read as what it is not is an error that names what it is; a list hands it out with that error, and goes on.
func TestItemOfAnotherKind(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	ctx := t.Context()
	kinds := map[string]ews.ItemID{
		"Message":      deliver(t, box, question, nil),
		"CalendarItem": createItem(t, m, `SendMeetingInvitations="SendToNone"`, `<t:CalendarItem><t:Subject>Meet</t:Subject><t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End></t:CalendarItem>`),
		"Contact":      createItem(t, m, "", annContact),
		"Task":         createItem(t, m, "", `<t:Task><t:Subject>Call back</t:Subject></t:Task>`),
	}
	readers := map[string]func(id ews.ItemID) error{
		"CalendarItem": func(id ews.ItemID) error { v, err := m.Appointment(ctx, id, nil); return nothing(t, v, err) },
		"Contact":      func(id ews.ItemID) error { v, err := m.Contact(ctx, id, nil); return nothing(t, v, err) },
		"Task":         func(id ews.ItemID) error { v, err := m.Task(ctx, id, nil); return nothing(t, v, err) },
	}
	for reads, read := range readers {
		for kind, id := range kinds {
			err := read(id)
			if kind == reads {
				require.NoError(t, err, kind)
				continue
			}
			require.ErrorIs(t, err, ews.ErrInvalidRequest, "%s as %s", kind, reads)
			require.ErrorContains(t, err, "but a "+kind)
		}
	}
	for kind, id := range kinds {
		msg, err := m.Message(ctx, id, nil)
		require.NoError(t, err)
		require.Equal(t, kind, msg.Kind, "Message reads all of them")
	}

	for range 3 {
		_, err := box.Deliver([]byte("Subject: astray\r\n\r\n"), &ewstest.DeliverOptions{Folder: "contacts"})
		require.NoError(t, err)
	}
	good, wrong := 0, 0
	for c, err := range m.Contacts(ctx, nil, nil) {
		require.NotNil(t, c)
		if err == nil {
			good++
			continue
		}
		var e *ews.Error
		require.True(t, errors.As(err, &e) && strings.Contains(err.Error(), "no contact but a Message"), "%v", err)
		require.Equal(t, "astray", c.Subject)
		wrong++
	}
	require.Equal(t, []int{1, 3}, []int{good, wrong})
}

// nothing checks that a failed read returns nothing.
func nothing[T any](t *testing.T, v *T, err error) error {
	t.Helper()
	require.Equal(t, err == nil, v != nil)
	return err
}
