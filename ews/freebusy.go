package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Busy is what somebody's time is taken for: LegacyFreeBusyType.
type Busy string

// What time is taken for.
const (
	TimeFree        Busy = "Free"
	TimeTentative   Busy = "Tentative"
	TimeBusy        Busy = "Busy"
	TimeOutOfOffice Busy = "OOF"
	TimeElsewhere   Busy = "WorkingElsewhere"
	TimeUnknown     Busy = "NoData" // there is none, or it may not be seen
)

// FreeBusy is what is known of somebody's time.
type FreeBusy struct {
	Events []BusyEvent // what the calendar holds, if it may be seen; none with MergedOnly

	// Merged cuts the time asked for into pieces of FreeBusyQuery.Interval and says of each the most that it is taken for.
	Merged []Busy

	WorkingHours []WorkingPeriod // in the local time of its owner
	View         string          // how much may be seen: "None", "MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed" or "DetailedMerged"
}

// BusyEvent is a stretch of taken time. What comes after Busy is known where the caller may see details.
type BusyEvent struct {
	Start, End time.Time // UTC
	Busy       Busy
	ID         string // hexadecimal entry id: Mailbox.ConvertIDs makes an ItemID of it
	Subject    string
	Location   string
	Meeting    bool
	Recurring  bool
	Private    bool
}

// WorkingPeriod are hours of work on some days of the week.
type WorkingPeriod struct {
	Days       []time.Weekday
	Start, End time.Duration // since midnight
}

// FreeBusyQuery says what FreeBusy asks for.
type FreeBusyQuery struct {
	// Start and End bound the time, to the second. Exchange Online takes up to 62 days.
	Start, End time.Time

	// Interval is the length of the pieces of FreeBusy.Merged, whole minutes from 5 minutes to a day. 0: 30 minutes.
	Interval time.Duration
}

// maxFreeBusy is the number of people that Exchange tells of in one request.
const maxFreeBusy = 100

// FreeBusy tells when people, rooms or distribution lists are free or busy, in the order of addresses, 100 at most. One who failed has a zero FreeBusy
// and is in a *BatchError: ErrNotFound, ErrDenied, ErrInvalidRequest for too long a time. EWS: GetUserAvailability operation.
func (m *Mailbox) FreeBusy(ctx context.Context, q FreeBusyQuery, addresses ...string) ([]FreeBusy, error) {
	interval := q.Interval
	if interval == 0 {
		interval = 30 * time.Minute
	}
	if interval < 5*time.Minute || interval > 24*time.Hour || interval%time.Minute != 0 {
		return nil, fmt.Errorf("ews: FreeBusyQuery.Interval: %v: must be whole minutes from 5 minutes to 24 hours", q.Interval)
	}
	if err := checkAvailability("FreeBusy", q.Start, q.End, addresses); err != nil {
		return nil, err
	}
	found := make([]FreeBusy, len(addresses))
	err := m.do(ctx, &call{
		op: "GetUserAvailability",
		body: func(w *wire.Writer) error {
			w.Start("m:GetUserAvailabilityRequest")
			writeAttendees(w, addresses)
			w.Start("t:FreeBusyViewOptions")
			writeWindow(w, "t:TimeWindow", q.Start, q.End)
			w.Leaf("t:MergedFreeBusyIntervalInMinutes", itoa(int(interval/time.Minute)))
			w.Leaf("t:RequestedView", "DetailedMerged")
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			clear(found)
			return readFreeBusy(s, found)
		},
	})
	var b *BatchError
	if err != nil && !errors.As(err, &b) {
		return nil, err
	}
	if b != nil {
		for _, it := range b.Items {
			it.ID = addresses[it.Index]
		}
	}
	return found, err
}

func checkAvailability(method string, start, end time.Time, addresses []string) error {
	if n := len(addresses); n == 0 || n > maxFreeBusy {
		return fmt.Errorf("ews: %s: there are %d addresses: from 1 to %d at a time", method, n, maxFreeBusy)
	}
	for i, a := range addresses {
		if bad := badAddress(a); bad != "" {
			return fmt.Errorf("ews: %s: addresses[%d]: %s", method, i, bad)
		}
	}
	if start.IsZero() || !start.Before(end) {
		return fmt.Errorf("ews: %s: Start and End must be set, Start first", method)
	}
	if bad := badTimes("Start", start, "End", end); bad != "" {
		return fmt.Errorf("ews: %s: %s", method, bad)
	}
	return nil
}

// writeAttendees writes the time zone, which is UTC so that the answer's times are, and who is asked about.
func writeAttendees(w *wire.Writer, addresses []string) {
	w.Start("t:TimeZone")
	w.Leaf("t:Bias", "0")
	for _, part := range []string{"t:StandardTime", "t:DaylightTime"} {
		w.Start(part)
		w.Leaf("t:Bias", "0")
		w.Leaf("t:Time", "00:00:00")
		w.Leaf("t:DayOrder", "0")
		w.Leaf("t:Month", "0")
		w.Leaf("t:DayOfWeek", "Sunday")
		w.End()
	}
	w.End()
	w.Start("m:MailboxDataArray")
	for _, a := range addresses {
		w.Start("t:MailboxData")
		w.Start("t:Email")
		w.Leaf("t:Address", a)
		w.End()
		w.Leaf("t:AttendeeType", "Required")
		w.Leaf("t:ExcludeConflicts", "false")
		w.End()
	}
	w.End()
}

