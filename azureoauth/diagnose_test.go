package azureoauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// has looks for a finding by severity, subject and parts of its text.
func has(r *azureoauth.Report, s azureoauth.Severity, subject string, parts ...string) bool {
	for _, f := range r.Findings {
		all := f.Severity == s && f.Subject == subject
		for _, p := range parts {
			all = all && strings.Contains(f.Message+" "+f.Fix, p)
		}
		if all {
			return true
		}
	}
	return false
}

func TestDiagnose(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(az *azuretest.Server, c *azureoauth.Config, tok *oauth2.Token)
		bad     bool
		s       azureoauth.Severity
		subject string
		parts   []string
	}{
		{"all well", func(*azuretest.Server, *azureoauth.Config, *oauth2.Token) {}, false, "info", "Registration", []string{"no error"}},
		{"token is told", func(*azuretest.Server, *azureoauth.Config, *oauth2.Token) {}, false, "info", "Access token", []string{azuretest.ResourceExchange, azuretest.DefaultClientID, azuretest.DefaultUPN, "EWS.AccessAsUser.All"}},
		{"scopes typed and sent", func(*azuretest.Server, *azureoauth.Config, *oauth2.Token) {}, false, "info", "Scope", []string{"typed: EWS.AccessAsUser.All", "sent: https://outlook.office365.com/EWS.AccessAsUser.All"}},
		{"wrong field", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.ClientSecret = azureoauth.Secret(tenant)
		}, true, "error", "Client secret", []string{"Secret ID", "Value"}},
		{"secret ends", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.SecretExpires = time.Now().Add(time.Hour)
		}, false, "warning", "Client secret", []string{"expires on"}},
		{"secret has ended", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.SecretExpires = time.Now().Add(-time.Hour)
		}, true, "error", "Client secret", []string{"expired on", "Certificates & secrets"}},
		{"another server answers", func(az *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.AuthURL, c.TokenURL = az.URL+"/auth", az.URL+"/token"
			c.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodGet || r.Body != nil || r.Header.Get("Authorization") != "" {
					t.Error("more than a question was sent")
				}
				return &http.Response{StatusCode: 405, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			})}
		}, false, "info", "Token URL", []string{"answers", "405"}},
		{"another server's wrong path", func(az *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.AuthURL, c.TokenURL = az.URL+"/auth", az.URL+"/token"
			c.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 404, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
			})}
		}, true, "error", "Token URL", []string{"nothing at this path"}},
		{"another server is gone", func(az *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.AuthURL, c.TokenURL, c.HTTPClient = az.URL+"/auth", az.URL+"/token", nil
			az.Close()
		}, true, "error", "Token URL", []string{"connection refused"}},
		{"literal scope", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) { c.LiteralScopes = true }, false, "warning", "Scope", []string{"2000003"}},
		{"no offline_access", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.Scopes, c.NoOfflineAccess = c.Scopes[:1], true
		}, false, "warning", "Scope", []string{"offline_access"}},
		{"server gone", func(az *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) { az.Close(); c.HTTPClient = nil }, true, "error", "Token URL", []string{"connection refused"}},
		{"tenant unknown", func(az *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.AuthURL, c.TokenURL = az.URL+"/nowhere.example/oauth2/v2.0/authorize", az.URL+"/nowhere.example/oauth2/v2.0/token"
		}, true, "error", "Token URL", []string{"AADSTS90002"}},
		{"clock", func(az *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			inner := az.Transport()
			c.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
				resp, err := inner.RoundTrip(r)
				if err == nil {
					resp.Header.Set("Date", time.Now().Add(10*time.Minute+30*time.Second).UTC().Format(http.TimeFormat))
				}
				return resp, err
			})}
		}, false, "warning", "Clock", []string{"10m", "behind", "NTP"}},
		{"Graph token", func(_ *azuretest.Server, c *azureoauth.Config, tok *oauth2.Token) {
			g, err := c.TokenFor(t.Context(), tok, "https://graph.microsoft.com/Mail.Read")
			if err != nil {
				t.Fatal(err)
			}
			*tok = *g
		}, true, "error", "Access token", []string{"Microsoft Graph", "2000003"}},
		{"other application", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) { c.ClientID = tenant }, true, "error", "Access token", []string{"issued to application"}},
		{"other resource", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.Resource = "https://mail.contoso.example"
		}, false, "warning", "Access token", []string{"audience"}},
		{"opaque token", func(_ *azuretest.Server, _ *azureoauth.Config, tok *oauth2.Token) { tok.AccessToken = "opaque" }, false, "info", "Access token", []string{"no fault"}},
		{"no refresh token", func(_ *azuretest.Server, _ *azureoauth.Config, tok *oauth2.Token) { tok.RefreshToken = "" }, false, "warning", "Refresh token", []string{"offline_access"}},
		{"127.0.0.1", func(_ *azuretest.Server, c *azureoauth.Config, _ *oauth2.Token) {
			c.RedirectURL = "http://127.0.0.1/cb"
		}, false, "warning", "Redirect URL", []string{"manifest"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			az := newServer(t, nil)
			cfg := registration(az)
			tok := signIn(t, az, cfg, nil).Token
			before := az.TokenRequests()
			changed := registration(az)
			c.change(az, changed, tok)
			if c.name == "Graph token" {
				before++
			}
			r := azureoauth.Diagnose(t.Context(), changed, tok, nil)
			if !has(r, c.s, c.subject, c.parts...) || r.OK() == c.bad {
				t.Errorf("OK %v\n%s", r.OK(), r)
			}
			if az.TokenRequests() != before {
				t.Error("a diagnosis asked for a token")
			}
			if out := everyPrint(r); strings.Contains(out, azuretest.DefaultClientSecret) || strings.Contains(out, tok.AccessToken) && len(tok.AccessToken) > 20 {
				t.Error("a secret stands in the report")
			}
		})
	}
}

