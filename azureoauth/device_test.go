package azureoauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// quiet is a server without sockets, for synctest.
func quiet(t testing.TB, o azuretest.Options) (*azuretest.Server, *azureoauth.Config) {
	o.NoListen = true
	az := newServer(t, &o)
	return az, registration(az)
}

func TestDeviceCode(t *testing.T) {
	for _, public := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			app := azuretest.DefaultApp()
			app.Public = public
			az, cfg := quiet(t, azuretest.Options{Apps: []azuretest.App{app}})
			if public {
				cfg.ClientSecret, cfg.Public = "", true
			}
			d, err := cfg.DeviceAuth(t.Context(), &azureoauth.SignInOptions{ExpectedAccount: azuretest.DefaultUPN})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(d.Message, d.UserCode) || !strings.Contains(d.Message, d.VerificationURI) || d.Interval != 5*time.Second || time.Until(d.ExpiresAt) != 10*time.Minute {
				t.Errorf("%+v", d)
			}
			begun := time.Now()
			go func() {
				time.Sleep(32 * time.Second)
				if err := az.ApproveDevice(d.UserCode, ""); err != nil {
					t.Error(err)
				}
			}()
			s, err := cfg.DeviceToken(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if s.Account.Username != azuretest.DefaultUPN || s.Token.RefreshToken == "" {
				t.Errorf("%+v", s.Account)
			}
			if after := time.Since(begun); after != 35*time.Second || az.TokenRequests() != 7 {
				t.Errorf("signed in after %v and %d polls", after, az.TokenRequests())
			}
		})
	}
}

func TestDeviceCodeEnds(t *testing.T) {
	for name, c := range map[string]struct {
		do      func(az *azuretest.Server, d *azureoauth.DeviceCode)
		err     error
		after   time.Duration
		atMost  int
		timeout time.Duration
	}{
		"declined": {func(az *azuretest.Server, d *azureoauth.DeviceCode) { _ = az.DeclineDevice(d.UserCode) }, azureoauth.ErrAccessDenied, 5 * time.Second, 1, 0},
		"expired":  {func(*azuretest.Server, *azureoauth.DeviceCode) {}, azureoauth.ErrDeviceCodeExpired, 10 * time.Minute, 120, 0},
		"slow_down": {func(az *azuretest.Server, _ *azureoauth.DeviceCode) {
			az.Fail(azuretest.Fault{Error: "slow_down", Times: 3})
		}, azureoauth.ErrDeviceCodeExpired, 10 * time.Minute, 33, 0},
		"server down":   {func(az *azuretest.Server, _ *azureoauth.DeviceCode) { az.Fail(azuretest.Fault{Cut: true, Times: -1}) }, azureoauth.ErrDeviceCodeExpired, 10 * time.Minute, 13, 0},
		"caller leaves": {func(*azuretest.Server, *azureoauth.DeviceCode) {}, context.DeadlineExceeded, 12 * time.Second, 2, 12 * time.Second},
		"wrong account": {func(az *azuretest.Server, d *azureoauth.DeviceCode) {
			_ = az.ApproveDevice(d.UserCode, "other@contoso.example")
		}, azureoauth.ErrAccountMismatch, 5 * time.Second, 1, 0},
		"secret replaced": {func(az *azuretest.Server, _ *azureoauth.DeviceCode) {
			az.Fail(azuretest.Fault{Case: "InvalidClientSecret"})
		}, azureoauth.ErrBadCredential, 5 * time.Second, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				az, cfg := quiet(t, azuretest.Options{Users: []azuretest.User{azuretest.DefaultUser(), {UPN: "other@contoso.example"}}})
				d, err := cfg.DeviceAuth(t.Context(), &azureoauth.SignInOptions{ExpectedAccount: azuretest.DefaultUPN})
				if err != nil {
					t.Fatal(err)
				}
				c.do(az, d)
				ctx := t.Context()
				if c.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.timeout)
					defer cancel()
				}
				begun := time.Now()
				_, err = cfg.DeviceToken(ctx, d)
				var e *azureoauth.Error
				if errors.As(err, &e) && strings.Contains(e.Advice(), "Compare client ID") {
					t.Errorf("advice for the registration: %q", e.Advice())
				}
				if !errors.Is(err, c.err) || time.Since(begun) != c.after || az.TokenRequests() > c.atMost {
					t.Errorf("%v after %v and %d polls", err, time.Since(begun), az.TokenRequests())
				}
			})
		})
	}
}

func TestDeviceCodeAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"no code":        `{"user_code":"A","verification_uri":"https://x.example","expires_in":900}`,
		"no user code":   `{"device_code":"A","verification_uri":"https://x.example","expires_in":900}`,
		"no page":        `{"device_code":"A","user_code":"B","expires_in":900}`,
		"script as page": `{"device_code":"A","user_code":"B","verification_uri":"javascript:alert(1)","expires_in":900}`,
		"no expiry":      `{"device_code":"A","user_code":"B","verification_uri":"https://x.example"}`,
	} {
		_, err := answering(200, "application/json", body).DeviceAuth(t.Context(), nil)
		if err == nil || !errors.Is(err, azureoauth.ErrResponse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d, err := answering(200, "application/json", `{"device_code":"A","user_code":"B","verification_url":"https://x.example","expires_in":9e9,"interval":0.001,"message":"a\u001b[31m\nb"}`).DeviceAuth(t.Context(), nil)
	if err != nil || d.Interval != time.Second || time.Until(d.ExpiresAt) > time.Hour || strings.ContainsAny(d.Message, "\x1b\n") {
		t.Errorf("%+v, %v", d, err)
	}
	c := pasted()
	c.AuthURL, c.TokenURL = "https://id.example/a", "https://id.example/t"
	if _, err := c.DeviceAuth(t.Context(), nil); !errors.Is(err, azureoauth.ErrConfiguration) {
		t.Errorf("no endpoint: %v", err)
	}
}

// Case 14: a pending sign-in dies after ten minutes, wherever it is kept.
func TestPendingSignInExpires(t *testing.T) {
	for name, o := range handlerKinds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &webApp{t: t}
				a.az, a.cfg = quiet(t, azuretest.Options{})
				a.cfg.RedirectURL = callback
				var oo azureoauth.HandlerOptions
				if o != nil {
					oo = *o
				}
				if oo.Sessions != nil {
					oo.Sessions = azureoauth.NewMemorySessions()
				}
				a.remake(&oo)
				b := browser{}
				v := a.begin(b, "")
				time.Sleep(9*time.Minute + 59*time.Second)
				if resp, body := a.callback(b, v.Encode()); resp.StatusCode != 200 {
					t.Fatalf("%d %s", resp.StatusCode, body)
				}
				n := a.az.TokenRequests()
				v = a.begin(b, "")
				time.Sleep(10*time.Minute + time.Second)
				if resp, _ := a.callback(b, v.Encode()); resp.StatusCode != 400 || a.az.TokenRequests() != n {
					t.Errorf("after ten minutes: %d", resp.StatusCode)
				}
			})
		})
	}
}

// Case 35: a token endpoint that never answers ends the callback after the client's timeout with 502.
func TestCallbackOfASlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &webApp{t: t}
		a.az, a.cfg = quiet(t, azuretest.Options{})
		a.cfg.RedirectURL, a.cfg.MaxRetries = callback, -1
		a.cfg.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		a.remake(nil)
		b := browser{}
		begun := time.Now()
		if resp, _ := a.callback(b, a.begin(b, "").Encode()); resp.StatusCode != 502 || time.Since(begun) != 30*time.Second {
			t.Errorf("%d after %v", resp.StatusCode, time.Since(begun))
		}
	})
}

// Case 35: whatever OnSignIn waits for, its ctx ends after a minute.
func TestCallbackEndsWithASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &webApp{t: t}
		a.az, a.cfg = quiet(t, azuretest.Options{})
		a.cfg.RedirectURL = callback
		var err error
		a.h, err = azureoauth.NewHandler(a.cfg, &azureoauth.HandlerOptions{OnSignIn: func(ctx context.Context, _ *azureoauth.SignIn) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		if err != nil {
			t.Fatal(err)
		}
		b := browser{}
		begun := time.Now()
		if resp, _ := a.callback(b, a.begin(b, "").Encode()); resp.StatusCode != 500 || time.Since(begun) != time.Minute {
			t.Errorf("%d after %v", resp.StatusCode, time.Since(begun))
		}
	})
}

// A device code made by hand, or stored without its interval, is polled as RFC 8628 section 3.2 says, and not in a tight loop.
func TestDeviceCodeWithoutInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		az, cfg := quiet(t, azuretest.Options{})
		d, err := cfg.DeviceAuth(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Interval = 0
		ctx, cancel := context.WithTimeout(t.Context(), 31*time.Second)
		defer cancel()
		if _, err := cfg.DeviceToken(ctx, d); !errors.Is(err, context.DeadlineExceeded) || az.TokenRequests() != 6 {
			t.Errorf("%d polls, %v", az.TokenRequests(), err)
		}
	})
}
