package ews_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// TestDay: twenty programs' worth of polling for a simulated day against a server that throttles in every form it has, for
// everything between nothing and an hour. No request goes out inside a back-off, no more than allowed are under way, and
// repetitions stay below a tenth of the traffic.
func TestDay(t *testing.T) {
	const (
		pollers  = 20
		parallel = 5
	)
	for seed := range uint64(3) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex // never held across a wait
				var pauses []pause
				requests, repeated, early, now, most, throttled := 0, 0, 0, 0, 0, 0
				rt := roundTripper(func(r *http.Request) (*http.Response, error) {
					io.Copy(io.Discard, r.Body)
					mu.Lock()
					requests++
					sent := r.Context().Value(callKey{}).(*int)
					if *sent++; *sent > 1 {
						repeated++
					}
					if slices.ContainsFunc(pauses, pause.holds) {
						early++
					}
					now++
					most = max(most, now)
					took := time.Duration(rnd.IntN(2000)) * time.Millisecond
					mu.Unlock()
					time.Sleep(took)
					mu.Lock()
					defer mu.Unlock()
					now--
					if rnd.IntN(100) > 0 {
						return fine(r)
					}
					throttled++
					ms := []string{"0", "5000", "178510", "300000", "", "soon", "1000000000000"}[rnd.IntN(7)]
					if n, err := strconv.ParseInt(ms, 10, 64); err == nil {
						pauses = append(pauses, pause{time.Now(), time.Now().Add(min(time.Duration(min(n, 1e9))*time.Millisecond, time.Hour))})
					}
					switch rnd.IntN(4) {
					case 0:
						if ms == "178510" {
							ms = "179000"
							pauses[len(pauses)-1].until = time.Now().Add(179 * time.Second)
						}
						return reply(503, "", "Retry-After", trimMillis(ms))(r)
					case 1:
						return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", ms)))(r)
					case 2:
						return reply(200, messages(errMessage("ErrorServerBusy", value("BackOffMilliseconds", ms))))(r)
					}
					return reply(200, messages(errMessage("ErrorInternalServerError",
						`<m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="BackOffMilliseconds">`+ms+`</t:Value></m:MessageXml>`)))(r)
				})
				c := newClient(t, rt, func(c *ews.Config) { c.Concurrency = parallel })
				calls, failed := 0, 0
				var wg sync.WaitGroup
				end := time.Now().Add(24 * time.Hour)
				for i := range pollers {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 3 * time.Second)
						for time.Now().Before(end) {
							err := c.Own().DoCall(context.WithValue(t.Context(), callKey{}, new(int)), getItem(nil))
							mu.Lock()
							calls++
							if err != nil {
								failed++
							}
							mu.Unlock()
							time.Sleep(time.Minute)
						}
					})
				}
				wg.Wait()
				// Calls that find a back-off longer than their patience fail without sending anything.
				t.Logf("%d calls, %d of them failed; %d requests, %d repeated, %d throttled; at most %d at once", calls, failed, requests, repeated, throttled, most)
				if early > 0 {
					t.Errorf("%d requests inside a back-off", early)
				}
				if most > parallel {
					t.Errorf("%d requests at once, want at most %d", most, parallel)
				}
				if repeated == 0 || repeated*10 > requests {
					t.Errorf("%d of %d requests are repetitions", repeated, requests)
				}
				if throttled < 20 || requests < 1000 {
					t.Errorf("a quiet day: %d requests, %d throttled", requests, throttled)
				}
			})
		})
	}
}

// pause is a back-off that the server asked for.
type pause struct{ told, until time.Time }

// holds says whether a request that goes out now breaks it. One that goes out at the very instant of the answer does not: the two cross
// on the wire, and which of them is first is chance.
func (p pause) holds() bool { return time.Now().After(p.told) && time.Now().Before(p.until) }

// callKey leads to the number of requests of a call.
type callKey struct{}

func trimMillis(ms string) string {
	if n := len(ms) - 3; n > 0 && ms[n:] == "000" {
		return ms[:n]
	}
	return ms
}
