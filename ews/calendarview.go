package ews

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Bounds of one request for a stretch of a calendar. Exchange takes no more than two years at a time (ErrorCalendarViewRangeTooBig).
const (
	viewEntries = 500
	viewSpan    = 365 * 24 * time.Hour
	viewYears   = 200 // of all requests together: a slip such as the year 206 does not become thousands of them
)

// Appointments lists what a calendar, nil meaning the mailbox's Calendar, holds in a stretch of time, by the time it starts: everything
// that ends after from and starts before to, with one entry for each occurrence of what recurs. o may be nil.
//
// The stretch, of 200 years at most, is read a year or 500 appointments at a time while the loop runs: one request each, also where the
// calendar is empty. A pair with both an Appointment and an error is about that one alone; a pair
// without an Appointment is the last one. Errors: ErrNotFound for the folder, ErrDenied, ErrTooLarge for more than 500 appointments at the
// same moment. EWS: FindItem with CalendarView, and GetItem unless the detail is Summary.
func (m *Mailbox) Appointments(ctx context.Context, f FolderRef, from, to time.Time, o *ItemOptions) iter.Seq2[*Appointment, error] {
	if f == nil {
		f = Calendar
	}
	var options ItemOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*Appointment, error) bool) {
		if from.IsZero() || !from.Before(to) {
			yield(nil, fmt.Errorf("ews: Appointments: from and to must be set, from first: %s, %s", from.Format(time.RFC3339), to.Format(time.RFC3339)))
			return
		}
		bad := badTimes("from", from, "to", to)
		if bad == "" && from.AddDate(viewYears, 0, 0).Before(to) {
			bad = fmt.Sprintf("from the year %d to %d: %d years at most, each of which is a request", from.Year(), to.Year(), viewYears)
		}
		if bad != "" {
			yield(nil, fmt.Errorf("ews: Appointments: %s", bad))
			return
		}
		v := calendarView{m: m, f: f, from: from.Truncate(time.Second), to: to, o: &options, seen: map[string]time.Time{}}
		for v.from.Before(to) {
			page, err := v.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if !v.hand(ctx, page, yield) || options.Limit > 0 && v.given >= options.Limit {
				return
			}
		}
	}
}

// calendarView is one pass over a calendar.
type calendarView struct {
	m        *Mailbox
	f        FolderRef
	o        *ItemOptions
	from, to time.Time // what is still to be read
	seen     map[string]time.Time
	given    int
}

// next reads the next piece and returns what is new in it.
func (v *calendarView) next(ctx context.Context) ([]*Appointment, error) {
	end := v.from.Add(viewSpan)
	if end.After(v.to) {
		end = v.to
	}
	page, last, err := v.find(ctx, end)
	if err != nil {
		return nil, err
	}
	at := end
	if n := len(page); !last && n > 0 {
		if at = page[n-1].Start; !at.After(v.from) {
			return nil, &Error{Op: "FindItem", Mailbox: v.m.Address(), kind: ErrTooLarge,
				what: fmt.Sprintf("the calendar has more than %d appointments at %s", n, constantTime(v.from))}
		}
	}
	var fresh []*Appointment
	for _, a := range page {
		if _, ok := v.seen[a.ID.ID]; !ok {
			fresh = append(fresh, a)
			v.seen[a.ID.ID] = a.End
		}
	}
	for id, until := range v.seen {
		if until.Before(at) { // cannot come again
			delete(v.seen, id)
		}
	}
	v.from = at
	return fresh, nil
}

// hand yields what was found; false ends the list.
func (v *calendarView) hand(ctx context.Context, found []*Appointment, yield func(*Appointment, error) bool) bool {
	if v.o.Limit > 0 {
		found = found[:min(len(found), v.o.Limit-v.given)]
	}
	v.given += len(found)
	if v.o.Detail == Summary {
		for _, a := range found {
			if !yield(a, nil) {
				return false
			}
		}
		return true
	}
	for len(found) > 0 {
		n := min(len(found), batchItems)
		if !several(ctx, v.m, &appointments, found[:n], v.o, yield) {
			return false
		}
		found = found[n:]
	}
	return true
}

func (v *calendarView) find(ctx context.Context, end time.Time) (page []*Appointment, last bool, err error) {
	err = v.m.do(ctx, &call{
		op: "FindItem",
		body: func(w *wire.Writer) error {
			w.Start("m:FindItem", "Traversal", "Shallow")
			appointments.shape.write(w, v.o, Summary)
			w.Empty("m:CalendarView", "MaxEntriesReturned", itoa(viewEntries), "StartDate", constantTime(v.from), "EndDate", constantTime(end))
			w.Start("m:ParentFolderIds")
			v.f.writeTo(w, v.m)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			page, last = nil, true
			found := false
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "RootFolder" {
					return nil
				}
				found, last = true, !isPart(s)
				for d := s.Depth(); s.Child(d); {
					if s.Local() != "Items" {
						continue
					}
					for d := s.Depth(); s.Child(d); {
						grow(s, &page, appointments.read(s))
					}
				}
				return s.Err()
			})
			if err == nil && !found {
				err = &Error{kind: ErrBadResponse, what: "the answer holds no page of items"}
			}
			return err
		},
	})
	return page, last, err
}
