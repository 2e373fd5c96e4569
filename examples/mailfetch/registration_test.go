package main

import (
	"bufio"
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// startTenant is a tenant that the program knows nothing about but its registration.
func startTenant(t *testing.T, o *demo.Options) *demo.Tenant {
	t.Helper()
	tenant, err := demo.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tenant.Close)
	return tenant
}

// registrationOf is what an administrator would fill in.
func registrationOf(tenant *demo.Tenant) map[string]string {
	return map[string]string{
		"client-id": demo.ClientID, "client-secret": demo.ClientSecret,
		"auth-url": tenant.Entra.AuthURL(), "token-url": tenant.Entra.TokenURL(),
		"endpoint": tenant.Exchange.Endpoint(),
	}
}

func flags(values map[string]string, more ...string) []string {
	args := []string{"-no-browser"}
	for name, value := range values {
		args = append(args, "-"+name, value)
	}
	return append(args, more...)
}

// mailfetchWithPerson runs the program as at a terminal: somebody opens the page whose address it prints.
func mailfetchWithPerson(t *testing.T, env map[string]string, args ...string) outcome {
	t.Helper()
	r, w := io.Pipe()
	defer w.Close()
	var stdout, stderr bytes.Buffer
	go func() {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if _, page, ok := strings.Cut(lines.Text(), "sign in on this page: "); ok {
				if err := azuretest.Browser(t.Context(), page); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	status := run(t.Context(), args, func(name string) string { return env[name] }, &stdout, io.MultiWriter(&stderr, w))
	return finished(t, status, &stdout, &stderr)
}

// A registration makes the program work on that tenant; what it leaves there is what the mailbox's owner finds.
func TestRealRegistration(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, &demo.Options{Mail: demo.Mail()[:48]})
	before := tenant.Inbox.Items("inbox")
	o := mailfetchWithPerson(t, nil, flags(registrationOf(tenant), "-json", "-out", t.TempDir())...).mustSucceed(t)
	if o.report.SignIns != 1 || o.report.Messages != 48 || o.report.Moved != 48 {
		t.Errorf("report: %+v", o.report)
	}

	if left := tenant.Inbox.Items("inbox"); len(left) != 0 {
		t.Errorf("%d messages are still in the inbox", len(left))
	}
	moved := tenant.Inbox.Items(processedFolder)
	if len(moved) != len(before) {
		t.Fatalf("%d messages in %s, want %d", len(moved), processedFolder, len(before))
	}
	for i, it := range moved {
		if !it.Read {
			t.Errorf("%q was not marked read", it.Subject)
		}
		if !bytes.Equal(it.MIME, before[i].MIME) {
			t.Errorf("%q is in the place of %q", it.Subject, before[i].Subject)
		}
	}

	// The answer: to the person who wrote last in the long thread, and part of it.
	sent := tenant.Inbox.Items("sentitems")
	if len(sent) != 1 {
		t.Fatalf("%d messages in Sent Items, want 1", len(sent))
	}
	var asked ewstest.Item
	for _, it := range before {
		if it.InternetMessageID == "<vpn.9@orchard-health.example>" {
			asked = it
		}
	}
	answer := sent[0]
	if asked.ID == "" || answer.ConversationID != asked.ConversationID || answer.InReplyTo != asked.InternetMessageID {
		t.Errorf("answer %q in reply to %s, conversation %s; want %s, %s", answer.Subject, answer.InReplyTo, answer.ConversationID, asked.InternetMessageID, asked.ConversationID)
	}
	if !strings.Contains(answer.References, "<vpn.1@orchard-health.example>") || !strings.HasSuffix(answer.References, "<vpn.9@orchard-health.example>") {
		t.Errorf("References: %s", answer.References)
	}
	out := tenant.Exchange.Outbound()
	if len(out) != 1 || len(out[0].To) != 1 || out[0].To[0] != "mei.tanaka@orchard-health.example" {
		t.Errorf("sent: %+v", out)
	}
	if drafts := tenant.Inbox.Items("drafts"); len(drafts) != 0 {
		t.Errorf("%d drafts are left", len(drafts))
	}
}

// The same by environment, with the secret in a file; a person's mailbox stays hers: a shared one is opened beside it.
func TestEnvironmentAndSharedMailbox(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, nil)
	const address = "Invoices@harbour-it.example"
	shared := tenant.Exchange.AddMailbox(address)
	shared.Grant(demo.Mailbox)
	for _, b := range content(t, demo.Mail()[:2]) {
		if _, err := shared.Deliver(b, nil); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(demo.ClientSecret+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"MAILFETCH_MAILBOX": address, "MAILFETCH_OUT": t.TempDir()}
	for name, value := range registrationOf(tenant) {
		env["MAILFETCH_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = value
	}
	env["MAILFETCH_CLIENT_SECRET"] = "file:" + secret
	o := mailfetchWithPerson(t, env, "-json", "-no-browser").mustSucceed(t)
	if o.report.Messages != 2 || o.report.Mailbox != address || len(shared.Items(processedFolder)) != 2 {
		t.Errorf("report: %+v", o.report)
	}
}

// Each field wrong in turn: the error names the flag and the fix, and nothing has left the machine.
func TestWrongRegistration(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, nil)
	right := registrationOf(tenant)
	for _, tt := range []struct {
		name  string
		set   map[string]string
		wants []string // in one line each
	}{
		{"client id empty", map[string]string{"client-id": ""}, []string{"-client-id: Client ID: empty; copy the Application (client) ID"}},
		{"client id no GUID", map[string]string{"client-id": "helpdesk"}, []string{"-client-id: ", "is not a GUID"}},
		{"secret empty", map[string]string{"client-secret": ""}, []string{"-client-secret: Client secret: empty; paste the secret's Value"}},
		{"secret's ID", map[string]string{"client-secret": "0f8fad5b-d9cb-469f-a165-70867728950e"}, []string{"-client-secret: ", "is the Secret ID", "paste the secret's Value"}},
		{"secret file missing", map[string]string{"client-secret": "file:/does/not/exist"}, []string{"-client-secret: ", "give the path of a file that holds nothing but the secret's Value"}},
		{"auth URL empty", map[string]string{"auth-url": ""}, []string{"-auth-url: ", "empty"}},
		{"auth URL http", map[string]string{"auth-url": "http://login.microsoftonline.com/common/oauth2/v2.0/authorize"}, []string{"-auth-url: ", "https"}},
		{"auth URL v1", map[string]string{"auth-url": strings.Replace(right["auth-url"], "/v2.0", "", 1)}, []string{"-auth-url: ", "v2"}},
		{"auth URL no URL", map[string]string{"auth-url": "login.microsoftonline.com"}, []string{"-auth-url: "}},
		{"token URL empty", map[string]string{"token-url": ""}, []string{"-token-url: ", "empty"}},
		{"token URL http", map[string]string{"token-url": "http://login.microsoftonline.com/common/oauth2/v2.0/token"}, []string{"-token-url: ", "https"}},
		{"token URL v1", map[string]string{"token-url": strings.Replace(right["token-url"], "/v2.0", "", 1)}, []string{"-token-url: ", "v2"}},
		{"URLs swapped", map[string]string{"auth-url": right["token-url"], "token-url": right["auth-url"]}, []string{"-auth-url: ", "-token-url: "}},
		{"scope empty", map[string]string{"scope": ""}, []string{"-scope: ", "EWS.AccessAsUser.All,offline_access"}},
		{"scope unknown", map[string]string{"scope": "EWS.AccesAsUser.All,offline_access"}, []string{"-scope: ", `"EWS.AccesAsUser.All"`, "EWS.AccessAsUser.All,offline_access"}},
		{"scope with quotes inside", map[string]string{"scope": `EWS."Access`}, []string{"-scope: "}},
		{"redirect URL http", map[string]string{"redirect-url": "http://helpdesk.example/callback"}, []string{"-redirect-url: ", "give http://localhost"}},
		{"redirect URL https", map[string]string{"redirect-url": "https://localhost/cb"}, []string{"-redirect-url: ", "no http address of this machine", "give http://localhost"}},
		{"redirect URL empty", map[string]string{"redirect-url": ""}, []string{"-redirect-url: ", "give http://localhost"}},
		{"scope of Graph", map[string]string{"scope": "https://graph.microsoft.com/Mail.Read offline_access"}, []string{"-scope: ", "Microsoft Graph", "give EWS.AccessAsUser.All,offline_access"}},
		{"mailbox list", map[string]string{"mailbox": "a@b.example, c@d.example"}, []string{"-mailbox: ", "write it like"}},
		{"endpoint empty", map[string]string{"endpoint": ""}, []string{"-endpoint: ", "https://outlook.office365.com/EWS/Exchange.asmx"}},
		{"endpoint http", map[string]string{"endpoint": "http://mail.example.com/EWS/Exchange.asmx"}, []string{"-endpoint: ", "use https"}},
		{"endpoint web mail", map[string]string{"endpoint": "https://outlook.office365.com/owa/"}, []string{"-endpoint: ", "web mail"}},
		{"mailbox no address", map[string]string{"mailbox": "helpdesk"}, []string{"-mailbox: ", "write it like"}},
		{"all empty", map[string]string{"client-id": "", "client-secret": "", "auth-url": "", "token-url": "", "scope": "", "endpoint": ""},
			[]string{"-client-id: ", "-client-secret: ", "-auth-url: ", "-token-url: ", "-scope: ", "-endpoint: "}},
		{"store without key", map[string]string{"store": "tokens"}, []string{"-key: missing", "MAILFETCH_KEY"}},
		{"key without store", map[string]string{"key": "k"}, []string{"-store: missing"}},
		{"demo flag", map[string]string{"mail": "."}, []string{"-mail: ", "remove one of the two"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			values := map[string]string{"out": filepath.Join(t.TempDir(), "out")}
			for k, v := range right {
				values[k] = v
			}
			for k, v := range tt.set {
				values[k] = v
			}
			o := mailfetch(t, nil, flags(values, "-json")...)
			if o.status != 2 {
				t.Errorf("exit status %d, want 2", o.status)
			}
			for _, want := range tt.wants {
				if !strings.Contains(o.stderr, want) {
					t.Errorf("%q is missing in:\n%s", want, o.stderr)
				}
			}
			seen := map[string]bool{}
			for l := range strings.Lines(o.stderr) {
				if flag, _, _ := strings.Cut(strings.TrimPrefix(l, "mailfetch: "), ":"); seen[flag] {
					t.Errorf("a second line about one mistake: %q", l)
				} else {
					seen[flag] = true
				}
				if !strings.HasPrefix(l, "mailfetch: -") {
					t.Errorf("a line that names no flag: %q", l)
				}
			}
			if _, err := os.Stat(values["out"]); err == nil {
				t.Error("the folder for mail was created")
			}
		})
	}
	if n := tenant.Entra.Counts(); n != (azuretest.Counts{}) || len(tenant.Exchange.Requests()) > 0 {
		t.Errorf("requests were sent: %+v", n)
	}
}

// AD FS names people CONTOSO\name. That is no address, and no reason to fail.
func TestAccountThatIsNoAddress(t *testing.T) {
	t.Parallel()
	entra, err := azuretest.NewServer(&azuretest.Options{Users: []azuretest.User{{UPN: `CONTOSO\support`, Name: "Support"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(entra.Close)
	exchange := ewstest.NewServer(&ewstest.Options{Verify: func(_ context.Context, bearer string) (ewstest.Identity, error) {
		_, err := entra.Verify(bearer)
		return ewstest.Identity{UPN: demo.Mailbox}, err
	}})
	t.Cleanup(exchange.Close)
	inbox := exchange.AddMailbox(demo.Mailbox)
	for _, b := range content(t, demo.Mail()[:1]) {
		if _, err := inbox.Deliver(b, nil); err != nil {
			t.Fatal(err)
		}
	}
	o := mailfetchWithPerson(t, nil, flags(registrationOf(&demo.Tenant{Entra: entra, Exchange: exchange}), "-out", t.TempDir())...).mustSucceed(t)
	if !strings.Contains(o.stdout, `CONTOSO\support`) || !strings.Contains(o.stdout, "moved") {
		t.Errorf("no table:\n%s", o.stdout)
	}
}

// The own address in other letters is the own mailbox.
func TestOwnAddressInOtherLetters(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, &demo.Options{Mail: demo.Mail()[:1]})
	mailfetchWithPerson(t, nil, flags(registrationOf(tenant), "-mailbox", strings.ToUpper(demo.Mailbox), "-out", t.TempDir())...).mustSucceed(t)
	for _, r := range tenant.Exchange.Requests() {
		if strings.Contains(string(r.Body), ":Mailbox>") {
			t.Errorf("opened as somebody else's: %s", r.Body)
		}
	}
}

// A public client has no secret; the environment says so as well as the flag.
func TestPublicClientByEnvironment(t *testing.T) {
	t.Parallel()
	values := map[string]string{"client-id": demo.ClientID, "client-secret": ""}
	for value, wants := range map[string]string{"true": "-auth-url: ", "perhaps": "-public: the environment has \"perhaps\"; set true or false"} {
		o := mailfetch(t, map[string]string{"MAILFETCH_PUBLIC": value}, flags(values)...)
		if o.status != 2 || !strings.Contains(o.stderr, wants) || strings.Contains(o.stderr, "-client-secret") {
			t.Errorf("%s: status %d\n%s", value, o.status, o.stderr)
		}
	}
}

// The page that -interactive opens waits for a click.
func TestInteractivePageWaits(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, &demo.Options{Interactive: true})
	pages := make(chan string, 1)
	r, w := io.Pipe()
	defer w.Close()
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if _, page, ok := strings.Cut(lines.Text(), "sign in on this page: "); ok {
				pages <- page
			}
		}
	}()
	done := make(chan outcome, 1)
	go func() {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), flags(registrationOf(tenant), "-json", "-out", t.TempDir()), func(string) string { return "" }, &stdout, io.MultiWriter(&stderr, w))
		done <- finished(t, status, &stdout, &stderr)
	}()
	page := <-pages
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	fetch := func(method, address, form string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	form := fetch(http.MethodGet, page, "")
	if !strings.Contains(form, demo.Mailbox) || tenant.Entra.TokenRequests() != 0 {
		t.Errorf("the page did not wait: %s", form)
	}
	value := func(name string) string {
		_, v, _ := strings.Cut(form, name+`="`)
		v, _, _ = strings.Cut(v, `"`)
		return html.UnescapeString(v)
	}
	fetch(http.MethodPost, value("action"), url.Values{
		"request": {value(`name="request" value`)}, "upn": {demo.Mailbox}, "answer": {"accept"},
	}.Encode())
	if o := <-done; o.status != 0 || o.report.SignIns != 1 {
		t.Errorf("status %d\n%s", o.status, o.stderr)
	}
}
