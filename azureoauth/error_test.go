package azureoauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

var sentinels = map[string]error{
	"sign-in": azureoauth.ErrSignInRequired, "consent": azureoauth.ErrConsentRequired, "credential": azureoauth.ErrBadCredential,
	"configuration": azureoauth.ErrConfiguration, "policy": azureoauth.ErrPolicy, "denied": azureoauth.ErrAccessDenied, "temporary": azureoauth.ErrTemporary,
	"response": azureoauth.ErrResponse,
}

// Classification goes by error, suberror and status alone; the number changes nothing but the explanation.
func TestClassification(t *testing.T) {
	for _, c := range []struct {
		status         int
		code, suberror string
		class          string
	}{
		{400, "invalid_grant", "", "sign-in"}, {400, "invalid_grant", "bad_token", "sign-in"}, {400, "invalid_grant", "token_expired", "sign-in"},
		{400, "invalid_grant", "consent_required", "consent"}, {400, "invalid_grant", "message_only", "policy"}, {400, "invalid_grant", "protection_policy_required", "policy"},
		{400, "interaction_required", "", "sign-in"}, {400, "interaction_required", "basic_action", "sign-in"}, {400, "login_required", "", "sign-in"},
		{400, "consent_required", "", "consent"}, {401, "invalid_client", "", "credential"}, {400, "invalid_client", "", "credential"},
		{400, "unauthorized_client", "", "configuration"}, {400, "invalid_scope", "", "configuration"}, {400, "invalid_resource", "", "configuration"},
		{400, "invalid_request", "", "configuration"}, {400, "unsupported_grant_type", "", "configuration"}, {400, "access_denied", "", "denied"},
		{503, "temporarily_unavailable", "", "temporary"}, {400, "temporarily_unavailable", "", "temporary"}, {500, "server_error", "", "temporary"},
		{429, "invalid_grant", "", "temporary"}, {429, "something_new", "", "temporary"}, {502, "something_new", "", "temporary"},
		{400, "something_new", "", "configuration"}, {401, "something_new", "", "credential"}, {400, "NOT A CODE", "", "configuration"},
		{429, "", "", "temporary"}, {503, "", "", "temporary"}, {404, "", "", "response"}, {403, "", "", "response"},
	} {
		for _, number := range []int{0, 7000222, 50053, 65001, 12345678} {
			body := `{}`
			if c.code != "" {
				body = fmt.Sprintf(`{"error":%q,"suberror":%q,"error_codes":[%d]}`, c.code, c.suberror, number)
			}
			_, err := answering(c.status, "application/json", body).Refresh(t.Context(), refreshOf("RT"))
			e := wantError(t, err, sentinels[c.class])
			for class, s := range sentinels {
				is := errors.Is(err, s)
				if is != (class == c.class || class == "sign-in" && c.class == "consent") {
					t.Errorf("%d %s/%s %d: Is(%s) = %v", c.status, c.code, c.suberror, number, class, is)
				}
			}
			if e.NeedsSignIn() != (c.class == "sign-in" || c.class == "consent") || e.Temporary() != (c.class == "temporary") {
				t.Errorf("%d %s: NeedsSignIn %v, Temporary %v", c.status, c.code, e.NeedsSignIn(), e.Temporary())
			}
			// What an admin reads is what the program does, whatever the code alone would suggest.
			wants := map[string]azureoauth.Remedy{"sign-in": azureoauth.RemedySignIn, "consent": azureoauth.RemedyConsent, "policy": azureoauth.RemedyPolicy, "temporary": azureoauth.RemedyRetry, "credential": azureoauth.RemedyCredential}
			if _, known := azureoauth.ExplainNumber(e.AADSTS); !known && wants[c.class] != "" {
				if x := e.Explain(); x.Remedy != wants[c.class] || c.class != "sign-in" && strings.HasPrefix(x.Advice, "Sign in to the mailbox") || c.code != "" && x.Cause == "" && c.code != "something_new" {
					t.Errorf("%d %s/%s: explained as %+v", c.status, c.code, c.suberror, x)
				}
			}
			if e.Advice() == "" || strings.ContainsAny(e.Error(), "\r\n") {
				t.Errorf("%d %s: advice %q, error %q", c.status, c.code, e.Advice(), e.Error())
			}
		}
	}
}

