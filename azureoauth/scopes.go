package azureoauth

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// DefaultScope is what a settings form prefills: delegated EWS access and a refresh token.
const DefaultScope = "EWS.AccessAsUser.All,offline_access"

const (
	scopeEWS         = "EWS.AccessAsUser.All"
	scopeEWSApp      = "full_access_as_app"
	scopeDefault     = ".default"
	scopeOffline     = "offline_access"
	maxScopes        = 64
	maxScopeLen      = 512
	defaultResource  = "https://outlook.office365.com"
	outlookShortHost = "https://outlook.office.com" // the same resource under its older name
)

// ParseScopes reads a scope as admins type it: separated by commas, semicolons, white space or any mix, each maybe in
// quotes; duplicates are dropped, the order is kept. Errors: nothing but separators, characters that RFC 6749 appendix
// A.4 does not allow (control characters, non-ASCII, a quote or backslash inside), more than 64 scopes.
//
// The result is what was typed; [Config.RequestScopes] tells what is sent.
func ParseScopes(s string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		f = strings.Trim(f, `"'`+"`\u201c\u201d\u2018\u2019")
		if f == "" {
			continue
		}
		if err := checkScope(f); err != nil {
			return nil, err
		}
		if seen[f] {
			continue
		}
		if len(out) == maxScopes {
			return nil, fmt.Errorf("azureoauth: scope: more than %d scopes", maxScopes)
		}
		seen[f] = true
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("azureoauth: scope: empty; enter %s", DefaultScope)
	}
	return out, nil
}

// checkScope applies RFC 6749 appendix A.4: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
func checkScope(s string) error {
	if s == "" {
		return fmt.Errorf("azureoauth: scope: empty scope")
	}
	if len(s) > maxScopeLen {
		return fmt.Errorf("azureoauth: scope: a scope is longer than %d characters", maxScopeLen)
	}
	for _, r := range s {
		if r < 0x21 || r > 0x7e || r == '"' || r == '\\' {
			return fmt.Errorf("azureoauth: scope: %.60q contains the character %q, which no scope may", s, r)
		}
	}
	return nil
}

// oidcScope tells the scopes that belong to no resource.
func oidcScope(s string) bool {
	switch strings.ToLower(s) {
	case "openid", "profile", "email", scopeOffline:
		return true
	}
	return false
}

// exchangeScope tells the permissions of Office 365 Exchange Online that people write without its resource.
func exchangeScope(s string) bool {
	switch strings.ToLower(s) {
	case strings.ToLower(scopeEWS), scopeEWSApp, scopeDefault, "imap.accessasuser.all", "pop.accessasuser.all", "smtp.send":
		return true
	}
	return false
}

// qualified tells a scope that names its resource itself.
func qualified(s string) bool { return strings.Contains(s, "://") }

// lastSegment is the permission's name without its resource. Granted scopes are compared by it, since Entra grants
// https://outlook.office365.com/X when https://outlook.office.com/X was asked for.
func lastSegment(s string) string {
	if !qualified(s) {
		return s
	}
	return s[strings.LastIndexByte(s, '/')+1:]
}

// resourceOf is the resource of a qualified scope, with the two names of Exchange Online folded into one.
func resourceOf(s string) string {
	if !qualified(s) {
		return ""
	}
	r := strings.ToLower(strings.TrimRight(s[:strings.LastIndexByte(s, '/')], "/"))
	if r == outlookShortHost {
		return defaultResource
	}
	return r
}

// resource is the scheme and host that unqualified Exchange scopes belong to: what the admin said, else by cloud.
func (c *Config) resource() string {
	if c.Resource != "" {
		if u, err := url.Parse(strings.TrimSpace(c.Resource)); err == nil && u.Host != "" {
			return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)
		}
	}
	if c.Cloud != "" {
		if r := c.Cloud.Resource(); r != "" {
			return r
		}
	}
	if u, err := url.Parse(c.TokenURL); err == nil {
		if f, ok := cloudOfHost(u.Hostname()); ok {
			return f.resource
		}
	}
	return defaultResource
}

