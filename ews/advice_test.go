package ews_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// TestAdvice: a block tells the administrator what to run, with everything filled in.
func TestAdvice(t *testing.T) {
	rt := &script{answers: []answer{reply(403, "")}}
	c := newClient(t, rt, nil)
	err := c.Shared("team@example.com").DoCall(t.Context(), getItem(nil))
	var adviser interface{ Advice() string }
	if !errors.Is(err, ews.ErrEWSBlocked) || !errors.As(err, &adviser) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"11111111-aaaa-bbbb-cccc-000000000001", "team@example.com", `"ewsmail"`, "11111111-2222-3333-4444-555555555555",
		"Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy | fl EwsEnabled,EwsAllowedAppIDs\n",
		"Set-OrganizationConfig -EwsAllowedAppIDs \"<existing ids>,11111111-aaaa-bbbb-cccc-000000000001\"\n",
		"Set-OrganizationConfig -EwsEnabled $true\n", "Set-CASMailbox team@example.com -EwsEnabled $true\n",
		"1 October 2026", "1 April 2027", "EwsApplicationAccessPolicy",
	} {
		if !strings.Contains(adviser.Advice(), want) {
			t.Errorf("advice lacks %q:\n%s", want, adviser.Advice())
		}
	}
	if ews.MaybeApplied(err) || asError(t, err).Temporary() || asError(t, err).NeedsSignIn() {
		t.Error("a block is neither temporary nor the credentials' fault")
	}
	// A proxy's 403 is told apart where it can be.
	proxy := raw("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html><title>Corp Firewall</title></html>")
	err = newClient(t, &script{answers: []answer{proxy}}, nil).Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrEWSBlocked) || !strings.Contains(err.Error(), "Corp Firewall") || !strings.Contains(err.Error(), "proxy or firewall") {
		t.Error(err)
	}
	err = newClient(t, &script{answers: []answer{reply(403, "", "Restrict-Access-Confirm", "1")}}, nil).Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrEWSBlocked) || !strings.Contains(err.Error(), "tenant restrictions") {
		t.Error(err)
	}
	// A fault with 403 is no block.
	err = newClient(t, &script{answers: []answer{reply(403, fault("ErrorAccessDenied", ""))}}, nil).Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrDenied) || errors.Is(err, ews.ErrEWSBlocked) {
		t.Error(err)
	}
}

// TestAdviceIsQuoted: the commands can be pasted whatever the address and the client id hold, and do nothing else.
func TestAdviceIsQuoted(t *testing.T) {
	for address, want := range map[string]string{
		"plain.name+x@example.com":     "Set-CASMailbox plain.name+x@example.com -EwsEnabled $true\n",
		"o'brien@example.com":          "Set-CASMailbox 'o''brien@example.com' -EwsEnabled $true\n",
		"o\u2019brien@example.com":     "Set-CASMailbox 'o\u2019\u2019brien@example.com' -EwsEnabled $true\n",
		"$(Stop-Computer)@example.com": "Set-CASMailbox '$(Stop-Computer)@example.com' -EwsEnabled $true\n",
		"a|b&c@example.com":            "Set-CASMailbox 'a|b&c@example.com' -EwsEnabled $true\n",
	} {
		c := newClient(t, &script{answers: []answer{reply(403, "")}}, func(c *ews.Config) { c.ClientID = "$(Stop-Computer)\"" })
		advice := asError(t, c.Shared(address).DoCall(t.Context(), getItem(nil))).Advice()
		if !strings.Contains(advice, want) || !strings.Contains(advice, `"<existing ids>,<client id of the app registration>"`) {
			t.Errorf("%s: the advice lacks %q:\n%s", address, want, advice)
		}
	}
}

// TestTLS: a certificate nobody vouches for is told as such, and not tried again.
func TestTLS(t *testing.T) {
	var hits atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.StartTLS()
	defer srv.Close()
	c := newClient(t, nil, func(c *ews.Config) { c.Endpoint, c.HTTPClient = srv.URL, nil })
	defer c.Close()
	err := c.Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrEndpoint) || !strings.Contains(err.Error(), "certificate is not trusted") || asError(t, err).Attempts != 1 || hits.Load() != 0 {
		t.Error(err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	c = newClient(t, nil, func(c *ews.Config) {
		c.Endpoint, c.HTTPClient = strings.Replace(plain.URL, "http:", "https:", 1), nil
	})
	defer c.Close()
	if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrEndpoint) || !strings.Contains(err.Error(), "TLS") {
		t.Error(err)
	}
}
