package azureoauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
)

// Case 54: a hundred callers and one failing refresh make one request, which is remembered.
func TestFailingRefreshIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		retryAfter := ""
		body := `{"error":"invalid_grant","error_codes":[700082]}`
		status := 400
		c := against(func(*http.Request) (*http.Response, error) {
			n.Add(1)
			time.Sleep(time.Second)
			r := jsonAnswer(status, body)
			r.Header.Set("Retry-After", retryAfter)
			return r, nil
		})
		hundred := func(token string) {
			t.Helper()
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if _, err := c.Refresh(t.Context(), refreshOf(token)); err == nil {
						t.Error("no error")
					}
				})
			}
			wg.Wait()
		}
		expect := func(what string, want int32) {
			t.Helper()
			if got := n.Swap(0); got != want {
				t.Errorf("%s: %d requests, want %d", what, got, want)
			}
		}
		hundred("a")
		expect("at once", 1)
		hundred("a")
		expect("within two minutes", 0)
		hundred("b")
		expect("another token", 1)
		time.Sleep(2*time.Minute + time.Second)
		hundred("a")
		expect("later", 1)

		for value, hold := range map[string]time.Duration{
			"30": 30 * time.Second, "in four minutes": 4 * time.Minute, "99999999999999999999": time.Hour, "86400": time.Hour,
			time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat): time.Hour,
		} {
			if value == "in four minutes" {
				at := time.Now().Add(hold).Truncate(time.Second)
				value, hold = at.UTC().Format(http.TimeFormat), time.Until(at)-time.Second // the answer takes one
			}
			status, body, retryAfter = 429, "Too Many Requests", value
			begun := time.Now()
			key := "token for " + value
			hundred(key)
			expect(value, 1)
			_, err := c.Refresh(t.Context(), refreshOf(key))
			e := wantError(t, err, azureoauth.ErrTemporary)
			expect(value+" remembered", 0)
			if e.RetryDelay() <= 0 || e.RetryDelay() > time.Hour {
				t.Errorf("%s: RetryDelay %v", value, e.RetryDelay())
			}
			time.Sleep(hold - time.Since(begun) + time.Second - time.Second/2)
			_, _ = c.Refresh(t.Context(), refreshOf(key))
			expect(value+" just before", 0)
			time.Sleep(time.Second)
			_, _ = c.Refresh(t.Context(), refreshOf(key))
			expect(value+" just after", 1)
		}
		for _, value := range []string{"soon", "-5", "0", "1e3"} {
			retryAfter = value
			_, err := c.Refresh(t.Context(), refreshOf("nonsense "+value))
			if e := wantError(t, err, azureoauth.ErrTemporary); e.RetryDelay() != 0 {
				t.Errorf("%q: RetryDelay %v", value, e.RetryDelay())
			}
		}
		n.Store(0)

		// A new secret is tried at once.
		status, body, retryAfter = 401, `{"error":"invalid_client","error_codes":[7000222]}`, ""
		_, err := c.Refresh(t.Context(), refreshOf("z"))
		wantError(t, err, azureoauth.ErrCredentialExpired)
		wantError(t, err, azureoauth.ErrBadCredential)
		_, _ = c.Refresh(t.Context(), refreshOf("z"))
		expect("old secret", 1)
		c2 := against(c.HTTPClient.Transport.(tripper))
		c2.ClientSecret = "the-new-one"
		_, _ = c2.Refresh(t.Context(), refreshOf("z"))
		expect("new secret", 1)
	})
}