// Every case that the fake Entra knows, by number: the error carries its facts, and the explanation its cause and fix.
func TestEveryAADSTSCaseIsExplained(t *testing.T) {
	if n := len(azuretest.Cases()); n < 60 {
		t.Fatalf("only %d cases", n)
	}
	az := newServer(t, nil)
	for i, c := range azuretest.Cases() {
		t.Run(fmt.Sprint(c.AADSTS, " ", c.Name), func(t *testing.T) {
			cfg := registration(az)
			az.Fail(azuretest.Fault{Case: c.Name})
			_, err := cfg.Refresh(t.Context(), refreshOf(fmt.Sprint("RT", i)))
			var e *azureoauth.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			number := fmt.Sprint("AADSTS", c.AADSTS)
			if e.AADSTS != number || e.Code != c.Error || e.SubError != c.SubError || e.StatusCode != c.Status || e.CorrelationID == "" || e.TraceID == "" {
				t.Errorf("%+v", *e)
			}
			x, ok := azureoauth.ExplainNumber(number)
			if !ok || x.Cause == "" || len(x.Advice) < 15 || x.Remedy == "" || x.Number != number {
				t.Errorf("explanation %+v", x)
			}
			if !strings.Contains(e.Error(), number) || !strings.Contains(e.Error(), x.Cause) || !strings.Contains(e.Error(), e.CorrelationID) {
				t.Errorf("error %q", e)
			}
			if !strings.HasPrefix(e.Advice(), x.Advice) {
				t.Errorf("advice %q", e.Advice())
			}
			// The explanation must not contradict what the program does.
			switch x.Remedy {
			case azureoauth.RemedyRetry:
				if e.NeedsSignIn() {
					t.Error("explained as retry, acts as sign-in")
				}
			case azureoauth.RemedyCredential:
				if c.AADSTS != 50013 && !errors.Is(err, azureoauth.ErrBadCredential) {
					t.Error("explained as credential, is none")
				}
			case azureoauth.RemedyConsent:
				if !errors.Is(err, azureoauth.ErrConsentRequired) && !errors.Is(err, azureoauth.ErrAccessDenied) {
					t.Error("explained as consent, is none")
				}
			case azureoauth.RemedyAdminConsent:
				if !errors.Is(err, azureoauth.ErrAdminConsentRequired) {
					t.Error("is not ErrAdminConsentRequired")
				}
			}
		})
	}
}

func TestADFSErrors(t *testing.T) {
	for _, number := range []string{"MSIS9223", "MSIS9224", "MSIS9602", "MSIS9605", "MSIS9611", "MSIS9612", "MSIS9615", "MSIS9607", "MSIS9650"} {
		_, err := answering(400, "application/json", `{"error":"invalid_request","error_description":"`+number+`: Received invalid OAuth request."}`).Refresh(t.Context(), refreshOf("RT"))
		e := wantError(t, err, azureoauth.ErrConfiguration)
		if x := e.Explain(); e.AADSTS != number || x.Number != number || !strings.Contains(x.Cause+x.Advice, "AD FS") && x.Remedy == azureoauth.RemedyConfiguration {
			t.Errorf("%+v, %+v", e, x)
		}
	}
}

func TestHTTPStatusWithoutOAuthError(t *testing.T) {
	for status, want := range map[int]string{404: "no such endpoint", 405: "no such endpoint", 429: "throttling", 503: "the server failed", 403: "without an OAuth error"} {
		_, err := answering(status, "text/html", "<html>").Refresh(t.Context(), refreshOf("RT"))
		var e *azureoauth.Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want) || !strings.Contains(e.Error(), http.StatusText(status)) && !strings.Contains(e.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestSecretExpiryWarnings(t *testing.T) {
	c := pasted()
	for in, want := range map[time.Duration]string{60 * 24 * time.Hour: "", 29 * 24 * time.Hour: "expires on", time.Hour: "expires on", -time.Hour: "expired on"} {
		c.SecretExpires = time.Now().Add(in)
		w := strings.Join(c.Warnings(), "\n")
		if (w == "") != (want == "") || !strings.Contains(w, want) {
			t.Errorf("in %v: %q", in, w)
		}
	}
	c.SecretExpires = time.Time{}
	if c.Warnings() != nil {
		t.Error("a warning about an unknown date")
	}
}
