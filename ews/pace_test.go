package ews_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

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

// busyServer is a Client of eight requests at once, and a server that takes a second for each and counts those under way.
type busyServer struct {
	c         *ews.Client
	mu        sync.Mutex
	now, most int
	refuse    bool // the next request is told to wait for five seconds
}

func newBusyServer(t *testing.T, answer answer) *busyServer {
	w := &busyServer{}
	w.c = newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		w.mu.Lock()
		w.now++
		w.most = max(w.most, w.now)
		refused := w.refuse
		w.refuse = false
		w.mu.Unlock()
		time.Sleep(time.Second)
		w.mu.Lock()
		w.now--
		w.mu.Unlock()
		if refused {
			return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "5000")))(r)
		}
		return answer(r)
	}), func(c *ews.Config) { c.Concurrency = 8 })
	return w
}

// round makes n calls together, and returns the most requests that were under way.
func (w *busyServer) round(n int, call func()) int {
	w.most = 0
	var wg sync.WaitGroup
	for range n {
		wg.Go(call)
	}
	wg.Wait()
	return w.most
}

// TestConcurrency: no more requests at once than configured; fewer after throttling; as many again later.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBusyServer(t, fine)
		round := func(n int) int {
			return w.round(n, func() {
				if err := w.c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
					t.Error(err)
				}
			})
		}
		if n := round(50); n != 8 {
			t.Errorf("%d at once, want 8", n)
		}
		w.refuse = true
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
