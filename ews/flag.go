package ews

import (
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// FlagStatus says whether somebody has still to do something about a message.
type FlagStatus int

// The zero FlagStatus is the usual one.
const (
	NotFlagged   FlagStatus = iota
	Flagged                 // for follow-up
	FlagComplete            // followed up
)

// String is the name that EWS has for it: "NotFlagged", "Flagged" or "Complete".
func (s FlagStatus) String() string {
	switch s {
	case Flagged:
		return "Flagged"
	case FlagComplete:
		return "Complete"
	}
	return "NotFlagged"
}

// Flag is a message's follow-up flag.
type Flag struct {
	Status FlagStatus

	// Start and Due bound the work on a Flagged message; zero: open. Exchange keeps the days, not the hours, and wants both or none.
	Start, Due time.Time

	// Completed is when the message became FlagComplete. In an Update its zero means now.
	Completed time.Time
}

// bad says what is wrong with a flag that is to be set; "": nothing.
func (f *Flag) bad() string {
	switch {
	case f.Status < NotFlagged || f.Status > FlagComplete:
		return "Flag.Status: use NotFlagged, Flagged or FlagComplete"
	case f.Status != Flagged && (!f.Start.IsZero() || !f.Due.IsZero()):
		return "Flag.Start, Flag.Due: only a Flagged message has them"
	case f.Start.IsZero() != f.Due.IsZero():
		return "Flag.Start, Flag.Due: give both or none"
	case f.Start.After(f.Due):
		return "Flag.Due: is before Flag.Start"
	case f.Status != FlagComplete && !f.Completed.IsZero():
		return "Flag.Completed: only a FlagComplete message has it"
	}
	if bad := badTimes("Flag.Start", f.Start, "Flag.Due", f.Due); bad != "" {
		return bad
	}
	return badTimes("Flag.Completed", f.Completed, "", time.Time{})
}

// writeTo writes the Flag element.
func (f *Flag) writeTo(w *wire.Writer) {
	w.Start("t:Flag")
	w.Leaf("t:FlagStatus", f.Status.String())
	for _, d := range []struct {
		element string
		at      time.Time
	}{{"t:StartDate", f.Start}, {"t:DueDate", f.Due}, {"t:CompleteDate", f.Completed}} {
		if !d.at.IsZero() {
			w.Leaf(d.element, d.at.UTC().Format(time.RFC3339))
		}
	}
	w.End()
}
