package ewstest

import (
	"strings"
	"time"
)

// appointment is what an item of a calendar has besides an item's properties, and what a message about a meeting says. It is never changed
// once an item holds it: a changed one takes its place.
type appointment struct {
	uid        string
	start, end time.Time
	allDay     bool
	busy       string // LegacyFreeBusyStatus
	location   string
	organizer  address
	attendees  []attendee
	recurrence *node     // Recurrence element; nil: it happens once
	original   time.Time // of an occurrence: when it starts
	cancelled  bool
	response   string // MyResponseType
	zone       *node  // StartTimeZone element, as it was given
	stamp      time.Time
	other      map[string]*node // elements that are kept and given back
}

type attendee struct {
	role     string // "t:RequiredAttendees", "t:OptionalAttendees" or "t:Resources"
	address  address
	response string
	when     time.Time
}

// calendarKept are elements of a CalendarItem that are only kept.
var calendarKept = map[string]bool{"t:IsResponseRequested": true, "t:ConferenceType": true, "t:AllowNewTimeProposal": true,
	"t:MeetingWorkspaceUrl": true, "t:NetShowUrl": true, "t:EndTimeZone": true}

// newAppointment makes a calendar item's appointment of the elements that a client gave.
func (c *call) newAppointment(mb *Mailbox, n *node) (*appointment, *opError) {
	a := &appointment{busy: "Busy", response: "Organizer", organizer: mb.self(), stamp: c.s.now(), other: map[string]*node{}}
	for _, k := range n.kids {
		if err := a.set(k.name, k); err != nil {
			return nil, err
		}
	}
	switch {
	case a.start.IsZero() || a.end.IsZero():
		now := c.s.now().Truncate(30 * time.Minute).Add(30 * time.Minute)
		a.start, a.end = now, now.Add(30*time.Minute)
	case a.end.Before(a.start):
		return nil, fail("ErrorCalendarEndDateIsEarlierThanStartDate")
	}
	if a.uid == "" {
		a.uid = "040000008200E00074C5B7101A82E008" + strings.ToUpper(hexOf(mb.guid[:8])) + hexOf([]byte(newUID(c.s)))
	}
	if len(a.attendees) == 0 {
		a.response = "Organizer"
	}
	return a, nil
}

func newUID(s *Server) string { return strings.TrimSuffix(makeID("", [16]byte{}, s.next()), "=")[44:] }

// set changes one property; n is nil for a deletion.
func (a *appointment) set(element string, n *node) *opError {
	at := func(t *time.Time) *opError {
		var err error
		if *t, err = parseTime(n.value()); err != nil {
			return fail("ErrorInvalidValueForProperty")
		}
		return nil
	}
	switch element {
	case "t:UID":
		a.uid = n.value()
	case "t:Start":
		return at(&a.start)
	case "t:End":
		return at(&a.end)
	case "t:IsAllDayEvent":
		a.allDay = n.isTrue()
	case "t:LegacyFreeBusyStatus":
		a.busy = orDefault(n.value(), "Busy")
	case "t:Location":
		a.location = n.value()
	case "t:RequiredAttendees", "t:OptionalAttendees", "t:Resources":
		var kept []attendee
		for _, have := range a.attendees {
			if have.role != element {
				kept = append(kept, have)
			}
		}
		for _, k := range n.all() {
			kept = append(kept, attendee{role: element, address: readAddress(k.kid("t:Mailbox")), response: "Unknown"})
		}
		a.attendees = kept
	case "t:Recurrence":
		a.recurrence = n
	case "t:StartTimeZone":
		a.zone = n
	case "t:Organizer", "t:IsMeeting", "t:IsCancelled", "t:MyResponseType", "t:CalendarItemType", "t:IsRecurring", "t:Duration", "t:OriginalStart":
		return fail("ErrorInvalidPropertySet")
	default:
		if calendarKept[element] {
			a.other[element] = n
		}
	}
	return nil
}

func (a *appointment) clone() *appointment {
	n := *a
	n.attendees = append([]attendee(nil), a.attendees...)
	n.other = map[string]*node{}
	for k, v := range a.other {
		n.other[k] = v
	}
	return &n
}

func (a *appointment) meeting() bool { return len(a.attendees) > 0 || a.response != "Organizer" }

// kind is the CalendarItemType.
func (a *appointment) kind() string {
	switch {
	case !a.original.IsZero():
		return "Occurrence"
	case a.recurrence != nil:
		return "RecurringMaster"
	}
	return "Single"
}

// appointment of a calendar item, or of a message about a meeting; never nil.
func (v *view) appointment() *appointment {
	if v.it != nil && v.it.appt != nil {
		return v.it.appt
	}
	if strings.HasPrefix(v.class(), "IPM.Schedule.") {
		if a := readICS(v.c.inside().calendar); a != nil {
			return a
		}
	}
	return &appointment{}
}

// addresses of the attendees, without those of resources for the sake of who gets mail about a meeting.
func (a *appointment) invited() []address {
	var out []address
	for _, at := range a.attendees {
		out = append(out, at.address)
	}
	return out
}

// overlaps is how a CalendarView and the availability look at a stretch of time.
func (a *appointment) overlaps(from, to time.Time) bool {
	return a.start.Before(to) && (a.end.After(from) || a.end.Equal(a.start) && !a.start.Before(from))
}
