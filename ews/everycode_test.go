package ews_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ewsmail/ewsmail/ews"
)

// classOutcome is what comes of a response code of a class.
type classOutcome struct {
	kind      error
	temporary bool
	repeated  bool // when the operation may be repeated
}

var classOutcomes = map[string]classOutcome{
	"throttle":           {ews.ErrThrottled, true, true},
	"transient":          {ews.ErrUnavailable, true, true},
	"move":               {ews.ErrMailboxMoved, true, true},
	"auth":               {ews.ErrDenied, false, false},
	"not-found":          {ews.ErrNotFound, false, false},
	"sync-reset":         {ews.ErrCursorInvalid, false, false},
	"subscription-reset": {ews.ErrSubscriptionLost, false, false},
	"conflict":           {ews.ErrConflict, false, false},
	"quota":              {ews.ErrQuota, false, false},
	"exists":             {ews.ErrExists, false, false},
	"version":            {ews.ErrVersion, false, false},
	"partial":            {ews.ErrNotAttempted, true, true},
	"item":               {ews.ErrBadItem, false, false},
	"permanent":          {ews.ErrInvalidRequest, false, false},
}

// otherOutcomes are codes that come to something else than others of their class: limits over hours or of what is held open are not waited
// for, and two codes are about one attachment.
var otherOutcomes = map[string]classOutcome{
	"ErrorExceededMessageLimit":                {ews.ErrThrottled, true, false},
	"ErrorExceededMessageLimitShowTierUpgrade": {ews.ErrThrottled, true, false},
	"ErrorMessageSubmissionBlocked":            {ews.ErrThrottled, true, false},
	"ErrorSubmissionQuotaExceeded":             {ews.ErrThrottled, true, false},
	"ErrorExceededSubscriptionCount":           {ews.ErrThrottled, true, false},
	"ErrorInvalidAttachmentId":                 {ews.ErrNotFound, false, false},
	"ErrorCannotOpenFileAttachment":            {ews.ErrBadItem, false, false},
}

// TestEveryCode: each response code, in each place where Exchange may say it, comes to the error, the repetitions and the words of its
// class.
func TestEveryCode(t *testing.T) {
	carriers := map[string]func(code string) answer{
		"fault, HTTP 500": func(code string) answer { return reply(500, fault(code, "")) },
		"fault, HTTP 200": func(code string) answer { return reply(200, fault(code, "")) },
		"fault, HTTP 400": func(code string) answer { return reply(400, fault(code, "")) },
		"faultcode only": func(code string) answer {
			return reply(500, envelope("<s:Fault><faultcode>x:"+code+"</faultcode><faultstring>fault text</faultstring></s:Fault>"))
		},
		"response message": func(code string) answer { return reply(200, messages(errMessage(code, ""))) },
		"inner code": func(code string) answer {
			return reply(200, messages(errMessage("ErrorInternalServerError", value("InnerErrorResponseCode", code))))
		},
		"inner code, HTTP 500": func(code string) answer {
			return reply(500, fault("ErrorInternalServerError", value("InnerErrorResponseCode", code)))
		},
	}
	codes := 0
	var wrong []string
	for l := range strings.Lines(readFile(t, shared(t, "facts", "response-codes.tsv"))) {
		col := strings.Split(l, "\t")
		code, class := col[0], col[1]
		if code == "code" || code == "NoError" {
			continue
		}
		codes++
		for carrier, say := range carriers {
			if strings.HasPrefix(code, "ErrorNameResolution") && carrier == "response message" {
				continue // no error but an answer: nobody of that name, or several
			}
			inner := strings.HasPrefix(carrier, "inner")
			want, known := classOutcomes[class]
			if other, ok := otherOutcomes[code]; ok {
				want = other
			}
			if !known {
				t.Fatalf("%s: no such class as %s", code, class)
			}
			synctest.Test(t, func(t *testing.T) {
				rt := &script{answers: []answer{say(code)}}
				c := newClient(t, rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 2} })
				_, err := c.Own().Message(t.Context(), matrixItem, nil)
				var e *ews.Error
				if !errors.As(err, &e) {
					t.Errorf("%s as %s: %v", code, carrier, err)
					return
				}
				requests := 1
				if want.repeated {
					requests = 2
				}
				got := fmt.Sprintf("%v, %v, %v, %v", e.Class(), kindOf(err), e.Temporary(), rt.count())
				if w := fmt.Sprintf("%v, %v, %v, %v", class, want.kind, want.temporary, requests); got != w {
					wrong = append(wrong, fmt.Sprintf("%s as %s: %s, want %s: %v", code, carrier, got, w, err))
				}
				if text := err.Error(); !strings.Contains(text, code) || strings.ContainsAny(text, "\r\n") || !inner && !strings.Contains(text, " text") {
					wrong = append(wrong, fmt.Sprintf("%s as %s: %q", code, carrier, text))
				}
			})
		}
	}
	slices.Sort(wrong)
	for i, w := range wrong {
		if i == 40 {
			t.Fatalf("and %d more", len(wrong)-i)
		}
		t.Error(w)
	}
	if codes != 528 {
		t.Errorf("%d codes", codes)
	}
}

// kindOf is the sentinel that an error is; all of them, should it be several.
func kindOf(err error) (kinds any) {
	var list []error
	for _, kind := range []error{ews.ErrThrottled, ews.ErrUnavailable, ews.ErrUnauthorized, ews.ErrDenied, ews.ErrEWSBlocked, ews.ErrNotFound, ews.ErrConflict, ews.ErrExists,
		ews.ErrQuota, ews.ErrBadItem, ews.ErrMailboxMoved, ews.ErrCursorInvalid, ews.ErrSubscriptionLost, ews.ErrVersion, ews.ErrNotAttempted, ews.ErrInvalidRequest,
		ews.ErrEndpoint, ews.ErrBadResponse, ews.ErrTooLarge} {
		if errors.Is(err, kind) {
			list = append(list, kind)
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}
