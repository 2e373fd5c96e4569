package autodiscover_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/autodiscover"
)

const (
	own     = "https://autodiscover.example.com"
	v2Path  = "/autodiscover/autodiscover.json"
	svcPath = "/autodiscover/autodiscover.svc"
	poxPath = "/autodiscover/autodiscover.xml"
	online  = "https://outlook.office365.com/EWS/Exchange.asmx"
	mailEWS = "https://mail.example.com/EWS/Exchange.asmx"
	plain   = "http://autodiscover.example.com" + poxPath
)

var exch = "<Account><Action>settings</Action><Protocol><Type>EXCH</Type><ASUrl>https://inside.example.com/ews/exchange.asmx</ASUrl></Protocol>" +
	"<Protocol><Type>EXPR</Type><EwsUrl>" + mailEWS + "</EwsUrl></Protocol><PublicFolderInformation><SmtpAddress>pf@example.com</SmtpAddress></PublicFolderInformation></Account>"

// elsewhere are the hosts other than the domain's own service, each once.
func elsewhere(hosts []string) (other []string) {
	for _, h := range hosts {
		if h != "autodiscover.example.com" && !slices.Contains(other, h) {
			other = append(other, h)
		}
	}
	return other
}

// TestFind: every way that leads to an endpoint, whom the token is sent to on it, and which ways must not lead anywhere.
func TestFind(t *testing.T) {
	srv := func(host string, port uint16) map[string][]*net.SRV {
		return map[string][]*net.SRV{"_autodiscover._tcp.example.com": {{Target: host + ".", Port: port}}}
	}
	tests := []struct {
		name     string
		pages    map[string]page
		srv      map[string][]*net.SRV
		change   func(*autodiscover.Options)
		endpoint string // "" when nothing may be found
		address  string // "" for the one asked for
		public   string
		token    []string // hosts that get the token, besides autodiscover.example.com
		says     string   // in the error
	}{
		{name: "v2 of the domain", pages: map[string]page{own + v2Path: v2(mailEWS)}, endpoint: mailEWS},
		{name: "SOAP", pages: map[string]page{own + svcPath: soap("NoError", "", "InternalEwsUrl", "https://in.example.com/ews/exchange.asmx", "ExternalEwsUrl", mailEWS, "PublicFolderInformation", "pf@example.com")},
			endpoint: mailEWS, public: "pf@example.com", token: []string{"autodiscover.example.com"}},
		{name: "SOAP inside only", pages: map[string]page{own + svcPath: soap("NoError", "", "InternalEwsUrl", mailEWS)}, endpoint: mailEWS, token: []string{"autodiscover.example.com"}},
		{name: "POX", pages: map[string]page{own + poxPath: pox(exch)}, endpoint: mailEWS, public: "pf@example.com", token: []string{"autodiscover.example.com"}},
		{name: "POX with ASUrl only", pages: map[string]page{own + poxPath: pox("<Account><Protocol Type='EXHTTP'><ASUrl>" + mailEWS + "</ASUrl></Protocol></Account>")}, endpoint: mailEWS, token: []string{"autodiscover.example.com"}},
		{name: "v2 of the bare domain, without the token", pages: map[string]page{"https://example.com" + v2Path: v2(mailEWS), "https://example.com" + svcPath: soap("NoError", "", "ExternalEwsUrl", "https://never.example.com/")}, endpoint: mailEWS},
		{name: "bare domain's SOAP", pages: map[string]page{"https://example.com" + svcPath: soap("NoError", "", "ExternalEwsUrl", mailEWS)}, says: "SOAP https://example.com/autodiscover/autodiscover.svc: skipped: the token is not for this host"},
		{name: "bare domain's SOAP, approved", pages: map[string]page{"https://example.com" + svcPath: soap("NoError", "", "ExternalEwsUrl", mailEWS)},
			change: func(o *autodiscover.Options) { o.Approve = func(h string) bool { return h == "example.com" } }, endpoint: mailEWS, token: []string{"example.com"}},

		{name: "Exchange Online by its HTTP redirect", pages: map[string]page{own: untrusted, plain: redirect("https://autodiscover-s.outlook.com" + poxPath),
			"https://autodiscover-s.outlook.com" + svcPath: soap("NoError", "", "ExternalEwsUrl", online)}, endpoint: online, token: []string{"autodiscover-s.outlook.com"}},
		{name: "Exchange Online without a token", pages: map[string]page{own: untrusted, "https://outlook.office365.com" + v2Path: v2(online)},
			change: func(o *autodiscover.Options) { o.Token = nil }, endpoint: online},
		{name: "Exchange Online not asked", pages: map[string]page{"https://outlook.office365.com" + v2Path: v2(online)}, change: func(o *autodiscover.Options) { o.Cloud = "-" }, says: "SRV _autodiscover._tcp.example.com: there is no such record"},
		{name: "another cloud", pages: map[string]page{"https://outlook.office365.us" + v2Path: v2(ews.EndpointGCCHigh)}, change: func(o *autodiscover.Options) { o.Cloud = "outlook.office365.us" }, endpoint: ews.EndpointGCCHigh},
		{name: "Exchange Online knows a hybrid's own server", pages: map[string]page{"https://outlook.office365.com" + v2Path: redirect("https://mail.example.com" + v2Path), "https://mail.example.com" + v2Path: v2(mailEWS)}, endpoint: mailEWS},

		{name: "HTTP redirect within the domain", pages: map[string]page{plain: redirect("https://mail.example.com/x" + poxPath), "https://mail.example.com/x" + poxPath: pox(exch)}, endpoint: mailEWS, public: "pf@example.com", token: []string{"mail.example.com", "mail.example.com"}},
		{name: "HTTP redirect to a stranger", pages: map[string]page{plain: redirect("https://evil.test" + poxPath), "https://evil.test": v2("https://evil.test/EWS/Exchange.asmx")}, says: "it names evil.test, which nothing vouches for"},
		{name: "HTTP redirect to a look-alike", pages: map[string]page{plain: redirect("https://evilexample.com/"), "https://evilexample.com": v2("https://evil.test/EWS/Exchange.asmx")}, says: "it names evilexample.com, which nothing vouches for"},
		{name: "HTTP redirect to a hoster, approved", pages: map[string]page{plain: redirect("https://ad.hoster.test" + poxPath), "https://ad.hoster.test" + poxPath: pox(exch)},
			change: func(o *autodiscover.Options) { o.Approve = func(h string) bool { return h == "ad.hoster.test" } }, endpoint: mailEWS, public: "pf@example.com", token: []string{"ad.hoster.test", "ad.hoster.test"}},
		{name: "HTTP redirect to HTTP", pages: map[string]page{plain: redirect("http://mail.example.com/"), "http://mail.example.com": v2(mailEWS)}, says: "only https proves who answers"},
		{name: "answer over HTTP", pages: map[string]page{plain: v2(mailEWS)}, says: "HTTP redirect " + plain + ": it does not redirect (HTTP 200)"},

		{name: "SRV within the domain", srv: srv("ad.example.com", 443), pages: map[string]page{"https://ad.example.com" + poxPath: pox(exch)}, endpoint: mailEWS, public: "pf@example.com", token: []string{"ad.example.com", "ad.example.com"}},
		{name: "SRV with a port", srv: srv("ad.example.com", 8443), pages: map[string]page{"https://ad.example.com:8443" + v2Path: v2(mailEWS)}, endpoint: mailEWS},
		{name: "SRV to a stranger", srv: srv("evil.test", 443), pages: map[string]page{"https://evil.test": v2("https://evil.test/EWS/Exchange.asmx")}, says: "it names evil.test, which nothing vouches for"},
		{name: "SRV to no host", srv: srv("127.0.0.1", 443), says: `"127.0.0.1", which is no host`},
		{name: "SRV to a hoster, approved", srv: srv("ad.hoster.test", 443), pages: map[string]page{"https://ad.hoster.test" + v2Path: v2("https://ews.hoster.test/EWS/Exchange.asmx")},
			change: func(o *autodiscover.Options) {
				o.Approve = func(h string) bool { return strings.HasSuffix(h, ".hoster.test") }
			}, endpoint: "https://ews.hoster.test/EWS/Exchange.asmx"},

		{name: "redirect of a proven server to another host keeps the token here", pages: map[string]page{own + v2Path: redirect("https://ad.hoster.test" + v2Path), "https://ad.hoster.test" + v2Path: v2("https://ews.hoster.test/EWS/Exchange.asmx")}, endpoint: "https://ews.hoster.test/EWS/Exchange.asmx"},
		{name: "redirectUrl to another host keeps the token here", pages: map[string]page{own + poxPath: pox("<Account><Action>redirectUrl</Action><RedirectUrl>https://ad.hoster.test" + poxPath + "</RedirectUrl></Account>"), "https://ad.hoster.test" + poxPath: pox(exch)},
			token: []string{"autodiscover.example.com"}, says: "POX https://ad.hoster.test/autodiscover/autodiscover.xml: skipped: the token is not for this host"},
		{name: "302 of a service keeps the token here", pages: map[string]page{own + svcPath: redirect("https://evil.test" + svcPath), "https://evil.test" + svcPath: soap("NoError", "", "ExternalEwsUrl", "https://evil.test/EWS/Exchange.asmx")},
			token: []string{"autodiscover.example.com", "autodiscover.example.com"}, says: "SOAP https://evil.test/autodiscover/autodiscover.svc: skipped"},
		{name: "redirectUrl to http", pages: map[string]page{own + poxPath: pox("<Account><RedirectUrl>http://mail.example.com" + poxPath + "</RedirectUrl></Account>")}, token: []string{"autodiscover.example.com"}, says: "only https proves who answers"},
		{name: "SOAP redirect to a URL", pages: map[string]page{own + svcPath: soap("RedirectUrl", "https://mail.example.com"+svcPath), "https://mail.example.com" + svcPath: soap("NoError", "", "ExternalEwsUrl", mailEWS)}, endpoint: mailEWS, token: []string{"autodiscover.example.com", "mail.example.com"}},
		{name: "redirect to an address", pages: map[string]page{own + svcPath: soap("RedirectAddress", "u@example.mail.onmicrosoft.com"), "https://autodiscover.example.mail.onmicrosoft.com" + svcPath: soap("NoError", "", "ExternalEwsUrl", online)},
			endpoint: online, address: "u@example.mail.onmicrosoft.com", token: []string{"autodiscover.example.com", "autodiscover.example.mail.onmicrosoft.com"}},
		{name: "redirect to an address elsewhere keeps the token here", pages: map[string]page{own + poxPath: pox("<Account><RedirectAddr>u@hoster.test</RedirectAddr></Account>"), "https://autodiscover.hoster.test" + svcPath: soap("NoError", "", "ExternalEwsUrl", "https://evil.test/")},
			token: []string{"autodiscover.example.com"}, says: "SOAP https://autodiscover.hoster.test/autodiscover/autodiscover.svc: skipped: the token is not for this host"},
		{name: "redirect to no address", pages: map[string]page{own + poxPath: pox("<Account><RedirectAddr>nobody</RedirectAddr></Account>")}, token: []string{"autodiscover.example.com"}, says: `redirects to "nobody", which is no address`},
		{name: "addresses in a circle", pages: map[string]page{own + poxPath: pox("<Account><RedirectAddr>help@sub.example.com</RedirectAddr></Account>"), "https://autodiscover.sub.example.com" + poxPath: pox("<Account><RedirectAddr>help@example.com</RedirectAddr></Account>")},
			token: []string{"autodiscover.example.com", "autodiscover.sub.example.com"}, says: "it was asked before"},
		{name: "URLs in a circle", pages: map[string]page{own + v2Path: redirect(own + v2Path + "?Protocol=EWS&Email=help@example.com")}, says: "it was asked before"},
		{name: "endless redirects", pages: map[string]page{own: longer}, says: "more than 10 redirects"},

		{name: "endpoint over http", pages: map[string]page{own + v2Path: v2("http://mail.example.com/EWS/Exchange.asmx")}, says: "the EWS URL it gives is of no use: it leads to http://"},
		{name: "endpoint with a user", pages: map[string]page{own + v2Path: v2("https://u:p@mail.example.com/EWS/Exchange.asmx")}, says: "a user in it"},
		{name: "endpoint on this machine", pages: map[string]page{own + v2Path: v2("https://127.0.0.1/EWS/Exchange.asmx")}, says: "is no host"},
		{name: "no URL", pages: map[string]page{own + v2Path: v2(":")}, says: "names no URL"},
		{name: "unknown user, then found", pages: map[string]page{own + v2Path: say(404, `{"ErrorCode":"UserNotFound","ErrorMessage":"no\nsuch user"}`), "https://outlook.office365.com" + v2Path: v2(online)}, endpoint: online},
		{name: "unknown user", pages: map[string]page{own + v2Path: say(404, `{"ErrorCode":"UserNotFound","ErrorMessage":"no\nsuch user"}`)}, says: "UserNotFound: no such user (HTTP 404)"},
		{name: "refused token, next step", pages: map[string]page{own + svcPath: say(401, ""), own + poxPath: say(401, ""), "https://outlook.office365.com" + v2Path: v2(online)}, endpoint: online, token: []string{"autodiscover.example.com", "autodiscover.example.com"}},
		{name: "web page", pages: map[string]page{own: say(200, "<!DOCTYPE html><html>Welcome</html>")}, token: []string{"autodiscover.example.com", "autodiscover.example.com"}, says: "v2 " + own + v2Path + ": the answer is not Autodiscover's"},
		{name: "error of the service", pages: map[string]page{own + poxPath: pox("<Error><ErrorCode>500</ErrorCode><Message>The email address can't be found.</Message></Error>")}, token: []string{"autodiscover.example.com"}, says: "error 500: The email address can't be found."},
		{name: "invalid user", pages: map[string]page{own + svcPath: soap("InvalidUser", "")}, token: []string{"autodiscover.example.com"}, says: "InvalidUser: as told"},
		{name: "nothing at all", says: "v2 https://autodiscover.example.com/autodiscover/autodiscover.json: there is no such host; SOAP"},
		{name: "no token to be had", pages: map[string]page{own + svcPath: soap("NoError", "", "ExternalEwsUrl", mailEWS)}, change: func(o *autodiscover.Options) { o.Token = source("") }, says: "no access token: sign in first"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			w := &world{pages: tc.pages, srv: tc.srv}
			if tc.name == "SRV to a hoster, approved" || tc.name == "HTTP redirect to a hoster, approved" {
				// The same without approval finds nothing.
				if r, err := w.find(t, "help@example.com", nil); err == nil {
					t.Fatalf("found %+v without approval", r)
				}
				w = &world{pages: tc.pages, srv: tc.srv}
			}
			r, err := w.find(t, "help@example.com", tc.change)
			if d := cmp.Diff(elsewhere(tc.token), elsewhere(w.token)); d != "" {
				t.Errorf("the token went to (-want +got)\n%s", d)
			}
			if tc.endpoint == "" {
				var e *autodiscover.Error
				if !errors.As(err, &e) || !errors.Is(err, autodiscover.ErrNotFound) {
					t.Fatalf("%+v, %v", r, err)
				}
				s := err.Error()
				if !strings.Contains(s, tc.says) || strings.ContainsAny(s, "\r\n") || strings.Contains(s, "secret-token") || !strings.Contains(s, "help@example.com") {
					t.Errorf("%s\nlacks %s", s, tc.says)
				}
				if e.Advice() == "" || len(e.Steps) < 5 {
					t.Errorf("%d steps, %s", len(e.Steps), e.Advice())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			address := tc.address
			if address == "" {
				address = "help@example.com"
			}
			if r.Endpoint != tc.endpoint || r.Address != address || r.PublicFolders != tc.public || r.Source == "" {
				t.Errorf("%+v", r)
			}
			if _, err := ews.NewClient(ews.Config{Endpoint: r.Endpoint, Token: source("x")}); err != nil {
				t.Error(err)
			}
			if slices.ContainsFunc(w.log, func(l string) bool { return strings.Contains(l, "evil") }) {
				t.Errorf("a stranger was asked: %q", w.log)
			}
		})
	}
}

// TestAddress: what is no address of mail is refused before anybody is asked.
func TestAddress(t *testing.T) {
	for _, a := range []string{"", "help", "@example.com", "help@", "help@localhost", "help@127.0.0.1", "help@[::1]", "help@example..com", "help@-x.com", "help@x.1", "a b@example.com", "a\r\n@example.com",
		"help@example.com/x", "help@ex_ample.com", "help@münchen.example", "<a@example.com>", strings.Repeat("a", 250) + "@example.com"} {
		w := &world{}
		if _, err := w.find(t, a, nil); err == nil || errors.Is(err, autodiscover.ErrNotFound) || len(w.log) > 0 {
			t.Errorf("%q: %v, %q", a, err, w.log)
		}
	}
}

// TestDeadlines: each step ends, so does the whole, and the context's end is told at once.
func TestDeadlines(t *testing.T) {
	hangs := map[string]page{own: hang, "https://example.com": hang, "http://autodiscover.example.com": hang}
	t.Run("steps", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{pages: hangs}
			w.pages["https://outlook.office365.com"+v2Path] = v2(online)
			began := time.Now()
			r, err := w.find(t, "help@example.com", nil)
			if err != nil || r.Endpoint != online || time.Since(began) != 30*time.Second {
				t.Errorf("%+v, %v after %v", r, err, time.Since(began))
			}
			if r.Expired() || !r.Expires.Equal(time.Now().Add(24*time.Hour)) {
				t.Errorf("expires %v", r.Expires)
			}
			time.Sleep(24 * time.Hour)
			if !r.Expired() {
				t.Error("does not expire")
			}
		})
	})
	t.Run("whole", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{pages: hangs}
			began := time.Now()
			_, err := w.find(t, "help@example.com", func(o *autodiscover.Options) { o.Timeout, o.StepTimeout = 25*time.Second, -1 })
			var e *autodiscover.Error
			if !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) || !e.Temporary() || time.Since(began) != 25*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { time.Sleep(time.Second); cancel() }()
			w := &world{pages: hangs}
			began := time.Now()
			_, err := autodiscover.Find(ctx, "help@example.com", &autodiscover.Options{HTTPClient: client(w), Resolver: w})
			if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	})
}

// TestTemporary: a failed server is worth another try later, an unknown name is not.
func TestTemporary(t *testing.T) {
	for name, want := range map[string]bool{"500": true, "404": false} {
		w := &world{pages: map[string]page{own: say(500, "")}}
		if name == "404" {
			w.pages[own] = say(404, "")
		}
		_, err := w.find(t, "help@example.com", nil)
		var e interface{ Temporary() bool }
		if !errors.As(err, &e) || e.Temporary() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResultIsStored: a result survives JSON.
func TestResultIsStored(t *testing.T) {
	w := &world{pages: map[string]page{own + poxPath: pox(exch)}}
	r, err := w.find(t, "help@example.com", func(o *autodiscover.Options) { o.MaxAge = time.Hour })
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "secret-token") {
		t.Fatalf("%s, %v", b, err)
	}
	var back autodiscover.Result
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*r, back); d != "" {
		t.Error(d)
	}
}
