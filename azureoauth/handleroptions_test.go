package azureoauth_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// The browser forgets a pending sign-in when the server does.
func TestPendingSignInCookieLifetime(t *testing.T) {
	for lifetime, want := range map[time.Duration]int{0: 600, 90 * time.Second: 90} {
		a := newWebApp(t, nil, &azureoauth.HandlerOptions{Lifetime: lifetime})
		b := browser{}
		a.begin(b, "")
		if len(b) != 1 {
			t.Fatalf("%d cookies", len(b))
		}
		for _, c := range b {
			if c.MaxAge != want || !c.HttpOnly || !c.Secure {
				t.Errorf("Lifetime %v: %v", lifetime, c)
			}
		}
	}
}

// Success makes the answer itself; the headers that keep the code to this page stand already.
func TestHandlerSuccess(t *testing.T) {
	a := newWebApp(t, nil, &azureoauth.HandlerOptions{Success: func(w http.ResponseWriter, r *http.Request, s *azureoauth.SignIn) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "connected "+s.Account.Username+", back to "+s.Options.ReturnTo)
	}})
	b := browser{}
	v := a.begin(b, "return_to=/settings")
	resp, body := a.callback(b, v.Encode())
	if resp.StatusCode != http.StatusAccepted || body != "connected "+azuretest.DefaultUPN+", back to /settings" {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	if a.signIns.Load() != 1 {
		t.Error("nothing was stored")
	}
	for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Location": ""} {
		if got := resp.Header.Get(header); got != want {
			t.Errorf("%s: %q, not %q", header, got, want)
		}
	}
	if bytes.Contains([]byte(body), []byte(a.last.Token.AccessToken)) {
		t.Error("the token stands in the page")
	}
}
