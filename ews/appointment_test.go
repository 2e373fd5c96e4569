package ews_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// event is a CalendarItem that starts at a time of 2026-12-01.
func event(subject, start, end, more string) string {
	return `<t:CalendarItem><t:Subject>` + subject + `</t:Subject><t:Start>` + start + `</t:Start><t:End>` + end + `</t:End>` + more + `</t:CalendarItem>`
}

const quietly = `SendMeetingInvitations="SendToNone"`

func TestAppointmentFields(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	id := createItem(t, m, quietly, `<t:CalendarItem><t:Subject>Review &amp; plan</t:Subject><t:Sensitivity>Private</t:Sensitivity><t:Body BodyType="Text">agenda</t:Body>`+
		`<t:Categories><t:String>Red</t:String></t:Categories><t:Importance>High</t:Importance><t:UID>uid-1</t:UID>`+
		`<t:Start>2026-12-01T09:00:00+01:00</t:Start><t:End>2026-12-01T10:00:00+01:00</t:End><t:IsAllDayEvent>false</t:IsAllDayEvent><t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>`+
		`<t:Location>Room 1</t:Location><t:RequiredAttendees><t:Attendee><t:Mailbox><t:Name>Ann</t:Name><t:EmailAddress>ann@example.com</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>`+
		`<t:OptionalAttendees><t:Attendee><t:Mailbox><t:EmailAddress>bob@example.com</t:EmailAddress></t:Mailbox></t:Attendee></t:OptionalAttendees>`+
		`<t:Resources><t:Attendee><t:Mailbox><t:EmailAddress>room@example.com</t:EmailAddress></t:Mailbox></t:Attendee></t:Resources>`+
		`<t:StartTimeZone Id="W. Europe Standard Time"/></t:CalendarItem>`)
	got, err := m.Appointment(t.Context(), id, nil)
	require.NoError(t, err)
	attendee := func(name, email string) []ews.Attendee {
		return []ews.Attendee{{Address: ews.Address{Name: name, Email: email, RoutingType: "SMTP"}, Response: ews.UnknownAnswer}}
	}
	want := &ews.Appointment{
		Item: ews.Item{ID: id, Class: "IPM.Appointment", Subject: "Review & plan", Body: ews.Body{Text: "agenda"}, Categories: []string{"Red"}, Importance: ews.HighImportance, Sensitivity: "Private"},
		UID:  "uid-1", Start: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), Location: "Room 1", Busy: ews.TimeOutOfOffice,
		Kind: "Single", Meeting: true, MyResponse: ews.Organizer, Organizer: ews.Address{Name: "support", Email: support, RoutingType: "SMTP"},
		Required: attendee("Ann", "ann@example.com"), Optional: attendee("bob@example.com", "bob@example.com"), Resources: attendee("room@example.com", "room@example.com"),
		TimeZone: "W. Europe Standard Time"}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(ews.Item{}, "ParentFolder", "Created", "Modified")); d != "" {
		t.Error(d)
	}
	require.False(t, got.Created.IsZero())
	got, err = m.Appointment(t.Context(), id, &ews.ItemOptions{Detail: ews.WithoutBody})
	require.NoError(t, err)
	require.Empty(t, got.Body.Text)
	require.Len(t, got.Required, 1)

	msg, err := m.Message(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, "CalendarItem", msg.Kind)
	require.Equal(t, support, msg.Sender.Email)
	require.Equal(t, want.Start, msg.Meeting.Start)
	_, err = m.Appointment(t.Context(), ews.ItemID{}, nil)
	require.Error(t, err)
}

func TestCalendar(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	day := func(hour int) string { return fmt.Sprintf("2026-12-01T%02d:00:00Z", hour) }
	createItem(t, m, quietly, event("late", day(15), day(16), ""))
	createItem(t, m, quietly, event("early", day(8), day(9), ""))
	createItem(t, m, quietly, event("long", "2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z", `<t:IsAllDayEvent>true</t:IsAllDayEvent>`))
	createItem(t, m, quietly, event("over", day(3), day(8), ""))
	createItem(t, m, quietly, event("daily", "2026-11-30T12:00:00Z", "2026-11-30T13:00:00Z",
		`<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>2026-11-30</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`))
	from := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	subjects := func(from, to time.Time, o *ews.ItemOptions) (out []string) {
		t.Helper()
		for _, a := range all(t, m.Appointments(t.Context(), nil, from, to, o)) {
			out = append(out, a.Subject)
		}
		return out
	}
	require.Equal(t, []string{"long", "early", "daily", "late"}, subjects(from, from.Add(8*time.Hour), nil), "what ended before and what starts at the end is not in it")
	require.Equal(t, []string{"long", "early"}, subjects(from, from.Add(8*time.Hour), &ews.ItemOptions{Limit: 2, Detail: ews.Summary}))
	require.Equal(t, []string{"long", "early"}, subjects(from, from.Add(7*time.Hour), &ews.ItemOptions{Limit: 2}))

	whole := subjects(from.AddDate(-3, 0, 0), from.AddDate(4, 0, 0), &ews.ItemOptions{Detail: ews.Summary})
	require.Equal(t, []string{"long", "daily", "over", "early", "daily", "late", "daily"}, whole, "seven years are more than one request may ask for, and nothing comes twice")

	var occurrence *ews.Appointment
	for _, a := range all(t, m.Appointments(t.Context(), ews.Calendar, from, from.Add(8*time.Hour), nil)) {
		if a.Subject == "daily" {
			occurrence = a
		}
	}
	require.Equal(t, "Occurrence", occurrence.Kind)
	require.True(t, occurrence.Recurring)
	require.Equal(t, time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), occurrence.Start)
	same, err := m.Appointment(t.Context(), occurrence.ID, nil)
	require.NoError(t, err)
	require.Equal(t, occurrence.Start, same.Start)

	require.Error(t, last(m.Appointments(t.Context(), nil, from, from, nil)))
	require.Error(t, last(m.Appointments(t.Context(), nil, time.Time{}, from, nil)))
	require.ErrorIs(t, last(m.Appointments(t.Context(), ews.FolderID{ID: "AAMkF="}, from, from.Add(time.Hour), nil)), ews.ErrInvalidRequest)
}

