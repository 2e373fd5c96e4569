package ews

import (
	"context"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Appointment is an item of a calendar, or one occurrence of a recurring one.
type Appointment struct {
	Item

	UID        string // iCalendar's: the same in all attendees' calendars, and of all occurrences
	Start, End time.Time
	AllDay     bool
	Location   string
	Busy       Busy
	Kind       string // "Single", "Occurrence", "Exception" (a changed occurrence) or "RecurringMaster"
	Recurring  bool
	Cancelled  bool

	Meeting    bool // others were invited; MyResponse and Organizer are about that
	MyResponse MeetingAnswer
	Organizer  Address

	// Required, Optional and Resources (rooms) are the attendees; not with Summary detail.
	Required, Optional, Resources []Attendee

	// TimeZone is Windows' name of the zone in which the appointment was made, which its occurrences follow; not with Summary detail.
	TimeZone string
}

// Attendee is somebody invited to a meeting.
type Attendee struct {
	Address
	Response  MeetingAnswer // as far as the organizer's calendar knows; others are not told
	Responded time.Time
}

// MeetingAnswer is an answer to an invitation. EWS: ResponseTypeType.
type MeetingAnswer string

// The answers. Those of Mailbox.Respond are Accept, Tentative and Decline.
const (
	Accept        MeetingAnswer = "Accept"
	Tentative     MeetingAnswer = "Tentative"
	Decline       MeetingAnswer = "Decline"
	NoAnswer      MeetingAnswer = "NoResponseReceived"
	UnknownAnswer MeetingAnswer = "Unknown"
	Organizer     MeetingAnswer = "Organizer" // needs none
)

var appointments = kindOf[Appointment]{
	name: "appointment", elements: []string{"CalendarItem"},
	shape: &shape{
		find: []string{"calendar:Start", "calendar:End", "calendar:IsAllDayEvent", "calendar:LegacyFreeBusyStatus", "calendar:Location",
			"calendar:IsMeeting", "calendar:IsCancelled", "calendar:IsRecurring", "calendar:CalendarItemType", "calendar:MyResponseType",
			"calendar:Organizer", "calendar:UID"},
		get: []string{"calendar:RequiredAttendees", "calendar:OptionalAttendees", "calendar:Resources", "calendar:StartTimeZone"},
	},
	item:  func(a *Appointment) *Item { return &a.Item },
	field: (*Appointment).field,
}

// Appointment reads one appointment. o may be nil. Errors: ErrNotFound, ErrDenied, ErrInvalidRequest for the id of something else (that of
// an invitation, say: its Message.Meeting has the appointment's). EWS: GetItem.
func (m *Mailbox) Appointment(ctx context.Context, id ItemID, o *ItemOptions) (*Appointment, error) {
	return one(ctx, m, &appointments, id, o)
}

func (a *Appointment) field(s *wire.Scanner) {
	switch s.Local() {
	case "UID":
		a.UID = s.Text()
	case "Start":
		a.Start = dateTime(s.TextBytes())
	case "End":
		a.End = dateTime(s.TextBytes())
	case "IsAllDayEvent":
		a.AllDay = boolean(s.TextBytes())
	case "LegacyFreeBusyStatus":
		a.Busy = Busy(strings.TrimSpace(s.Text()))
	case "Location":
		a.Location = s.Text()
	case "IsMeeting":
		a.Meeting = boolean(s.TextBytes())
	case "IsCancelled":
		a.Cancelled = boolean(s.TextBytes())
	case "IsRecurring":
		a.Recurring = boolean(s.TextBytes())
	case "CalendarItemType":
		a.Kind = strings.TrimSpace(s.Text())
	case "MyResponseType":
		a.MyResponse = meetingAnswer(s)
	case "Organizer":
		a.Organizer = readOneMailbox(s)
	case "RequiredAttendees":
		a.Required = readAttendees(s)
	case "OptionalAttendees":
		a.Optional = readAttendees(s)
	case "Resources":
		a.Resources = readAttendees(s)
	case "StartTimeZone":
		a.TimeZone, _ = s.Attr("Id")
	}
}

func meetingAnswer(s *wire.Scanner) MeetingAnswer { return MeetingAnswer(strings.TrimSpace(s.Text())) }

// readOneMailbox reads an element that holds one Mailbox.
func readOneMailbox(s *wire.Scanner) (a Address) {
	for d := s.Depth(); s.Child(d); {
		if s.Local() == "Mailbox" {
			a = readRecipient(s).Address
		}
	}
	return a
}

func readAttendees(s *wire.Scanner) (list []Attendee) {
	for d := s.Depth(); s.Child(d); {
		var a Attendee
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "Mailbox":
				a.Address = readRecipient(s).Address
			case "ResponseType":
				a.Response = meetingAnswer(s)
			case "LastResponseTime":
				a.Responded = dateTime(s.TextBytes())
			}
		}
		grow(s, &list, a)
	}
	return list
}
