package ews_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// TestStatuses: what a server or a proxy answers without a SOAP fault, each told in its own words, and waited for only where that helps.
func TestStatuses(t *testing.T) {
	// The clock of a bubble starts at midnight UTC, 1 January 2000.
	const inAMinute = "Sat, 01 Jan 2000 00:01:00 GMT"
	tests := []struct {
		name     string
		answer   answer
		kind     error
		requests int // of at most 2
		waited   time.Duration
		says     string
	}{
		{"429", reply(429, ""), ews.ErrThrottled, 2, 2 * time.Second, "too many requests"},
		{"429 with seconds", reply(429, "", "Retry-After", "37"), ews.ErrThrottled, 2, 37 * time.Second, "asks to wait 37s"},
		{"429 with a date", reply(429, "", "Retry-After", inAMinute), ews.ErrThrottled, 2, time.Minute, "too many requests"},
		{"503 with a date", reply(503, "", "Retry-After", inAMinute), ews.ErrUnavailable /* the second time the date is past */, 2, time.Minute, "unavailable or its queue is full"},
		{"407", reply(407, "<html><title>Proxy</title></html>"), ews.ErrEndpoint, 1, 0, "a proxy on the way wants a login"},
		{"404", reply(404, "<html><title>Not here</title></html>"), ews.ErrEndpoint, 1, 0, `no EWS service at this URL (a web page: "Not here")`},
		{"405", reply(405, ""), ews.ErrEndpoint, 1, 0, "check the path of Config.Endpoint"},
		{"408", reply(408, ""), ews.ErrUnavailable, 2, 500 * time.Millisecond, "gave up waiting"},
		{"413", reply(413, ""), ews.ErrQuota, 1, 0, "does not accept a request of"},
		{"501", reply(501, ""), ews.ErrEndpoint, 1, 0, "does not do EWS"},
		{"502 of a proxy", reply(502, "<html><title>Bad Gateway</title></html>"), ews.ErrUnavailable, 2, 500 * time.Millisecond, `(a web page: "Bad Gateway")`},
		{"400 of a firewall", reply(400, "<html><title>Request Rejected</title></html>"), ews.ErrInvalidRequest, 1, 0, `(a web page: "Request Rejected")`},
		{"login page", reply(302, "", "Location", "/owa/auth/logon.aspx"), ews.ErrEndpoint, 1, 0, `redirected to "/owa/auth/logon.aspx" on the same host`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &script{answers: []answer{tc.answer}}
				c := newClient(t, rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 2} })
				began := time.Now()
				err := c.Own().DoCall(t.Context(), getItem(nil))
				waited := time.Since(began)
				if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) || strings.ContainsAny(err.Error(), "\r\n") {
					t.Errorf("%v\nis not %v, or lacks %q", err, tc.kind, tc.says)
				}
				if rt.count() != tc.requests || waited < tc.waited || waited > 3*tc.waited+5*time.Second {
					t.Errorf("%d requests in %v, want %d and at least %v", rt.count(), waited, tc.requests, tc.waited)
				}
			})
		})
	}
}

// TestRetryAfterDate: a date to wait for is meant by the server's clock, whatever this machine's shows, and is waited for as a pause of a minute.
func TestRetryAfterDate(t *testing.T) {
	waits := func(date, until string) (waited time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			header := []string{"Retry-After", until}
			if date != "" {
				header = append(header, "Date", date)
			}
			rt := &script{answers: []answer{reply(503, "", header...), reply(200, messages(okMessage("")))}}
			began := time.Now()
			_ = newClient(t, rt, nil).Own().DoCall(t.Context(), getItem(nil))
			if waited = time.Since(began); rt.count() != 2 {
				waited = -1
			}
		})
		return waited
	}
	for name, tc := range map[string]struct{ date, until string }{ // it is midnight here
		"ours is behind": {"Sat, 01 Jan 2000 03:00:00 GMT", "Sat, 01 Jan 2000 03:01:00 GMT"},
		"ours is ahead":  {"Fri, 31 Dec 1999 21:00:00 GMT", "Fri, 31 Dec 1999 21:01:00 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := waits(tc.date, tc.until); got < time.Minute || got > 2*time.Minute {
				t.Errorf("waited %v", got)
			}
			if got := waits("", tc.until); got >= time.Minute && got <= 2*time.Minute {
				t.Errorf("the mutant that goes by this machine's clock waited %v: nobody noticed", got)
			}
		})
	}
}

// TestUserAgent: the User-Agent that was set is sent, as it is, and printed in the advice of a block.
func TestUserAgent(t *testing.T) {
	rt := &script{answers: []answer{reply(http.StatusForbidden, "")}}
	err := newClient(t, rt, func(c *ews.Config) { c.UserAgent = "Desk/7 (mail)" }).Own().DoCall(t.Context(), getItem(nil))
	if got := rt.reqs[0].Header.Get("User-Agent"); got != "Desk/7 (mail)" {
		t.Errorf("User-Agent %q", got)
	}
	if e := asError(t, err); !strings.Contains(e.Advice(), `"Desk/7 (mail)"`) || e.ClientRequestID == "" || e.ClientRequestID != rt.reqs[0].Header.Get("client-request-id") {
		t.Errorf("%v, advice %s", err, e.Advice())
	}
}
