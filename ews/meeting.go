package ews

import (
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Meeting is what a message about a meeting says of it: a request, an answer to one, or a cancellation, by Message.Kind. A
// cancellation and an answer have less of it than a request. An item of a calendar is better read as an Appointment.
type Meeting struct {
	UID        string // iCalendar's
	Start, End time.Time
	AllDay     bool
	Location   string
	Recurring  bool
	Organizer  Address

	// Request says what a request is: "NewMeetingRequest", "FullUpdate" (answer again), "InformationalUpdate", "SilentUpdate", "Outdated",
	// "PrincipalWantsCopy" or "None".
	Request string

	Answer   MeetingAnswer // of an answer: what its sender says; of a request: what the mailbox answered
	OutDated bool          // a later message about the meeting has come

	// Appointment is the meeting in the mailbox's calendar, if it is there.
	Appointment ItemID
}

// meetingFields are asked for along with a message; other items have none of them.
var meetingFields = []string{"meeting:AssociatedCalendarItemId", "meeting:IsOutOfDate", "meeting:ResponseType", "meetingRequest:MeetingRequestType",
	"calendar:Start", "calendar:End", "calendar:IsAllDayEvent", "calendar:Location", "calendar:IsRecurring", "calendar:Organizer", "calendar:UID"}

// meeting reads the current element if it is one of a message about a meeting.
func (r *messageReader) meeting(s *wire.Scanner, m *Message) {
	switch m.Kind {
	case "MeetingRequest", "MeetingResponse", "MeetingCancellation", "MeetingMessage":
	case "CalendarItem":
		if s.Local() == "Organizer" {
			r.address(s, &m.Sender)
			return
		}
	default:
		return
	}
	t := m.Meeting
	if t == nil {
		t = new(Meeting)
	}
	switch s.Local() {
	case "AssociatedCalendarItemId":
		r.attr(s, "Id", &t.Appointment.ID)
		r.attr(s, "ChangeKey", &t.Appointment.ChangeKey)
	case "IsOutOfDate":
		t.OutDated = boolean(s.TextBytes())
	case "ResponseType":
		t.Answer = meetingAnswer(s)
	case "MeetingRequestType":
		r.put(s, &t.Request)
	case "Start":
		t.Start = dateTime(s.TextBytes())
	case "End":
		t.End = dateTime(s.TextBytes())
	case "IsAllDayEvent":
		t.AllDay = boolean(s.TextBytes())
	case "Location":
		r.put(s, &t.Location)
	case "IsRecurring":
		t.Recurring = boolean(s.TextBytes())
	case "Organizer":
		r.address(s, &t.Organizer)
	case "UID":
		r.put(s, &t.UID)
	default: // unknown to us: it makes no meeting
		return
	}
	m.Meeting = t
}
