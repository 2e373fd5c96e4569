package azureoauth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
)

// Validate checks the registration without any network: every wrong field at once, each with what to do. It returns nil or
// a *ConfigError. RedirectURL may be empty here (app-only, device code and loopback need none); the sign-ins that need
// it say so. No message repeats a secret.
func (c *Config) Validate() error {
	if c == nil {
		return configProblem("ClientID", "no configuration", "fill in the registration")
	}
	var p problems
	c.checkClient(&p)
	c.checkEndpoints(&p)
	c.checkRedirect(&p)
	c.checkScopes(&p)
	c.checkResource(&p)
	return p.asError()
}

func (c *Config) checkClient(p *problems) {
	const where = "copy the Application (client) ID from the app registration's Overview page"
	entra := c.entraEndpoints()
	switch id := c.ClientID; {
	case id == "":
		p.add("ClientID", "empty", where)
	case strings.TrimSpace(id) != id || strings.ContainsFunc(id, unprintable):
		p.add("ClientID", "contains blanks or control characters", where)
	case len(id) > 512:
		p.add("ClientID", "longer than 512 characters", where)
	case entra && !isGUID(id):
		p.add("ClientID", fmt.Sprintf("%.40q is not a GUID", id), where)
	case entra && isGUID(c.TenantID) && strings.EqualFold(id, c.TenantID):
		p.add("ClientID", "is the same as the tenant ID", where)
	}

	const value = "paste the secret's Value from Certificates & secrets (it is shown only once, when created)"
	secret := string(c.ClientSecret)
	switch {
	case secret == "" && c.Credential == nil && !c.Public:
		p.add("ClientSecret", "empty", value+"; a certificate or a public client registration needs none")
	case secret != "" && c.Credential != nil:
		p.add("ClientSecret", "set together with a certificate or assertion", "leave one of the two empty")
	case c.Public && (secret != "" || c.Credential != nil):
		p.add("ClientSecret", "set although the registration is marked public", "remove the secret, or unmark public")
	case secret == "":
	case secret == redacted:
		p.add("ClientSecret", "is the text that stands for a hidden secret", value)
	case entra && isGUID(secret):
		p.add("ClientSecret", "is a GUID, which is the Secret ID and not the secret", value)
	case secret == c.ClientID:
		p.add("ClientSecret", "is the client ID", value)
	case strings.ContainsFunc(secret, unprintable) || strings.TrimSpace(secret) != secret:
		p.add("ClientSecret", "contains blanks at its ends or control characters", value)
	case len(secret) > 4096:
		p.add("ClientSecret", "longer than 4096 characters", value)
	}
}

func (c *Config) entraEndpoints() bool {
	_, t := c.endpoints()
	return kindOf(t) == kindEntra
}

func (c *Config) checkEndpoints(p *problems) {
	if _, ok := c.Cloud.facts(); !ok {
		p.add("Cloud", fmt.Sprintf("%.20q is unknown", string(c.Cloud)), "use global, gcc-high, dod or china")
	}
	if c.TenantID != "" && !validTenant(c.TenantID) {
		p.add("TenantID", fmt.Sprintf("%.40q is neither a GUID nor a domain name", c.TenantID), "copy the Directory (tenant) ID from the app registration's Overview page")
	}
	if c.AuthURL == "" && c.TokenURL == "" {
		if c.TenantID == "" {
			p.add("AuthURL", "empty", "paste https://login.microsoftonline.com/<tenant>/oauth2/v2.0/authorize, or give the tenant ID instead")
			p.add("TokenURL", "empty", "paste https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token, or give the tenant ID instead")
		}
		return
	}
	if c.AuthURL == "" && !appOnlyScopes(c.Scopes) {
		p.add("AuthURL", "empty", "paste the OAuth 2.0 authorization endpoint (v2) from the app registration's Endpoints page")
	}
	if c.TokenURL == "" {
		p.add("TokenURL", "empty", "paste the OAuth 2.0 token endpoint (v2) from the app registration's Endpoints page")
	}
	// Swapped fields are told once, instead of as two riddles.
	if strings.HasSuffix(endpointPath(c.AuthURL), "/token") && strings.HasSuffix(endpointPath(c.TokenURL), "/authorize") {
		p.add("AuthURL", "is the token endpoint", "exchange it with the token URL")
		p.add("TokenURL", "is the authorization endpoint", "exchange it with the authorization URL")
		return
	}
	before := len(*p)
	c.checkEndpoint(p, "AuthURL", c.AuthURL, "authorize")
	c.checkEndpoint(p, "TokenURL", c.TokenURL, "token")
	c.checkEndpoint(p, "DeviceAuthURL", c.DeviceAuthURL, "devicecode")
	if len(*p) > before || c.AuthURL == "" || c.TokenURL == "" {
		return
	}
	a, _ := url.Parse(c.AuthURL)
	t, _ := url.Parse(c.TokenURL)
	switch ta, tt := tenantOf(c.AuthURL), tenantOf(c.TokenURL); {
	case c.AuthURL == c.TokenURL:
		p.add("TokenURL", "is the same as the authorization URL", "on Entra they end in /authorize and /token")
	case !sameHost(a, t) && !c.AllowDifferentHosts:
		p.add("TokenURL", fmt.Sprintf("its host %q differs from the authorization URL's %q", t.Host, a.Host), "copy both from the same Endpoints page; if they really differ, set AllowDifferentHosts")
	case kindOf(c.TokenURL) == kindEntra && !strings.EqualFold(ta, tt):
		p.add("TokenURL", fmt.Sprintf("its tenant %.60q differs from the authorization URL's %.60q", tt, ta), "copy both from the same Endpoints page")
	case kindOf(c.TokenURL) == kindEntra && c.TenantID != "" && tt != "" && isGUID(c.TenantID) && isGUID(tt) && !strings.EqualFold(c.TenantID, tt):
		p.add("TenantID", "differs from the tenant in the token URL", "leave it empty, or copy the endpoints of this tenant")
	}
}