// RequestScopes returns the scopes as they are sent when a person signs in. Entra reads a scope without a resource as
// one of Microsoft Graph, and a Graph token is refused by EWS (x-ms-diagnostics 2000003); so on Entra an Exchange
// permission written bare gets its resource: "EWS.AccessAsUser.All" is sent as
// "https://outlook.office365.com/EWS.AccessAsUser.All". The resource is Config.Resource, else that of the cloud. OpenID
// names and scopes that name a resource stay as typed, and on AD FS and other servers all do. offline_access is added
// unless NoOfflineAccess is set. With LiteralScopes everything is sent as typed.
//
// Config.Scopes is never changed.
func (c *Config) RequestScopes() ([]string, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.requestScopes(), nil
}

// requestScopes is RequestScopes for a Config known to be valid.
func (c *Config) requestScopes() []string {
	if c.LiteralScopes {
		return append([]string(nil), c.Scopes...)
	}
	out := c.qualify(c.Scopes)
	if !c.NoOfflineAccess {
		out = appendMissing(out, scopeOffline)
	}
	return out
}

func (c *Config) qualify(scopes []string) []string {
	_, tokenURL := c.endpoints()
	entra := kindOf(tokenURL) == kindEntra
	out := make([]string, 0, len(scopes)+1)
	for _, s := range scopes {
		if entra && exchangeScope(s) {
			s = c.resource() + "/" + s
		}
		out = appendMissing(out, s)
	}
	return out
}

// appScopes are the scopes of a client credentials request: one ".default" of one resource, never offline_access
// (there is no refresh token to get). On AD FS and others the permissions go as typed.
func (c *Config) appScopes() []string {
	if c.LiteralScopes {
		return append([]string(nil), c.Scopes...)
	}
	_, tokenURL := c.endpoints()
	if kindOf(tokenURL) != kindEntra {
		var out []string
		for _, s := range c.Scopes {
			if !oidcScope(s) {
				out = appendMissing(out, s)
			}
		}
		return out
	}
	for _, s := range c.qualify(c.Scopes) {
		if qualified(s) {
			return []string{s[:strings.LastIndexByte(s, '/')] + "/" + scopeDefault}
		}
	}
	return []string{c.resource() + "/" + scopeDefault}
}

// tellScopes logs once what becomes of the scope: an admin who compares it with the sign-in logs should find out why.
func (c *Config) tellScopes(sent []string) {
	if typed := strings.Join(c.Scopes, " "); typed != strings.Join(sent, " ") && c.shared().told.CompareAndSwap(false, true) {
		c.logger().Info("oauth scope is sent with its resource", "typed", typed, "sent", strings.Join(sent, " "))
	}
}

// appOnlyScopes tells a registration that can only be used without a person: ".default" or full_access_as_app alone.
func appOnlyScopes(scopes []string) bool {
	n := 0
	for _, s := range scopes {
		switch l := strings.ToLower(lastSegment(s)); {
		case l == scopeDefault || l == scopeEWSApp:
			n++
		case oidcScope(s):
		default:
			return false
		}
	}
	return n > 0
}

func appendMissing(list []string, s string) []string {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return list
		}
	}
	return append(list, s)
}

// notGranted returns the first of the wanted permissions that is not among the granted ones, compared by their last
// segment; "" when all are there. OpenID scopes and .default are not looked for: servers leave them out of the answer.
func notGranted(want, granted []string) string {
	have := map[string]bool{}
	for _, g := range granted {
		have[strings.ToLower(lastSegment(g))] = true
	}
	for _, w := range want {
		l := strings.ToLower(lastSegment(w))
		if oidcScope(w) || l == scopeDefault || have[l] {
			continue
		}
		return w
	}
	return ""
}
