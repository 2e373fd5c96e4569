package azuretest

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// authorize is the authorization endpoint. What is wrong with client or redirect URI is shown and never redirected, as
// Entra does (RFC 6749 section 4.1.2.1).
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.counts.Authorize++
	s.mu.Unlock()
	if r.Method == http.MethodPost {
		_ = r.ParseForm()
		s.writeError(w, failure(90056, ""))
		return
	}
	q := r.URL.Query()
	a := s.app(q.Get("client_id"))
	switch {
	case a == nil:
		s.page(w, failure(700016, ""))
		return
	case q.Get("redirect_uri") == "":
		s.page(w, failure(900971, ""))
		return
	case !registered(a, q.Get("redirect_uri")):
		s.page(w, failure(50011, ""))
		return
	}
	if e := s.checkAuthorize(a, q); e != nil {
		s.respond(w, r, q, url.Values{"error": {e.error}, "error_description": {s.describe(*e, randomID(), randomID(), s.now().UTC().Format("2006-01-02 15:04:05Z"))}})
		return
	}
	u := s.pick(q)
	if u == nil {
		s.page(w, failure(50034, ""))
		return
	}
	if s.o.Interactive {
		s.signInPage(w, q, u)
		return
	}
	s.respond(w, r, q, s.approved(a, u, q))
}

func (s *Server) pick(q url.Values) *User {
	if hint := q.Get("login_hint"); hint != "" {
		return s.user(hint)
	}
	return &s.o.Users[0]
}

func (s *Server) checkAuthorize(a *App, q url.Values) *oauthError {
	fail := func(n int, code, text string) *oauthError {
		e := failure(n, text)
		if code != "" {
			e.error = code
		}
		return &e
	}
	if q.Get("response_type") != "code" {
		return fail(700054, "unsupported_response_type", "")
	}
	if q.Get("scope") == "" {
		return fail(900144, "", "The request body must contain the following parameter: 'scope'.")
	}
	m, challenge := q.Get("code_challenge_method"), q.Get("code_challenge")
	if challenge != "" && (m != "S256" && m != "plain" && m != "" || len(challenge) < 43 || len(challenge) > 128) {
		return fail(50147, "invalid_request", "")
	}
	if a.Public && challenge == "" {
		return fail(9002325, "invalid_request", "Proof Key for Code Exchange is required for cross-origin authorization code redemption.")
	}
	req, e := s.parseScope(q.Get("scope"), q.Get("resource"))
	if e != nil {
		return e
	}
	if q.Get("prompt") == "none" && s.o.Interactive {
		return fail(50058, "login_required", "Session information is not sufficient for single-sign-on.")
	}
	for _, p := range req.permissions {
		if strings.EqualFold(p, "full_access_as_app") {
			return fail(650053, "invalid_client", "The application asked for scope 'full_access_as_app' that doesn't exist on the resource.")
		}
	}
	return nil
}

// registered compares exactly, with any port on http://localhost and the loopback addresses.
func registered(a *App, redirect string) bool {
	for _, r := range a.RedirectURIs {
		if r == redirect {
			return true
		}
		want, err1 := url.Parse(r)
		got, err2 := url.Parse(redirect)
		if err1 != nil || err2 != nil || want.Scheme != "http" || got.Scheme != "http" || want.Port() != "" || got.User != nil || got.Fragment != "" {
			continue
		}
		h := want.Hostname()
		if (h == "localhost" || h == "127.0.0.1") && got.Hostname() == h && strings.TrimSuffix(want.Path, "/") == strings.TrimSuffix(got.Path, "/") && want.RawQuery == got.RawQuery {
			return true
		}
	}
	return false
}

// approved makes the code.
func (s *Server) approved(a *App, u *User, q url.Values) url.Values {
	d := grantData{
		ID: randomID(), App: a.ID, UPN: u.UPN, Scopes: strings.Fields(q.Get("scope")), Resource: q.Get("resource"), Redirect: q.Get("redirect_uri"),
		Challenge: q.Get("code_challenge"), Nonce: q.Get("nonce"), Issued: s.now().UnixNano(),
	}
	if q.Get("code_challenge_method") == "plain" || d.Challenge != "" && q.Get("code_challenge_method") == "" {
		d.Challenge = "plain:" // never matches: this library must not send plain
	}
	return url.Values{"code": {s.keys.sealed("code", codePrefix, d)}, "session_state": {randomID()}}
}

