package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

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

// TestOnce: what must not happen twice is sent again only where Exchange cannot have acted, and says so where that is open.
func TestOnce(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	tests := []struct {
		name     string
		first    answer
		requests int
		maybe    bool
		kind     error
	}{
		{"reset after sending", failing(reset), 1, true, ews.ErrUnavailable},
		{"cut answer", reply(200, messages(okMessage("<m:Items/>"))[:300]), 1, true, ews.ErrUnavailable},
		{"cut after the answer", reply(200, strings.TrimSuffix(messages(okMessage("<m:Items/>")), "</s:Envelope>")), 1, true, ews.ErrUnavailable},
		{"bad answer", reply(200, envelope("<m:FindItemResponse/>")), 1, true, ews.ErrBadResponse},
		{"500 page", reply(500, "<html/>"), 1, true, ews.ErrUnavailable},
		{"503", reply(503, ""), 1, true, ews.ErrUnavailable},
		{"error page", reply(302, "", "Location", "/ews/genericerrorpage.htm"), 1, true, ews.ErrUnavailable},
		{"internal error", reply(200, messages(errMessage("ErrorInternalServerError", ""))), 1, true, ews.ErrUnavailable},
		{"internal error hiding busy", reply(200, messages(errMessage("ErrorInternalServerError", value("InnerErrorResponseCode", "ErrorServerBusy")))), 1, true, ews.ErrThrottled},
		{"timeout expired", reply(200, messages(errMessage("ErrorTimeoutExpired", ""))), 1, true, ews.ErrUnavailable},
		{"unknown code", reply(200, messages(errMessage("ErrorFromTheFuture", ""))), 1, true, ews.ErrInvalidRequest},
		{"busy without a wish", reply(200, messages(errMessage("ErrorServerBusy", ""))), 1, true, ews.ErrThrottled},

		{"over budget", reply(200, messages(errMessage("ErrorServerBusy", value("BackOffMilliseconds", "0")))), 2, false, nil},
		{"busy fault", reply(500, fault("ErrorServerBusy", "")), 2, false, nil},
		{"connections fault", reply(500, fault("ErrorExceededConnectionCount", "")), 2, false, nil},
		{"refused token", reply(401, ""), 2, false, nil},

		{"send as", reply(200, messages(errMessage("ErrorSendAsDenied", ""))), 1, false, ews.ErrDenied},
		{"not found", reply(200, messages(errMessage("ErrorItemNotFound", ""))), 1, false, ews.ErrNotFound},
		{"schema", reply(500, fault("ErrorSchemaValidation", "")), 1, false, ews.ErrInvalidRequest},
		{"blocked", reply(403, ""), 1, false, ews.ErrEWSBlocked},
		{"wrong path", reply(404, ""), 1, false, ews.ErrEndpoint},
		{"other host", reply(302, "", "Location", "https://evil.test/"), 1, false, ews.ErrEndpoint},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			call := getItem(nil)
			call.Once = true
			rt, _, err := bubble(t, call, nil, tc.first, fine)
			if !errors.Is(err, tc.kind) {
				t.Errorf("error %v, want %v", err, tc.kind)
			}
			if rt.count() != tc.requests {
				t.Errorf("%d requests, want %d", rt.count(), tc.requests)
			}
			if ews.MaybeApplied(err) != tc.maybe {
				t.Errorf("MaybeApplied %v of %v", !tc.maybe, err)
			}
		})
	}
	t.Run("before the first byte", func(t *testing.T) {
		dials := 0
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			if dials++; dials < 3 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			io.Copy(io.Discard, r.Body)
			return fine(r)
		})
		synctest.Test(t, func(t *testing.T) {
			call := getItem(nil)
			call.Once = true
			if err := newClient(t, rt, nil).Own().DoCall(t.Context(), call); err != nil || dials != 3 {
				t.Errorf("%v after %d dials", err, dials)
			}
		})
	})
	t.Run("cancelled while sending", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			cancel()
			return nil, r.Context().Err()
		})
		call := getItem(nil)
		call.Once = true
		err := newClient(t, rt, nil).Own().DoCall(ctx, call)
		if !errors.Is(err, context.Canceled) || !ews.MaybeApplied(err) {
			t.Errorf("%v, MaybeApplied %v", err, ews.MaybeApplied(err))
		}
	})
	t.Run("content that cannot be read", func(t *testing.T) {
		gone := errors.New("file is gone")
		call := getItem(nil)
		call.Once = true
		call.Body = func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Base64(10, func() (io.ReadCloser, error) { return nil, gone })
			w.End()
			return nil
		}
		rt, _, err := bubble(t, call, nil, fine)
		if !errors.Is(err, gone) || ews.MaybeApplied(err) || rt.count() != 0 {
			t.Errorf("%v, MaybeApplied %v, %d requests", err, ews.MaybeApplied(err), rt.count())
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOnceBatch: items of a batch that succeeded are not done again because another one found the server busy.
func TestOnceBatch(t *testing.T) {
	batch := func(n int) *ews.Call {
		return &ews.Call{Op: "GetItem", Once: true, Read: func(s *wire.Scanner) error { return ews.ReadBatch(s, n, nil) }}
	}
	busy := errMessage("ErrorServerBusy", value("BackOffMilliseconds", "10"))
	stopped := `<m:GetItemResponseMessage ResponseClass="Warning"><m:ResponseCode>ErrorBatchProcessingStopped</m:ResponseCode></m:GetItemResponseMessage>`
	tests := []struct {
		name     string
		msgs     []string
		n        int
		requests int
		failed   []int
		kind     error
		maybe    bool
	}{
		{"one busy", []string{okMessage(""), busy}, 2, 1, []int{1}, ews.ErrThrottled, false},
		{"all busy", []string{busy, busy}, 2, 2, nil, nil, false},
		{"busy, then stopped", []string{busy, stopped}, 2, 2, nil, nil, false},
		{"done, then stopped", []string{okMessage(""), stopped, stopped}, 3, 1, []int{1, 2}, ews.ErrNotAttempted, false},
		{"answer too short", []string{okMessage("")}, 3, 1, []int{1, 2}, ews.ErrNotAttempted, true},
		{"busy, and one open", []string{busy, errMessage("ErrorInternalServerError", "")}, 2, 1, []int{0, 1}, ews.ErrThrottled, true},
		{"one gone", []string{errMessage("ErrorItemNotFound", ""), okMessage("")}, 2, 1, []int{0}, ews.ErrNotFound, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt, _, err := bubble(t, batch(tc.n), nil, reply(200, messages(tc.msgs...)), reply(200, messages(strings.Repeat(okMessage(""), tc.n))))
			if rt.count() != tc.requests {
				t.Errorf("%d requests, want %d", rt.count(), tc.requests)
			}
			if !errors.Is(err, tc.kind) {
				t.Fatalf("error %v, want %v", err, tc.kind)
			}
			if tc.kind == nil {
				return
			}
			var b *ews.BatchError
			if !errors.As(err, &b) {
				t.Fatalf("%T is no BatchError", err)
			}
			var failed []int
			for _, it := range b.Items {
				failed = append(failed, it.Index)
				if it.Err.Op != "GetItem" || it.Err.RequestID == "" {
					t.Errorf("item %d lacks the facts: %+v", it.Index, it.Err)
				}
			}
			if d := cmp.Diff(tc.failed, failed); d != "" || b.Total != tc.n || ews.MaybeApplied(err) != tc.maybe {
				t.Errorf("failed %s, total %d, maybe applied %v", d, b.Total, ews.MaybeApplied(err))
			}
		})
	}
}

// TestBackOff: whatever form a back-off comes in, no request for that account goes out before it is over, whoever makes it.
func TestBackOff(t *testing.T) {
	forms := map[string]func(ms string) answer{
		"503": func(ms string) answer {
			if ms == "" {
				return reply(503, "")
			}
			return reply(503, "", "Retry-After", strings.TrimSuffix(ms, "000"))
		},
		"500 fault": func(ms string) answer { return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", ms))) },
		"200 fault": func(ms string) answer { return reply(200, fault("ErrorServerBusy", value("BackOffMilliseconds", ms))) },
		"200 message": func(ms string) answer {
			return reply(200, messages(errMessage("ErrorServerBusy", value("BackOffMilliseconds", ms))))
		},
		"200 inner": func(ms string) answer {
			return reply(200, messages(errMessage("ErrorInternalServerError",
				`<m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="BackOffMilliseconds">`+ms+`</t:Value></m:MessageXml>`)))
		},
		"connections": func(ms string) answer {
			return reply(500, fault("ErrorExceededConnectionCount", value("BackOffMilliseconds", ms)))
		},
	}
	const own = 2500 * time.Millisecond // the least of our own choice
	values := map[string]time.Duration{
		"0": own, "5000": 5 * time.Second, "178000": 178 * time.Second, "300000": 300 * time.Second, "": own,
		"1000000000000": time.Hour, "-5000": own, "soon": own,
	}
	for form, make := range forms {
		for ms, least := range values {
			t.Run(form+"/"+ms, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var mu sync.Mutex
					var until time.Time
					asked, early := 0, 0
					rt := roundTripper(func(r *http.Request) (*http.Response, error) {
						io.Copy(io.Discard, r.Body)
						mu.Lock()
						defer mu.Unlock()
						asked++
						if asked == 1 {
							until = time.Now().Add(least)
							return make(ms)(r)
						}
						if time.Now().Before(until) {
							early++
						}
						return fine(r)
					})
					c := newClient(t, rt, func(c *ews.Config) {
						c.Retry = &ews.RetryPolicy{MaxWait: 2 * time.Hour}
						c.Limits = &ews.Limits{FirstByte: -1}
					})
					var wg sync.WaitGroup
					for i := range 20 {
						wg.Go(func() {
							time.Sleep(time.Duration(i) * time.Second)
							m := c.Own()
							if i%2 == 1 { // the same account behind the token
								m = c.Shared("shared@example.com")
							}
							if err := m.DoCall(t.Context(), getItem(nil)); err != nil {
								t.Error(err)
							}
						})
					}
					wg.Wait()
					if asked != 21 || early != 0 {
						t.Errorf("%d requests, %d of them inside the back-off of %v", asked, early, least)
					}
				})
			})
		}
	}
}

