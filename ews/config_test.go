package ews_test

import (
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

func TestConfig(t *testing.T) {
	tok := &tokens{}
	tests := []struct {
		name string
		cfg  ews.Config
		says []string
	}{
		{"everything", ews.Config{Mailbox: "x", UserAgent: "a\r\nb", ServerVersion: `"/>`}, []string{"Endpoint: missing", "Token: missing", "UserAgent:", "Mailbox:", "ServerVersion:"}},
		{"http", ews.Config{Endpoint: "http://mail.example.com/EWS/Exchange.asmx", Token: tok, AllowLoopbackHTTP: true}, []string{"use https"}},
		{"loopback", ews.Config{Endpoint: "http://127.0.0.1:1", Token: tok}, []string{"AllowLoopbackHTTP"}},
		{"looks like loopback", ews.Config{Endpoint: "http://127.0.0.1.evil.test", Token: tok, AllowLoopbackHTTP: true}, []string{"use https"}},
		{"user", ews.Config{Endpoint: "https://u:p@mail.example.com", Token: tok}, []string{"user name"}},
		{"words", ews.Config{Endpoint: "mail.example.com", Token: tok}, []string{"not a URL"}},
		{"scheme", ews.Config{Endpoint: "ftp://mail.example.com", Token: tok}, []string{`"ftp"`}},
		{"query", ews.Config{Endpoint: "https://mail.example.com/EWS/Exchange.asmx?wsdl", Token: tok}, []string{"remove what follows"}},
		{"wsdl", ews.Config{Endpoint: "https://mail.example.com/EWS/Services.wsdl", Token: tok}, []string{"description"}},
		{"owa", ews.Config{Endpoint: "https://mail.example.com/owa/", Token: tok}, []string{"web mail"}},
		{"autodiscover", ews.Config{Endpoint: "https://mail.example.com/autodiscover/autodiscover.svc", Token: tok}, []string{"Autodiscover"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c, err := ews.NewClient(tc.cfg)
			if err == nil || c != nil {
				t.Fatal("accepted")
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v\ndoes not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "u:p") {
				t.Errorf("%q", err)
			}
		})
	}
	for _, url := range []string{"https://mail.example.com", "https://mail.example.com/", "https://mail.example.com/ews", " https://mail.example.com/EWS/Exchange.asmx "} {
		rt := &script{answers: []answer{fine}}
		c := newClient(t, rt, func(c *ews.Config) { c.Endpoint = url })
		if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
			t.Fatal(err)
		}
		if got := rt.reqs[0].URL.String(); got != "https://mail.example.com/EWS/Exchange.asmx" {
			t.Errorf("%s became %s", url, got)
		}
	}
}

func TestMailboxes(t *testing.T) {
	rt := &script{answers: []answer{fine}}
	c := newClient(t, rt, nil)
	tests := []struct {
		m       *ews.Mailbox
		address string
		anchor  string
		sid     string // in the ExchangeImpersonation header
	}{
		{c.Own(), "help@example.com", "help@example.com", ""},
		{c.Shared("Team@example.com"), "Team@example.com", "Team@example.com", ""},
		{c.Impersonate("a&b@example.com"), "a&b@example.com", "a&b@example.com", "<t:SmtpAddress>a&amp;b@example.com</t:SmtpAddress>"},
		{c.ImpersonateUPN("a@corp.test"), "a@corp.test", "a@corp.test", "<t:PrincipalName>a@corp.test</t:PrincipalName>"},
		{c.ImpersonateSID("S-1-5-21-1"), "S-1-5-21-1", "", "<t:SID>S-1-5-21-1</t:SID>"},
	}
	for i, tc := range tests {
		if err := tc.m.DoCall(t.Context(), getItem(nil)); err != nil {
			t.Fatal(err)
		}
		if got := tc.m.Address(); got != tc.address {
			t.Errorf("%d: address %q", i, got)
		}
		if got := rt.reqs[i].Header.Get("X-AnchorMailbox"); got != tc.anchor {
			t.Errorf("%d: anchor %q", i, got)
		}
		if has := strings.Contains(rt.bodies[i], "ExchangeImpersonation"); has != (tc.sid != "") || !strings.Contains(rt.bodies[i], tc.sid) {
			t.Errorf("%d: %s", i, rt.bodies[i])
		}
	}
	for _, m := range []*ews.Mailbox{c.Shared(""), c.Shared("x"), c.Impersonate("a@b\r\nX-Evil: 1"), c.Impersonate("a b@c"), c.ImpersonateUPN("@"), c.ImpersonateSID("x")} {
		n := rt.count()
		if err := m.DoCall(t.Context(), getItem(nil)); err == nil || rt.count() != n {
			t.Errorf("%q: %v", m.Address(), err)
		}
	}
}
