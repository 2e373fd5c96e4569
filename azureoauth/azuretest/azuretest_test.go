package azuretest_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

const (
	redirect  = "http://localhost:1234/callback"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	scope     = "https://outlook.office365.com/EWS.AccessAsUser.All offline_access openid"
)

func start(t testing.TB, o *azuretest.Options) *azuretest.Server {
	t.Helper()
	s, err := azuretest.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func do(t testing.TB, s *azuretest.Server, method, target string, form url.Values) (*http.Response, []byte) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

type answer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string
	Error        string
	SubError     string
	Description  string `json:"error_description"`
	Codes        []int  `json:"error_codes"`
	Timestamp    string
	TraceID      string `json:"trace_id"`
	Correlation  string `json:"correlation_id"`
	URI          string `json:"error_uri"`
	status       int
}

func (a answer) code() int {
	if len(a.Codes) == 0 {
		return 0
	}
	return a.Codes[0]
}

func post(t testing.TB, s *azuretest.Server, kv ...string) answer {
	t.Helper()
	form := url.Values{"client_id": {azuretest.DefaultClientID}, "client_secret": {azuretest.DefaultClientSecret}}
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == "" {
			form.Del(kv[i])
			continue
		}
		form.Set(kv[i], kv[i+1])
	}
	resp, b := do(t, s, http.MethodPost, s.TokenURL(), form)
	a := answer{status: resp.StatusCode}
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	return a
}

