package azureoauth

import (
	"fmt"
	"net/url"
	"strings"
)

// Cloud names a Microsoft cloud: which login host signs people in, and which resource Exchange's EWS is there.
// Applications are registered per cloud; a registration of one is unknown in the others (AADSTS900382, AADSTS700016).
type Cloud string

// The clouds. The zero Cloud is CloudGlobal.
const (
	CloudGlobal  Cloud = "global"   // worldwide, GCC included
	CloudGCCHigh Cloud = "gcc-high" // US government, GCC High
	CloudDoD     Cloud = "dod"      // US government, Department of Defense
	CloudChina   Cloud = "china"    // operated by 21Vianet
)

type cloudFacts struct {
	cloud    Cloud
	login    string   // the host that is written into endpoints
	aliases  []string // further login hosts of the same cloud
	resource string   // EWS's resource
}

// Source: Microsoft "National clouds" (authentication-national-cloud) and Exchange Online endpoint lists. GCC High
// comes before DoD: they share the login host, and a token URL alone cannot tell them apart.
var clouds = []cloudFacts{
	{CloudGlobal, "login.microsoftonline.com", []string{"login.windows.net", "login.microsoft.com"}, "https://outlook.office365.com"},
	{CloudGCCHigh, "login.microsoftonline.us", []string{"login-us.microsoftonline.com"}, "https://outlook.office365.us"},
	{CloudDoD, "login.microsoftonline.us", nil, "https://outlook-dod.office365.us"},
	{CloudChina, "login.partner.microsoftonline.cn", []string{"login.chinacloudapi.cn"}, "https://partner.outlook.cn"},
}

// ParseCloud reads a cloud's name as a settings form has it: "", "global", "gcc", "gcc-high", "dod", "china".
func ParseCloud(s string) (Cloud, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "global", "public", "gcc":
		return CloudGlobal, nil
	case "gcc-high", "gcchigh", "usgov":
		return CloudGCCHigh, nil
	case "dod":
		return CloudDoD, nil
	case "china", "21vianet":
		return CloudChina, nil
	}
	return "", fmt.Errorf("azureoauth: unknown cloud %.20q: use global, gcc-high, dod or china", s)
}

func (c Cloud) facts() (cloudFacts, bool) {
	if c == "" {
		c = CloudGlobal
	}
	for _, f := range clouds {
		if f.cloud == c {
			return f, true
		}
	}
	return cloudFacts{}, false
}

// Resource is the resource (scheme and host) of EWS in this cloud, "" for an unknown cloud.
func (c Cloud) Resource() string {
	f, _ := c.facts()
	return f.resource
}

// Endpoints returns the v2.0 authorization and token endpoints of a tenant: its GUID, one of its domains, "common"
// or "organizations". Nothing is asked of the network.
func (c Cloud) Endpoints(tenant string) (authURL, tokenURL string, err error) {
	f, ok := c.facts()
	if !ok {
		return "", "", fmt.Errorf("azureoauth: unknown cloud %.20q", string(c))
	}
	if !validTenant(tenant) {
		return "", "", fmt.Errorf("azureoauth: tenant %.40q is neither a GUID nor a domain name", tenant)
	}
	base := "https://" + f.login + "/" + tenant + "/oauth2/v2.0/"
	return base + "authorize", base + "token", nil
}

// cloudOfHost finds the cloud a login host belongs to.
func cloudOfHost(host string) (cloudFacts, bool) {
	host = strings.ToLower(host)
	for _, f := range clouds {
		if host == f.login {
			return f, true
		}
		for _, a := range f.aliases {
			if host == a {
				return f, true
			}
		}
	}
	return cloudFacts{}, false
}

// serverKind decides the dialect that is spoken: how scopes are written and whether a resource parameter is sent.
type serverKind int

const (
	kindOther serverKind = iota // plain RFC 6749
	kindEntra                   // scopes carry their resource
	kindADFS                    // scopes are bare, the resource is a parameter of its own
)

// kindOf goes by host, then by the shape of the path, so that Entra behind another name (a proxy, a test server)
// is still spoken to as Entra.
func kindOf(tokenURL string) serverKind {
	u, err := url.Parse(tokenURL)
	if err != nil {
		return kindOther
	}
	if _, ok := cloudOfHost(u.Hostname()); ok {
		return kindEntra
	}
	path := strings.ToLower(strings.TrimSuffix(u.Path, "/"))
	if strings.HasPrefix(path, "/adfs/oauth2/") {
		return kindADFS
	}
	if seg := strings.Split(strings.TrimPrefix(path, "/"), "/"); len(seg) == 4 && seg[1] == "oauth2" && seg[2] == "v2.0" && seg[3] == "token" {
		return kindEntra
	}
	return kindOther
}

// tenantOf is the tenant segment of an Entra endpoint's path, "" when there is none.
func tenantOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	seg := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(seg) >= 2 && strings.EqualFold(seg[1], "oauth2") {
		return seg[0]
	}
	return ""
}

// validTenant accepts what a path segment of a login URL may be: GUID, domain, common, organizations, consumers.
func validTenant(s string) bool {
	if s == "" || len(s) > 253 || strings.HasPrefix(s, ".") || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.') {
			return false
		}
	}
	return true
}

// isGUID tells a GUID in its usual 8-4-4-4-12 form.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if r != '-' {
				return false
			}
			continue
		}
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F') {
			return false
		}
	}
	return true
}
