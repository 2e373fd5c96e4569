package azuretest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grantData is what codes and refresh tokens carry, sealed.
type grantData struct {
	ID        string   `json:"i"` // of a code; family of a refresh token
	Gen       int      `json:"g,omitempty"`
	App       string   `json:"a"`
	UPN       string   `json:"u"`
	Scopes    []string `json:"s"`
	Resource  string   `json:"x,omitempty"` // AD FS
	Redirect  string   `json:"r,omitempty"`
	Challenge string   `json:"c,omitempty"`
	Nonce     string   `json:"n,omitempty"`
	Issued    int64    `json:"t"` // nanoseconds
}

const (
	codePrefix    = "1.AQ"
	refreshPrefix = "1.AX"
)

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	mt, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	err := r.ParseForm()
	s.mu.Lock()
	s.counts.Token++
	if len(s.seen) == 1000 {
		s.seen = slices.Delete(s.seen, 0, 1)
	}
	s.seen = append(s.seen, Request{Header: r.Header.Clone(), Form: map[string][]string(r.PostForm)})
	s.mu.Unlock()
	if f := s.takeFault(r.PostForm.Get("grant_type")); f != nil {
		if !s.play(w, r, f) {
			return
		}
		if f.LoseReply {
			defer cut()
			w = lost{w.Header().Clone()}
		}
	}
	switch {
	case r.Method != http.MethodPost:
		s.writeError(w, failure(900561, ""))
		return
	case err != nil || mt != "application/x-www-form-urlencoded":
		s.writeError(w, failure(900144, "The request body must contain the following parameter: 'grant_type'."))
		return
	case r.Header.Get("Origin") != "":
		s.writeError(w, failure(700025, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests."))
		return
	}
	for name, vs := range r.PostForm {
		if len(vs) > 1 {
			s.writeError(w, failure(90014, "The parameter '"+name+"' is repeated."))
			return
		}
	}
	s.grant(w, r.PostForm)
}

// lost takes an answer that never arrives.
type lost struct{ h http.Header }

func (l lost) Header() http.Header         { return l.h }
func (l lost) Write(b []byte) (int, error) { return len(b), nil }
func (l lost) WriteHeader(int)             {}

func (s *Server) grant(w http.ResponseWriter, form url.Values) {
	if form.Get("resource") != "" && !s.o.ADFS {
		s.writeError(w, failure(901002, ""))
		return
	}
	a, e := s.authenticateApp(form)
	if e != nil {
		s.writeError(w, *e)
		return
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		s.redeem(w, a, form)
	case "refresh_token":
		s.refresh(w, a, form)
	case "client_credentials":
		s.clientCredentials(w, a, form)
	case "urn:ietf:params:oauth:grant-type:device_code", "device_code":
		s.redeemDevice(w, a, form)
	case "":
		s.writeError(w, failure(900144, "The request body must contain the following parameter: 'grant_type'."))
	default:
		e := failure(70003, "The app requested an unsupported grant type.")
		e.error = "unsupported_grant_type"
		s.writeError(w, e)
	}
}

func (s *Server) authenticateApp(form url.Values) (*App, *oauthError) {
	fail := func(n int, text string) (*App, *oauthError) {
		e := failure(n, text)
		if s.o.ADFS {
			e.msis = "MSIS9607"
		}
		return nil, &e
	}
	id := form.Get("client_id")
	if id == "" {
		return fail(900144, "The request body must contain the following parameter: 'client_id'.")
	}
	a := s.app(id)
	if a == nil {
		return fail(700016, "Application with identifier '"+id+"' was not found in the directory '"+s.o.TenantID+"'.")
	}
	secret, assertion := form.Get("client_secret"), form.Get("client_assertion")
	switch {
	case a.Public && (secret != "" || assertion != ""):
		return fail(700025, "")
	case a.Public:
	case assertion != "":
		if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return fail(7000218, "")
		}
		if a.VerifyAssertion == nil || a.VerifyAssertion(assertion, s.TokenURL()) != nil {
			return fail(700027, "")
		}
	case secret == "":
		return fail(7000218, "")
	case a.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(a.Secret)) != 1:
		return fail(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+a.ID+"'.")
	}
	return a, nil
}

// request is a scope parameter taken apart.
type request struct {
	resource         string
	permissions      []string // names without resource; ".default" among them
	openID, offline  bool
	profile, isEmail bool
}