func authorizeURL(s *azuretest.Server, kv ...string) string {
	q := url.Values{"client_id": {azuretest.DefaultClientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {scope}, "state": {"s"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(kv); i += 2 {
		q.Set(kv[i], kv[i+1])
	}
	return s.AuthURL() + "?" + q.Encode()
}

func newCode(t testing.TB, s *azuretest.Server, kv ...string) string {
	t.Helper()
	resp, b := do(t, s, http.MethodGet, authorizeURL(s, kv...), nil)
	to, err := resp.Location()
	if err != nil || to.Query().Get("code") == "" || to.Query().Get("state") != "s" {
		t.Fatalf("%d %v %s", resp.StatusCode, to, b)
	}
	return to.Query().Get("code")
}

func redeem(t testing.TB, s *azuretest.Server, kv ...string) answer {
	t.Helper()
	return post(t, s, append([]string{"grant_type", "authorization_code", "code", newCode(t, s), "redirect_uri", redirect, "code_verifier", verifier}, kv...)...)
}

func refresh(t testing.TB, s *azuretest.Server, token string, kv ...string) answer {
	t.Helper()
	return post(t, s, append([]string{"grant_type", "refresh_token", "refresh_token", token}, kv...)...)
}

func TestCodeRules(t *testing.T) {
	s := start(t, nil)
	ok := redeem(t, s)
	if ok.AccessToken == "" || ok.RefreshToken == "" || ok.IDToken == "" || ok.Scope != "https://outlook.office365.com/EWS.AccessAsUser.All" {
		t.Fatalf("%+v", ok)
	}
	for name, c := range map[string]struct {
		kv   []string
		code int
		err  string
	}{
		"wrong verifier":    {[]string{"code_verifier", strings.Repeat("x", 43)}, 501481, "invalid_grant"},
		"short verifier":    {[]string{"code_verifier", "x"}, 501491, "invalid_grant"},
		"no verifier":       {[]string{"code_verifier", ""}, 501491, "invalid_grant"},
		"other redirect":    {[]string{"redirect_uri", "http://localhost:1/callback"}, 50011, "invalid_grant"},
		"garbage code":      {[]string{"code", "x"}, 70000, "invalid_grant"},
		"refresh as code":   {[]string{"code", ok.RefreshToken}, 70000, "invalid_grant"},
		"wrong secret":      {[]string{"client_secret", "x"}, 7000215, "invalid_client"},
		"no secret":         {[]string{"client_secret", ""}, 7000218, "invalid_client"},
		"no client":         {[]string{"client_id", ""}, 900144, "invalid_request"},
		"unknown client":    {[]string{"client_id", "x"}, 700016, "unauthorized_client"},
		"unknown grant":     {[]string{"grant_type", "password"}, 70003, "unsupported_grant_type"},
		"v1 parameter":      {[]string{"resource", "https://outlook.office365.com"}, 901002, "invalid_request"},
		"two resources":     {[]string{"scope", "User.Read https://outlook.office365.com/EWS.AccessAsUser.All"}, 700022, "invalid_scope"},
		"comma in scope":    {[]string{"scope", "EWS.AccessAsUser.All,offline_access"}, 70011, "invalid_scope"},
		"unknown resource":  {[]string{"scope", "https://nowhere.example/x"}, 500011, "invalid_resource"},
		"path as resource":  {[]string{"scope", "https://outlook.office365.com/ews/Exchange.asmx/.default"}, 500011, "invalid_resource"},
		"foreign assertion": {[]string{"client_secret", "", "client_assertion", "x", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, 700027, "invalid_client"},
	} {
		a := redeem(t, s, c.kv...)
		if a.code() != c.code || a.Error != c.err || a.AccessToken != "" {
			t.Errorf("%s: %d %+v", name, a.code(), a)
		}
	}
	code := newCode(t, s)
	again := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "code_verifier", verifier}
	first := post(t, s, again...)
	if a := post(t, s, again...); a.code() != 54005 {
		t.Errorf("a code twice: %+v", a)
	}
	if a := refresh(t, s, first.RefreshToken); a.Error != "invalid_grant" {
		t.Errorf("what was issued for a code used twice lives: %+v", a)
	}
	code = newCode(t, s)
	s.Advance(10*time.Minute + time.Second)
	again[3] = code
	if a := post(t, s, again...); a.code() != 70008 {
		t.Errorf("an old code: %+v", a)
	}
}

// A bare Exchange scope is one of Graph, as at Entra.
func TestBareScopeIsGraph(t *testing.T) {
	s := start(t, nil)
	a := post(t, s, "grant_type", "authorization_code", "code", newCode(t, s, "scope", "EWS.AccessAsUser.All offline_access"), "redirect_uri", redirect, "code_verifier", verifier)
	if i, err := s.Verify(a.AccessToken); err != nil || i.Audience != azuretest.ResourceGraph {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestAuthorizeRules(t *testing.T) {
	s := start(t, nil)
	for name, c := range map[string]struct {
		kv   []string
		want string // of the redirect's error, or of the page
	}{
		"unknown client":      {[]string{"client_id", "x"}, "AADSTS700016"},
		"unregistered":        {[]string{"redirect_uri", "https://evil.example/"}, "AADSTS50011"},
		"other path":          {[]string{"redirect_uri", "http://localhost/other"}, "AADSTS50011"},
		"host like localhost": {[]string{"redirect_uri", "http://localhost.evil.example/callback"}, "AADSTS50011"},
		"user in front":       {[]string{"redirect_uri", "http://x@localhost/callback"}, "AADSTS50011"},
		"user before host":    {[]string{"redirect_uri", "http://localhost@evil.example/callback"}, "AADSTS50011"},
		"response_type":       {[]string{"response_type", "token"}, "unsupported_response_type"},
		"no scope":            {[]string{"scope", ""}, "invalid_request"},
		"short challenge":     {[]string{"code_challenge", "x"}, "invalid_request"},
		"application scope":   {[]string{"scope", "https://outlook.office365.com/full_access_as_app"}, "invalid_client"},
	} {
		resp, b := do(t, s, http.MethodGet, authorizeURL(s, c.kv...), nil)
		got := string(b)
		if to, err := resp.Location(); err == nil {
			got = to.Query().Get("error")
			if to.Query().Get("code") != "" || to.Hostname() != "localhost" {
				t.Errorf("%s: redirected to %s", name, to)
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
	}
	resp, b := do(t, s, http.MethodGet, authorizeURL(s, "response_mode", "form_post"), nil)
	if resp.StatusCode != 200 || !strings.Contains(string(b), `action="`+redirect+`"`) || !strings.Contains(string(b), `name="code"`) {
		t.Errorf("form_post: %s", b)
	}
	resp, _ = do(t, s, http.MethodGet, authorizeURL(s, "response_mode", "fragment"), nil)
	if !strings.Contains(resp.Header.Get("Location"), "#") {
		t.Errorf("fragment: %s", resp.Header.Get("Location"))
	}
	plain := newCode(t, s, "code_challenge", verifier, "code_challenge_method", "plain")
	if a := post(t, s, "grant_type", "authorization_code", "code", plain, "redirect_uri", redirect, "code_verifier", verifier); a.Error == "" {
		t.Error("plain PKCE works")
	}
}

// Tokens verify against the published key, as an importer's resource server would do it.
func TestPublishedKeys(t *testing.T) {
	s := start(t, nil)
	_, b := do(t, s, http.MethodGet, s.IssuerURL()+"/.well-known/openid-configuration", nil)
	var meta struct {
		Issuer string
		JWKS   string `json:"jwks_uri"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.Unmarshal(b, &meta); err != nil || meta.Issuer != s.IssuerURL() || meta.Token != s.TokenURL() {
		t.Fatalf("%s", b)
	}
	_, b = do(t, s, http.MethodGet, meta.JWKS, nil)
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := json.Unmarshal(b, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s", b)
	}
	n, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	e, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	a := redeem(t, s)
	for name, jwt := range map[string]string{"access": a.AccessToken, "ID": a.IDToken} {
		p := strings.Split(jwt, ".")
		sum := sha256.Sum256([]byte(p[0] + "." + p[1]))
		sig, _ := base64.RawURLEncoding.DecodeString(p[2])
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
			t.Errorf("%s token: %v", name, err)
		}
	}
}

func TestInteractivePage(t *testing.T) {
	s := start(t, &azuretest.Options{Interactive: true})
	resp, b := do(t, s, http.MethodGet, authorizeURL(s), nil)
	if resp.StatusCode != 200 || !strings.Contains(string(b), "Accept") {
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	m := regexp.MustCompile(`name="request" value="([^"]*)"`).FindStringSubmatch(string(b))
	if m == nil {
		t.Fatalf("%s", b)
	}
	request := html.UnescapeString(m[1])
	for answer, want := range map[string]string{"accept": "code", "cancel": "error"} {
		resp, _ := do(t, s, http.MethodPost, strings.Replace(s.AuthURL(), "authorize", "approve", 1), url.Values{"request": {request}, "upn": {azuretest.DefaultUPN}, "answer": {answer}})
		if to, err := resp.Location(); err != nil || !to.Query().Has(want) {
			t.Errorf("%s: %v, %v", answer, to, err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []azuretest.Options{{Apps: []azuretest.App{}}, {Users: []azuretest.User{}}} {
		if s, err := azuretest.NewServer(&o); err == nil {
			s.Close()
			t.Errorf("%+v is accepted", o)
		}
	}
}

func ExampleServer() {
	az, err := azuretest.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer az.Close()
	az.Fail(azuretest.Fault{Case: "ClientSecretExpired"})
	resp, err := az.HTTPClient().PostForm(az.TokenURL(), url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	var answer struct{ Error string }
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	fmt.Println(resp.StatusCode, answer.Error)
	// Output: 401 invalid_client
}