// TestBackOffDuringToken: a request whose token was still on its way when another one was told to wait, waits too.
func TestBackOffDuringToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &script{answers: []answer{reply(503, "", "Retry-After", "60"), fine}}
		var mu sync.Mutex
		asked := 0
		c := newClient(t, rt, func(c *ews.Config) {
			c.Token = source(func() (*oauth2.Token, error) {
				mu.Lock()
				asked++
				slow := asked == 1
				mu.Unlock()
				if slow {
					time.Sleep(5 * time.Second)
				}
				return &oauth2.Token{AccessToken: "good"}, nil
			})
		})
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil || time.Since(began) < time.Minute {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
		synctest.Wait()
		err := c.Own().DoCall(t.Context(), getItem(nil))
		wg.Wait()
		if err != nil || rt.count() != 3 {
			t.Errorf("%v, %d requests", err, rt.count())
		}
	})
}

// TestRetryBudget: many calls failing together do not multiply the load, and repetitions come back with time and success.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		var mu sync.Mutex
		asked := 0
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			mu.Lock()
			defer mu.Unlock()
			asked++
			if down {
				return reply(500, "")(r)
			}
			return fine(r)
		})
		c := newClient(t, rt, nil)
		for range 100 {
			if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if asked < 120 || asked > 130 {
			t.Errorf("%d requests for 100 calls, want 100 and a burst of 20", asked)
		}
		mu.Lock()
		down, asked = false, 0
		mu.Unlock()
		for range 100 { // earn ten
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		down, asked = true, 0
		mu.Unlock()
		for range 10 {
			if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if asked < 19 || asked > 22 {
			t.Errorf("%d requests for 10 calls, want 10 and the ten earned", asked)
		}
	})
}

