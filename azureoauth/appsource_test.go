package azureoauth_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

func appOnly(t testing.TB, o azuretest.Options) (*azuretest.Server, *azureoauth.Config) {
	az, cfg := quiet(t, o)
	cfg.Scopes = []string{"full_access_as_app"}
	return az, cfg
}

// Ten thousand callers, one request.
func TestAppSourceManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		az, cfg := appOnly(t, azuretest.Options{})
		az.Fail(azuretest.Fault{Delay: time.Second})
		src := cfg.AppSource()
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() {
				if _, err := src.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := az.TokenRequests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// In its last five minutes the token is renewed by one caller, and still serves when the server fails.
func TestAppSourceRenewsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		az, cfg := appOnly(t, azuretest.Options{AccessTokenLifetime: time.Hour})
		src := cfg.AppSource()
		get := func() string {
			t.Helper()
			tok, err := src.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if time.Until(tok.Expiry) < 30*time.Second {
				t.Fatal("a token about to die was handed out")
			}
			return tok.AccessToken
		}
		first := get()
		time.Sleep(55*time.Minute - time.Second)
		if get() != first || az.TokenRequests() != 1 {
			t.Error("renewed too early")
		}
		az.Fail(azuretest.Fault{Status: 503, Times: -1})
		time.Sleep(2 * time.Second)
		for range 10 {
			if get() != first {
				t.Error("the old token does not serve")
			}
		}
		if n := az.TokenRequests(); n != 2 {
			t.Errorf("a failing server was asked %d times", n-1)
		}
		time.Sleep(31 * time.Second)
		get()
		if n := az.TokenRequests(); n != 3 {
			t.Errorf("after half a minute: %d requests", n)
		}
		az.ClearFaults()
		time.Sleep(31 * time.Second)
		if get() == first {
			t.Error("not renewed although the server works again")
		}
	})
}

func TestAppSourceErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		az, cfg := appOnly(t, azuretest.Options{})
		var n atomic.Int32
		inner := az.Transport()
		cfg.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) { n.Add(1); return inner.RoundTrip(r) })}
		az.Fail(azuretest.Fault{RetryAfter: "60"})
		src := cfg.AppSource()
		for range 100 {
			_, err := src.Token(t.Context())
			if e := wantError(t, err, azureoauth.ErrTemporary); e.RetryDelay() != time.Minute {
				t.Fatalf("%v", e.RetryDelay())
			}
		}
		if n.Load() != 1 {
			t.Errorf("%d requests while throttled", n.Load())
		}
		time.Sleep(time.Minute)
		if _, err := src.Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
	az, cfg := appOnly(t, azuretest.Options{})
	cfg.ClientSecret, cfg.Public = "", true
	if _, err := cfg.AppSource().Token(t.Context()); err == nil || az.TokenRequests() != 0 {
		t.Errorf("a public client: %v", err)
	}
}

func BenchmarkAppSourceFresh(b *testing.B) {
	_, cfg := appOnly(b, azuretest.Options{})
	src := cfg.AppSource()
	ctx := b.Context()
	if _, err := src.Token(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := src.Token(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAppSourceFreshDoesNotAllocate(t *testing.T) {
	_, cfg := appOnly(t, azuretest.Options{})
	src := cfg.AppSource()
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := src.Token(ctx); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRefreshRoundTrip(b *testing.B) {
	az, cfg := quiet(b, azuretest.Options{Rotation: azuretest.RotateRejectOld})
	tok := signIn(b, az, cfg, nil).Token
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if tok, err = cfg.Refresh(b.Context(), tok); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTenThousandWaiters(b *testing.B) {
	for b.Loop() {
		az, cfg := appOnly(b, azuretest.Options{})
		az.Fail(azuretest.Fault{Delay: 50 * time.Millisecond})
		src := cfg.AppSource()
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() { _, _ = src.Token(b.Context()) })
		}
		wg.Wait()
		if n := az.TokenRequests(); n != 1 {
			b.Fatalf("%d requests", n)
		}
	}
}

// While one caller renews, the others are served at once; a server that cannot be reached is tried every half minute, not by
// every call.
func TestAppSourceServesWhileItRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		az, cfg := appOnly(t, azuretest.Options{AccessTokenLifetime: time.Hour})
		src := cfg.AppSource()
		first, err := src.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(56 * time.Minute)
		az.Fail(azuretest.Fault{Delay: 5 * time.Second, Cut: true})
		var wg sync.WaitGroup
		wg.Go(func() {
			if tok, err := src.Token(t.Context()); err != nil || tok != first {
				t.Errorf("the one who renews: %v", err)
			}
		})
		synctest.Wait()
		begun := time.Now()
		for range 100 {
			if tok, err := src.Token(t.Context()); err != nil || tok != first {
				t.Errorf("the others: %v", err)
			}
		}
		if time.Since(begun) != 0 {
			t.Errorf("the others waited %v", time.Since(begun))
		}
		wg.Wait()
		az.Fail(azuretest.Fault{Cut: true, Times: -1})
		for range 100 {
			if _, err := src.Token(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := az.TokenRequests(); n != 2 {
			t.Errorf("%d requests", n)
		}
	})
}

// stopper is a log handler that holds up whoever logs first.
type stopper struct {
	slog.Handler
	reached, release chan struct{}
	first            *atomic.Bool
}

func (s stopper) Handle(context.Context, slog.Record) error {
	if s.first.CompareAndSwap(false, true) {
		close(s.reached)
		<-s.release
	}
	return nil
}

// A caller that found no token, and comes to the request only after another one has fetched it, makes no second request.
func TestAppSourceLateCaller(t *testing.T) {
	az, cfg := appOnly(t, azuretest.Options{})
	st := stopper{slog.NewTextHandler(io.Discard, nil), make(chan struct{}), make(chan struct{}), &atomic.Bool{}}
	cfg.Logger = slog.New(st)
	src := cfg.AppSource()
	late := make(chan error, 1)
	go func() { _, err := src.Token(t.Context()); late <- err }()
	<-st.reached
	if _, err := src.Token(t.Context()); err != nil {
		t.Error(err)
	}
	close(st.release)
	if err := <-late; err != nil {
		t.Error(err)
	}
	if n := az.TokenRequests(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Two sources of one Config do not fetch again what the other's request brought them.
func TestAppSourcesOfOneConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		az, cfg := appOnly(t, azuretest.Options{})
		az.Fail(azuretest.Fault{Delay: time.Second})
		sources := []*azureoauth.AppSource{cfg.AppSource(), cfg.AppSource()}
		for range 2 {
			var wg sync.WaitGroup
			for _, src := range sources {
				wg.Go(func() {
					if _, err := src.Token(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if n := az.TokenRequests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}
