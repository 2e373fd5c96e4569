package autodiscover

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotFound: no step found an endpoint. Every *Error is one.
var ErrNotFound = errors.New("autodiscover: no EWS endpoint found")

// Step is one attempt that led nowhere.
type Step struct {
	Name string // "v2", "SOAP", "POX", "HTTP redirect", "SRV", or "redirect"
	URL  string // without the address; for SRV the record's name
	Err  error

	temporary bool
}

// Error says how each step of a search failed.
type Error struct {
	Address string
	Steps   []Step

	cause error // the context's
}

// Error is one line that names every step.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "autodiscover: no EWS endpoint found for %s", e.Address)
	if e.cause != nil {
		b.WriteString(" in time: " + e.cause.Error())
	}
	for _, s := range e.Steps {
		fmt.Fprintf(&b, "; %s %s: %s", s.Name, s.URL, line(s.Err.Error()))
	}
	return b.String()
}

// Is makes every Error an ErrNotFound.
func (e *Error) Is(target error) bool { return target == ErrNotFound }

// Unwrap returns the steps' errors, and the context's if it ended the search.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.cause != nil {
		errs = append(errs, e.cause)
	}
	for _, s := range e.Steps {
		errs = append(errs, s.Err)
	}
	return errs
}

// Temporary reports whether a step failed in a way that passes, so that a later search may find what this one did not.
func (e *Error) Temporary() bool {
	for _, s := range e.Steps {
		if s.temporary {
			return true
		}
	}
	return e.cause != nil
}

// Advice is a text for an administrator.
func (e *Error) Advice() string {
	return "Set the EWS URL by hand: for Exchange Online https://outlook.office365.com/EWS/Exchange.asmx, for a server of your own mostly https://mail.<domain>/EWS/Exchange.asmx. " +
		"Or publish it: the name autodiscover.<domain>, or the SRV record _autodiscover._tcp.<domain>, must lead to a server with a trusted certificate for it."
}

// line puts a text of a server or library on one line of bounded length.
func line(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 }), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
