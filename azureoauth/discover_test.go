package azureoauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// As Exchange Online sends it: one line, commas inside quotes, a quoted realm at its end.
const exchangeChallenge = `Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", authorization_uri="https://login.windows.net/common/oauth2/authorize", error="invalid_token",Basic Realm=""`

func TestParseChallenges(t *testing.T) {
	type ch = azureoauth.Challenge
	for _, c := range []struct {
		name  string
		lines []string
		want  []ch
	}{
		{"none", nil, nil},
		{"Exchange", []string{exchangeChallenge}, []ch{{Scheme: "Bearer", Params: map[string]string{
			"client_id": "00000002-0000-0ff1-ce00-000000000000", "trusted_issuers": "00000001-0000-0000-c000-000000000000@*",
			"token_types": "app_asserted_user_v1 service_asserted_app_v1", "authorization_uri": "https://login.windows.net/common/oauth2/authorize", "error": "invalid_token",
		}}, {Scheme: "Basic", Params: map[string]string{"realm": ""}}}},
		{"quoted commas and escapes", []string{`Bearer realm="a, b=\"c\"", x=y`}, []ch{{Scheme: "Bearer", Params: map[string]string{"realm": `a, b="c"`, "x": "y"}}}},
		{"several lines", []string{"Negotiate", "NTLM", `Basic realm="x"`}, []ch{{Scheme: "Negotiate"}, {Scheme: "NTLM"}, {Scheme: "Basic", Params: map[string]string{"realm": "x"}}}},
		{"one line", []string{`Negotiate, NTLM, Basic realm=x`}, []ch{{Scheme: "Negotiate"}, {Scheme: "NTLM"}, {Scheme: "Basic", Params: map[string]string{"realm": "x"}}}},
		{"blob", []string{`NTLM TlRMTVNTUAACAAAA/+==, Bearer error=e`}, []ch{{Scheme: "NTLM"}, {Scheme: "Bearer", Params: map[string]string{"error": "e"}}}},
		{"quote without end", []string{`Bearer realm="x, Basic`}, []ch{{Scheme: "Bearer", Params: map[string]string{"realm": "x, Basic"}}}},
		{"the first of two counts", []string{`Bearer a=1, a=2`}, []ch{{Scheme: "Bearer", Params: map[string]string{"a": "1"}}}},
		{"blanks around =", []string{`Bearer a = 1, b= "2"`}, []ch{{Scheme: "Bearer", Params: map[string]string{"a": "1", "b": "2"}}}},
		{"garbage", []string{`,,;;"" =x {}`}, []ch{{Scheme: "x"}}},
	} {
		if diff := cmp.Diff(c.want, azureoauth.ParseChallenges(http.Header{"Www-Authenticate": c.lines})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if n := len(azureoauth.ParseChallenges(http.Header{"Www-Authenticate": {strings.Repeat("a,", 1<<20)}})); n > 64 {
		t.Errorf("%d challenges", n)
	}
}

func TestClaimsChallenge(t *testing.T) {
	const claims = `{"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}`
	const std = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0="
	for in, want := range map[string]string{
		`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` + std + `"`: claims,
		`Bearer error="insufficient_claims", claims="` + strings.TrimRight(std, "=") + `"`:                                                                  claims,
		`Bearer error=insufficient_claims, claims=` + strings.TrimRight(std, "="):                                                                           claims,
		`Basic realm="x", Bearer error="insufficient_claims", claims="` + std + `"`:                                                                         claims,
		`Bearer error="invalid_token", claims="` + std + `"`:                                                                                                "",
		`Bearer error="insufficient_claims", claims="!!!"`:                                                                                                  "",
		`Bearer error="insufficient_claims", claims="aGVsbG8="`:                                                                                             "",
		`Bearer error="insufficient_claims", claims="` + strings.Repeat("e", 40000) + `"`:                                                                   "",
		`Basic claims="` + std + `", error="insufficient_claims"`:                                                                                           "",
	} {
		if got := azureoauth.ClaimsChallenge(http.Header{"Www-Authenticate": {in}}); got != want {
			t.Errorf("%.60s: %q", in, got)
		}
	}
}

func TestDiscover(t *testing.T) {
	az := newServer(t, nil)
	o := &azureoauth.DiscoverOptions{AllowLoopbackHTTP: true}
	m, err := azureoauth.Discover(t.Context(), az.IssuerURL(), o)
	if err != nil || m.AuthURL != az.AuthURL() || m.TokenURL != az.TokenURL() || m.DeviceAuthURL != az.DeviceAuthURL() || m.TenantID != azuretest.DefaultTenantID || m.Date.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	_, err = azureoauth.Discover(t.Context(), az.URL+"/nowhere.example/v2.0", o)
	if e := wantError(t, err, azureoauth.ErrConfiguration); e.AADSTS != "AADSTS90002" {
		t.Error(e)
	}
	asked := ""
	hc := &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		if r.Header.Get("Authorization") != "" || r.Body != nil {
			t.Error("discovery sends something")
		}
		return jsonAnswer(200, `{"issuer":"https://x","authorization_endpoint":"https://evil.example/a","token_endpoint":"https://login.microsoftonline.us/t"}`), nil
	})}
	if _, err := azureoauth.Discover(t.Context(), "contoso.com", &azureoauth.DiscoverOptions{Cloud: azureoauth.CloudGCCHigh, HTTPClient: hc}); !errors.Is(err, azureoauth.ErrResponse) {
		t.Errorf("endpoints on two hosts: %v", err)
	}
	if asked != "https://login.microsoftonline.us/contoso.com/v2.0/.well-known/openid-configuration" {
		t.Errorf("asked %s", asked)
	}
	for _, bad := range []string{"", "a/b", "http://id.example", "https://u:p@id.example", "https://id.example/?x", "ftp://id.example"} {
		if _, err := azureoauth.Discover(t.Context(), bad, nil); err == nil {
			t.Errorf("%q is asked", bad)
		}
	}
}

