package azuretest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// The registration that a server knows by default.
const (
	DefaultTenantID     = "6f9c2a4e-0d0b-4c58-9a57-3f1f0c5f7a10"
	DefaultClientID     = "1b2f6c3e-8a54-4c0e-9d7b-2f5e8c1a9b40"
	DefaultClientSecret = "demo~Secret.Value-8Q~not-for-production" //nolint:gosec // of a test server
	DefaultUPN          = "helpdesk@contoso.example"
)

// Resources that every server knows.
const (
	ResourceExchange = "https://outlook.office365.com"
	ResourceGraph    = "https://graph.microsoft.com"
)

// Options shape a server. nil means defaults.
type Options struct {
	// Seed makes the keys: tokens and codes of another server with the same seed are accepted. Empty: random.
	Seed string
	// TenantID is the directory. Empty: DefaultTenantID. It also answers under "common" and "organizations".
	TenantID string
	// Apps are the registrations; nil: DefaultApp alone.
	Apps []App
	// Users are the accounts; nil: DefaultUser alone. The first signs in where none is named by login_hint.
	Users []User
	// AccessTokenLifetime is 75 minutes if zero; RefreshTokenLifetime is 90 days if zero; CodeLifetime (also of device codes)
	// is 10 minutes if zero.
	AccessTokenLifetime, RefreshTokenLifetime, CodeLifetime time.Duration
	// Rotation says what happens to refresh tokens that are used.
	Rotation Rotation
	// Interactive shows a sign-in page to click instead of signing in at once.
	Interactive bool
	// Resources are known besides ResourceExchange (also as https://outlook.office.com) and ResourceGraph: scheme and host.
	Resources []string
	// Issuer adds the iss parameter of RFC 9207 to authorization responses, which Entra does not send today.
	Issuer bool
	// ADFS answers as AD FS does: paths under /adfs, bare scopes with a resource parameter, MSIS errors.
	ADFS bool
	// TLS serves https with a certificate that HTTPClient trusts. azidentity demands it.
	TLS bool
	// NoListen starts no listener: requests go through Transport, which makes no goroutine or socket and so works under
	// testing/synctest. URL is then a name that only Transport knows.
	NoListen bool
	// Now is the clock. nil: time.Now. Advance moves it on.
	Now func() time.Time
}

// App is a registration.
type App struct {
	ID, Name     string
	Secret       string   // "" for a public client or one with certificates only
	RedirectURIs []string // platform Web or desktop; http://localhost matches any port
	Public       bool     // no client authentication
	Roles        []string // application permissions granted by an administrator, as full_access_as_app
	Scopes       []string // delegated permissions that may be asked for; nil: all
	// VerifyAssertion checks a client assertion (certificate or federated credential). nil: refused.
	VerifyAssertion func(assertion, audience string) error
}

// User is an account.
type User struct {
	UPN, Name, Email, ObjectID string
}

// DefaultApp is a confidential client with both kinds of Exchange permission.
func DefaultApp() App {
	return App{
		ID: DefaultClientID, Secret: DefaultClientSecret, Name: "Helpdesk demo", Roles: []string{"full_access_as_app"},
		RedirectURIs: []string{"http://localhost", "http://localhost/callback", "http://localhost/oauth/callback", "http://127.0.0.1", "http://127.0.0.1/callback", "https://helpdesk.example/oauth/callback"},
	}
}

// DefaultUser is the account of the demo mailbox.
func DefaultUser() User {
	return User{UPN: DefaultUPN, Name: "Contoso Helpdesk", Email: DefaultUPN, ObjectID: "c3f8a5d2-7b1e-4a90-8f63-5d2e9b7c4a11"}
}

// Rotation says what happens to a refresh token that is used.
type Rotation int

// The rotations.
const (
	RotateKeepOld      Rotation = iota // a new one each time, the old one lives on: Entra
	RotateRejectOld                    // the old one is refused
	RotateRevokeFamily                 // using the old one revokes the new one too (RFC 9700 section 4.14.2)
	NoRotation                         // answers without a refresh token: the first one stays
)

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	// URL is the origin, as in http://127.0.0.1:41234.
	URL string

	o    Options
	keys *keys
	http *httptest.Server

	mu      sync.Mutex
	offset  time.Duration
	used    map[string]bool  // codes redeemed, by id
	gens    map[string]int   // newest generation used up, by family
	dead    map[string]bool  // revoked families
	since   map[string]int64 // sessions of a user are valid from here on
	faults  []*Fault
	devices map[string]*device
	counts  Counts
	seen    []Request
}

// NewServer starts a server. Close it.
func NewServer(o *Options) (*Server, error) {
	s := &Server{used: map[string]bool{}, gens: map[string]int{}, dead: map[string]bool{}, since: map[string]int64{}, devices: map[string]*device{}}
	if o != nil {
		s.o = *o
	}
	d := &s.o
	if d.Seed == "" {
		d.Seed = randomID()
	}
	if d.TenantID == "" {
		d.TenantID = DefaultTenantID
	}
	if d.Apps == nil {
		d.Apps = []App{DefaultApp()}
	}
	if d.Users == nil {
		d.Users = []User{DefaultUser()}
	}
	if len(d.Users) == 0 || len(d.Apps) == 0 {
		return nil, errors.New("azuretest: at least one app and one user are needed")
	}
	if d.AccessTokenLifetime == 0 {
		d.AccessTokenLifetime = 75 * time.Minute
	}
	if d.RefreshTokenLifetime == 0 {
		d.RefreshTokenLifetime = 90 * 24 * time.Hour
	}
	if d.CodeLifetime == 0 {
		d.CodeLifetime = 10 * time.Minute
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	s.keys = newKeys(d.Seed)
	if d.NoListen {
		s.URL = "http://127.0.0.1:1"
		return s, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("azuretest: %w", err)
	}
	s.http = &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}}
	if d.TLS {
		s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that tests break on purpose
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	return s, nil
}

