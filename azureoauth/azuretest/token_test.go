package azuretest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

func TestRotation(t *testing.T) {
	for _, c := range []struct {
		name            string
		rotation        azuretest.Rotation
		rotates, old    bool // a new one comes; the old one works a second time
		newAfterOldUsed bool
	}{
		{"Entra", azuretest.RotateKeepOld, true, true, true},
		{"reject", azuretest.RotateRejectOld, true, false, true},
		{"revoke family", azuretest.RotateRevokeFamily, true, false, false},
		{"none", azuretest.NoRotation, false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, &azuretest.Options{Rotation: c.rotation})
			if c.rotation == azuretest.NoRotation {
				// The first refresh token comes with the code, and stays.
				first := redeem(t, s)
				for range 3 {
					if a := refresh(t, s, first.RefreshToken); a.AccessToken == "" || a.RefreshToken != "" {
						t.Errorf("%+v", a)
					}
				}
				return
			}
			first := redeem(t, s).RefreshToken
			second := refresh(t, s, first).RefreshToken
			if (second != "") != c.rotates || second == first {
				t.Fatalf("second %q", second)
			}
			if a := refresh(t, s, first); (a.AccessToken != "") != c.old {
				t.Errorf("the old one: %+v", a)
			}
			if a := refresh(t, s, second); (a.AccessToken != "") != c.newAfterOldUsed {
				t.Errorf("the new one: %+v", a)
			}
		})
	}
}

func TestExpiryAndRevocation(t *testing.T) {
	s := start(t, &azuretest.Options{AccessTokenLifetime: time.Hour})
	a := redeem(t, s)
	if _, err := s.Verify(a.AccessToken); err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Hour)
	if _, err := s.Verify(a.AccessToken); err == nil || !strings.Contains(err.Error(), "2000002") {
		t.Errorf("expired: %v", err)
	}
	s.Advance(89 * 24 * time.Hour)
	b := refresh(t, s, a.RefreshToken)
	s.Advance(2 * 24 * time.Hour)
	if x := refresh(t, s, a.RefreshToken); x.code() != 700082 || x.SubError != "token_expired" {
		t.Errorf("after 91 days: %+v", x)
	}
	if x := refresh(t, s, b.RefreshToken); x.AccessToken == "" {
		t.Errorf("the rotated one: %+v", x)
	}
	s.RevokeSessions(azuretest.DefaultUPN)
	if x := refresh(t, s, b.RefreshToken); x.code() != 50173 {
		t.Errorf("revoked: %+v", x)
	}
	s.Advance(time.Second)
	if x := refresh(t, s, redeem(t, s).RefreshToken); x.AccessToken == "" {
		t.Errorf("after a new sign-in: %+v", x)
	}
	for _, forged := range []string{"", "x", "a.b.c", a.AccessToken + "x", b.RefreshToken} {
		if _, err := s.Verify(forged); err == nil {
			t.Errorf("%.20q is valid", forged)
		}
	}
}

func TestErrorShape(t *testing.T) {
	s := start(t, nil)
	guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$`)
	for _, c := range azuretest.Cases() {
		s.Fail(azuretest.Fault{AADSTS: c.AADSTS})
		a := refresh(t, s, "x")
		want := fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", c.AADSTS, c.Text, a.TraceID, a.Correlation, a.Timestamp)
		if a.status != c.Status || a.Error != c.Error || a.SubError != c.SubError || a.code() != c.AADSTS || a.Description != want || !guid.MatchString(a.TraceID) ||
			!guid.MatchString(a.Correlation) || !stamp.MatchString(a.Timestamp) || !strings.HasSuffix(a.URI, fmt.Sprint("/error?code=", c.AADSTS)) {
			t.Errorf("%+v", a)
		}
	}
	s.Fail(azuretest.Fault{Status: 429, RetryAfter: "7", Times: 2})
	for _, want := range []int{429, 429, 400} {
		resp, _ := do(t, s, http.MethodPost, s.TokenURL(), url.Values{"grant_type": {"x"}})
		if resp.StatusCode != want || (want == 429) != (resp.Header.Get("Retry-After") == "7") {
			t.Errorf("%d, want %d", resp.StatusCode, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown case is accepted")
		}
	}()
	s.Fail(azuretest.Fault{Case: "NoSuchThing"})
}

// A lost reply: the rotation took place, the client does not learn of it.
func TestLoseReply(t *testing.T) {
	s := start(t, &azuretest.Options{Rotation: azuretest.RotateRevokeFamily})
	first := redeem(t, s)
	s.Fail(azuretest.Fault{LoseReply: true})
	r, err := http.NewRequest(http.MethodPost, s.TokenURL(), strings.NewReader(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken},
		"client_id": {azuretest.DefaultClientID}, "client_secret": {azuretest.DefaultClientSecret}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := s.HTTPClient().Do(r); err == nil {
		resp.Body.Close()
		t.Fatal("the reply came")
	}
	if a := refresh(t, s, first.RefreshToken); a.Error != "invalid_grant" {
		t.Errorf("the token was not used up: %+v", a)
	}
}