// TestImpersonatedPaces: another account is not held back.
func TestImpersonatedPaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			if r.Header.Get("X-AnchorMailbox") == "slow@example.com" {
				return reply(503, "", "Retry-After", "3600")(r)
			}
			return fine(r)
		})
		c := newClient(t, rt, nil)
		if err := c.Impersonate("slow@example.com").DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrThrottled) {
			t.Fatal(err)
		}
		if err := c.Impersonate("other@example.com").DoCall(t.Context(), getItem(nil)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPatience: a call that cannot wait long enough fails at once, tells how long, and sends nothing until then.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &script{answers: []answer{reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "600000"))), fine}}
		c := newClient(t, rt, nil)
		began := time.Now()
		err := c.Own().DoCall(t.Context(), getItem(nil))
		if d, ok := ews.RetryAfter(err); !errors.Is(err, ews.ErrThrottled) || !ok || d != 10*time.Minute || time.Since(began) != 0 {
			t.Errorf("%v after %v, RetryAfter %v", err, time.Since(began), d)
		}
		time.Sleep(4 * time.Minute)
		err = c.Own().DoCall(t.Context(), getItem(nil))
		if d, _ := ews.RetryAfter(err); !errors.Is(err, ews.ErrThrottled) || d < 6*time.Minute || d > 6*time.Minute+5*time.Second || rt.count() != 1 {
			t.Errorf("%v, RetryAfter %v, %d requests", err, d, rt.count())
		}
		time.Sleep(2 * time.Minute)
		if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil || rt.count() != 2 {
			t.Errorf("%v, %d requests", err, rt.count())
		}
		if took := time.Since(began); took < 10*time.Minute || took > 10*time.Minute+5*time.Second {
			t.Errorf("served after %v", took)
		}
	})
}