// parseScope reads a scope as Entra v2 does: a name without resource belongs to Microsoft Graph.
func (s *Server) parseScope(scope, resourceParam string) (request, *oauthError) {
	var q request
	for _, f := range strings.Fields(scope) {
		switch f {
		case "openid":
			q.openID = true
			continue
		case "profile":
			q.profile = true
			continue
		case "email":
			q.isEmail = true
			continue
		case "offline_access":
			q.offline = true
			continue
		}
		resource, name := ResourceGraph, f
		if s.o.ADFS {
			resource = strings.TrimSuffix(resourceParam, "/")
		} else if strings.Contains(f, "://") {
			i := strings.LastIndexByte(f, '/')
			resource, name = strings.TrimSuffix(f[:i], "/"), f[i+1:]
		}
		if strings.ContainsAny(f, ",;") || name == "" {
			e := failure(70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope "+f+" is not valid.")
			return q, &e
		}
		if strings.EqualFold(resource, "https://outlook.office.com") {
			resource = ResourceExchange
		}
		if !s.knowsResource(resource) {
			e := failure(500011, "The resource principal named "+resource+" was not found in the tenant named Contoso.")
			return q, &e
		}
		if q.resource != "" && !strings.EqualFold(q.resource, resource) {
			e := failure(700022, "")
			return q, &e
		}
		q.resource = resource
		q.permissions = append(q.permissions, name)
	}
	return q, nil
}

func (s *Server) knowsResource(r string) bool {
	for _, k := range append([]string{ResourceExchange, ResourceGraph}, s.o.Resources...) {
		if strings.EqualFold(strings.TrimSuffix(k, "/"), r) {
			return true
		}
	}
	return false
}

func (s *Server) redeem(w http.ResponseWriter, a *App, form url.Values) {
	var d grantData
	if s.keys.open("code", codePrefix, form.Get("code"), &d) != nil || !strings.EqualFold(d.App, a.ID) {
		s.writeError(w, failure(70000, ""))
		return
	}
	now := s.now()
	switch {
	case now.Sub(time.Unix(0, d.Issued)) > s.o.CodeLifetime:
		s.writeError(w, failure(70008, "The provided authorization code or refresh token has expired. Send a new interactive authorization request for this user and resource."))
		return
	case form.Get("redirect_uri") != d.Redirect:
		e := failure(50011, "The redirect URI '"+form.Get("redirect_uri")+"' does not match the one of the authorization request.")
		e.error = "invalid_grant"
		s.writeError(w, e)
		return
	}
	if e := checkVerifier(d.Challenge, form.Get("code_verifier")); e != nil {
		s.writeError(w, *e)
		return
	}
	s.mu.Lock()
	again := s.used[d.ID]
	s.used[d.ID] = true
	if again {
		s.dead[d.ID] = true // RFC 6749 section 4.1.2: what was issued for a code used twice is revoked
	}
	s.mu.Unlock()
	if again {
		s.writeError(w, failure(54005, ""))
		return
	}
	s.issue(w, a, grantData{ID: d.ID, App: a.ID, UPN: d.UPN, Scopes: d.Scopes, Resource: d.Resource, Nonce: d.Nonce, Issued: now.UnixNano()}, form.Get("scope"), form.Get("resource"), true)
}

// checkVerifier is RFC 7636 section 4.6, in Entra's words.
func checkVerifier(challenge, verifier string) *oauthError {
	if challenge == "" {
		return nil // no PKCE was asked for: Entra allows that to confidential clients
	}
	n := 0
	switch {
	case len(verifier) < 43 || len(verifier) > 128:
		n = 501491
	default:
		sum := sha256.Sum256([]byte(verifier))
		if subtle.ConstantTimeCompare([]byte(b64.EncodeToString(sum[:])), []byte(challenge)) != 1 {
			n = 501481
		}
	}
	if n == 0 {
		return nil
	}
	e := failure(n, "")
	return &e
}

func (s *Server) refresh(w http.ResponseWriter, a *App, form url.Values) {
	var d grantData
	if s.keys.open("refresh", refreshPrefix, form.Get("refresh_token"), &d) != nil || !strings.EqualFold(d.App, a.ID) {
		s.writeError(w, failure(70000, ""))
		return
	}
	now := s.now()
	s.mu.Lock()
	newest := s.gens[d.ID]
	stale := d.Gen < newest
	strict := s.o.Rotation == RotateRejectOld || s.o.Rotation == RotateRevokeFamily
	if stale && s.o.Rotation == RotateRevokeFamily {
		s.dead[d.ID] = true
	}
	dead := s.dead[d.ID]
	revoked := d.Issued <= s.since[strings.ToLower(d.UPN)]
	if !dead && !revoked && !(stale && strict) && d.Gen+1 > newest && s.o.Rotation != NoRotation {
		s.gens[d.ID] = d.Gen + 1
	}
	s.mu.Unlock()
	switch {
	case s.user(d.UPN) == nil:
		s.writeError(w, failure(50034, ""))
		return
	case revoked:
		s.writeError(w, failure(50173, ""))
		return
	case dead || stale && strict:
		s.writeError(w, failure(70000, "The refresh token was used before."))
		return
	case now.Sub(time.Unix(0, d.Issued)) > s.o.RefreshTokenLifetime:
		s.writeError(w, failure(700082, ""))
		return
	}
	d.Gen++
	d.Issued, d.Nonce = now.UnixNano(), ""
	s.issue(w, a, d, form.Get("scope"), form.Get("resource"), s.o.Rotation != NoRotation)
}

func (s *Server) clientCredentials(w http.ResponseWriter, a *App, form url.Values) {
	if a.Public {
		s.writeError(w, failure(700025, "Client is public."))
		return
	}
	q, e := s.parseScope(form.Get("scope"), form.Get("resource"))
	switch {
	case e != nil:
		s.writeError(w, *e)
		return
	case !s.o.ADFS && (len(q.permissions) != 1 || q.permissions[0] != ".default"):
		s.writeError(w, failure(70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."))
		return
	}
	now := s.now()
	roles := a.Roles
	if q.resource != ResourceExchange && !slices.Contains(s.o.Resources, q.resource) {
		roles = nil
	}
	token := s.accessToken(q.resource, a, nil, nil, roles, now)
	writeJSON(w, map[string]any{
		"token_type": "Bearer", "expires_in": seconds(s.o.AccessTokenLifetime), "ext_expires_in": seconds(s.o.AccessTokenLifetime), "access_token": token,
	})
}

// issue answers with tokens for a person. scope may narrow or move to another resource what was consented to.
func (s *Server) issue(w http.ResponseWriter, a *App, d grantData, scope, resource string, withRefresh bool) {
	if resource == "" {
		resource = d.Resource
	}
	consented, e := s.parseScope(strings.Join(d.Scopes, " "), resource)
	q := consented
	if e == nil && scope != "" {
		q, e = s.parseScope(scope, resource)
	}
	if e == nil && len(q.permissions) == 0 && len(consented.permissions) > 0 {
		q.resource, q.permissions = consented.resource, consented.permissions
	}
	if e == nil && len(q.permissions) == 0 {
		q.resource, q.permissions = ResourceGraph, []string{"User.Read"}
	}
	if e != nil {
		s.writeError(w, *e)
		return
	}
	u := s.user(d.UPN)
	if u == nil {
		s.writeError(w, failure(50034, ""))
		return
	}
	now := s.now()
	permissions := q.permissions
	if slices.Contains(permissions, ".default") {
		permissions = []string{"EWS.AccessAsUser.All"}
		if a.Scopes != nil {
			permissions = a.Scopes
		}
	}
	for _, p := range permissions {
		if a.Scopes != nil && !slices.ContainsFunc(a.Scopes, func(x string) bool { return strings.EqualFold(x, p) }) {
			s.writeError(w, failure(65001, ""))
			return
		}
	}
	granted := make([]string, 0, len(permissions)+4)
	for _, p := range permissions {
		if q.resource == ResourceGraph || s.o.ADFS {
			granted = append(granted, p)
			continue
		}
		granted = append(granted, q.resource+"/"+p)
	}
	m := map[string]any{
		"token_type": "Bearer", "scope": strings.Join(granted, " "),
		"expires_in": seconds(s.o.AccessTokenLifetime), "ext_expires_in": seconds(s.o.AccessTokenLifetime),
		"access_token": s.accessToken(q.resource, a, u, permissions, nil, now),
	}
	if consented.offline && withRefresh {
		m["refresh_token"] = s.keys.sealed("refresh", refreshPrefix, d)
	}
	if consented.openID {
		m["id_token"] = s.idToken(a, u, d.Nonce, now)
	}
	writeJSON(w, m)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	_ = json.NewEncoder(w).Encode(v)
}
