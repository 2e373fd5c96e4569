package autodiscover_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews/autodiscover"
)

func client(w *world) *http.Client { return &http.Client{Transport: w} }

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// longer redirects to an ever longer path of the same host.
func longer(r *http.Request) (*http.Response, error) {
	return redirect("https://" + r.URL.Host + r.URL.Path + "x")(r)
}

type endless struct {
	chunk string
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.chunk[e.at%len(e.chunk)]
		e.at++
	}
	return len(p), nil
}

func pours(start, chunk string) page {
	return func(r *http.Request) (*http.Response, error) {
		resp, _ := say(200, "")(r)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(start), &endless{chunk: chunk}))
		return resp, nil
	}
}

// TestHostile: whatever the services answer, the search ends with bounded memory, in the right error.
func TestHostile(t *testing.T) {
	deep := strings.Repeat("<a>", 300_000)
	for name, p := range map[string]page{
		"endless JSON":      pours(`{"Url":"`, "a"),
		"nested JSON":       say(200, strings.Repeat("[", 1<<20)),
		"wrong JSON types":  say(200, `{"Url":7,"ErrorCode":{}}`),
		"endless XML":       pours("<Autodiscover><Response><Account>", "<Protocol>"),
		"nested XML":        say(200, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`+deep),
		"nested POX":        say(200, `<Autodiscover>`+deep),
		"entities":          say(200, `<!DOCTYPE x [<!ENTITY a "aaaa">]><Autodiscover/>`),
		"packed":            say(200, "xxxx", "Content-Encoding", "gzip"),
		"empty":             say(200, ""),
		"cut":               say(200, `<Autodiscover><Response><Account><Protocol><Type>EXPR</Type><EwsUrl>https://mail.exam`),
		"redirect nowhere":  say(302, "", "Location", "https://[::1"),
		"redirect, no host": say(302, "", "Location", "https:///x"),
		"redirect inside":   say(302, "", "Location", "https://169.254.169.254/latest"),
		"long error":        say(404, `{"ErrorCode":"X","ErrorMessage":"`+strings.Repeat("y", 900_000)+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{pages: map[string]page{own: p, "https://example.com": p, "https://outlook.office365.com": p}}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := w.find(t, "help@example.com", nil)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, autodiscover.ErrNotFound) || len(err.Error()) > 8000 || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%.500v", err)
			}
			if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 64 { // in all, over five steps
				t.Errorf("allocated %d MiB", n)
			}
			for _, l := range w.log {
				if strings.Contains(l, "169.254") {
					t.Errorf("went to %s", l)
				}
			}
		})
	}
}

// TestSamples: the published answers.
func TestSamples(t *testing.T) {
	read := func(name string) page {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", name))
		if err != nil {
			t.Skipf("%s is not here", name)
		}
		return say(200, string(b))
	}
	w := &world{pages: map[string]page{own + poxPath: read("AutodiscoverPox-6.response.xml")}}
	r, err := w.find(t, "help@example.com", nil)
	if err != nil || r.Endpoint != "https://mail.contoso.com/ews/exchange.asmx" {
		t.Errorf("%+v, %v", r, err)
	}
	w = &world{pages: map[string]page{own + svcPath: read("AutodiscoverGetUserSettings-4.response.xml")}}
	_, err = w.find(t, "help@example.com", nil)
	if err == nil || !strings.Contains(err.Error(), "v2 https://autodiscover.mail.contoso.com/") {
		t.Errorf("the redirect to User1@mail.Contoso.com was not followed: %v", err)
	}
	w = &world{pages: map[string]page{own + svcPath: read("AutodiscoverGetUserSettings-6.response.xml")}}
	if _, err = w.find(t, "help@example.com", nil); err == nil || !strings.Contains(err.Error(), "the answer holds no EWS URL") {
		t.Error(err)
	}
	w = &world{pages: map[string]page{own + poxPath: read("AutodiscoverPox-4.response.xml")}}
	if _, err = w.find(t, "help@example.com", nil); err == nil || !strings.Contains(err.Error(), "the answer holds no EWS URL") {
		t.Error(err)
	}
}

// FuzzAnswers: no answer of any service panics or hangs, what is found is an https URL of a real host, and the token goes nowhere else.
func FuzzAnswers(f *testing.F) {
	f.Add(200, "", `{"Protocol":"EWS","Url":"https://mail.example.com/EWS/Exchange.asmx"}`)
	f.Add(200, "", `{"Protocol":"EWS","Url":"https://mail.example.com/@/Exchange.asmx"}`)
	f.Add(200, "", `{"Protocol":"EWS","Url":"https://mail.example.com@other.test/Exchange.asmx"}`)
	f.Add(302, "https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml", "")
	f.Add(200, "", `<Autodiscover><Response><Account><RedirectAddr>a@b.example.com</RedirectAddr></Account></Response></Autodiscover>`)
	f.Add(200, "", `<Autodiscover><Response><Account><Protocol><Type>EXPR</Type><EwsUrl>https://mail.example.com/</EwsUrl></Protocol></Account></Response></Autodiscover>`)
	f.Add(200, "", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetUserSettingsResponseMessage><Response><UserResponses><UserResponse><ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>https://x.test/</RedirectTarget></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`)
	f.Fuzz(func(t *testing.T, status int, location, body string) {
		if status < 200 || status > 599 || len(body) > 100_000 {
			return
		}
		every := say(status, body, "Location", location)
		w := &world{}
		all := &everywhere{page: every}
		r, err := autodiscover.Find(t.Context(), "help@example.com", &autodiscover.Options{Token: source("secret-token"), HTTPClient: &http.Client{Transport: all}, Resolver: w})
		if err == nil {
			if u, bad := url.Parse(r.Endpoint); bad != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
				t.Errorf("found %q", r.Endpoint)
			}
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q", err)
		}
		for _, host := range all.token {
			name, _, _ := strings.Cut(host, ":")
			if !strings.HasSuffix(name, ".example.com") && !strings.HasSuffix(name, ".outlook.com") && !strings.HasPrefix(name, "outlook") &&
				!strings.HasSuffix(name, ".onmicrosoft.com") && !strings.HasSuffix(name, ".office365.us") && !strings.HasSuffix(name, "outlook.cn") && !strings.HasSuffix(name, ".onmicrosoft.us") && !strings.HasSuffix(name, ".partner.onmschina.cn") {
				t.Errorf("the token went to %q", host)
			}
		}
	})
}

// everywhere answers the same at every host.
type everywhere struct {
	page  page
	token []string
}

func (e *everywhere) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		e.token = append(e.token, strings.ToLower(r.URL.Host))
	}
	return e.page(r)
}