// TestCalendarPaging: a calendar with more than a page holds is read to its end, each appointment once.
func TestCalendarPaging(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	from := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	createItem(t, m, quietly, event("always", "2026-01-01T00:00:00Z", "2027-12-01T00:00:00Z", ""))
	hourly := `<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>2026-12-01</t:StartDate><t:NumberOfOccurrences>60</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`
	for hour := range 20 {
		createItem(t, m, quietly, event(fmt.Sprint(hour), fmt.Sprintf("2026-12-01T%02d:00:00Z", hour), fmt.Sprintf("2026-12-01T%02d:30:00Z", hour), hourly))
	}
	seen := map[string]int{}
	var at time.Time
	for _, a := range all(t, m.Appointments(t.Context(), nil, from, from.AddDate(0, 3, 0), &ews.ItemOptions{Detail: ews.Summary})) {
		seen[a.ID.ID]++
		require.Equal(t, 1, seen[a.ID.ID], a.Subject)
		require.False(t, a.Start.Before(at), "by the time it starts")
		at = a.Start
	}
	require.Len(t, seen, 1+20*60)
}

// TestCalendarTooFull: when a page holds nothing but what starts at one moment, the list ends with an error, not for ever.
func TestCalendarTooFull(t *testing.T) {
	item := `<t:CalendarItem><t:ItemId Id="I%d"/><t:Start>2026-12-01T00:00:00Z</t:Start><t:End>2026-12-02T00:00:00Z</t:End></t:CalendarItem>`
	page := envelope(`<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
		`<m:RootFolder TotalItemsInView="900" IncludesLastItemInRange="false"><t:Items>` + fmt.Sprintf(item, 1) + fmt.Sprintf(item, 2) + `</t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>`)
	from := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	err := last(answering(t, page).Appointments(t.Context(), nil, from, from.AddDate(0, 0, 1), &ews.ItemOptions{Detail: ews.Summary}))
	require.ErrorIs(t, err, ews.ErrTooLarge)
}

func TestCalendarSurvivesBadAndVanishedItems(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	from := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	var ids []ews.ItemID
	for hour := range 4 {
		ids = append(ids, createItem(t, m, quietly, event(fmt.Sprint(hour), fmt.Sprintf("2026-12-01T%02d:00:00Z", hour), fmt.Sprintf("2026-12-01T%02d:30:00Z", hour), "")))
	}
	box.Poison(ids[1].ID, "ErrorItemCorrupt")
	var got []string
	for a, err := range m.Appointments(t.Context(), nil, from, from.AddDate(0, 0, 1), nil) {
		require.NotNil(t, a)
		if err != nil {
			require.ErrorIs(t, err, ews.ErrBadItem)
			require.Equal(t, ids[1].ID, a.ID.ID)
		}
		got = append(got, a.Subject)
	}
	require.Equal(t, []string{"0", "1", "2", "3"}, got, "with what the listing knows of the broken one")

	srv, box, m := newMailbox(t, nil)
	id := createItem(t, m, quietly, event("gone", "2026-12-01T01:00:00Z", "2026-12-01T02:00:00Z", ""))
	createItem(t, m, quietly, event("here", "2026-12-01T03:00:00Z", "2026-12-01T04:00:00Z", ""))
	srv.Fault(ewstest.Fault{Op: "GetItem", Do: ewstest.Busy503("")})
	box.Poison(id.ID, "ErrorItemNotFound")
	list := all(t, m.Appointments(t.Context(), nil, from, from.AddDate(0, 0, 1), nil))
	require.Len(t, list, 1)
}