// endpointPath is the lower-case path without a trailing slash, "" for what does not parse.
func endpointPath(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Path), "/")
}

func sameHost(a, b *url.URL) bool {
	if strings.EqualFold(a.Host, b.Host) {
		return true
	}
	fa, oka := cloudOfHost(a.Hostname())
	fb, okb := cloudOfHost(b.Hostname())
	return oka && okb && fa.cloud == fb.cloud
}

func (c *Config) checkEndpoint(p *problems, field, raw, ends string) {
	if raw == "" {
		return
	}
	const page = "copy it from the app registration's Endpoints page"
	if strings.ContainsFunc(raw, unprintable) || strings.TrimSpace(raw) != raw || strings.Contains(raw, " ") {
		p.add(field, "contains blanks or control characters", page)
		return
	}
	if len(raw) > 2048 {
		p.add(field, "longer than 2048 characters", page)
		return
	}
	if strings.ContainsAny(raw, "{}<>") {
		p.add(field, "still contains a placeholder", "replace it by your tenant's ID or domain")
		return
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" || u.Hostname() == "" {
		p.add(field, "is not a URL", page+", starting with https://")
		return
	}
	if u.User != nil {
		p.add(field, "contains a user name or password", "remove everything between // and @")
		return
	}
	if u.Fragment != "" || strings.HasSuffix(raw, "#") {
		p.add(field, "has a fragment (#...)", "remove it")
		return
	}
	switch u.Scheme {
	case "https":
	case "http":
		if !c.AllowLoopbackHTTP || !isLoopback(u.Hostname()) {
			p.add(field, "is http", "use https: secrets and tokens go to this address")
			return
		}
	default:
		p.add(field, fmt.Sprintf("has the scheme %.20q", u.Scheme), "use https")
		return
	}
	host := strings.ToLower(u.Hostname())
	if strings.HasSuffix(host, ".microsoftonline.de") {
		p.add(field, "belongs to the German cloud, which closed in October 2021", "register the application in the global cloud")
		return
	}
	path := endpointPath(raw)
	last := path[strings.LastIndexByte(path, '/')+1:]
	_, known := cloudOfHost(host)
	switch {
	case (ends == "token" || ends == "devicecode") && last == "authorize":
		p.add(field, "is the authorization endpoint", "it ends in /"+ends)
	case (ends == "authorize" || ends == "devicecode") && last == "token":
		p.add(field, "is the token endpoint", "it ends in /"+ends)
	case strings.HasSuffix(path, "/oauth2/"+ends) && !strings.HasPrefix(path, "/adfs/"):
		// The v1 endpoint wants resource instead of scope and issues other tokens.
		p.add(field, "is the v1 endpoint", "use the v2 endpoint, which ends in /oauth2/v2.0/"+ends)
	case known && !strings.HasSuffix(path, "/oauth2/v2.0/"+ends):
		p.add(field, "is not a v2 endpoint", "it ends in /<tenant>/oauth2/v2.0/"+ends)
	case known && !validTenant(tenantOf(raw)):
		p.add(field, "has no tenant", "it has the form https://"+host+"/<tenant>/oauth2/v2.0/"+ends)
	case field == "TokenURL" && u.RawQuery != "" && kindOf(raw) == kindEntra:
		p.add(field, "has a query (?...)", "remove it")
	}
}

