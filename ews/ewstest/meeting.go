package ewstest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// saveTyped files a new appointment, contact, list or task, and invites the attendees if that is asked for.
func (c *call) saveTyped(n *node, k *typedKind, saved *node) (func(), *opError) {
	invite := c.env.op.attr("SendMeetingInvitations")
	if k.class == classAppointment && invite == "" {
		return nil, fail("ErrorSendMeetingInvitationsRequired")
	}
	to := c.user.named[k.folder]
	if saved != nil {
		var err *opError
		if to, err = c.target(saved); err != nil {
			return nil, err
		}
	}
	it, err := c.newTyped(n, k, to.mb)
	if err != nil {
		return nil, err
	}
	c.save(it, to)
	if it.appt != nil && len(it.appt.attendees) > 0 && strings.HasPrefix(invite, "SendTo") {
		c.aboutMeeting(to.mb, it.appt, "REQUEST", it.c.subject, it.c.inside().asText(), it.appt.invited(), "")
	}
	return func() { c.created(it) }, nil
}

// aboutMeeting sends a message about a meeting.
func (c *call) aboutMeeting(from *Mailbox, a *appointment, method, subject, text string, to []address, response string) {
	stamped := a.clone()
	stamped.stamp = c.s.now()
	raw := stamped.meetingMIME(method, subject, text, from.self(), to, response, c.s.newMessageID(from))
	sent := newContent(raw)
	sent.class = deepClass(sent)
	c.deliverLocally(from, sent, recipientsOf(sent), raw, stamped.stamp)
}

// attend is what a mailbox does with a message about a meeting that arrives: a request is entered into the calendar as tentative, an answer is
// noted with the attendee, a cancellation marks the meeting.
func (mb *Mailbox) attend(it *item) {
	if !strings.HasPrefix(it.class, "IPM.Schedule.") {
		return
	}
	v := viewOf(it)
	a := v.appointment()
	if a.uid == "" {
		return
	}
	meeting := mb.meetingByUID(a.uid)
	switch {
	case it.class == classRequest:
		mb.enter(it, a, meeting)
	case it.class == classCanceled && meeting != nil:
		changed := meeting.appt.clone()
		changed.cancelled, changed.busy = true, "Free"
		meeting.appt = changed
		meeting.touch()
	case meeting != nil && meeting.appt.response == "Organizer":
		changed := meeting.appt.clone()
		for i := range changed.attendees {
			if at := &changed.attendees[i]; strings.EqualFold(at.address.email, it.c.from.email) {
				at.response, at.when = v.responseType(), it.received
			}
		}
		meeting.appt = changed
		meeting.touch()
	}
}

// enter puts a meeting into the calendar, or changes the one that is there.
func (mb *Mailbox) enter(request *item, a *appointment, meeting *item) {
	if meeting != nil && meeting.appt.response == "Organizer" {
		return // one's own
	}
	entered := a.clone()
	entered.busy, entered.response = "Tentative", "NoResponseReceived"
	if meeting != nil {
		meeting.appt = entered
		meeting.touch()
		return
	}
	c := *request.c
	c.class = classAppointment
	n := mb.newItem(&c)
	n.appt, n.read = entered, true
	now := mb.s.now()
	n.received, n.created, n.modified = now, now, now
	f := mb.named["calendar"]
	mb.file(n, f)
	mb.s.emit(event{kind: eventCreated, mailbox: mb, folder: f, item: n})
}

// answerElements are the response objects that answer an invitation.
var answerElements = map[string]string{"t:AcceptItem": "Accept", "t:TentativelyAcceptItem": "Tentative", "t:DeclineItem": "Decline"}

// answerMeeting does what AcceptItem and its kin say.
func (c *call) answerMeeting(n *node, answer string) (func(), *opError) {
	it, err := c.item(n.kid("t:ReferenceItemId"))
	if err != nil {
		return nil, err
	}
	meeting := it
	if it.appt == nil {
		if it.class != classRequest {
			return nil, fail("ErrorInvalidReferenceItem")
		}
		if meeting = viewOf(it).associated(); meeting == nil {
			return nil, fail("ErrorCalendarCannotUseIdForOccurrenceId")
		}
	}
	a := meeting.appt
	switch {
	case a.response == "Organizer" && answer == "Accept":
		return nil, fail("ErrorCalendarIsOrganizerForAccept")
	case a.response == "Organizer" && answer == "Decline":
		return nil, fail("ErrorCalendarIsOrganizerForDecline")
	case a.response == "Organizer":
		return nil, fail("ErrorCalendarIsOrganizerForTentative")
	case a.cancelled && answer != "Decline":
		return nil, fail("ErrorCalendarIsCancelledFor" + answer)
	}
	changed := a.clone()
	changed.response = answer
	changed.busy = map[string]string{"Accept": "Busy", "Tentative": "Tentative", "Decline": "Free"}[answer]
	meeting.appt = changed
	meeting.touch()
	mb := meeting.mb
	if it != meeting {
		it.move(mb.named["deleteditems"])
	}
	if answer == "Decline" {
		meeting.move(mb.named["deleteditems"])
	}
	if c.env.op.attr("MessageDisposition") != "SaveOnly" {
		prefix := map[string]string{"Accept": "Accepted: ", "Tentative": "Tentative: ", "Decline": "Declined: "}[answer]
		c.aboutMeeting(mb, changed, "REPLY", prefix+meeting.c.subject, n.leaf("t:Body"), []address{a.organizer}, answer)
	}
	return func() {
		c.items(func() {
			c.a.start("t:CalendarItem")
			c.a.itemID(meeting)
			c.a.end()
		})
	}, nil
}

// calendarView is the stretch of time that a FindItem asks for.
func calendarView(n *node) (from, to time.Time, err *opError) {
	from, err1 := parseTime(n.attr("StartDate"))
	to, err2 := parseTime(n.attr("EndDate"))
	switch {
	case err1 != nil || err2 != nil:
		return from, to, fail("ErrorInvalidValueForProperty")
	case to.Before(from):
		return from, to, fail("ErrorCalendarEndDateIsEarlierThanStartDate")
	case to.Sub(from) > 2*366*24*time.Hour:
		return from, to, fail("ErrorCalendarViewRangeTooBig")
	}
	return from, to, nil
}

// viewCalendar answers a FindItem for a stretch of a calendar: by start, one row for each occurrence.
func (c *call) viewCalendar(f *folder, n *node, sh *shape) (func(), *opError) {
	from, to, err := calendarView(n)
	if err != nil {
		return nil, err
	}
	var rows []*item
	for _, it := range f.live() {
		if it.appt != nil {
			rows = append(rows, it.occurrences(from, to)...)
		}
	}
	slices.SortStableFunc(rows, func(a, b *item) int { return a.appt.start.Compare(b.appt.start) })
	total, last := len(rows), true
	if most := n.int("MaxEntriesReturned"); most > 0 && total > most {
		rows, last = rows[:most], false
	}
	return func() {
		c.a.start("m:RootFolder", "TotalItemsInView", itoa(total), "IncludesLastItemInRange", strconv.FormatBool(last))
		c.a.start("t:Items")
		for _, it := range rows {
			c.writeView(viewOf(it), sh)
		}
		c.a.end()
		c.a.end()
	}, nil
}
