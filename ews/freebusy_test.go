package ews_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestFreeBusySample(t *testing.T) {
	start := time.Date(2006, 10, 16, 0, 0, 0, 0, time.UTC)
	got, err := sampled(t, "GetUserAvailability-3.response.xml").FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.AddDate(0, 0, 1), Interval: time.Hour}, "user1@example.com", "user2@example.com")
	require.NoError(t, err)
	hours := []ews.WorkingPeriod{{Days: []time.Weekday{1, 2, 3, 4, 5}, Start: 8 * time.Hour, End: 17 * time.Hour}}
	merged := func(digits string) (list []ews.Busy) {
		for _, c := range digits {
			list = append(list, []ews.Busy{ews.TimeFree, ews.TimeTentative, ews.TimeBusy}[c-'0'])
		}
		return list
	}
	at := func(hour, minute int) time.Time { return time.Date(2006, 10, 16, hour, minute, 0, 0, time.UTC) }
	want := []ews.FreeBusy{
		{View: "DetailedMerged", Merged: merged("000002220220000000000000"), WorkingHours: hours, Events: []ews.BusyEvent{
			{Start: at(13, 0), End: at(13, 30), Busy: ews.TimeBusy, ID: "14B6414B0", Subject: "Meet with Contoso Account Executives"},
			{Start: at(14, 0), End: at(15, 0), Busy: ews.TimeBusy, ID: "E14B6414B0B", Subject: "Pick up my groceries"},
			{Start: at(16, 40), End: at(17, 10), Busy: ews.TimeBusy, ID: "14B6414B0B1", Subject: "Meet with doctor", Location: "Kirkland"}}},
		{View: "FreeBusyMerged", Merged: merged("000000001100000000000000"), WorkingHours: hours, Events: []ews.BusyEvent{{Start: at(16, 0), End: at(17, 0), Busy: ews.TimeTentative}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFreeBusy(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddMailbox("ann@example.com").Grant(support)
	srv.AddMailbox("bob@example.com")
	ann, bob := "ann@example.com", "bob@example.com"
	createItemIn(t, m, ann, quietly, event("secret", "2026-12-01T09:00:00Z", "2026-12-01T10:30:00Z", `<t:Location>Kiel</t:Location>`))
	srv.Mailbox(bob).Grant(support)
	createItemIn(t, m, bob, quietly, event("away", "2026-12-01T12:00:00Z", "2026-12-01T13:00:00Z", `<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>`))
	start := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	q := ews.FreeBusyQuery{Start: start, End: start.Add(6 * time.Hour), Interval: time.Hour}
	got, err := m.FreeBusy(t.Context(), q, ann, "nobody@example.com", bob)
	b := asBatch(t, err)
	require.Len(t, b.Items, 1)
	require.Equal(t, "nobody@example.com", b.Items[0].ID)
	require.Equal(t, 1, b.Items[0].Index)
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.Equal(t, ews.FreeBusy{}, got[1])
	require.Equal(t, []ews.Busy{ews.TimeFree, ews.TimeBusy, ews.TimeBusy, ews.TimeFree, ews.TimeFree, ews.TimeFree}, got[0].Merged)
	require.Equal(t, start.Add(time.Hour), got[0].Events[0].Start)
	require.Equal(t, start.Add(150*time.Minute), got[0].Events[0].End)
	require.Equal(t, "secret", got[0].Events[0].Subject)
	require.Equal(t, "Kiel", got[0].Events[0].Location)
	require.Equal(t, ews.TimeOutOfOffice, got[2].Merged[4])
	require.Equal(t, 8*time.Hour, got[0].WorkingHours[0].Start)

	_, err = m.FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.AddDate(0, 3, 0)}, ann)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)

	c, rec := recordingClient(t)
	for name, call := range map[string]func() error{
		"no interval": func() error {
			_, err := c.Own().FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.Add(time.Hour), Interval: time.Minute}, ann)
			return err
		},
		"nobody": func() error {
			_, err := c.Own().FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.Add(time.Hour)})
			return err
		},
		"too many": func() error {
			_, err := c.Own().FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.Add(time.Hour)}, strings.Fields(strings.Repeat(ann+" ", 101))...)
			return err
		},
		"no time": func() error { _, err := c.Own().FreeBusy(t.Context(), ews.FreeBusyQuery{}, ann); return err },
		"no address": func() error {
			_, err := c.Own().FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.Add(time.Hour)}, "x")
			return err
		},
		"length": func() error {
			_, err := c.Own().MeetingTimes(t.Context(), ews.MeetingQuery{Start: start, End: start.Add(time.Hour), Length: time.Minute}, ann)
			return err
		},
		"per day": func() error {
			_, err := c.Own().MeetingTimes(t.Context(), ews.MeetingQuery{Start: start, End: start.Add(time.Hour), PerDay: 49}, ann)
			return err
		},
	} {
		require.Error(t, call(), name)
	}
	require.Empty(t, rec.ops)
}

