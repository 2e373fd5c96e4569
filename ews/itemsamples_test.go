package ews_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestItemSamples(t *testing.T) {
	appointment, err := sampled(t, "GetItem-3.response.xml").Appointment(t.Context(), officeItem, nil)
	require.NoError(t, err)
	if d := cmp.Diff(&ews.Appointment{Item: ews.Item{ID: ews.ItemID{ID: "AAMkAD", ChangeKey: "DwAAAB"}, Subject: "Weekly Update Meeting"}, Kind: "RecurringMaster"}, appointment); d != "" {
		t.Error(d)
	}
	task, err := sampled(t, "GetItem-26.response.xml").Task(t.Context(), officeItem, nil)
	require.NoError(t, err)
	want := &ews.Task{Item: ews.Item{ID: ews.ItemID{ID: "AAAtAEA=", ChangeKey: "EwAAAB"}, ParentFolder: ews.FolderID{ID: "AAAtAEFkbWl=", ChangeKey: "AQAAAA=="}, Class: "IPM.Task",
		Subject: "Buy new shoes", Sensitivity: "Normal", Created: time.Date(2006, 9, 15, 15, 23, 8, 0, time.UTC)}, Status: "NotStarted"}
	if d := cmp.Diff(want, task); d != "" {
		t.Error(d)
	}
	contact, err := sampled(t, "GetItem-10.response.xml").Contact(t.Context(), officeItem, nil)
	require.NoError(t, err)
	require.Equal(t, "Hope Gross", contact.Subject)
	require.Equal(t, []ews.Attachment{{ID: ews.AttachmentID{ID: "1LGlhgpgoA="}, Name: "ContactPicture.jpg", Size: 6260, Modified: time.Date(2011, 3, 9, 16, 55, 55, 0, time.UTC)}}, contact.Attachments)
}

func TestCalendarSamples(t *testing.T) {
	from := time.Date(2014, 7, 1, 0, 0, 0, 0, time.UTC)
	got := all(t, sampled(t, "FindItem-14.response.xml").Appointments(t.Context(), nil, from, from.AddDate(0, 1, 0), &ews.ItemOptions{Detail: ews.Summary}))
	require.Len(t, got, 5)
	start := time.Date(2014, 7, 9, 15, 30, 0, 0, time.UTC)
	want := &ews.Appointment{Item: ews.Item{ID: ews.ItemID{ID: "AAMkADA7...", ChangeKey: "DwAAABYA..."}, Subject: "Swim Team Practice"}, Start: start, End: start.Add(90 * time.Minute),
		Location: "Neighborhood Swimming Pool", Kind: "Occurrence"}
	if d := cmp.Diff(want, got[1]); d != "" {
		t.Error(d)
	}
}
