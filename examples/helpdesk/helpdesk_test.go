package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// logs collects the program's output; it is written from several goroutines.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// mailDir is a small mailbox: the pages show five subjects, whatever lies behind them.
func mailDir(t *testing.T) string {
	dir := t.TempDir()
	for i := range 7 {
		text := fmt.Sprintf("From: Ann <ann@example.com>\r\nTo: %s\r\nSubject: Printer %d & more <b>\r\nMessage-ID: <%d@example.com>\r\n\r\nIt smokes.\r\n", demo.Mailbox, i+1, i)
		if err := os.WriteFile(fmt.Sprintf("%s/%d.eml", dir, i), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// visitor is a person with a browser.
type visitor struct {
	t      *testing.T
	app    *app
	client *http.Client
	seen   strings.Builder // every page
}

// start runs the program as main does, and returns a visitor of it.
func start(t *testing.T, args ...string) (*visitor, *logs) {
	t.Helper()
	out := &logs{}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan *app, 1), make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-mail", mailDir(t)}, args...), func(string) string { return strings.Repeat("0123456789abcdef", 4) }, out, func(a *app) { ready <- a })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	select {
	case a := <-ready:
		return visit(t, a), out
	case err := <-done:
		done <- nil
		t.Fatalf("the program did not start: %v\n%s", err, out)
	}
	return nil, nil
}

func visit(t *testing.T, a *app) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, app: a, client: &http.Client{Jar: jar, Transport: browser{&http.Transport{DisableKeepAlives: true}}, Timeout: 2 * time.Minute}}
}

// browser adds what every browser does: where a request comes from, unless the test says it.
type browser struct{ http.RoundTripper }

func (b browser) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header["Origin"] == nil && r.Header.Get("Referer") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return b.RoundTripper.RoundTrip(r)
}

func (v *visitor) page(resp *http.Response, err error) (int, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.seen.Write(b)
	if strings.Contains(string(b), "more <b>") {
		v.t.Error("a subject is not escaped")
	}
	return resp.StatusCode, html.UnescapeString(string(b))
}

func (v *visitor) get(path string) (int, string) {
	v.t.Helper()
	return v.page(v.client.Get(v.app.base.String() + path))
}

func (v *visitor) post(path string, form url.Values) (int, string) {
	v.t.Helper()
	return v.page(v.client.PostForm(v.app.base.String()+path, form))
}

var (
	requestInput = regexp.MustCompile(`name="request" value="([^"]*)"`)
	formInput    = regexp.MustCompile(`<input id="[a-z_]+" name="([a-z_]+)" value="([^"]*)"`)
)

// signIn clicks on Connect, and on Accept (or Cancel) of the sign-in page.
func (v *visitor) signIn(answer string) (int, string) {
	v.t.Helper()
	status, page := v.get("/connect")
	m := requestInput.FindStringSubmatch(page)
	if status != 200 || m == nil {
		v.t.Fatalf("no sign-in page: %d %s", status, page)
	}
	return v.page(v.client.PostForm(strings.Replace(v.app.tenant.Entra.AuthURL(), "authorize", "approve", 1),
		url.Values{"request": {html.UnescapeString(m[1])}, "upn": {demo.Mailbox}, "answer": {answer}}))
}

// form is the settings form as the browser holds it.
func (v *visitor) form() url.Values {
	v.t.Helper()
	_, page := v.get("/settings")
	f := url.Values{}
	for _, m := range formInput.FindAllStringSubmatch(page, -1) {
		f.Set(m[1], m[2])
	}
	return f
}

func contains(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(page, p) {
			t.Errorf("%q is missing in:\n%s", p, page)
		}
	}
}

// The whole story of a mailbox: connect, proof, revoked, banner, reconnect, disconnect.
func TestConnectProveReconnectDisconnect(t *testing.T) {
	v, out := start(t)
	_, page := v.get("/")
	contains(t, page, "is not connected", `href="/connect"`)

	status, page := v.signIn("accept")
	if status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	contains(t, page, "Connected.", demo.Mailbox, "https://outlook.office365.com/EWS.AccessAsUser.All", "<td>Inbox</td><td>7</td>", "Printer 7 & more <b>", "Newest in the inbox")
	if n := strings.Count(page, "<tr>"); n != 1+3+1+5 {
		t.Errorf("%d rows of folders and subjects", n)
	}

	// An administrator revokes the sessions, and the access token comes to its end.
	v.app.tenant.Entra.RevokeSessions(demo.Mailbox)
	v.app.tenant.Entra.Advance(2 * time.Hour)
	_, page = v.get("/")
	contains(t, page, "needs a new sign-in", "Reconnect", "Sign in")
	_, page = v.signIn("accept")
	contains(t, page, "Connected.")

	_, page = v.post("/disconnect", nil)
	contains(t, page, "is not connected")
	_, page = v.get("/")
	contains(t, page, "is not connected")

	all := v.seen.String() + out.String()
	for _, secret := range []string{demo.ClientSecret, "refresh_token", "Bearer ey", "eyJ0eXAi"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q stands in a page or the log", secret)
		}
	}
}