// respond sends the browser back, in the response mode asked for.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, q, v url.Values) {
	if st := q.Get("state"); st != "" {
		v.Set("state", st)
	}
	if s.o.Issuer {
		v.Set("iss", s.IssuerURL())
	}
	to, _ := url.Parse(q.Get("redirect_uri"))
	switch q.Get("response_mode") {
	case "form_post":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_ = formPost.Execute(w, struct {
			Action string
			Values url.Values
		}{to.String(), v})
		return
	case "fragment":
		to.Fragment = ""
		w.Header().Set("Location", to.String()+"#"+v.Encode())
		w.WriteHeader(http.StatusFound)
		return
	}
	all := to.Query()
	for k, x := range v {
		all[k] = x
	}
	to.RawQuery = all.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

var formPost = template.Must(template.New("form").Parse(`<!DOCTYPE html><html><head><title>Working...</title></head><body><form method="POST" name="hiddenform" action="{{.Action}}">{{range $k, $v := .Values}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}<noscript><p>Script is disabled. Click Submit to continue.</p><input type="submit" value="Submit"></noscript></form><script>document.forms[0].submit();</script></body></html>`))

var signInTemplate = template.Must(template.New("signin").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sign in (azuretest)</title></head><body>
<h1>Sign in</h1><p>Test tenant. Permissions requested: {{.Scope}}</p>
<form method="POST" action="{{.Action}}"><input type="hidden" name="request" value="{{.Request}}">
<p><label>Account <select name="upn">{{range .Users}}<option value="{{.UPN}}"{{if eq .UPN $.UPN}} selected{{end}}>{{.Name}} ({{.UPN}})</option>{{end}}</select></label></p>
<p><button name="answer" value="accept">Accept</button> <button name="answer" value="cancel">Cancel</button></p></form></body></html>`))

func (s *Server) signInPage(w http.ResponseWriter, q url.Values, u *User) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = signInTemplate.Execute(w, struct {
		Action, Request, Scope, UPN string
		Users                       []User
	}{s.base() + "approve", q.Encode(), q.Get("scope"), u.UPN, s.o.Users})
}

// approve takes the click of the sign-in page.
func (s *Server) approve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		http.Error(w, "post the form", http.StatusMethodNotAllowed)
		return
	}
	q, err := url.ParseQuery(r.PostForm.Get("request"))
	if err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	a, u := s.app(q.Get("client_id")), s.user(r.PostForm.Get("upn"))
	if a == nil || u == nil || !registered(a, q.Get("redirect_uri")) || s.checkAuthorize(a, q) != nil {
		s.page(w, failure(50011, ""))
		return
	}
	if r.PostForm.Get("answer") != "accept" {
		s.respond(w, r, q, url.Values{"error": {"access_denied"}, "error_subcode": {"cancel"},
			"error_description": {s.describe(failure(65004, ""), randomID(), randomID(), s.now().UTC().Format("2006-01-02 15:04:05Z"))}})
		return
	}
	s.respond(w, r, q, s.approved(a, u, q))
}

// page shows an error to the person.
func (s *Server) page(w http.ResponseWriter, e oauthError) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><h1>Sorry, but we're having trouble signing you in.</h1><p>%s</p></body></html>",
		template.HTMLEscapeString(s.describe(e, randomID(), randomID(), s.now().UTC().Format("2006-01-02 15:04:05Z"))))
}

// browse fetches a page with redirects and cookies.
func browse(ctx context.Context, page string) (*http.Response, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	tr := &http.Transport{DisableKeepAlives: true}
	hc := &http.Client{Jar: jar, Transport: tr, Timeout: 30 * time.Second}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return nil, err
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, fmt.Errorf("azuretest: the sign-in page could not be fetched: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp, nil
}
