package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// failures are several errors that are reported one by one.
type failures []error

func (f failures) Error() string {
	lines := make([]string, len(f))
	for i, err := range f {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

func (f failures) Unwrap() []error { return f }

func join(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return failures(errs)
}

// both joins errors, either of which may be nil.
func both(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return failures{a, b}
}

// wrongSetting is an error that the settings are to blame for: the exit status is 2.
type wrongSetting struct{ error }

func (w wrongSetting) Unwrap() error { return w.error }

// fail reports an error: a line that says what happened and what to do, and below it, indented, the library's advice if
// there is more to say than a line holds.
func (p *program) fail(err error) {
	if several, ok := err.(failures); ok {
		for _, err := range several {
			p.fail(err)
		}
		return
	}
	text := line(err)
	p.report.Errors = append(p.report.Errors, text)
	fmt.Fprintln(p.stderr, "mailfetch:", text)
	if advice := adviceOf(err); strings.Contains(advice, "\n") {
		for l := range strings.Lines(advice) {
			fmt.Fprintln(p.stderr, "   ", strings.TrimRight(l, "\n"))
		}
	}
}

// line is an error in one line, with advice if that fits into one.
func line(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted; what is not complete has been removed and is still in the inbox: run it again"
	}
	text := oneLineOf(err.Error())
	advice, _, _ := strings.Cut(adviceOf(err), " (correlation id") // which the text has
	if advice != "" && !strings.Contains(advice, "\n") && !strings.Contains(text, advice) {
		text += "; " + oneLineOf(advice)
	}
	return text
}

func adviceOf(err error) string {
	var a interface{ Advice() string }
	if errors.As(err, &a) {
		return strings.TrimSpace(a.Advice())
	}
	return ""
}

func oneLineOf(s string) string { return strings.Join(strings.Fields(s), " ") }