// Each waiter leaves on its own ctx; the request ends with the last of them, and no token is lost.
func TestWaitersLeaveAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n, cancelled atomic.Int32
		c := against(func(r *http.Request) (*http.Response, error) {
			n.Add(1)
			select {
			case <-time.After(10 * time.Second):
				return jsonAnswer(200, okToken), nil
			case <-r.Context().Done():
				cancelled.Add(1)
				return nil, r.Context().Err()
			}
		})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Refresh(short, refreshOf("RT")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if tok, err := c.Refresh(t.Context(), refreshOf("RT")); err != nil || tok.RefreshToken != "RT2" {
				t.Errorf("the second: %v", err)
			}
		})
		wg.Wait()
		if n.Load() != 1 || cancelled.Load() != 0 {
			t.Errorf("%d requests, %d cancelled", n.Load(), cancelled.Load())
		}
		short2, cancel2 := context.WithTimeout(t.Context(), time.Second)
		defer cancel2()
		begun := time.Now()
		_, err := c.Refresh(short2, refreshOf("other"))
		if !errors.Is(err, context.DeadlineExceeded) || cancelled.Load() != 1 || time.Since(begun) != time.Second {
			t.Errorf("alone: %v after %v, %d cancelled", err, time.Since(begun), cancelled.Load())
		}
	})
}

// Case 55: 5xx and 429 are repeated within a budget, 400 and 401 are not, a code never once it may have arrived.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		var script []func() (*http.Response, error)
		c := against(func(*http.Request) (*http.Response, error) {
			return script[min(int(n.Add(1)), len(script))-1]()
		})
		status := func(code int, retryAfter, body string) func() (*http.Response, error) {
			return func() (*http.Response, error) {
				r := jsonAnswer(code, body)
				r.Header.Set("Retry-After", retryAfter)
				return r, nil
			}
		}
		ok := status(200, "", okToken)
		lost := func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
		for i, x := range []struct {
			name     string
			script   []func() (*http.Response, error)
			requests int32
			err      error
			atMost   time.Duration
		}{
			{"503 then ok", []func() (*http.Response, error){status(503, "", ""), ok}, 2, nil, time.Second},
			{"429 with Retry-After 2", []func() (*http.Response, error){status(429, "2", ""), ok}, 2, nil, 2 * time.Second},
			{"429 beyond the budget", []func() (*http.Response, error){status(429, "60", ""), ok}, 1, azureoauth.ErrTemporary, 0},
			{"503 for ever", []func() (*http.Response, error){status(503, "", "")}, 3, azureoauth.ErrTemporary, 2 * time.Second},
			{"temporarily_unavailable", []func() (*http.Response, error){status(503, "", `{"error":"temporarily_unavailable"}`), ok}, 2, nil, time.Second},
			{"400", []func() (*http.Response, error){status(400, "", `{"error":"invalid_grant"}`), ok}, 1, azureoauth.ErrSignInRequired, 0},
			{"401", []func() (*http.Response, error){status(401, "", `{"error":"invalid_client"}`), ok}, 1, azureoauth.ErrBadCredential, 0},
			{"reply lost", []func() (*http.Response, error){lost, ok}, 1, azureoauth.ErrTemporary, 0},
		} {
			n.Store(0)
			script = x.script
			c.MaxRetries = 0
			begun := time.Now()
			_, err := c.Refresh(t.Context(), refreshOf(fmt.Sprint("RT", i)))
			if n.Load() != x.requests || !errors.Is(err, x.err) || time.Since(begun) > x.atMost {
				t.Errorf("%s: %d requests, %v, after %v", x.name, n.Load(), err, time.Since(begun))
			}
		}
		// The code: its one request is never repeated, whatever became of it.
		c.RedirectURL = "http://localhost"
		_, p, err := c.AuthCodeURL(nil)
		if err != nil {
			t.Fatal(err)
		}
		script, _ = []func() (*http.Response, error){lost, ok}, n.Swap(0)
		if _, err = c.Exchange(t.Context(), "code", p); n.Load() != 1 || !errors.Is(err, azureoauth.ErrTemporary) {
			t.Errorf("code: %d requests, %v", n.Load(), err)
		}
	})
}

// A request that was never sent may be repeated, even one with a code.
func TestUnsentRequestsAreRepeated(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	var dials atomic.Int32
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) == 1 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route")}
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}}
	cfg.MaxRetries = 1
	signIn(t, az, cfg, nil)
	if dials.Load() != 2 {
		t.Errorf("%d dials", dials.Load())
	}
}
