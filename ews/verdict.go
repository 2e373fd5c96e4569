package ews

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verdict is what the retry loop makes of an error.
type verdict uint8

const (
	verdictFail     verdict = iota // repeating does not help
	verdictRetry                   // repeat after our own growing delay
	verdictThrottle                // nobody sends for this account until the back-off is over; then repeat
	verdictToken                   // drop the token, repeat once with a fresh one
)

// classify derives kind and verdict from the response code.
func (e *Error) classify() {
	class := e.Class()
	if e.Code == "" && e.InnerCode == "" {
		e.kind = ErrBadResponse
		if e.fault {
			e.kind = ErrInvalidRequest
		}
		return
	}
	e.kind = class.kind()
	code := e.Code
	if ClassOf(e.InnerCode) != ClassNone {
		code = e.InnerCode // as Class has it
	}
	switch class {
	case ClassThrottle:
		switch code {
		case "ErrorExceededMessageLimit", "ErrorExceededMessageLimitShowTierUpgrade", "ErrorMessageSubmissionBlocked",
			"ErrorSubmissionQuotaExceeded", "ErrorExceededSubscriptionCount":
			// Limits over hours or of things held open: waiting here would only look like a hang.
		default:
			e.verdict = verdictThrottle
		}
	case ClassTransient, ClassMove, ClassPartial:
		e.verdict = verdictRetry
	case ClassPermanent:
		switch code { // about one attachment, as their documentation has it
		case "ErrorInvalidAttachmentId":
			e.kind = ErrNotFound
		case "ErrorCannotOpenFileAttachment":
			e.kind = ErrBadItem
		}
	}
}

// refused reports whether Exchange said no before it did anything, so that even a send may be repeated.
func (e *Error) refused() bool {
	switch e.Code {
	case "ErrorServerBusy", "ErrorExceededConnectionCount":
		// With a back-off wish it is the budget that is used up, which is checked before an operation runs. Without
		// one the store may have said so in the middle of things.
		return e.fault || e.RetryAfter > 0 || e.Values["BackOffMilliseconds"] != ""
	}
	if e.Code == "ErrorBatchProcessingStopped" {
		return true
	}
	switch e.Class() {
	case ClassThrottle, ClassTransient, ClassMove, ClassPartial, ClassNone:
		return false
	}
	return true
}

// maxServerDelay caps what a server can make a program wait: a Retry-After of next year is a mistake.
const maxServerDelay = time.Hour

// backOff reads BackOffMilliseconds; ok is false for what is no number. Values seen: 0 to 297,749.
func backOff(s string) (d time.Duration, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 1) || math.IsNaN(f) || f < 0 {
		return 0, false
	}
	return capped(f / 1000), true
}

// retryAfter reads a Retry-After header: seconds, or a date (RFC 9110 section 10.2.3). A date is meant by the clock of the server, which
// is in the Date header (section 6.6.1): this machine's may be hours off.
func retryAfter(h http.Header) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil || math.IsInf(f, 1) {
		if math.IsNaN(f) || f < 0 {
			return 0
		}
		return capped(f)
	}
	at, ok := httpDate(s)
	if !ok {
		return 0
	}
	now, ok := httpDate(strings.TrimSpace(h.Get("Date")))
	if !ok {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxServerDelay)
}

// httpDate reads a date in any of the forms that HTTP has had (RFC 9110 section 5.6.7).
func httpDate(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func capped(seconds float64) time.Duration {
	if seconds >= maxServerDelay.Seconds() {
		return maxServerDelay
	}
	return time.Duration(math.Ceil(seconds * float64(time.Second)))
}

// suggestion is how Exchange words its wish in texts. The value is there also where MessageXml is not.
var suggestion = regexp.MustCompile(`Suggested backoff time (\d{1,12}) ms`)

func suggested(text string) (time.Duration, bool) {
	m := suggestion.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	return backOff(m[1])
}
