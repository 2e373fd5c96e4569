package ews_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

var fine = reply(200, messages(okMessage("<m:Items><t:Subject>Hi</t:Subject></m:Items>")))

// bubble runs one call against the answers in a bubble, and tells how long it took.
func bubble(t *testing.T, call *ews.Call, change func(*ews.Config), answers ...answer) (rt *script, took time.Duration, err error) {
	t.Helper()
	rt = &script{answers: answers}
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, rt, change)
		began := time.Now()
		err = c.Own().DoCall(t.Context(), call)
		took = time.Since(began)
	})
	return rt, took, err
}

// TestRetry: what passes is repeated, with growing waits, within both caps; what does not is not.
func TestRetry(t *testing.T) {
	reset := failing(&net.OpError{Op: "read", Err: errors.New("connection reset by peer")})
	cut := reply(200, messages(okMessage("<m:Items/>"))[:200])
	tests := []struct {
		name     string
		answers  []answer
		policy   ews.RetryPolicy
		requests int
		min, max time.Duration
		kind     error
	}{
		{"first time", []answer{fine}, ews.RetryPolicy{}, 1, 0, 0, nil},
		{"reset, then fine", []answer{reset, fine}, ews.RetryPolicy{}, 2, 500 * time.Millisecond, time.Second, nil},
		{"reset for ever", []answer{reset}, ews.RetryPolicy{}, 5, 7500 * time.Millisecond, 15 * time.Second, ews.ErrUnavailable},
		{"no retry", []answer{reset, fine}, ews.RetryPolicy{MaxAttempts: -1}, 1, 0, 0, ews.ErrUnavailable},
		{"no wait", []answer{reset, fine}, ews.RetryPolicy{MaxWait: -1}, 1, 0, 0, ews.ErrUnavailable},
		{"wait capped", []answer{reset}, ews.RetryPolicy{MaxAttempts: 1000, MaxWait: time.Minute}, 7, 10 * time.Second, time.Minute, ews.ErrUnavailable},
		{"many attempts do not overflow", []answer{reset}, ews.RetryPolicy{MaxAttempts: 2000, MaxWait: 100 * time.Hour}, 2000, 16 * time.Hour, 34 * time.Hour, ews.ErrUnavailable},
		{"cut, then fine", []answer{cut, fine}, ews.RetryPolicy{}, 2, 500 * time.Millisecond, time.Second, nil},
		{"empty, then fine", []answer{reply(200, ""), fine}, ews.RetryPolicy{}, 2, 500 * time.Millisecond, time.Second, nil},
		{"500 page, then fine", []answer{reply(500, "<html>oops</html>"), fine}, ews.RetryPolicy{}, 2, 500 * time.Millisecond, time.Second, nil},
		{"502 with Retry-After", []answer{reply(502, "", "Retry-After", "7"), fine}, ews.RetryPolicy{}, 2, 7 * time.Second, 7 * time.Second, nil},
		{"internal error inside", []answer{reply(200, messages(errMessage("ErrorInternalServerError", ""))), fine}, ews.RetryPolicy{}, 2, 500 * time.Millisecond, time.Second, nil},
		{"inner quota", []answer{reply(200, messages(errMessage("ErrorInternalServerError", value("InnerErrorResponseCode", "ErrorQuotaExceededOnDelete"))))}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrQuota},
		{"inner busy", []answer{reply(200, messages(errMessage("ErrorInternalServerError", value("InnerErrorResponseCode", "ErrorServerBusy")))), fine}, ews.RetryPolicy{}, 2, 2 * time.Second, 6 * time.Second, nil},
		{"busy inside", []answer{reply(200, messages(errMessage("ErrorServerBusy", value("BackOffMilliseconds", "1500")))), fine}, ews.RetryPolicy{}, 2, 1500 * time.Millisecond, 2 * time.Second, nil},
		{"busy in words only", []answer{reply(500, strings.ReplaceAll(fault("ErrorServerBusy", ""), "fault text", "Suggested backoff time 9000 ms.")), fine}, ews.RetryPolicy{}, 2, 9 * time.Second, 10 * time.Second, nil},
		{"white space around the code", []answer{reply(500, fault("\n  ErrorServerBusy\n", "")), fine}, ews.RetryPolicy{}, 2, 2 * time.Second, 6 * time.Second, nil},
		{"busy fault as 200", []answer{reply(200, fault("ErrorServerBusy", value("BackOffMilliseconds", "1500"))), fine}, ews.RetryPolicy{}, 2, 1500 * time.Millisecond, 2 * time.Second, nil},
		{"unknown code", []answer{reply(200, messages(errMessage("ErrorFromTheFuture", "")))}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrInvalidRequest},
		{"sending limit", []answer{reply(200, messages(errMessage("ErrorSubmissionQuotaExceeded", "")))}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrThrottled},
		{"mailbox fails over", []answer{reply(200, messages(errMessage("ErrorMailboxFailover", ""))), fine}, ews.RetryPolicy{}, 2, 500 * time.Millisecond, time.Second, nil},
		{"fault without detail", []answer{reply(200, envelope(`<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>`))}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrInvalidRequest},
		{"wrong type", []answer{reply(200, envelope(`<m:FindItemResponse/>`))}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrBadResponse},
		{"empty response", []answer{reply(200, envelope(`<m:GetItemResponse/>`))}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrBadResponse},
		{"no body", []answer{reply(200, `<s:Envelope xmlns:s="`+wire.NSSOAP+`"/>`)}, ews.RetryPolicy{}, 1, 0, 0, ews.ErrBadResponse},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt, took, err := bubble(t, getItem(nil), func(c *ews.Config) { c.Retry = &tc.policy }, tc.answers...)
			if !errors.Is(err, tc.kind) {
				t.Errorf("error %v, want %v", err, tc.kind)
			}
			if n := rt.count(); n < tc.requests || n > tc.requests && tc.name != "wait capped" {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
			if took < tc.min || took > tc.max {
				t.Errorf("took %v, want %v to %v", took, tc.min, tc.max)
			}
			if err != nil {
				if e := asError(t, err); e.Attempts != rt.count() {
					t.Errorf("Attempts %d of %d", e.Attempts, rt.count())
				}
			}
		})
	}
}

// TestReadStartsAfresh: what an answer that was repeated had brought does not show up twice.
func TestReadStartsAfresh(t *testing.T) {
	busy := reply(200, messages(okMessage("<m:Items><t:Subject>one</t:Subject></m:Items>"), errMessage("ErrorServerBusy", "")))
	var got []string
	if _, _, err := bubble(t, getItem(&got), nil, busy, fine); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"Hi"}, got); d != "" {
		t.Error(d)
	}
}