// writeWindow writes a stretch of time, in the request's time zone.
func writeWindow(w *wire.Writer, element string, start, end time.Time) {
	w.Start(element)
	w.Leaf("t:StartTime", wallClock(start))
	w.Leaf("t:EndTime", wallClock(end))
	w.End()
}

// wallClock is a time in the request's time zone, UTC: these elements take none with a zone.
func wallClock(t time.Time) string { return strings.TrimSuffix(constantTime(t), "Z") }

// readFreeBusy reads the answer: for each of those asked about a ResponseMessage, and what is known.
func readFreeBusy(s *wire.Scanner, found []FreeBusy) error {
	head := responseMessage{class: classAttr(s)}
	b := &BatchError{Total: len(found)}
	n := 0
	for d := s.Depth(); s.Child(d); {
		switch {
		case head.field(s):
		case s.Local() == "ResponseMessages": // what servers that do not know the operation say
			if err := readBatchMessages(s, len(found), nil); err != nil {
				return err
			}
		case s.Local() == "FreeBusyResponseArray":
			for d := s.Depth(); s.Child(d); n++ {
				if n == len(found) {
					return &Error{kind: ErrBadResponse, what: "the answer tells of more people than were asked about"}
				}
				if e, err := readFreeBusyOne(s, &found[n]); err != nil {
					return err
				} else if e != nil {
					b.Items = append(b.Items, &ItemError{Index: n, Err: e})
					found[n] = FreeBusy{}
				}
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if e := head.err(); e != nil {
		return e
	}
	if n == 0 {
		return &Error{kind: ErrBadResponse, what: "the answer says nothing about anybody"}
	}
	for ; n < len(found); n++ {
		b.Items = append(b.Items, &ItemError{Index: n, Err: &Error{kind: ErrNotAttempted, what: "the answer says nothing about this one", verdict: verdictRetry}})
	}
	if len(b.Items) > 0 {
		return b
	}
	return nil
}

func readFreeBusyOne(s *wire.Scanner, f *FreeBusy) (e *Error, err error) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ResponseMessage":
			if e, err = readResponseMessage(s, 0, nil); err != nil {
				return nil, err
			}
		case "FreeBusyView":
			f.read(s)
		}
	}
	return e, s.Err()
}

func (f *FreeBusy) read(s *wire.Scanner) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "FreeBusyViewType":
			f.View = strings.TrimSpace(s.Text())
		case "MergedFreeBusy":
			f.Merged = mergedBusy(s.TextBytes())
		case "CalendarEventArray":
			for d := s.Depth(); s.Child(d); {
				grow(s, &f.Events, readBusyEvent(s))
			}
		case "WorkingHours":
			for d := s.Depth(); s.Child(d); {
				if s.Local() == "WorkingPeriodArray" {
					for d := s.Depth(); s.Child(d); {
						grow(s, &f.WorkingHours, readWorkingPeriod(s))
					}
				}
			}
		}
	}
}

// maxMerged bounds the pieces that are kept: 62 days of five minutes each.
const maxMerged = 62 * 24 * 12

// mergedBusy reads a digit for each piece of time.
func mergedBusy(digits []byte) (list []Busy) {
	kinds := [...]Busy{TimeFree, TimeTentative, TimeBusy, TimeOutOfOffice, TimeElsewhere, TimeUnknown}
	for _, c := range digits[:min(len(digits), maxMerged)] {
		kind := TimeUnknown
		if c >= '0' && int(c-'0') < len(kinds) {
			kind = kinds[c-'0']
		}
		list = append(list, kind)
	}
	return list
}

func readBusyEvent(s *wire.Scanner) (e BusyEvent) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "StartTime":
			e.Start = dateTime(s.TextBytes())
		case "EndTime":
			e.End = dateTime(s.TextBytes())
		case "BusyType":
			e.Busy = Busy(strings.TrimSpace(s.Text()))
		case "CalendarEventDetails":
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "ID":
					e.ID = s.Text()
				case "Subject":
					e.Subject = s.Text()
				case "Location":
					e.Location = s.Text()
				case "IsMeeting":
					e.Meeting = boolean(s.TextBytes())
				case "IsRecurring":
					e.Recurring = boolean(s.TextBytes())
				case "IsPrivate":
					e.Private = boolean(s.TextBytes())
				}
			}
		}
	}
	return e
}

func readWorkingPeriod(s *wire.Scanner) (p WorkingPeriod) {
	minutes := func() time.Duration {
		return time.Duration(min(max(integer(s.TextBytes()), 0), 24*60)) * time.Minute
	}
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "DayOfWeek":
			for day := range strings.FieldsSeq(s.Text()) {
				for w := time.Sunday; w <= time.Saturday; w++ {
					if w.String() == day && len(p.Days) < 7 {
						p.Days = append(p.Days, w)
					}
				}
			}
		case "StartTimeInMinutes":
			p.Start = minutes()
		case "EndTimeInMinutes":
			p.End = minutes()
		}
	}
	return p
}
