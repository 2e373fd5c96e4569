package ewstest

import (
	"strconv"
	"strings"
	"time"
)

// kept is a field that is given back as it was given.
func kept(uri string) field {
	name := element(uri)
	return field{uri: uri, flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) {
		if v.it == nil {
			return
		}
		if n := v.it.own[name]; n != nil {
			c.a.node(n)
		}
	}, value: func(v *view) value {
		if v.it == nil {
			return value{}
		}
		return typedValue(v.it.ownText(name))
	}}
}

// typedValue guesses what a property compares as.
func typedValue(text string) value {
	if t, err := parseTime(text); err == nil && strings.Contains(text, "T") {
		return timeValue(t)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return value{kind: kindInt, n: n}
	}
	if text == "true" || text == "false" {
		return boolValue(text == "true")
	}
	return stringValue(text)
}

func keptFields(prefix, names string) (list []field) {
	for name := range strings.FieldsSeq(names) {
		list = append(list, kept(prefix+name))
	}
	return list
}

// entries is a dictionary: an IndexedFieldURI asks for one entry of it.
func entries(uri string) field {
	name := element(uri)
	return field{uri: uri, flags: inDefault | inFind, write: func(c *call, v *view, sh *shape) {
		var list []*node
		for _, e := range v.it.own[name].all() {
			if e = sh.entry(name, e); e != nil {
				list = append(list, e)
			}
		}
		if len(list) > 0 {
			c.a.node(&node{name: name, kids: list})
		}
	}}
}

// entry is the part of a dictionary's entry that was asked for, nil for nothing.
func (sh *shape) entry(dictionary string, e *node) *node {
	asked := sh.entries[dictionary]
	if asked == nil || sh.base == "AllProperties" || sh.base == "Default" {
		return e
	}
	if dictionary != "t:PhysicalAddresses" {
		if asked[e.attr("Key")] {
			return e
		}
		return nil
	}
	part := &node{name: e.name, attrs: e.attrs}
	for _, k := range e.kids {
		if asked[local(k.name)+" "+e.attr("Key")] {
			part.kids = append(part.kids, k)
		}
	}
	if len(part.kids) == 0 {
		return nil
	}
	return part
}

// askEntry notes that one entry of a dictionary is wanted.
func (sh *shape) askEntry(uri, index string) {
	plural, key := "", index
	switch {
	case strings.HasPrefix(uri, "contacts:PhysicalAddress:"):
		plural, key = "PhysicalAddresses", strings.TrimPrefix(uri, "contacts:PhysicalAddress:")+" "+index
	case dictionaries[uri] != "":
		plural = local(dictionaries[uri])
	default:
		return
	}
	sh.fields["contacts:"+plural] = true
	if sh.entries == nil {
		sh.entries = map[string]map[string]bool{}
	}
	if sh.entries["t:"+plural] == nil {
		sh.entries["t:"+plural] = map[string]bool{}
	}
	sh.entries["t:"+plural][key] = true
}

// apptText, apptBool and apptTime make fields of a calendar item or a message about a meeting.
func apptText(uri string, get func(a *appointment) string) field {
	return str(uri, inDefault|inFind, func(v *view) string { return get(v.appointment()) })
}

func apptBool(uri string, get func(a *appointment) bool) field {
	return flagged(uri, inDefault|inFind, func(v *view) bool { return get(v.appointment()) })
}

func apptTime(uri string, get func(a *appointment) time.Time) field {
	return when(uri, inDefault|inFind, func(v *view) time.Time { return get(v.appointment()) })
}

func attendees(uri string) field {
	return field{uri: uri, flags: inDefault, write: func(c *call, v *view, _ *shape) {
		open := false
		for _, at := range v.appointment().attendees {
			if at.role != element(uri) {
				continue
			}
			if !open {
				c.a.start(at.role)
				open = true
			}
			c.a.start("t:Attendee")
			c.a.mailbox(at.address, "SMTP")
			c.a.leaf("t:ResponseType", orDefault(at.response, "Unknown"))
			c.a.time("t:LastResponseTime", at.when)
			c.a.end()
		}
		if open {
			c.a.end()
		}
	}}
}

