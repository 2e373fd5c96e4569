package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/tokenstore"
)

const hexKey = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"

func TestSecondRunDoesNotSignIn(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "tokens")
	args := []string{"-json", "-mail", smallMail(t), "-limit", "2", "-store", store, "-out", t.TempDir()}
	env := map[string]string{"MAILFETCH_KEY": hexKey}
	if r := mailfetch(t, env, args...).mustSucceed(t).report; r.SignIns != 1 || r.Refreshes != 0 {
		t.Errorf("first run: %d sign-ins, %d refreshes", r.SignIns, r.Refreshes)
	}
	if r := mailfetch(t, env, args...).mustSucceed(t).report; r.SignIns != 0 || r.Refreshes != 0 || r.Mailbox != demo.Mailbox {
		t.Errorf("second run: %+v", r)
	}
	for name, text := range tree(t, store) {
		for _, canary := range []string{demo.Mailbox, "refresh_token", "eyJ", hexKey} {
			if strings.Contains(text, canary) {
				t.Errorf("%s holds %q in clear", name, canary)
			}
		}
	}
}

// An access token that is no longer good costs a refresh, and no person.
func TestStaleTokenIsRefreshed(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "tokens")
	args := []string{"-json", "-mail", smallMail(t), "-limit", "2", "-store", store, "-key", hexKey, "-out", t.TempDir()}
	mailfetch(t, nil, append(args, "-demo-token-lifetime", "75m")...).mustSucceed(t)
	expire(t, store)
	if r := mailfetch(t, nil, args...).mustSucceed(t).report; r.SignIns != 0 || r.Refreshes != 1 {
		t.Errorf("%d sign-ins, %d refreshes; want 0 and 1", r.SignIns, r.Refreshes)
	}
}

// expire puts the end of the stored access tokens into the past.
func expire(t *testing.T, dir string) {
	t.Helper()
	s, err := openStore(t.Context(), dir, hexKey)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for key, err := range s.(tokenstore.Lister).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		var state map[string]any
		if err := json.Unmarshal(r.Data, &state); err != nil {
			t.Fatal(err)
		}
		state["expiry"] = time.Now().Add(-time.Minute).UTC()
		if r.Data, err = json.Marshal(state); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), key, r); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 1 {
		t.Fatalf("%d records", n)
	}
}

// When the refresh token is dead as well, a person is asked again.
func TestDeadSignInIsRenewed(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, &demo.Options{Mail: demo.Mail()[:1]})
	args := flags(registrationOf(tenant), "-json", "-read-only", "-store", filepath.Join(t.TempDir(), "tokens"), "-key", hexKey, "-out", t.TempDir())
	mailfetchWithPerson(t, nil, args...).mustSucceed(t)
	tenant.Entra.RevokeSessions(demo.Mailbox)
	o := mailfetchWithPerson(t, nil, args...).mustSucceed(t)
	if o.report.SignIns != 0 {
		t.Errorf("the access token was still good, and somebody had to sign in")
	}
	tenant.Entra.Advance(2 * time.Hour)
	// The program's clock says that the token is good; Exchange says no, and so does Entra.
	o = mailfetchWithPerson(t, nil, args...).mustSucceed(t)
	if o.report.SignIns != 1 || o.report.Messages != 1 || !strings.Contains(o.stderr, "a new one is needed: ") {
		t.Errorf("report %+v\n%s", o.report, o.stderr)
	}
}