// ews is an Exchange that answers a fixed status and headers, and notes the bearer token.
func ewsAnswering(status int, header http.Header, bearer *string) *http.Client {
	return &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		*bearer = r.Header.Get("Authorization")
		resp := jsonAnswer(status, "")
		resp.Header = header
		return resp, nil
	})}
}

func TestDiscoverEWS(t *testing.T) {
	var sent string
	for challenge, want := range map[string]azureoauth.EWSAnswer{
		exchangeChallenge: {StatusCode: 401, Bearer: true, Schemes: []string{"Bearer", "Basic"}, AuthURL: "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize", TokenURL: "https://login.microsoftonline.com/organizations/oauth2/v2.0/token", Diagnostics: "2000001;reason=\"x\"", RequestID: "r-1"},
		strings.Replace(exchangeChallenge, "@*", "@"+tenant+",00000004-0000@contoso.com", 1): {StatusCode: 401, Bearer: true, Schemes: []string{"Bearer", "Basic"}, Tenant: tenant, AuthURL: loginURL + "authorize", TokenURL: loginURL + "token", Diagnostics: "2000001;reason=\"x\"", RequestID: "r-1"},
		`Bearer authorization_uri="https://adfs.contoso.example/adfs/oauth2/authorize"`:      {StatusCode: 401, Bearer: true, Schemes: []string{"Bearer"}, AuthURL: "https://adfs.contoso.example/adfs/oauth2/authorize", TokenURL: "https://adfs.contoso.example/adfs/oauth2/token", Diagnostics: "2000001;reason=\"x\"", RequestID: "r-1"},
		`Bearer authorization_uri="javascript:alert(1)", NTLM`:                               {StatusCode: 401, Bearer: true, Schemes: []string{"Bearer", "NTLM"}, Diagnostics: "2000001;reason=\"x\"", RequestID: "r-1"},
		`Negotiate`: {StatusCode: 401, Schemes: []string{"Negotiate"}, Diagnostics: "2000001;reason=\"x\"", RequestID: "r-1"},
	} {
		h := http.Header{"Www-Authenticate": {challenge}, "X-Ms-Diagnostics": {"2000001;reason=\"x\""}, "Request-Id": {"r-1"}}
		got, err := azureoauth.DiscoverEWS(t.Context(), "https://mail.contoso.example/EWS/Exchange.asmx", &azureoauth.DiscoverOptions{HTTPClient: ewsAnswering(401, h, &sent)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, *got); diff != "" || sent != "Bearer" {
			t.Errorf("%.60s: sent %q (-want +got):\n%s", challenge, sent, diff)
		}
	}
	if _, err := azureoauth.DiscoverEWS(t.Context(), "http://mail.contoso.example/EWS", nil); err == nil {
		t.Error("http is asked")
	}
}

func TestAdminConsent(t *testing.T) {
	az := newServer(t, nil)
	cfg := registration(az)
	const state = "0123456789012345678901"
	page, err := cfg.AdminConsentURL(state)
	if err != nil {
		t.Fatal(err)
	}
	v := authorize(t, az, page)
	ask := func(v url.Values) (*azureoauth.AdminConsentResult, error) {
		r, _ := http.NewRequest("GET", "http://localhost/callback?"+v.Encode(), nil)
		return cfg.AdminConsent(state, r)
	}
	got, err := ask(v)
	if err != nil || got.TenantID != azuretest.DefaultTenantID || cmp.Diff([]string{"https://outlook.office365.com/.default"}, got.Scopes) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		err    error
	}{
		"wrong state": {func(v url.Values) { v.Set("state", "x") }, azureoauth.ErrWrongState},
		"two states":  {func(v url.Values) { v.Add("state", state) }, azureoauth.ErrWrongState},
		"refused":     {func(v url.Values) { v.Set("error", "access_denied") }, azureoauth.ErrAccessDenied},
		"neither":     {func(v url.Values) { v.Del("admin_consent") }, azureoauth.ErrResponse},
		"odd tenant":  {func(v url.Values) { v.Set("tenant", "<script>") }, azureoauth.ErrResponse},
	} {
		w := authorize(t, az, page)
		c.change(w)
		if _, err := ask(w); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cfg.AdminConsentURL("short"); err == nil {
		t.Error("a short state is accepted")
	}
	c := pasted()
	c.AuthURL, c.TokenURL = strings.Replace(c.AuthURL, tenant, "common", 1), strings.Replace(c.TokenURL, tenant, "common", 1)
	if page, err := c.AdminConsentURL(state); err != nil || !strings.HasPrefix(page, "https://login.microsoftonline.com/organizations/v2.0/adminconsent?") {
		t.Errorf("%s, %v", page, err)
	}
}

// AD FS: bare scope, resource parameter, paths of its own, MSIS errors.
func TestADFS(t *testing.T) {
	az := newServer(t, &azuretest.Options{ADFS: true, Resources: []string{"https://mail.contoso.example"}})
	cfg := registration(az)
	cfg.Resource = "https://mail.contoso.example/EWS/Exchange.asmx"
	page, p, err := cfg.AuthCodeURL(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(page)
	if u.Path != "/adfs/oauth2/authorize" || u.Query().Get("resource") != "https://mail.contoso.example/" || !strings.HasPrefix(u.Query().Get("scope"), "EWS.AccessAsUser.All offline_access") {
		t.Errorf("%s", page)
	}
	s, err := cfg.FinishSignIn(t.Context(), p, authorize(t, az, page))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := az.Verify(s.Token.AccessToken); err != nil || info.Audience != "https://mail.contoso.example/" || info.Scopes[0] != "EWS.AccessAsUser.All" {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := cfg.Refresh(t.Context(), s.Token); err != nil {
		t.Error(err)
	}
	_, err = cfg.Refresh(t.Context(), refreshOf("foreign"))
	if e := wantError(t, err, azureoauth.ErrSignInRequired); !strings.HasPrefix(e.AADSTS, "MSIS") {
		t.Error(e)
	}
	appOnly := registration(az)
	appOnly.Resource, appOnly.Scopes = cfg.Resource, []string{"full_access_as_app"}
	tok, err := appOnly.AppSource().Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := az.Verify(tok.AccessToken); info.Audience != "https://mail.contoso.example/" {
		t.Errorf("%+v", info)
	}
	r := azureoauth.Diagnose(t.Context(), cfg, s.Token, nil)
	if !r.OK() {
		t.Error(r)
	}
}

// A secret goes to no revocation endpoint of another host.
func TestRevokeStaysOnItsHost(t *testing.T) {
	asked := 0
	c := against(func(*http.Request) (*http.Response, error) { asked++; return jsonAnswer(200, "{}"), nil })
	for _, endpoint := range []string{"https://evil.example/revoke", "https://login.microsoftonline.com.evil.example/", "https://login.microsoftonline.com:444/", "http://login.microsoftonline.com/", "https://a:b@login.microsoftonline.com/", "::"} {
		if err := c.Revoke(t.Context(), endpoint, refreshOf("RT")); err == nil || asked != 0 {
			t.Errorf("%s: %v, %d requests", endpoint, err, asked)
		}
	}
	if err := c.Revoke(t.Context(), loginURL+"revoke", refreshOf("RT")); err != nil || asked != 1 {
		t.Errorf("%v, %d requests", err, asked)
	}
	if err := c.Revoke(t.Context(), loginURL+"revoke", nil); err != nil || asked != 1 {
		t.Errorf("nothing to revoke: %v", err)
	}
}