func (c *Config) checkRedirect(p *problems) {
	raw := c.RedirectURL
	if raw == "" {
		return
	}
	const fix = "enter it exactly as registered under Authentication, platform Web"
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsFunc(raw, unprintable) || strings.Contains(raw, " ") || u.Opaque != "" || u.Host == "":
		p.add("RedirectURL", "is not a URL", fix)
	case u.User != nil:
		p.add("RedirectURL", "contains a user name or password", "remove everything between // and @")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		p.add("RedirectURL", "has a fragment (#...)", "remove it: RFC 6749 section 3.1.2 forbids it")
	case strings.Contains(raw, "*"):
		p.add("RedirectURL", "contains a wildcard", "register and enter the full address")
	case len(raw) > 256:
		p.add("RedirectURL", "longer than 256 characters", "choose a shorter path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		p.add("RedirectURL", "is http", "use https (http only for http://localhost)")
	case u.Scheme != "http" && u.Scheme != "https":
		p.add("RedirectURL", fmt.Sprintf("has the scheme %.20q", u.Scheme), "use https, or http://localhost for a program on this machine")
	case u.Hostname() == "::1" && c.entraEndpoints():
		p.add("RedirectURL", "is [::1], which Entra does not support", "use http://localhost")
	}
}

func (c *Config) checkScopes(p *problems) {
	const fix = "enter " + DefaultScope
	if len(c.Scopes) == 0 {
		p.add("Scopes", "empty", fix)
		return
	}
	if len(c.Scopes) > maxScopes {
		p.add("Scopes", fmt.Sprintf("more than %d scopes", maxScopes), fix)
		return
	}
	for _, s := range c.Scopes {
		if strings.ContainsAny(s, ",; \t\r\n") {
			p.add("Scopes", fmt.Sprintf("%.60q holds several scopes", s), "split it with ParseScopes")
			return
		}
		if err := checkScope(s); err != nil {
			p.add("Scopes", strings.TrimPrefix(err.Error(), "azureoauth: scope: "), fix)
			return
		}
	}
	if c.LiteralScopes || !c.entraEndpoints() {
		return
	}
	permissions, byDefault, appRole, resources := 0, false, false, map[string]bool{}
	for _, s := range c.Scopes {
		if oidcScope(s) {
			continue
		}
		if !qualified(s) && !exchangeScope(s) {
			p.add("Scopes", fmt.Sprintf("unknown scope %.60q", s), fix+"; a permission of another API is written with its resource, as in https://graph.microsoft.com/Mail.Read")
			continue
		}
		permissions++
		switch strings.ToLower(lastSegment(s)) {
		case scopeDefault:
			byDefault = true
		case scopeEWSApp:
			appRole = true
		}
		if r := resourceOf(s); r != "" {
			resources[r] = true
		} else {
			resources[resourceOf(c.resource()+"/"+s)] = true
		}
	}
	switch {
	case permissions == 0 && p.count("Scopes") == 0:
		p.add("Scopes", "no permission among them", fix)
	case len(resources) > 1:
		p.add("Scopes", "permissions of two resources", "Entra issues a token for one (AADSTS700022): keep those of Exchange, and fetch others with TokenFor")
	case byDefault && permissions > 1:
		p.add("Scopes", ".default together with named permissions", "use one or the other (AADSTS70011)")
	case appRole && permissions > 1:
		p.add("Scopes", "full_access_as_app is an application permission and EWS.AccessAsUser.All a delegated one", "keep the one that the application uses")
	}
}

func (p *problems) count(field string) int {
	n := 0
	for _, x := range *p {
		if x.Field == field {
			n++
		}
	}
	return n
}

func (c *Config) checkResource(p *problems) {
	raw := c.Resource
	if raw == "" {
		return
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(raw, unprintable):
		p.add("Resource", "is not a URL", "enter the EWS URL, as in https://outlook.office365.com/EWS/Exchange.asmx")
	case u.Scheme != "https" && !(u.Scheme == "http" && c.AllowLoopbackHTTP && isLoopback(u.Hostname())):
		p.add("Resource", "is not https", "enter the EWS URL, as in https://outlook.office365.com/EWS/Exchange.asmx")
	}
}

// needRedirect is the check of the sign-ins that come back to a redirect URI.
func (c *Config) needRedirect() error {
	if c == nil {
		return c.Validate()
	}
	var p problems
	if err := c.Validate(); err != nil {
		var ce *ConfigError
		if !errors.As(err, &ce) {
			return err
		}
		p = ce.Problems
	}
	if c.RedirectURL == "" {
		p.add("RedirectURL", "empty", "enter the redirect URI registered under Authentication, platform Web")
	}
	if a, _ := c.endpoints(); a == "" && c.TokenURL != "" && p.count("AuthURL") == 0 {
		p.add("AuthURL", "empty", "paste the OAuth 2.0 authorization endpoint (v2) from the app registration's Endpoints page")
	}
	return p.asError()
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func unprintable(r rune) bool {
	// U+FEFF, bidi marks and zero-width characters come along when text is pasted from a web page.
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
}