// TestContextEndsWaits: cancelling ends any wait at once, and the error tells both why and what was being waited out.
func TestContextEndsWaits(t *testing.T) {
	for name, a := range map[string]answer{
		"own delay": reply(500, ""),
		"back-off":  reply(503, "", "Retry-After", "60"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &script{answers: []answer{a}}
				c := newClient(t, rt, nil)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				began := time.Now()
				err := c.Own().DoCall(ctx, getItem(nil))
				if took := time.Since(began); took != 100*time.Millisecond {
					t.Errorf("took %v", took)
				}
				if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "HTTP 50") {
					t.Errorf("%v", err)
				}
				// With a deadline that comes before the wait is over, nothing is gained by waiting for it.
				ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				began = time.Now()
				err = newClient(t, rt, nil).Own().DoCall(ctx, getItem(nil))
				if time.Since(began) != 0 || !errors.Is(err, ews.ErrUnavailable) && !errors.Is(err, ews.ErrThrottled) {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
	t.Run("queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan bool)
			rt := roundTripper(func(r *http.Request) (*http.Response, error) {
				io.Copy(io.Discard, r.Body)
				<-release
				return fine(r)
			})
			c := newClient(t, rt, func(c *ews.Config) { c.Concurrency = 1; c.Limits = &ews.Limits{FirstByte: -1} })
			done := make(chan error)
			go func() { done <- c.Own().DoCall(t.Context(), getItem(nil)) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.Own().DoCall(ctx, getItem(nil)); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			close(release)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
				t.Error(err) // the slot that was queued for is not lost
			}
		})
	})
}