func keptOfAppointment(uri string) field {
	return field{uri: uri, flags: inDefault, write: func(c *call, v *view, _ *shape) {
		if n := v.appointment().other[element(uri)]; n != nil {
			c.a.node(n)
		}
	}}
}

var (
	uidFields = []field{
		apptText("calendar:UID", func(a *appointment) string { return a.uid }),
		apptTime("calendar:DateTimeStamp", func(a *appointment) time.Time { return a.stamp }),
	}
	placeFields = []field{ // all that answers and cancellations have
		apptTime("calendar:Start", func(a *appointment) time.Time { return a.start }),
		apptTime("calendar:End", func(a *appointment) time.Time { return a.end }),
		apptText("calendar:Location", func(a *appointment) string { return a.location }),
	}
	calendarFields = []field{
		placeFields[0], placeFields[1],
		apptTime("calendar:OriginalStart", func(a *appointment) time.Time { return a.original }),
		apptBool("calendar:IsAllDayEvent", func(a *appointment) bool { return a.allDay }),
		apptText("calendar:LegacyFreeBusyStatus", func(a *appointment) string { return a.busy }),
		placeFields[2],
		apptBool("calendar:IsMeeting", (*appointment).meeting),
		apptBool("calendar:IsCancelled", func(a *appointment) bool { return a.cancelled }),
		flagged("calendar:IsRecurring", inDefault|inFind, func(v *view) bool {
			return v.appointment().recurrence != nil || v.it != nil && v.it.recurs
		}),
		apptBool("calendar:MeetingRequestWasSent", func(a *appointment) bool { return len(a.attendees) > 0 && a.response == "Organizer" }),
	}
	requestedField = keptOfAppointment("calendar:IsResponseRequested")
	peopleFields   = []field{
		apptText("calendar:CalendarItemType", (*appointment).kind),
		apptText("calendar:MyResponseType", func(a *appointment) string { return orDefault(a.response, "Unknown") }),
		{uri: "calendar:Organizer", flags: inDefault | inFind, write: func(c *call, v *view, sh *shape) {
			c.person("t:Organizer", v.appointment().organizer, sh.find)
		}},
		attendees("calendar:RequiredAttendees"), attendees("calendar:OptionalAttendees"), attendees("calendar:Resources"),
		apptText("calendar:Duration", func(a *appointment) string { return isoDuration(a.end.Sub(a.start)) }),
		{uri: "calendar:Recurrence", flags: inDefault, write: func(c *call, v *view, _ *shape) {
			if n := v.appointment().recurrence; n != nil {
				c.a.node(n)
			}
		}},
		{uri: "calendar:StartTimeZone", flags: inDefault, write: writeZone("t:StartTimeZone")},
		{uri: "calendar:EndTimeZone", flags: inDefault, write: writeZone("t:EndTimeZone")},
		keptOfAppointment("calendar:ConferenceType"), keptOfAppointment("calendar:AllowNewTimeProposal"),
		keptOfAppointment("calendar:MeetingWorkspaceUrl"), keptOfAppointment("calendar:NetShowUrl"),
	}
	meetingHead = []field{
		{uri: "meeting:AssociatedCalendarItemId", flags: inDefault, write: func(c *call, v *view, _ *shape) {
			if it := v.associated(); it != nil {
				c.a.empty("t:AssociatedCalendarItemId", "Id", it.id, "ChangeKey", it.changeKey())
			}
		}},
		flagged("meeting:IsDelegated", inDefault, func(*view) bool { return false }),
		flagged("meeting:IsOutOfDate", inDefault, func(*view) bool { return false }),
		flagged("meeting:HasBeenProcessed", inDefault, func(v *view) bool { return v.associated() != nil }),
		{uri: "meeting:ResponseType", flags: inDefault, write: func(c *call, v *view, _ *shape) {
			c.a.leaf("t:ResponseType", v.responseType())
		}},
		uidFields[0],
	}
	requestHead = []field{
		str("meetingRequest:MeetingRequestType", inDefault, func(*view) string { return "NewMeetingRequest" }),
		apptText("meetingRequest:IntendedFreeBusyStatus", func(a *appointment) string { return a.busy }),
	}
	contactFields = join(keptFields("contacts:", "FileAs FileAsMapping DisplayName GivenName Initials MiddleName Nickname CompanyName"),
		[]field{entries("contacts:EmailAddresses"), entries("contacts:PhysicalAddresses"), entries("contacts:PhoneNumbers")},
		keptFields("contacts:", "AssistantName Birthday BusinessHomePage Children Companies Department Generation"),
		[]field{entries("contacts:ImAddresses")},
		keptFields("contacts:", "JobTitle Manager Mileage OfficeLocation PostalAddressIndex Profession SpouseName Surname WeddingAnniversary"))
	listFields = join(keptFields("contacts:", "DisplayName FileAs"), keptFields("distributionlist:", "Members"))
	taskFields = keptFields("task:", "ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate Contacts DelegationState Delegator DueDate"+
		" IsAssignmentEditable IsComplete IsRecurring IsTeamTask Mileage Owner PercentComplete Recurrence StartDate Status StatusDescription TotalWork")
)

