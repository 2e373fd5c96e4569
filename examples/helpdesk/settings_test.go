package main

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// Every field wrong in turn: it is named with its fix, and nothing is saved or sent.
func TestSettingsAreCheckedBeforeAnythingIsSent(t *testing.T) {
	v, _ := start(t)
	good := v.form()
	contains(t, good.Get("scope"), "EWS.AccessAsUser.All,offline_access")
	_, page := v.get("/settings")
	contains(t, page, `value="`+v.app.base.String()+`/oauth/callback" readonly`)
	before := v.app.tenant.Entra.Counts()
	for field, cases := range map[string]map[string]string{
		"mailbox":       {"": "not an e-mail address", "help": "not an e-mail address", "Help <help@example.com>": "not an e-mail address"},
		"ews_url":       {"": "", "http://mail.example.com/EWS/Exchange.asmx": "https", "mail": "URL"},
		"client_id":     {"": "empty", "helpdesk": "not a GUID"},
		"client_secret": {"0f4dc1a2-11d0-4a43-9f4e-4d6f4f3c8c55": "Secret ID"},
		"auth_url":      {"": "empty", "http://login.microsoftonline.com/x/oauth2/v2.0/authorize": "https", "https://login.microsoftonline.com/x/oauth2/authorize": "v1 endpoint"},
		"token_url":     {"": "empty", good.Get("auth_url"): "authorization endpoint"},
		"scope":         {"": "empty", "EWS.AccessAsUser.Al": "unknown scope"},
	} {
		for value, want := range cases {
			f := url.Values{}
			for k := range good {
				f.Set(k, good.Get(k))
			}
			f.Set(field, value)
			status, page := v.post("/settings", f)
			if status != http.StatusUnprocessableEntity || !strings.Contains(page, `id="`+field+`-problem"`) || !strings.Contains(page, want) {
				t.Errorf("%s=%q: %d, want the field marked and %q:\n%s", field, value, status, want, page)
			}
			if field != "client_secret" && value != "" && !strings.Contains(page, value) {
				t.Errorf("%s=%q: what was typed is gone", field, value)
			}
			if field == "client_secret" && strings.Contains(page, value) {
				t.Error("the secret is shown")
			}
		}
	}
	if v.app.tenant.Entra.Counts() != before || v.app.current().settings.ClientSecret != demo.ClientSecret {
		t.Error("something was sent or saved")
	}

	// Correct ones are saved; an empty secret keeps the stored one.
	if _, page := v.post("/settings", good); !strings.Contains(page, "is not connected") {
		t.Errorf("%s", page)
	}
	if v.app.current().settings.ClientSecret != demo.ClientSecret {
		t.Error("the secret was lost")
	}
	_, page = v.signIn("accept")
	contains(t, page, "Connected.")
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-listen", "0.0.0.0:0"}, {"-url", "helpdesk"}, {"-url", "https://x.example/path"}, {"-nonsense"}} {
		if err := run(t.Context(), append([]string{"-demo=false", "-listen", "127.0.0.1:0"}, args...), func(string) string { return "" }, io.Discard, nil); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
	v, _ := start(t, "-demo=false")
	_, page := v.get("/")
	contains(t, page, "not set up yet")
	if f := v.form(); f.Get("scope") != "EWS.AccessAsUser.All,offline_access" || f.Get("ews_url") != "https://outlook.office365.com/EWS/Exchange.asmx" || f.Get("client_id") != "" {
		t.Errorf("%v", f)
	}
	if status, page := v.get("/connect"); status != 500 || !strings.Contains(page, "not complete") {
		t.Errorf("%d %s", status, page)
	}
}

const demoTenantID = "5f2b7a1c-3d4e-4f60-8a9b-0c1d2e3f4a5b" // any

// Tokens of a sign-in that was begun for one mailbox never become another one's.
func TestSettingsChangeDuringSignIn(t *testing.T) {
	v, _ := start(t)
	_, page := v.get("/connect")
	m := requestInput.FindStringSubmatch(page)
	if m == nil {
		t.Fatal(page)
	}
	f := v.form()
	f.Set("mailbox", "other@harbour-it.example")
	v.post("/settings", f)
	status, page := v.page(v.client.PostForm(strings.Replace(v.app.tenant.Entra.AuthURL(), "authorize", "approve", 1),
		url.Values{"request": {html.UnescapeString(m[1])}, "upn": {demo.Mailbox}, "answer": {"accept"}}))
	if status != http.StatusConflict || !strings.Contains(page, "settings were changed") {
		t.Errorf("%d %s", status, page)
	}
	_, page = v.get("/")
	contains(t, page, "other@harbour-it.example is not connected")
	if n := v.app.tenant.Entra.Counts().Token; n != 0 {
		t.Errorf("%d token requests", n)
	}
}

// Whoever may change the settings must not be able to send what is stored to an address of his own.
func TestSecretsStayWithTheirServer(t *testing.T) {
	v, _ := start(t)
	v.signIn("accept")
	good := v.form()
	f := v.form()
	f.Set("token_url", "https://evil.example/token")
	f.Set("auth_url", "https://evil.example/authorize")
	if status, page := v.post("/settings", f); status != http.StatusUnprocessableEntity || !strings.Contains(page, `id="client_secret-problem"`) {
		t.Errorf("the stored secret goes to another server: %d %s", status, page)
	}
	f.Set("client_secret", "another-secret-for-another-server")
	_, page := v.post("/settings", f)
	contains(t, page, "is not connected")

	good.Set("client_secret", demo.ClientSecret)
	good.Set("ews_url", strings.Replace(good.Get("ews_url"), "/EWS/", "/ews/", 1))
	_, page = v.post("/settings", good)
	contains(t, page, "is not connected")
}

// A new secret that was not saved must not be taken for the stored one.
func TestUnsavedSecretIsAskedForAgain(t *testing.T) {
	v, _ := start(t)
	f := v.form()
	f.Set("client_secret", "a-new-and-perfectly-good-secret")
	f.Set("scope", "")
	status, page := v.post("/settings", f)
	if status != http.StatusUnprocessableEntity || strings.Contains(page, "perfectly-good") || strings.Contains(page, "Stored. Leave it empty") {
		t.Errorf("%d %s", status, page)
	}
	contains(t, page, "not saved, since other fields are wrong; enter it again")
}

// A damaged record of tokens is told, and is no "not connected".
func TestDamagedTokens(t *testing.T) {
	dir := t.TempDir() + "/data"
	v, _ := start(t, "-data", dir)
	settings, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	v.signIn("accept")
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && len(b) > 100 && !slices.Contains(settings, f) {
			b[len(b)-5] ^= 1
			if err := os.WriteFile(f, b, 0o600); err != nil {
				t.Fatal(err)
			}
			damaged++
		}
	}
	if damaged == 0 {
		t.Fatal("no record of tokens found")
	}
	_, page := v.get("/")
	contains(t, page, "The stored sign-in cannot be read")
	if strings.Contains(page, "is not connected") {
		t.Error(page)
	}
}

// Whatever is typed into a field comes back as text.
func TestFieldsAreEscaped(t *testing.T) {
	v, _ := start(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	f := v.form()
	for _, name := range []string{"mailbox", "ews_url", "client_id", "client_secret", "auth_url", "token_url", "scope"} {
		f.Set(name, evil)
	}
	resp, err := v.client.PostForm(v.app.base.String()+"/settings", f)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusUnprocessableEntity || strings.Contains(string(b), "<script") || strings.Contains(string(b), "<img") {
		t.Errorf("%d %v %s", resp.StatusCode, err, b)
	}
}
