package azureoauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DiscoverOptions shape a discovery. nil is the zero value.
type DiscoverOptions struct {
	Cloud             Cloud        // where a tenant name is looked up; zero: CloudGlobal
	HTTPClient        *http.Client // as in Config
	Timeout           time.Duration
	AllowLoopbackHTTP bool
}

func (o *DiscoverOptions) config() *Config {
	if o == nil {
		o = &DiscoverOptions{}
	}
	return &Config{Cloud: o.Cloud, HTTPClient: o.HTTPClient, Timeout: o.Timeout, AllowLoopbackHTTP: o.AllowLoopbackHTTP}
}

// Metadata is what a server says of itself (OpenID Connect Discovery 1.0, RFC 8414). It is a suggestion to fill a form with,
// to be looked at by a person: nothing in this package sends a secret to an endpoint that was only discovered.
type Metadata struct {
	Issuer, AuthURL, TokenURL, DeviceAuthURL, RevocationURL string
	TenantID                                                string    // the tenant's GUID, "" when the issuer names none
	Date                                                    time.Time // the server's clock, zero when it did not say
}

// Discover asks for the metadata of a tenant ("contoso.com", a GUID, "organizations") or of an issuer (a URL, as
// https://adfs.contoso.com/adfs). All endpoints must be https and on one host. Errors: *Error, with ErrConfiguration for an
// unknown tenant (AADSTS90002).
func Discover(ctx context.Context, tenantOrIssuer string, o *DiscoverOptions) (*Metadata, error) {
	const op = "discovery"
	c := o.config()
	var target string
	if strings.Contains(tenantOrIssuer, "://") {
		u, err := url.Parse(tenantOrIssuer)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !c.mayCall(u) {
			return nil, errors.New("azureoauth: discovery: the issuer is not an https URL")
		}
		target = strings.TrimSuffix(tenantOrIssuer, "/")
	} else {
		f, ok := c.Cloud.facts()
		if !ok || !validTenant(tenantOrIssuer) {
			return nil, fmt.Errorf("azureoauth: discovery: tenant %.60q is neither a GUID nor a domain name", tenantOrIssuer)
		}
		target = "https://" + f.login + "/" + tenantOrIssuer + "/v2.0"
	}
	a, err := c.send(ctx, op, http.MethodGet, target+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	obj, err := readAnswer(op, a, nil)
	if err != nil {
		return nil, err
	}
	m := &Metadata{Issuer: obj.lenient("issuer"), AuthURL: obj.lenient("authorization_endpoint"), TokenURL: obj.lenient("token_endpoint"),
		DeviceAuthURL: obj.lenient("device_authorization_endpoint"), RevocationURL: obj.lenient("revocation_endpoint")}
	if t, err := http.ParseTime(a.header.Get("Date")); err == nil {
		m.Date = t
	}
	host := ""
	for _, e := range []string{m.AuthURL, m.TokenURL, m.DeviceAuthURL, m.RevocationURL} {
		if e == "" {
			continue
		}
		u, err := url.Parse(e)
		if err != nil || !c.mayCall(u) || host != "" && u.Host != host {
			return nil, responseError(op, a.host, a.status, "the metadata name endpoints that are not https or on different hosts")
		}
		host = u.Host
	}
	if m.AuthURL == "" || m.TokenURL == "" {
		return nil, responseError(op, a.host, a.status, "the metadata lack the endpoints")
	}
	if u, err := url.Parse(m.Issuer); err == nil {
		if t, _, _ := strings.Cut(strings.Trim(u.Path, "/"), "/"); isGUID(t) {
			m.TenantID = t
		}
	}
	return m, nil
}

// mayCall tells an address that may be asked: https, or http on loopback by the option.
func (c *Config) mayCall(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && c.AllowLoopbackHTTP && isLoopback(u.Hostname())
}

// EWSAnswer is what an EWS endpoint says about signing in. All of it comes from a server that nobody has authenticated yet:
// suggestions.
type EWSAnswer struct {
	StatusCode  int
	Bearer      bool     // it takes OAuth tokens
	Schemes     []string // what it takes, in its order
	AuthURL     string   // suggestion for the authorization endpoint, v2; "" if it names none
	TokenURL    string   // and the token endpoint on the same host
	Tenant      string   // of trusted_issuers; "" for any
	Diagnostics string   // x-ms-diagnostics, cleaned
	RequestID   string
	Claims      string // a claims challenge, decoded
}

// DiscoverEWS asks an EWS URL how to sign in, with an empty bearer token, which makes Exchange answer with its full challenge. No
// credential is sent.
func DiscoverEWS(ctx context.Context, ewsURL string, o *DiscoverOptions) (*EWSAnswer, error) {
	return askEWS(ctx, o.config(), ewsURL, "")
}

// askEWS makes a GET with a bearer token, which may be empty.
func askEWS(ctx context.Context, c *Config, ewsURL, bearer string) (*EWSAnswer, error) {
	const op = "EWS probe"
	u, err := url.Parse(ewsURL)
	if err != nil || u.Host == "" || u.User != nil || !c.mayCall(u) {
		return nil, errors.New("azureoauth: EWS probe: the EWS URL is not an https URL")
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ewsURL, nil)
	if err != nil {
		return nil, errors.New("azureoauth: EWS probe: the EWS URL is not an https URL")
	}
	req.Header.Set("Authorization", strings.TrimSpace("Bearer "+bearer))
	req.Header.Set("User-Agent", "ewsmail-azureoauth")
	resp, err := c.client().Do(req)
	if err != nil {
		return nil, networkError(caller, op, u.Host, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	a := &EWSAnswer{StatusCode: resp.StatusCode, Claims: ClaimsChallenge(resp.Header),
		Diagnostics: cleanText(resp.Header.Get("X-Ms-Diagnostics"), []string{bearer}, 500), RequestID: cleanText(resp.Header.Get("Request-Id"), []string{bearer}, 64)}
	for _, ch := range ParseChallenges(resp.Header) {
		a.Schemes = append(a.Schemes, ch.Scheme)
		if !strings.EqualFold(ch.Scheme, "Bearer") {
			continue
		}
		a.Bearer = true
		if _, t, ok := strings.Cut(ch.Params["trusted_issuers"], "@"); ok {
			t, _, _ = strings.Cut(t, ",")
			if t = strings.TrimSpace(t); validTenant(t) {
				a.Tenant = t
			}
		}
		a.AuthURL, a.TokenURL = suggestEndpoints(ch.Params["authorization_uri"], a.Tenant)
	}
	return a, nil
}

// suggestEndpoints turns Exchange's authorization_uri, which is Entra's v1 endpoint on an old host name, into what belongs into
// the form.
func suggestEndpoints(authorization, tenant string) (authURL, tokenURL string) {
	u, err := url.Parse(authorization)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsFunc(authorization, unprintable) {
		return "", ""
	}
	if f, ok := cloudOfHost(u.Hostname()); ok {
		if tenant == "" {
			tenant = "organizations"
		}
		a, t, err := f.cloud.Endpoints(tenant)
		if err != nil {
			return "", ""
		}
		return a, t
	}
	u.RawQuery, u.Fragment = "", ""
	if base, ok := strings.CutSuffix(strings.TrimSuffix(u.String(), "/"), "/authorize"); ok {
		return base + "/authorize", base + "/token"
	}
	return "", ""
}