func join(lists ...[]field) (all []field) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// ownFields are the fields that only one kind of item has, by its element, in the order of the schema.
var ownFields = map[string][]field{
	"t:CalendarItem":        join(uidFields, calendarFields, []field{requestedField}, peopleFields),
	"t:MeetingRequest":      join(meetingHead, requestHead, calendarFields, peopleFields),
	"t:MeetingResponse":     join(meetingHead, placeFields),
	"t:MeetingCancellation": join(meetingHead, placeFields),
	"t:Contact":             contactFields,
	"t:DistributionList":    listFields,
	"t:Task":                taskFields,
}

func ownField(k *typedKind, name string) *field {
	for i := range ownFields[k.element] {
		if f := &ownFields[k.element][i]; element(f.uri) == name {
			return f
		}
	}
	return nil
}

func writeZone(name string) func(c *call, v *view, _ *shape) {
	return func(c *call, v *view, _ *shape) {
		if n := v.appointment().zone; n != nil && v.it != nil && v.it.appt != nil {
			c.a.empty(name, "Id", n.attr("Id"))
		}
	}
}

// isoDuration is xs:duration, as calendar items show their length.
func isoDuration(d time.Duration) string {
	out := "P"
	if days := d / (24 * time.Hour); days > 0 {
		out += strconv.Itoa(int(days)) + "D"
		d %= 24 * time.Hour
	}
	if d > 0 || out == "P" {
		out += "T"
		if h := d / time.Hour; h > 0 {
			out += strconv.Itoa(int(h)) + "H"
		}
		if m := d % time.Hour / time.Minute; m > 0 || d < time.Hour {
			out += strconv.Itoa(int(m)) + "M"
		}
	}
	return out
}

// associated is the meeting in the calendar that a message is about.
func (v *view) associated() *item {
	uid := v.appointment().uid
	if v.it == nil || uid == "" {
		return nil
	}
	return v.it.mb.meetingByUID(uid)
}

func (mb *Mailbox) meetingByUID(uid string) *item {
	for _, it := range mb.named["calendar"].live() {
		if it.appt != nil && it.appt.uid == uid {
			return it
		}
	}
	return nil
}

// responseType is what an answer says, or what was answered to a request.
func (v *view) responseType() string {
	switch {
	case strings.HasPrefix(v.class(), classResponse):
		return map[string]string{"Pos": "Accept", "Neg": "Decline", "Tent": "Tentative"}[strings.TrimPrefix(v.class(), classResponse)]
	case v.associated() != nil:
		return v.associated().appt.response
	}
	return "NoResponseReceived"
}