func TestWrongKeyLeavesTheStoreAlone(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "tokens")
	args := []string{"-json", "-mail", smallMail(t), "-limit", "1", "-store", store}
	mailfetch(t, nil, append(args, "-key", hexKey, "-out", t.TempDir())...).mustSucceed(t)
	before := tree(t, store)
	if len(before) == 0 {
		t.Fatal("nothing was stored")
	}
	for _, key := range []string{strings.Repeat("ff", 32), "a passphrase", "base64:" + strings.Repeat("A", 43) + "="} {
		out := filepath.Join(t.TempDir(), "out")
		o := mailfetch(t, nil, append(args, "-key", key, "-out", out)...)
		if o.status != 2 || len(o.report.Errors) != 1 || !strings.HasPrefix(o.report.Errors[0], "-key: ") {
			t.Errorf("status %d, errors %q", o.status, o.report.Errors)
		}
		if strings.Contains(o.stderr+o.stdout, key) {
			t.Errorf("the key is printed: %s", o.stderr)
		}
		if diff := cmp.Diff(before, tree(t, store)); diff != "" {
			t.Errorf("the store was changed:\n%s", diff)
		}
		if _, err := os.Stat(out); err == nil {
			t.Error("the folder for mail was created")
		}
	}
	r := mailfetch(t, nil, append(args, "-key", hexKey, "-out", t.TempDir())...).mustSucceed(t).report
	if r.SignIns != 0 {
		t.Error("the right key no longer opens the store")
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(hexKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-json", "-mail", smallMail(t), "-limit", "1", "-store", filepath.Join(dir, "tokens"), "-out", filepath.Join(dir, "out")}
	mailfetch(t, nil, append(args, "-key", "file:"+file)...).mustSucceed(t)
	for _, same := range []string{file, hexKey, "hex:" + hexKey} {
		if r := mailfetch(t, nil, append(args, "-key", same)...).mustSucceed(t).report; r.SignIns != 0 {
			t.Errorf("the same key in another form signs in again")
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	o := mailfetch(t, nil, append(args, "-key", file)...)
	if o.status != 2 || !strings.Contains(o.stderr, "-key: ") {
		t.Errorf("a missing key file: status %d\n%s", o.status, o.stderr)
	}
}

// What one tenant's servers gave is never shown to another one's, nor used for another scope.
func TestTokensStayWithTheirTenant(t *testing.T) {
	t.Parallel()
	one, two := startTenant(t, nil), startTenant(t, nil) // twins: each would accept the other's tokens
	store := filepath.Join(t.TempDir(), "tokens")
	signIns := func(set map[string]string) int {
		values := registrationOf(one)
		for k, v := range set {
			values[k] = v
		}
		o := mailfetchWithPerson(t, nil, flags(values, "-json", "-store", store, "-key", hexKey, "-out", t.TempDir())...).mustSucceed(t)
		return o.report.SignIns
	}
	const scope = "EWS.AccessAsUser.All,offline_access"
	for _, tt := range []struct {
		name string
		set  map[string]string
		want int
	}{
		{"first", nil, 1},
		{"again", nil, 0},
		{"the same scope, written differently", map[string]string{"scope": strings.Replace(scope, ",", " ; ", 1)}, 0},
		{"endpoint", map[string]string{"endpoint": two.Exchange.Endpoint()}, 1},
		{"sign-in servers", map[string]string{"auth-url": two.Entra.AuthURL(), "token-url": two.Entra.TokenURL()}, 1},
		{"scope", map[string]string{"scope": scope + ",openid"}, 1},
		{"and the first once more", nil, 0},
	} {
		if got := signIns(tt.set); got != tt.want {
			t.Errorf("%s: %d sign-ins, want %d", tt.name, got, tt.want)
		}
	}
}

// A damaged file is not the key's fault, and the line does not say so.
func TestDamagedStoreIsNotBlamedOnTheKey(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "tokens")
	args := []string{"-json", "-mail", t.TempDir(), "-store", store, "-key", hexKey, "-out", t.TempDir()}
	mailfetch(t, nil, args...).mustSucceed(t)
	files, err := filepath.Glob(filepath.Join(store, "*.token"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string]string{"cut": string(whole[:len(whole)/2]), "a bit": string(whole[:len(whole)-1]) + "\x00", "empty": ""} {
		if err := os.WriteFile(files[0], []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		o := mailfetch(t, nil, args...)
		if o.status != 1 || len(o.report.Errors) != 1 || !strings.HasPrefix(o.report.Errors[0], "-store: ") || !strings.Contains(o.report.Errors[0], "backup") || strings.Contains(o.report.Errors[0], "-key") {
			t.Errorf("%s: status %d, errors %q", name, o.status, o.report.Errors)
		}
	}
}

func TestWrongStoreAndKeySettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ store, key, want string }{
		{file, hexKey, "-store: "},
		{t.TempDir() + "/s", "/does/not/exist", "-key: "},
		{t.TempDir() + "/s", "nokey.hex", "-key: "},
		{t.TempDir() + "/s", hexKey[1:], "-key: "},
	} {
		o := mailfetch(t, nil, "-json", "-mail", t.TempDir(), "-store", tt.store, "-key", tt.key)
		if o.status != 2 || len(o.report.Errors) != 1 || !strings.HasPrefix(o.report.Errors[0], tt.want) || o.report.SignIns != 0 {
			t.Errorf("%+v: status %d, errors %q", tt, o.status, o.report.Errors)
		}
	}
}

// Nothing that is printed holds a secret, however much is printed.
func TestNothingPrintedHoldsASecret(t *testing.T) {
	t.Parallel()
	tenant := startTenant(t, &demo.Options{Mail: demo.Mail()[:3]})
	args := flags(registrationOf(tenant), "-json", "-v", "-store", filepath.Join(t.TempDir(), "tokens"), "-key", hexKey, "-out", t.TempDir())
	o := mailfetchWithPerson(t, nil, args...).mustSucceed(t)
	if !strings.Contains(o.stderr, "GetItem") {
		t.Errorf("-v logs no requests:\n%s", o.stderr)
	}
	secrets := []string{demo.ClientSecret, hexKey, "eyJ", "Bearer "}
	for _, r := range tenant.Entra.Requests() {
		for _, field := range []string{"code", "code_verifier", "refresh_token"} {
			secrets = append(secrets, r.Form[field]...)
		}
	}
	if len(secrets) < 6 {
		t.Fatalf("the token requests held no secrets to look for: %d", len(secrets))
	}
	for _, secret := range secrets {
		if strings.Contains(o.stderr+o.stdout, secret) {
			t.Errorf("printed: %.20q...", secret)
		}
	}
}

func TestTemporaryStoreIsRemoved(t *testing.T) {
	// Not parallel: it looks at the folder for temporary files.
	mail, tmp := smallMail(t), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp)
	r := mailfetch(t, nil, "-json", "-mail", mail, "-limit", "1").mustSucceed(t).report
	entries, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || filepath.Join(tmp, entries[0].Name()) != r.Out {
		t.Errorf("left in %s: %v; want only the mail in %s", tmp, entries, r.Out)
	}
}
