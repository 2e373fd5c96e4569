package ews_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// invited has a meeting that ann@example.com organises, to which support@example.com and bob@example.com are invited.
func invited(t *testing.T) (srv *ewstest.Server, box *ewstest.Mailbox, m, ann *ews.Mailbox, meeting ews.ItemID) {
	t.Helper()
	srv, box, m = newMailbox(t, nil)
	for _, a := range []string{"ann@example.com", "bob@example.com"} {
		srv.AddMailbox(a).Grant(support)
	}
	meeting = createItemIn(t, m, "ann@example.com", `SendMeetingInvitations="SendToAllAndSaveCopy"`, event("Plan", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", `<t:Location>Room 1</t:Location>`+
		`<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>`+support+`</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>`+
		`<t:OptionalAttendees><t:Attendee><t:Mailbox><t:EmailAddress>bob@example.com</t:EmailAddress></t:Mailbox></t:Attendee></t:OptionalAttendees>`))
	return srv, box, m, sharedOf(t, srv, "ann@example.com"), meeting
}

func request(t *testing.T, m *ews.Mailbox) *ews.Message {
	t.Helper()
	list := all(t, m.Messages(t.Context(), ews.Inbox, nil))
	require.Len(t, list, 1)
	return list[0]
}

func TestMeetingRequest(t *testing.T) {
	_, _, m, _, _ := invited(t)
	msg := request(t, m)
	require.Equal(t, "MeetingRequest", msg.Kind)
	require.Equal(t, "IPM.Schedule.Meeting.Request", msg.Class)
	got := msg.Meeting
	require.NotNil(t, got)
	want := &ews.Meeting{UID: got.UID, Start: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC), Location: "Room 1",
		Organizer: ews.Address{Name: "ann", Email: "ann@example.com", RoutingType: "SMTP"}, Request: "NewMeetingRequest", Answer: ews.NoAnswer, Appointment: got.Appointment}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	require.NotEmpty(t, got.UID)
	entered, err := m.Appointment(t.Context(), got.Appointment, nil)
	require.NoError(t, err)
	require.Equal(t, ews.NoAnswer, entered.MyResponse)
	require.Equal(t, ews.TimeTentative, entered.Busy)
	require.Equal(t, "ann@example.com", entered.Organizer.Email)
}

func TestRespond(t *testing.T) {
	for answer, want := range map[ews.MeetingAnswer]struct {
		class string
		busy  ews.Busy
	}{ews.Accept: {"IPM.Schedule.Meeting.Resp.Pos", ews.TimeBusy}, ews.Tentative: {"IPM.Schedule.Meeting.Resp.Tent", ews.TimeTentative}, ews.Decline: {"IPM.Schedule.Meeting.Resp.Neg", ews.TimeFree}} {
		t.Run(string(answer), func(t *testing.T) {
			_, box, m, ann, meeting := invited(t)
			msg := request(t, m)
			require.NoError(t, m.Respond(t.Context(), msg.ID, answer, &ews.MeetingReply{Body: ews.Body{Text: "see you & all"}}))
			require.Empty(t, box.Items("inbox"), "the request is dealt with")

			told := request(t, ann)
			require.Equal(t, "MeetingResponse", told.Kind)
			require.Equal(t, want.class, told.Class)
			require.Equal(t, answer, told.Meeting.Answer)
			require.Contains(t, told.Body.Text, "see you & all")
			theirs, err := ann.Appointment(t.Context(), meeting, nil)
			require.NoError(t, err)
			require.Equal(t, answer, theirs.Required[0].Response)
			require.False(t, theirs.Required[0].Responded.IsZero())
			require.Equal(t, ews.UnknownAnswer, theirs.Optional[0].Response)

			mine := all(t, m.Appointments(t.Context(), nil, theirs.Start, theirs.End, nil))
			if answer == ews.Decline {
				require.Empty(t, mine)
				return
			}
			require.Equal(t, answer, mine[0].MyResponse)
			require.Equal(t, want.busy, mine[0].Busy)
		})
	}
}

func TestRespondQuietlyAndWrongly(t *testing.T) {
	srv, _, m, ann, meeting := invited(t)
	msg := request(t, m)
	require.NoError(t, m.Respond(t.Context(), ews.ItemID{ID: msg.Meeting.Appointment.ID}, ews.Accept, &ews.MeetingReply{Quiet: true}))
	require.Empty(t, all(t, ann.Messages(t.Context(), ews.Inbox, nil)))
	require.ErrorIs(t, ann.Respond(t.Context(), meeting, ews.Accept, nil), ews.ErrInvalidRequest, "one's own")
	require.Error(t, m.Respond(t.Context(), msg.ID, "Maybe", nil))

	// A lost answer is not sent again: the organizer would be told twice.
	srv.Fault(ewstest.Fault{Op: "CreateItem", Do: ewstest.CutAfter()})
	err := m.Respond(t.Context(), msg.ID, ews.Tentative, nil)
	require.True(t, ews.MaybeApplied(err), "%v", err)
	require.Len(t, all(t, ann.Messages(t.Context(), ews.Inbox, nil)), 1)
}

// TestMeetingMail: a request that came by mail from elsewhere tells its meeting.
func TestMeetingMail(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, "From: o@customer.example\nSubject: Meet\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\n\nBEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:u1\n"+
		"DTSTAMP:20261101T000000Z\nDTSTART;TZID=Europe/Berlin:20261201T100000\nDTEND;TZID=Europe/Berlin:20261201T110000\nLOCATION:Kiel\nORGANIZER;CN=Olga:mailto:o@customer.example\n"+
		"ATTENDEE;CN=Support:mailto:support@example.com\nRRULE:FREQ=WEEKLY;COUNT=3\nEND:VEVENT\nEND:VCALENDAR\n", nil)
	msg, err := m.Message(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, &ews.Meeting{UID: "u1", Start: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC), Location: "Kiel", Recurring: true,
		Organizer: ews.Address{Name: "Olga", Email: "o@customer.example", RoutingType: "SMTP"}, Request: "NewMeetingRequest", Answer: ews.NoAnswer, Appointment: msg.Meeting.Appointment}, msg.Meeting)
	from := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	require.Len(t, all(t, m.Appointments(t.Context(), nil, from, from.AddDate(0, 2, 0), nil)), 3)

	plain, err := m.Message(t.Context(), deliver(t, box, "Subject: no meeting\n\n", nil), nil)
	require.NoError(t, err)
	require.Nil(t, plain.Meeting)
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Detail: ews.Summary}) {
		require.NoError(t, err)
		require.Nil(t, msg.Meeting, "a summary has none")
	}
}

// TestNoMeeting: elements that this package does not know make no meeting of a message.
func TestNoMeeting(t *testing.T) {
	m := answering(t, messages(okMessage("<m:Items><t:Message><t:ItemId Id='I1'/><t:Start>2026-12-01T09:00:00Z</t:Start><t:New>x</t:New></t:Message></m:Items>")))
	msg, err := m.Message(t.Context(), matrixItem, nil)
	require.NoError(t, err)
	require.Nil(t, msg.Meeting)
}