// TestConcurrency: no more requests at once than configured; fewer after throttling; as many again later.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most, refuse := 0, 0, false
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			mu.Lock()
			now++
			most = max(most, now)
			refused := refuse
			refuse = false
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			if refused {
				return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "5000")))(r)
			}
			return fine(r)
		})
		c := newClient(t, rt, func(c *ews.Config) { c.Concurrency = 8 })
		round := func(n int) int {
			mu.Lock()
			most = 0
			mu.Unlock()
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return most
		}
		if n := round(50); n != 8 {
			t.Errorf("%d at once, want 8", n)
		}
		refuse = true
		round(1)
		if n := round(6); n != 4 {
			t.Errorf("%d at once after throttling, want 4", n)
		}
		round(200)
		if n := round(50); n != 8 {
			t.Errorf("%d at once later, want 8", n)
		}
	})
}

// source is a TokenSource without Reject.
type source func() (*oauth2.Token, error)

func (f source) Token(context.Context) (*oauth2.Token, error) { return f() }

type tokenError struct{ signIn, temporary bool }

func (e *tokenError) Error() string             { return "token endpoint says no" }
func (e *tokenError) NeedsSignIn() bool         { return e.signIn }
func (e *tokenError) Temporary() bool           { return e.temporary }
func (e *tokenError) RetryDelay() time.Duration { return 0 }
func (e *tokenError) Advice() string            { return "renew the client secret" }

// TestTokenSource: what the token source says is not lost, and no useless token is sent.
func TestTokenSource(t *testing.T) {
	tests := []struct {
		name string
		tok  *oauth2.Token
		err  error
		says string
	}{
		{"sign in", nil, &tokenError{signIn: true}, "somebody must sign in again"},
		{"admin", nil, &tokenError{}, "token endpoint says no"},
		{"nil", nil, nil, "returned no token"},
		{"empty", &oauth2.Token{}, nil, "returned no token"},
		{"expired", &oauth2.Token{AccessToken: "x", Expiry: time.Unix(1e9, 0)}, nil, "expired at 2001-09-09T01:46:40Z"},
		{"pop", &oauth2.Token{AccessToken: "x", TokenType: "pop"}, nil, `type "pop"`},
		{"line end", &oauth2.Token{AccessToken: "x\r\nHost: evil"}, nil, "line ends"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt := &script{answers: []answer{fine}}
			c := newClient(t, rt, func(c *ews.Config) { c.Token = source(func() (*oauth2.Token, error) { return tc.tok, tc.err }) })
			err := c.Own().DoCall(t.Context(), getItem(nil))
			if !errors.Is(err, ews.ErrUnauthorized) || !strings.Contains(err.Error(), tc.says) || rt.count() != 0 {
				t.Errorf("%v, %d requests", err, rt.count())
			}
			if tc.err != nil {
				var te *tokenError
				if !errors.As(err, &te) || asError(t, err).NeedsSignIn() != te.signIn || asError(t, err).Advice() != te.Advice() {
					t.Errorf("%+v", err)
				}
			}
		})
	}
	t.Run("passing trouble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			rt := &script{answers: []answer{fine}}
			c := newClient(t, rt, func(c *ews.Config) {
				c.Token = source(func() (*oauth2.Token, error) {
					if n++; n < 3 {
						return nil, &tokenError{temporary: true}
					}
					return &oauth2.Token{AccessToken: "good"}, nil
				})
			})
			if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil || rt.count() != 1 {
				t.Errorf("%v, %d requests", err, rt.count())
			}
		})
	})
}