func TestFreeBusyAnswers(t *testing.T) {
	start := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	one := `<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage></m:FreeBusyResponse>`
	for name, tc := range map[string]struct {
		xml  string
		want error
	}{
		"too few":  {one, ews.ErrNotAttempted},
		"too many": {one + one + one, ews.ErrBadResponse},
		"none":     {"", ews.ErrBadResponse},
		"denied": {one + `<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Error"><m:MessageText>no</m:MessageText><m:ResponseCode>ErrorNoFreeBusyAccess</m:ResponseCode></m:ResponseMessage>` +
			`<m:FreeBusyView><t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView></m:FreeBusyResponse>`, ews.ErrDenied},
	} {
		_, err := answering(t, envelope(`<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>`+tc.xml+`</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>`)).
			FreeBusy(t.Context(), ews.FreeBusyQuery{Start: start, End: start.Add(time.Hour)}, "a@example.com", "b@example.com")
		require.ErrorIs(t, err, tc.want, name)
	}
}

func TestMeetingTimes(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddMailbox("ann@example.com").Grant(support)
	createItemIn(t, m, "ann@example.com", quietly, event("busy", "2026-12-01T08:00:00Z", "2026-12-01T16:00:00Z", ""))
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) // a Tuesday
	got, err := m.MeetingTimes(t.Context(), ews.MeetingQuery{Start: start, End: start.AddDate(0, 0, 2), PerDay: 2, NonWorkHours: 1}, "ann@example.com", support)
	require.NoError(t, err)
	var times []time.Time
	for _, s := range got {
		times = append(times, s.Start)
		require.Equal(t, []ews.Busy{ews.TimeFree, ews.TimeFree}, s.Attendees)
	}
	require.Contains(t, times, start.Add(16*time.Hour))
	require.NotContains(t, times, start.Add(9*time.Hour))
	got, err = m.MeetingTimes(t.Context(), ews.MeetingQuery{Start: start, End: start.AddDate(0, 0, 1)}, "ann@example.com")
	require.NoError(t, err)
	require.Equal(t, []ews.MeetingTime{{Start: start.Add(16 * time.Hour), WorkTime: true, Quality: "Excellent", Attendees: []ews.Busy{ews.TimeFree}}}, got)

	_, err = answering(t, envelope(`<m:GetUserAvailabilityResponse><m:SuggestionsResponse><m:ResponseMessage ResponseClass="Error"><m:MessageText>no</m:MessageText>`+
		`<m:ResponseCode>ErrorTimeIntervalTooBig</m:ResponseCode></m:ResponseMessage></m:SuggestionsResponse></m:GetUserAvailabilityResponse>`)).
		MeetingTimes(t.Context(), ews.MeetingQuery{Start: start, End: start.AddDate(0, 0, 1)}, "ann@example.com")
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
}