// Close stops the server and cuts its connections.
func (s *Server) Close() {
	if s.http != nil {
		s.http.Close()
	}
}

// HTTPClient is a client that trusts the server's certificate (Options.TLS) and keeps no idle connections.
func (s *Server) HTTPClient() *http.Client {
	tr := &http.Transport{DisableKeepAlives: true}
	if s.o.TLS {
		pool := x509.NewCertPool()
		pool.AddCert(s.http.Certificate())
		tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// Transport answers requests in the caller's goroutine, without a socket: for testing/synctest, and for NoListen.
func (s *Server) Transport() http.RoundTripper { return roundTripper{s} }

type roundTripper struct{ h http.Handler }

func (t roundTripper) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // net/http compares the same way
			resp, err = nil, io.ErrUnexpectedEOF // a scripted cut
		} else if v != nil {
			panic(v)
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), "127.0.0.1:1", r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	t.h.ServeHTTP(w, in)
	_ = in.Body.Close()
	resp = w.Result()
	resp.Request = r
	return resp, nil
}

// base is the URL below which a tenant's endpoints lie.
func (s *Server) base() string {
	if s.o.ADFS {
		return s.URL + "/adfs/oauth2/"
	}
	return s.URL + "/" + s.o.TenantID + "/oauth2/v2.0/"
}

// AuthURL is the authorization endpoint.
func (s *Server) AuthURL() string { return s.base() + "authorize" }

// TokenURL is the token endpoint.
func (s *Server) TokenURL() string { return s.base() + "token" }

// DeviceAuthURL is the device authorization endpoint.
func (s *Server) DeviceAuthURL() string { return s.base() + "devicecode" }

// IssuerURL is the issuer: the iss of ID tokens, below which lies .well-known/openid-configuration.
func (s *Server) IssuerURL() string {
	if s.o.ADFS {
		return s.URL + "/adfs"
	}
	return s.URL + "/" + s.o.TenantID + "/v2.0"
}

// Advance moves the server's clock on.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o.Now().Add(s.offset)
}

// RevokeSessions ends all refresh tokens of a user issued so far, as "Revoke sessions" in the admin center does: their use
// gives invalid_grant, AADSTS50173. It lasts as long as this server.
func (s *Server) RevokeSessions(upn string) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since[strings.ToLower(upn)] = now.UnixNano()
}

// Counts are the requests answered so far, successful or not.
type Counts struct{ Authorize, Token, Device int }

// Counts tells how many requests came.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// TokenRequests is Counts().Token.
func (s *Server) TokenRequests() int { return s.Counts().Token }

// Request is one token request as it came, for tests that look at what is sent. It holds secrets.
type Request struct {
	Header http.Header
	Form   map[string][]string
}

// Requests returns the last 1000 token requests, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.seen...)
}

func (s *Server) app(id string) *App {
	for i := range s.o.Apps {
		if strings.EqualFold(s.o.Apps[i].ID, id) {
			return &s.o.Apps[i]
		}
	}
	return nil
}

func (s *Server) user(upn string) *User {
	for i := range s.o.Users {
		if strings.EqualFold(s.o.Users[i].UPN, upn) {
			return &s.o.Users[i]
		}
	}
	return nil
}

// ServeHTTP routes as Entra does, so that a Server can also be mounted elsewhere.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if s.o.ADFS {
		if rest, ok := strings.CutPrefix(path, "/adfs/"); ok {
			s.route(w, r, strings.TrimPrefix(rest, "oauth2/"))
			return
		}
	} else if tenant, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok {
		switch {
		case strings.EqualFold(tenant, s.o.TenantID), tenant == "common", tenant == "organizations":
			rest = strings.TrimPrefix(rest, "oauth2/v2.0/")
			s.route(w, r, strings.TrimPrefix(rest, "v2.0/"))
		default:
			s.writeError(w, failure(90002, "Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."))
		}
		return
	}
	http.NotFound(w, r)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, name string) {
	switch name {
	case "authorize":
		s.authorize(w, r)
	case "approve":
		s.approve(w, r)
	case "token":
		s.token(w, r)
	case "devicecode":
		s.deviceCode(w, r)
	case "deviceauth":
		s.deviceAuth(w, r)
	case "adminconsent":
		s.adminConsent(w, r)
	case ".well-known/openid-configuration":
		s.metadata(w)
	case "discovery/keys", "keys":
		s.jwks(w)
	default:
		http.NotFound(w, r)
	}
}

func randomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Browser opens a sign-in page as a browser would: it follows redirects to the end and keeps cookies. With a server that is
// not Interactive that completes a sign-in; it fits azureoauth.LoopbackOptions.Open.
func Browser(ctx context.Context, url string) error {
	resp, err := browse(ctx, url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("azuretest: the sign-in ended on %s with status %d", resp.Request.URL.Host, resp.StatusCode)
	}
	return nil
}
