package ewstest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// busyDigits are how MergedFreeBusy says what time is taken for, the least first.
var busyDigits = map[string]byte{"Free": '0', "Tentative": '1', "Busy": '2', "OOF": '3', "WorkingElsewhere": '4', "NoData": '5'}

// Bounds of an availability request.
const (
	maxAvailability = 62 * 24 * time.Hour
	workStart       = 8 * time.Hour // Monday to Friday, UTC
	workEnd         = 17 * time.Hour
)

// getUserAvailability EWS: GetUserAvailability operation, from the calendars of this server. Times of the request's zone are those of its
// Bias; daylight saving is not looked at.
func (c *call) getUserAvailability() *soapFault {
	op := c.env.op
	bias, _ := strconv.Atoi(op.kid("t:TimeZone").leaf("t:Bias"))
	zone := time.FixedZone("", -bias*60)
	var people []*Mailbox
	for _, n := range op.kid("m:MailboxDataArray").all() {
		people = append(people, c.s.byAddress[strings.ToLower(n.kid("t:Email").leaf("t:Address"))])
	}
	c.a.root("m:GetUserAvailabilityResponse")
	if view := op.kid("t:FreeBusyViewOptions"); view != nil {
		from, to, err := timeWindow(view.kid("t:TimeWindow"), zone)
		c.a.start("m:FreeBusyResponseArray")
		for _, mb := range people {
			err := err
			if mb == nil && err == nil {
				err = fail("ErrorMailRecipientNotFound")
			}
			c.a.start("m:FreeBusyResponse")
			c.a.message("ResponseMessage", err, nil, nil)
			if err == nil {
				c.freeBusy(mb, view, from, to, zone)
			} else { // so does Exchange
				c.a.start("m:FreeBusyView")
				c.a.leaf("t:FreeBusyViewType", "None")
				c.a.end()
			}
			c.a.end()
		}
		c.a.end()
	}
	if view := op.kid("t:SuggestionsViewOptions"); view != nil {
		c.suggestions(view, people, zone)
	}
	c.a.end()
	return nil
}

func timeWindow(n *node, zone *time.Location) (from, to time.Time, err *opError) {
	read := func(element string) time.Time {
		text := n.leaf(element)
		t, bad := time.ParseInLocation("2006-01-02T15:04:05", text, zone)
		if bad != nil {
			if t, bad = parseTime(text); bad != nil {
				err = fail("ErrorInvalidTimeInterval")
			}
		}
		return t.UTC()
	}
	from, to = read("t:StartTime"), read("t:EndTime")
	switch {
	case err != nil:
	case !from.Before(to):
		err = fail("ErrorInvalidTimeInterval")
	case to.Sub(from) > maxAvailability:
		err = fail("ErrorTimeIntervalTooBig")
	}
	return from, to, err
}

// taken lists what a calendar holds in a stretch of time, by start.
func (mb *Mailbox) taken(from, to time.Time) []*item {
	var out []*item
	for _, it := range mb.named["calendar"].live() {
		if it.appt != nil {
			out = append(out, it.occurrences(from, to)...)
		}
	}
	slices.SortStableFunc(out, func(a, b *item) int { return a.appt.start.Compare(b.appt.start) })
	return out
}

// most is the most that a stretch of time is taken for.
func most(taken []*item, from, to time.Time) string {
	kind := "Free"
	for _, it := range taken {
		if it.appt.overlaps(from, to) && busyDigits[it.appt.busy] > busyDigits[kind] {
			kind = it.appt.busy
		}
	}
	return kind
}

func (c *call) freeBusy(mb *Mailbox, view *node, from, to time.Time, zone *time.Location) {
	wanted := orDefault(view.leaf("t:RequestedView"), "FreeBusy")
	detailed := strings.HasPrefix(wanted, "Detailed") && c.mayOpen(mb)
	if strings.HasPrefix(wanted, "Detailed") && !detailed { // who may not open the calendar sees when, not what
		wanted = strings.Replace(wanted, "Detailed", "FreeBusy", 1)
	}
	taken := mb.taken(from, to)
	c.a.start("m:FreeBusyView")
	c.a.leaf("t:FreeBusyViewType", wanted)
	if strings.HasSuffix(wanted, "Merged") || wanted == "MergedOnly" {
		minutes, _ := strconv.Atoi(orDefault(view.leaf("t:MergedFreeBusyIntervalInMinutes"), "30"))
		piece := time.Duration(max(minutes, 5)) * time.Minute
		var digits []byte
		for at := from; at.Before(to); at = at.Add(piece) {
			digits = append(digits, busyDigits[most(taken, at, at.Add(piece))])
		}
		c.a.leaf("t:MergedFreeBusy", string(digits))
	}
	if wanted != "MergedOnly" && wanted != "None" && len(taken) > 0 {
		c.a.start("t:CalendarEventArray")
		for _, it := range taken {
			c.a.start("t:CalendarEvent")
			c.a.leaf("t:StartTime", localTime(it.appt.start, zone))
			c.a.leaf("t:EndTime", localTime(it.appt.end, zone))
			c.a.leaf("t:BusyType", it.appt.busy)
			if detailed {
				c.eventDetails(it)
			}
			c.a.end()
		}
		c.a.end()
	}
	c.workingHours()
	c.a.end()
}