func TestDiagnoseEWS(t *testing.T) {
	az := newServer(t, nil)
	tok := signIn(t, az, registration(az), nil).Token
	const exchange = "https://outlook.office365.com/EWS/Exchange.asmx"
	for _, c := range []struct {
		name, url string
		status    int
		header    http.Header
		s         azureoauth.Severity
		parts     []string
		token     bool
	}{
		{"blocked", exchange, 403, nil, "error", []string{"EwsAllowedAppIDs"}, true},
		{"audience", exchange, 401, http.Header{"X-Ms-Diagnostics": {`2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"`}, "Request-Id": {"r-1"}}, "error", []string{"2000003", "r-1", "another resource"}, true},
		{"no permission", exchange, 401, http.Header{"X-Ms-Diagnostics": {`2000008;reason="x"`}}, "error", []string{"API permissions"}, true},
		{"its own fault", exchange, 401, http.Header{"X-Ms-Diagnostics": {`2000007;reason="x"`}}, "error", []string{"try again later"}, true},
		{"throttled", exchange, 429, nil, "warning", []string{"throttles"}, true},
		{"claims challenge", exchange, 401, http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`}}, "warning", []string{"demands claims"}, true},
		{"works", exchange, 200, nil, "info", []string{"status 200"}, true},
		{"wrong path", exchange, 404, nil, "error", []string{"Exchange.asmx"}, true},
		{"down", exchange, 503, nil, "warning", []string{"later"}, true},
		{"another host gets no token", "https://mail.evil.example/EWS/Exchange.asmx", 401, http.Header{"Www-Authenticate": {"Negotiate, NTLM"}}, "error", []string{"does not offer OAuth", "NTLM"}, false},
		{"offers OAuth", "https://mail.contoso.example/EWS/Exchange.asmx", 401, http.Header{"Www-Authenticate": {exchangeChallenge}}, "info", []string{"offers OAuth"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent string
			cfg := registration(az)
			ews, entra := ewsAnswering(c.status, c.header, &sent).Transport, az.Transport()
			cfg.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
				if strings.HasPrefix(r.URL.String(), az.URL) {
					return entra.RoundTrip(r)
				}
				return ews.RoundTrip(r)
			})}
			if c.header == nil {
				ews = ewsAnswering(c.status, http.Header{}, &sent).Transport
			}
			r := azureoauth.Diagnose(t.Context(), cfg, tok, &azureoauth.DiagnoseOptions{EWSURL: c.url})
			if !has(r, c.s, "EWS", c.parts...) {
				t.Errorf("%s", r)
			}
			if got := sent == "Bearer "+tok.AccessToken; got != c.token {
				t.Errorf("token sent: %v", got)
			}
		})
	}
	// An expired token would be refused for that alone, which is no finding about the registration.
	var sent string
	old := *tok
	old.Expiry = time.Now().Add(-time.Minute)
	cfg := registration(az)
	ews, entra := ewsAnswering(401, http.Header{"Www-Authenticate": {exchangeChallenge}}, &sent).Transport, az.Transport()
	cfg.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.String(), az.URL) {
			return entra.RoundTrip(r)
		}
		return ews.RoundTrip(r)
	})}
	if r := azureoauth.Diagnose(t.Context(), cfg, &old, &azureoauth.DiagnoseOptions{EWSURL: exchange}); !r.OK() || strings.Contains(sent, old.AccessToken) {
		t.Errorf("%s", r)
	}
	// Offline nothing is asked.
	cfg = registration(az)
	cfg.HTTPClient = &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) { t.Error("asked"); return nil, http.ErrServerClosed })}
	azureoauth.Diagnose(t.Context(), cfg, tok, &azureoauth.DiagnoseOptions{EWSURL: exchange, Offline: true})
}