func TestSignInFailures(t *testing.T) {
	v, _ := start(t)
	status, page := v.signIn("cancel")
	if status != http.StatusForbidden {
		t.Errorf("cancelled: %d", status)
	}
	contains(t, page, "did not succeed", "access_denied")

	// A wrong secret, as the server tells it.
	f := v.form()
	f.Set("client_secret", "not-the-right-secret-value")
	v.post("/settings", f)
	status, page = v.signIn("accept")
	if status != http.StatusForbidden {
		t.Errorf("wrong secret: %d", status)
	}
	contains(t, page, "AADSTS7000215", "not its Secret ID")

	// The sign-in of another browser.
	stranger := visit(t, v.app)
	if status, page := stranger.get("/oauth/callback?code=x&state=y"); status != 400 || !strings.Contains(page, "No sign-in of this browser") {
		t.Errorf("%d %s", status, page)
	}
	// Another account than the mailbox's.
	f.Set("client_secret", demo.ClientSecret)
	f.Set("mailbox", "other@harbour-it.example")
	v.post("/settings", f)
	if _, page = v.get("/connect"); !strings.Contains(page, "AADSTS50034") { // the login hint names nobody of this tenant
		t.Errorf("%s", page)
	}
}

func TestAdminConsent(t *testing.T) {
	v, _ := start(t)
	status, page := v.get("/admin-consent")
	if status != 200 {
		t.Errorf("%d", status)
	}
	contains(t, page, "An administrator consented")
}

// Foreign pages, foreign names, frames, scripts.
func TestForeignPages(t *testing.T) {
	v, _ := start(t)
	base := v.app.base.String()
	for name, change := range map[string]func(*http.Request){
		"Origin":     func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		for _, path := range []string{"/settings", "/disconnect"} {
			r, _ := http.NewRequest(http.MethodPost, base+path, strings.NewReader("mailbox=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			change(r)
			if status, _ := v.page(v.client.Do(r)); status != http.StatusForbidden {
				t.Errorf("%s from another %s: %d", path, name, status)
			}
		}
	}
	for _, path := range []string{"/connect", "/admin-consent"} {
		r, _ := http.NewRequest(http.MethodGet, base+path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if status, _ := v.page(v.client.Do(r)); status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, status)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, base+"/settings", nil)
	r.Host = "evil.example"
	if status, page := v.page(v.client.Do(r)); status != http.StatusMisdirectedRequest || strings.Contains(page, "Client ID") {
		t.Errorf("a foreign name: %d %s", status, page)
	}
	for _, path := range []string{"/", "/settings", "/oauth/callback?state=x&code=y"} {
		resp, err := v.client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		csp := resp.Header.Get("Content-Security-Policy")
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") ||
			strings.Contains(string(b), "<script") || strings.Contains(string(b), "style=") || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s", path, csp)
		}
	}
	if status, _ := v.get("/nowhere"); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
	huge := url.Values{"mailbox": {strings.Repeat("x", 1<<20)}}
	if status, _ := v.post("/settings", huge); status != http.StatusBadRequest {
		t.Errorf("a form of a mebibyte: %d", status)
	}
}

// Settings and tokens outlive the program; the wrong key opens neither.
func TestRestart(t *testing.T) {
	dir := t.TempDir() + "/data"
	key := strings.Repeat("0123456789abcdef", 4)
	session := func(key string, use func(*visitor)) error {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		ready, done := make(chan *app, 1), make(chan error, 1)
		go func() {
			done <- run(ctx, []string{"-listen", "127.0.0.1:0", "-mail", mailDir(t), "-data", dir}, func(string) string { return key }, io.Discard, func(a *app) { ready <- a })
		}()
		select {
		case a := <-ready:
			use(visit(t, a))
			stop()
			return <-done
		case err := <-done:
			return err
		}
	}
	if err := session(key, func(v *visitor) { v.signIn("accept") }); err != nil {
		t.Fatal(err)
	}
	if err := session(key, func(v *visitor) {
		_, page := v.get("/")
		contains(t, page, "Connected.")
		if n := v.app.tenant.Entra.Counts().Authorize; n != 0 {
			t.Errorf("%d sign-ins", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := session(strings.Repeat("f", 64), func(*visitor) { t.Error("started with the wrong key") }); err == nil || !strings.Contains(err.Error(), "HELPDESK_KEY") {
		t.Errorf("wrong key: %v", err)
	}
	if err := session("", func(*visitor) { t.Error("started without a key") }); err == nil || !strings.Contains(err.Error(), "HELPDESK_KEY") {
		t.Errorf("no key: %v", err)
	}
}

// consentPage is the address of the consent page that the browser is sent to.
func (v *visitor) consentPage() *url.URL {
	v.t.Helper()
	stay := *v.client
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := stay.Get(v.app.base.String() + "/admin-consent")
	if err != nil {
		v.t.Fatal(err)
	}
	resp.Body.Close()
	u, err := resp.Location()
	if err != nil {
		v.t.Fatal(err)
	}
	return u
}

// The answer of a consent page counts in the browser that opened it, once, however many others have one open.
func TestAdminConsentBelongsToItsBrowser(t *testing.T) {
	v, _ := start(t)
	other := visit(t, v.app)
	answer := "/oauth/callback?admin_consent=True&tenant=" + demoTenantID + "&state=" + url.QueryEscape(v.consentPage().Query().Get("state"))
	other.consentPage()
	if status, page := other.get(answer); status != http.StatusBadRequest || strings.Contains(page, "consented") {
		t.Errorf("another browser's answer: %d %s", status, page)
	}
	if status, page := v.get(answer); status != http.StatusOK || !strings.Contains(page, "An administrator consented") {
		t.Errorf("the answer: %d %s", status, page)
	}
	if status, _ := v.get(answer); status != http.StatusBadRequest {
		t.Errorf("the answer again: %d", status)
	}
}