// TestRefusedToken: a 401 costs one Reject and one replay where a fresh token can help, and none where it cannot.
func TestRefusedToken(t *testing.T) {
	diag := func(id int) answer {
		return reply(401, "", "x-ms-diagnostics", fmt.Sprintf(`%d;reason="why";error_category="what"`, id))
	}
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1702682181"}}}`
	challenge := reply(401, "", "WWW-Authenticate", `Basic realm="", Bearer realm="", authorization_uri="https://login.test/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAyNjgyMTgxIn19fQ=="`)
	tests := []struct {
		name     string
		answers  []answer
		requests int
		rejected []string
		claims   []string
		kind     error
		says     string
	}{
		{"bare, then fine", []answer{reply(401, ""), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"bare twice", []answer{reply(401, "")}, 2, []string{"token-1"}, []string{""}, ews.ErrUnauthorized, "2 attempts"},
		{"invalid", []answer{diag(2000001), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"expired", []answer{diag(2000002), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"signature", []answer{diag(2000000)}, 1, nil, nil, ews.ErrUnauthorized, "signature"},
		{"audience", []answer{diag(2000003)}, 1, nil, nil, ews.ErrUnauthorized, "https://outlook.office365.com/EWS.AccessAsUser.All"},
		{"tenant", []answer{diag(2000004)}, 1, nil, nil, ews.ErrUnauthorized, "another tenant"},
		{"user", []answer{diag(2000005)}, 1, nil, nil, ews.ErrUnauthorized, "Impersonate"},
		{"client", []answer{diag(2000006)}, 1, nil, nil, ews.ErrUnauthorized, "app registration"},
		{"internal", []answer{diag(2000007), fine}, 2, nil, nil, nil, ""},
		{"permission", []answer{diag(2000008)}, 1, nil, nil, ews.ErrDenied, "admin consent"},
		{"restrictions", []answer{diag(2000020)}, 1, nil, nil, ews.ErrUnauthorized, "restrictions"},
		{"not enabled", []answer{diag(4000000)}, 1, nil, nil, ews.ErrUnauthorized, "OAuth2ClientProfileEnabled"},
		{"unheard of", []answer{diag(2000099), fine}, 2, []string{"token-1"}, []string{""}, nil, ""},
		{"claims", []answer{challenge, fine}, 2, []string{"token-1"}, []string{claims}, nil, ""},
		{"claims for ever", []answer{challenge}, 2, []string{"token-1"}, []string{claims}, ews.ErrUnauthorized, "Conditional Access"},
		{"claims illegible", []answer{reply(401, "", "WWW-Authenticate", `Bearer error="insufficient_claims", claims="!"`)}, 1, nil, nil, ews.ErrUnauthorized, "illegibly"},
		{"fresh token, then 503", []answer{reply(401, ""), reply(503, "", "Retry-After", "1"), fine}, 3, []string{"token-1"}, []string{""}, nil, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			src := &tokens{}
			rt, _, err := bubble(t, getItem(nil), func(c *ews.Config) { c.Token = src }, tc.answers...)
			if !errors.Is(err, tc.kind) || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %v %q", err, tc.kind, tc.says)
			}
			if rt.count() != tc.requests {
				t.Errorf("%d requests, want %d", rt.count(), tc.requests)
			}
			if d := cmp.Diff([][]string{tc.rejected, tc.claims}, [][]string{src.rejected, src.claims}); d != "" {
				t.Errorf("rejected:\n%s", d)
			}
			if n := len(rt.reqs); n > 1 && tc.rejected != nil {
				if got := rt.reqs[n-1].Header.Get("Authorization"); got != "Bearer token-2" {
					t.Errorf("replayed with %q", got)
				}
			}
			if err != nil && asError(t, err).NeedsSignIn() {
				t.Error("a refused access token is no reason to sign in again")
			}
		})
	}
	t.Run("nothing fresher", func(t *testing.T) {
		rt, _, err := bubble(t, getItem(nil), func(c *ews.Config) {
			c.Token = ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "only"}))
		}, diagOnly(2000002))
		if e := asError(t, err); rt.count() != 1 || e.Diagnostics == nil || e.Diagnostics.ID != 2000002 {
			t.Errorf("%v, %d requests", err, rt.count())
		}
	})
}

func diagOnly(id int) answer {
	return reply(401, "", "x-ms-diagnostics", fmt.Sprintf(`%d;reason="why"`, id))
}
