package ewstest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

var weekdays = map[string]rrule.Weekday{"Monday": rrule.MO, "Tuesday": rrule.TU, "Wednesday": rrule.WE, "Thursday": rrule.TH,
	"Friday": rrule.FR, "Saturday": rrule.SA, "Sunday": rrule.SU}

var weekIndexes = map[string]int{"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}

// rule is the appointment's recurrence as RFC 5545 has it, nil if it does not recur, or in a way that is not understood.
func (a *appointment) rule() *rrule.ROption {
	if a.recurrence == nil || len(a.recurrence.kids) < 2 {
		return nil
	}
	pattern, until := a.recurrence.kids[0], a.recurrence.kids[1]
	o := &rrule.ROption{Dtstart: a.start, Interval: 1}
	number := func(element string) int {
		n, _ := strconv.Atoi(pattern.leaf(element))
		return n
	}
	if n := number("t:Interval"); n > 0 {
		o.Interval = n
	}
	days := func() (out []rrule.Weekday) {
		for day := range strings.FieldsSeq(pattern.leaf("t:DaysOfWeek")) {
			switch day {
			case "Day":
				out = append(out, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)
			case "Weekday":
				out = append(out, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR)
			case "WeekendDay":
				out = append(out, rrule.SA, rrule.SU)
			default:
				if d, ok := weekdays[day]; ok {
					out = append(out, d)
				}
			}
		}
		return out
	}
	nth := func() { o.Byweekday, o.Bysetpos = days(), []int{weekIndexes[pattern.leaf("t:DayOfWeekIndex")]} }
	month := func() {
		for m := time.January; m <= time.December; m++ {
			if m.String() == pattern.leaf("t:Month") {
				o.Bymonth = []int{int(m)}
			}
		}
	}
	switch pattern.name {
	case "t:DailyRecurrence":
		o.Freq = rrule.DAILY
	case "t:WeeklyRecurrence":
		o.Freq, o.Byweekday = rrule.WEEKLY, days()
	case "t:AbsoluteMonthlyRecurrence":
		o.Freq, o.Bymonthday = rrule.MONTHLY, []int{number("t:DayOfMonth")}
	case "t:RelativeMonthlyRecurrence":
		o.Freq = rrule.MONTHLY
		nth()
	case "t:AbsoluteYearlyRecurrence":
		o.Freq, o.Bymonthday = rrule.YEARLY, []int{number("t:DayOfMonth")}
		month()
	case "t:RelativeYearlyRecurrence":
		o.Freq = rrule.YEARLY
		nth()
		month()
	default:
		return nil
	}
	switch until.name {
	case "t:NumberedRecurrence":
		o.Count, _ = strconv.Atoi(until.leaf("t:NumberOfOccurrences"))
	case "t:EndDateRecurrence":
		if day, err := parseTime(until.leaf("t:EndDate")); err == nil {
			o.Until = day.Add(24*time.Hour - time.Second)
		}
	}
	return o
}

// recurrenceNode is a rule of iCalendar as EWS has it: daily and weekly ones.
func recurrenceNode(o *rrule.ROption, start time.Time) *node {
	leaf := func(name, text string) *node { return &node{name: name, text: text} }
	pattern := &node{name: "t:DailyRecurrence", kids: []*node{leaf("t:Interval", strconv.Itoa(max(o.Interval, 1)))}}
	if o.Freq == rrule.WEEKLY {
		var days []string
		for name, d := range weekdays {
			if slices.ContainsFunc(o.Byweekday, func(w rrule.Weekday) bool { return w.String() == d.String() }) {
				days = append(days, name)
			}
		}
		if len(days) == 0 {
			days = []string{start.Weekday().String()}
		}
		slices.SortFunc(days, func(a, b string) int {
			x, y := weekdays[a], weekdays[b]
			return x.Day() - y.Day()
		})
		pattern.name = "t:WeeklyRecurrence"
		pattern.kids = append(pattern.kids, leaf("t:DaysOfWeek", strings.Join(days, " ")))
	}
	until := &node{name: "t:NoEndRecurrence", kids: []*node{leaf("t:StartDate", start.Format(time.DateOnly))}}
	switch {
	case o.Count > 0:
		until.name = "t:NumberedRecurrence"
		until.kids = append(until.kids, leaf("t:NumberOfOccurrences", strconv.Itoa(o.Count)))
	case !o.Until.IsZero():
		until.name = "t:EndDateRecurrence"
		until.kids = append(until.kids, leaf("t:EndDate", o.Until.Format(time.DateOnly)))
	}
	return &node{name: "t:Recurrence", kids: []*node{pattern, until}}
}

// maxOccurrences of one series that are looked at.
const maxOccurrences = 5000

// occurrences returns the item as it stands in a stretch of time: itself if it happens once, or what of the series falls into it.
func (it *item) occurrences(from, to time.Time) []*item {
	a := it.appt
	option := a.rule()
	if option == nil {
		if a.overlaps(from, to) {
			return []*item{it}
		}
		return nil
	}
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		return nil
	}
	length := a.end.Sub(a.start)
	var out []*item
	for i, next := 0, rule.Iterator(); i < maxOccurrences; i++ {
		start, ok := next()
		if !ok || !start.Before(to) {
			break
		}
		if at := (&appointment{start: start, end: start.Add(length)}); at.overlaps(from, to) {
			out = append(out, it.occurrence(i, start))
		}
	}
	return out
}

// occurrence is one of a series: a copy of its master with an id and times of its own.
func (it *item) occurrence(i int, start time.Time) *item {
	key := occurrenceKey{it.id, i}
	id := it.mb.occurrenceIDs[key]
	if id == "" {
		id = it.mb.newItemID()
		it.mb.occurrenceIDs[key], it.mb.occurrences[id] = id, occurrenceOf{key, start}
	}
	dup := *it
	dup.id = id
	dup.appt = it.appt.clone()
	dup.appt.start, dup.appt.end, dup.appt.original = start, start.Add(it.appt.end.Sub(it.appt.start)), start
	dup.appt.recurrence = nil
	dup.recurs = true
	return &dup
}

type occurrenceKey struct {
	master string
	index  int
}

type occurrenceOf struct {
	occurrenceKey
	start time.Time
}

// findOccurrence finds one of a series by an id that was handed out for it.
func (mb *Mailbox) findOccurrence(id string) *item {
	o, ok := mb.occurrences[id]
	if master := mb.items[o.master]; ok && master != nil && master.appt != nil {
		return master.occurrence(o.index, o.start)
	}
	return nil
}
