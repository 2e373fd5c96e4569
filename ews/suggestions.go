package ews

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MeetingQuery says what MeetingTimes asks for.
type MeetingQuery struct {
	// Start and End bound the days looked at.
	Start, End time.Time

	// Length of the meeting, whole minutes, of at least 30 minutes. 0: an hour.
	Length time.Duration

	// PerDay is the number of suggestions for each day, at most 48. 0: 10.
	PerDay int

	// NonWorkHours is how many of them may lie outside working hours.
	NonWorkHours int
}

// MeetingTime is a time at which people could meet.
type MeetingTime struct {
	Start    time.Time // UTC
	WorkTime bool      // within the working hours of the mailbox
	Quality  string    // "Excellent", "Good", "Fair" or "Poor"

	// Attendees says what each of the addresses asked about is taken for at that time, in their order. For a distribution list it is empty.
	Attendees []Busy
}

// MeetingTimes suggests times at which the mailbox's owner and the people at addresses could meet, by day and then by quality, as Exchange
// orders them. EWS: GetUserAvailability operation with suggestions.
func (m *Mailbox) MeetingTimes(ctx context.Context, q MeetingQuery, addresses ...string) ([]MeetingTime, error) {
	if q.Length == 0 {
		q.Length = time.Hour
	}
	if q.PerDay == 0 {
		q.PerDay = 10
	}
	switch {
	case q.Length < 30*time.Minute || q.Length > 24*time.Hour || q.Length%time.Minute != 0:
		return nil, fmt.Errorf("ews: MeetingQuery.Length: %v: must be whole minutes from 30 minutes to 24 hours", q.Length)
	case q.PerDay < 0 || q.PerDay > 48 || q.NonWorkHours < 0 || q.NonWorkHours > q.PerDay:
		return nil, fmt.Errorf("ews: MeetingQuery: PerDay is %d, NonWorkHours %d: must be up to 48, and up to PerDay", q.PerDay, q.NonWorkHours)
	}
	if err := checkAvailability("MeetingTimes", q.Start, q.End, addresses); err != nil {
		return nil, err
	}
	var times []MeetingTime
	err := m.do(ctx, &call{
		op: "GetUserAvailability",
		body: func(w *wire.Writer) error {
			w.Start("m:GetUserAvailabilityRequest")
			writeAttendees(w, addresses)
			w.Start("t:SuggestionsViewOptions")
			w.Leaf("t:MaximumResultsByDay", itoa(q.PerDay))
			w.Leaf("t:MaximumNonWorkHourResultsByDay", itoa(q.NonWorkHours))
			w.Leaf("t:MeetingDurationInMinutes", itoa(int(q.Length/time.Minute)))
			writeWindow(w, "t:DetailedSuggestionsWindow", q.Start, q.End)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			times = nil
			return readMeetingTimes(s, len(addresses), &times)
		},
	})
	if err != nil {
		return nil, err
	}
	return times, nil
}

// readMeetingTimes reads the answer: a ResponseMessage, and the days.
func readMeetingTimes(s *wire.Scanner, people int, times *[]MeetingTime) error {
	told := false
	err := readResponses(s, func(_ int, s *wire.Scanner) error {
		if s.Local() != "SuggestionsResponse" {
			return nil
		}
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "ResponseMessage":
				if e, err := readResponseMessage(s, 0, nil); err != nil {
					return err
				} else if e != nil {
					return e
				}
				told = true
			case "SuggestionDayResultArray":
				told = true
				readSuggestionDays(s, people, times)
			}
		}
		return s.Err()
	})
	if err == nil && !told {
		err = &Error{kind: ErrBadResponse, what: "the answer holds no suggestions"}
	}
	return err
}

func readSuggestionDays(s *wire.Scanner, people int, times *[]MeetingTime) {
	for d := s.Depth(); s.Child(d); {
		for d := s.Depth(); s.Child(d); {
			if s.Local() != "SuggestionArray" {
				continue
			}
			for d := s.Depth(); s.Child(d); {
				grow(s, times, readSuggestion(s, people))
			}
		}
	}
}

func readSuggestion(s *wire.Scanner, people int) (t MeetingTime) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "MeetingTime":
			t.Start = dateTime(s.TextBytes())
		case "IsWorkTime":
			t.WorkTime = boolean(s.TextBytes())
		case "SuggestionQuality":
			t.Quality = strings.TrimSpace(s.Text())
		case "AttendeeConflictDataArray":
			for d := s.Depth(); s.Child(d); {
				kind := TimeUnknown
				if s.Local() == "GroupAttendeeConflictData" || s.Local() == "TooBigGroupAttendeeConflictData" {
					kind = ""
				}
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "BusyType" {
						kind = Busy(strings.TrimSpace(s.Text()))
					}
				}
				if len(t.Attendees) < people {
					t.Attendees = append(t.Attendees, kind)
				}
			}
		}
	}
	return t
}
