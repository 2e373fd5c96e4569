package ewstest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// readICS reads the first event of an iCalendar object (RFC 5545), nil if there is none.
func readICS(text string) *appointment {
	if text == "" {
		return nil
	}
	cal, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil || len(cal.Events()) == 0 {
		return nil
	}
	event := cal.Events()[0]
	a := &appointment{response: "NoResponseReceived", busy: "Busy", other: map[string]*node{}}
	a.uid, _ = event.Props.Text(ical.PropUID)
	a.location, _ = event.Props.Text(ical.PropLocation)
	a.start, _ = event.DateTimeStart(time.UTC)
	a.end, _ = event.DateTimeEnd(time.UTC)
	if p := event.Props.Get(ical.PropDateTimeStart); p != nil {
		a.allDay = p.ValueType() == ical.ValueDate
	}
	if p := event.Props.Get(ical.PropOrganizer); p != nil {
		a.organizer = calAddress(p)
	}
	for _, p := range event.Props.Values(ical.PropAttendee) {
		role := "t:RequiredAttendees"
		switch {
		case strings.EqualFold(p.Params.Get(ical.ParamRole), "OPT-PARTICIPANT"):
			role = "t:OptionalAttendees"
		case strings.EqualFold(p.Params.Get(ical.ParamCalendarUserType), "RESOURCE"), strings.EqualFold(p.Params.Get(ical.ParamCalendarUserType), "ROOM"):
			role = "t:Resources"
		}
		a.attendees = append(a.attendees, attendee{role: role, address: calAddress(&p), response: participation(p.Params.Get(ical.ParamParticipationStatus))})
	}
	if rule, err := event.Props.RecurrenceRule(); err == nil && rule != nil {
		a.recurrence = recurrenceNode(rule, a.start)
	}
	method, _ := cal.Props.Text(ical.PropMethod)
	a.cancelled = strings.EqualFold(method, "CANCEL")
	a.start, a.end = a.start.UTC(), a.end.UTC()
	return a
}

func calAddress(p *ical.Prop) address {
	email := p.Value
	if len(email) > 7 && strings.EqualFold(email[:7], "mailto:") {
		email = email[7:]
	}
	return address{p.Params.Get(ical.ParamCommonName), email}
}

var partStats = [][2]string{{"ACCEPTED", "Accept"}, {"TENTATIVE", "Tentative"}, {"DECLINED", "Decline"}}

// participation is the response type of a PARTSTAT.
func participation(stat string) string {
	for _, p := range partStats {
		if strings.EqualFold(stat, p[0]) {
			return p[1]
		}
	}
	return "Unknown"
}

// ics writes the iCalendar object of a message about the meeting. For a reply, from is who answers, with response.
func (a *appointment) ics(method, subject string, from address, response string) []byte {
	cal := ical.NewCalendar()
	cal.Props.SetText(ical.PropVersion, "2.0")
	cal.Props.SetText(ical.PropProductID, "-//ewstest//EN")
	cal.Props.SetText(ical.PropMethod, method)
	event := ical.NewEvent()
	event.Props.SetText(ical.PropUID, a.uid)
	event.Props.SetDateTime(ical.PropDateTimeStamp, a.stamp)
	if a.allDay {
		event.Props.SetDate(ical.PropDateTimeStart, a.start)
		event.Props.SetDate(ical.PropDateTimeEnd, a.end)
	} else {
		event.Props.SetDateTime(ical.PropDateTimeStart, a.start)
		event.Props.SetDateTime(ical.PropDateTimeEnd, a.end)
	}
	event.Props.SetText(ical.PropSummary, subject)
	event.Props.SetText(ical.PropLocation, a.location)
	if rule := a.rule(); rule != nil {
		event.Props.SetRecurrenceRule(rule)
	}
	person := func(name string, ad address) *ical.Prop {
		p := ical.NewProp(name)
		p.Value = "mailto:" + ad.email
		p.Params.Set(ical.ParamCommonName, ad.String())
		event.Props.Add(p)
		return p
	}
	person(ical.PropOrganizer, a.organizer)
	if method == "REPLY" {
		p := person(ical.PropAttendee, from)
		for _, stat := range partStats {
			if stat[1] == response {
				p.Params.Set(ical.ParamParticipationStatus, stat[0])
			}
		}
	} else {
		for _, at := range a.attendees {
			p := person(ical.PropAttendee, at.address)
			switch at.role {
			case "t:OptionalAttendees":
				p.Params.Set(ical.ParamRole, "OPT-PARTICIPANT")
			case "t:Resources":
				p.Params.Set(ical.ParamCalendarUserType, "RESOURCE")
			}
			p.Params.Set(ical.ParamParticipationStatus, "NEEDS-ACTION")
		}
	}
	cal.Children = append(cal.Children, event.Component)
	var b bytes.Buffer
	if ical.NewEncoder(&b).Encode(cal) != nil {
		return nil
	}
	return b.Bytes()
}

// meetingMIME is a message about a meeting, as it travels.
func (a *appointment) meetingMIME(method, subject, text string, from address, to []address, response, messageID string) []byte {
	var b bytes.Buffer
	h := headerWriter{&b}
	h.line("From", from.header())
	h.people("To", to)
	h.line("Subject", mime.QEncoding.Encode("utf-8", subject))
	h.line("Message-ID", messageID)
	h.line("Date", a.stamp.Format(time.RFC1123Z))
	h.line("MIME-Version", "1.0")
	const boundary = "_meeting_"
	fmt.Fprintf(&b, "Content-Type: multipart/alternative; boundary=%q\r\n\r\n", boundary)
	for _, part := range []struct {
		kind string
		data []byte
	}{{"text/plain; charset=utf-8", []byte(text)}, {"text/calendar; charset=utf-8; method=" + method, a.ics(method, subject, from, response)}} {
		fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary, part.kind)
		data := base64.StdEncoding.EncodeToString(part.data)
		for ; len(data) > 76; data = data[76:] {
			b.WriteString(data[:76] + "\r\n")
		}
		b.WriteString(data + "\r\n")
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.Bytes()
}