// localTime is how this operation writes times: of the request's zone, without one.
func localTime(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02T15:04:05")
}

func (c *call) eventDetails(it *item) {
	c.a.start("t:CalendarEventDetails")
	c.a.leaf("t:ID", strings.ToUpper(hexOf(it.entryID())))
	c.a.leaf("t:Subject", it.c.subject)
	c.a.leaf("t:Location", it.appt.location)
	c.a.bool("t:IsMeeting", it.appt.meeting())
	c.a.bool("t:IsRecurring", it.recurs || it.appt.recurrence != nil)
	c.a.bool("t:IsException", false)
	c.a.bool("t:IsReminderSet", it.reminder.set)
	c.a.bool("t:IsPrivate", it.c.sensitivity == "Private")
	c.a.end()
}

func (c *call) workingHours() {
	c.a.start("t:WorkingHours")
	c.a.start("t:TimeZone")
	c.a.leaf("t:Bias", "0")
	for _, part := range []string{"t:StandardTime", "t:DaylightTime"} {
		c.a.start(part)
		c.a.leaf("t:Bias", "0")
		c.a.leaf("t:Time", "00:00:00")
		c.a.leaf("t:DayOrder", "0")
		c.a.leaf("t:Month", "0")
		c.a.leaf("t:DayOfWeek", "Sunday")
		c.a.end()
	}
	c.a.end()
	c.a.start("t:WorkingPeriodArray")
	c.a.start("t:WorkingPeriod")
	c.a.leaf("t:DayOfWeek", "Monday Tuesday Wednesday Thursday Friday")
	c.a.int("t:StartTimeInMinutes", int64(workStart/time.Minute))
	c.a.int("t:EndTimeInMinutes", int64(workEnd/time.Minute))
	c.a.end()
	c.a.end()
	c.a.end()
}

// suggestions writes times at which nobody is busy, half an hour apart.
func (c *call) suggestions(view *node, people []*Mailbox, zone *time.Location) {
	from, to, err := timeWindow(view.kid("t:DetailedSuggestionsWindow"), zone)
	number := func(element, def string) int {
		n, _ := strconv.Atoi(orDefault(view.leaf(element), def))
		return n
	}
	length := time.Duration(number("t:MeetingDurationInMinutes", "60")) * time.Minute
	perDay, outside := number("t:MaximumResultsByDay", "10"), number("t:MaximumNonWorkHourResultsByDay", "0")
	c.a.start("m:SuggestionsResponse")
	c.a.message("ResponseMessage", err, nil, nil)
	if err == nil {
		taken := make([][]*item, len(people))
		for i, mb := range people {
			if mb != nil {
				taken[i] = mb.taken(from, to.Add(length))
			}
		}
		c.a.start("m:SuggestionDayResultArray")
		for day := from.In(zone).Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
			c.suggestionDay(day, from, to, length, perDay, outside, taken, people, zone)
		}
		c.a.end()
	}
	c.a.end()
}

func (c *call) suggestionDay(day, from, to time.Time, length time.Duration, perDay, outside int, taken [][]*item, people []*Mailbox, zone *time.Location) {
	c.a.start("t:SuggestionDayResult")
	c.a.leaf("t:Date", localTime(day, zone))
	c.a.leaf("t:DayQuality", "Excellent")
	c.a.start("t:SuggestionArray")
	given := 0
	for at := day; at.Before(day.Add(24*time.Hour)) && given < perDay; at = at.Add(30 * time.Minute) {
		sinceMidnight := at.Sub(day)
		work := day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && sinceMidnight >= workStart && sinceMidnight+length <= workEnd
		if at.Before(from) || at.Add(length).After(to) || !work && outside == 0 {
			continue
		}
		kinds := make([]string, len(people))
		free := true
		for i, mb := range people {
			kinds[i] = "NoData"
			if mb != nil {
				kinds[i] = most(taken[i], at, at.Add(length))
				free = free && kinds[i] == "Free"
			}
		}
		if !free {
			continue
		}
		if !work {
			outside--
		}
		given++
		c.a.start("t:Suggestion")
		c.a.leaf("t:MeetingTime", localTime(at, zone))
		c.a.bool("t:IsWorkTime", work)
		c.a.leaf("t:SuggestionQuality", map[bool]string{true: "Excellent", false: "Good"}[work])
		c.a.start("t:AttendeeConflictDataArray")
		for i, mb := range people {
			if mb == nil {
				c.a.empty("t:UnknownAttendeeConflictData")
				continue
			}
			c.a.start("t:IndividualAttendeeConflictData")
			c.a.leaf("t:BusyType", kinds[i])
			c.a.end()
		}
		c.a.end()
		c.a.end()
	}
	c.a.end()
	c.a.end()
}
