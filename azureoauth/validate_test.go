package azureoauth_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/azureoauth"
)

const (
	tenant   = "6f9c2a4e-0d0b-4c58-9a57-3f1f0c5f7a10"
	loginURL = "https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0/"
)

func pasted() *azureoauth.Config {
	return &azureoauth.Config{
		ClientID: "1b2f6c3e-8a54-4c0e-9d7b-2f5e8c1a9b40", ClientSecret: "abc8Q~secret",
		AuthURL: loginURL + "authorize", TokenURL: loginURL + "token",
		RedirectURL: "https://helpdesk.example/oauth/callback", Scopes: []string{"EWS.AccessAsUser.All", "offline_access"},
	}
}

func TestValidateAcceptsWhatAdminsPaste(t *testing.T) {
	for name, change := range map[string]func(*azureoauth.Config){
		"as it is":          func(*azureoauth.Config) {},
		"tenant instead":    func(c *azureoauth.Config) { c.AuthURL, c.TokenURL, c.TenantID = "", "", "contoso.onmicrosoft.com" },
		"common":            func(c *azureoauth.Config) { c.AuthURL, c.TokenURL, c.TenantID = "", "", "common" },
		"public client":     func(c *azureoauth.Config) { c.ClientSecret, c.Public = "", true },
		"loopback redirect": func(c *azureoauth.Config) { c.RedirectURL = "http://localhost:8400/cb" },
		"no redirect":       func(c *azureoauth.Config) { c.RedirectURL = "" },
		"qualified scope":   func(c *azureoauth.Config) { c.Scopes = []string{"https://outlook.office.com/EWS.AccessAsUser.All"} },
		"two names, one host": func(c *azureoauth.Config) {
			c.Scopes = []string{"https://outlook.office.com/EWS.AccessAsUser.All", "IMAP.AccessAsUser.All"}
		},
		"EWS URL as resource":  func(c *azureoauth.Config) { c.Resource = "https://mail.contoso.example/EWS/Exchange.asmx" },
		"app only, no authURL": func(c *azureoauth.Config) { c.AuthURL, c.Scopes = "", []string{"full_access_as_app"} },
		"AD FS": func(c *azureoauth.Config) {
			c.ClientID, c.AuthURL, c.TokenURL = "helpdesk", "https://adfs.contoso.example/adfs/oauth2/authorize/", "https://adfs.contoso.example/adfs/oauth2/token/"
		},
		"any other server": func(c *azureoauth.Config) {
			c.ClientID, c.AuthURL, c.TokenURL, c.Scopes = "x", "https://id.example/auth", "https://id.example/token", []string{"mail"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := pasted()
			change(c)
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each field wrong in turn: the error names the field and the fix, and nothing else is complained of. Cases 5 to 8 and 38
// of the bad inputs are here.
func TestValidateNamesFieldAndFix(t *testing.T) {
	type cfg = azureoauth.Config
	for _, c := range []struct {
		name, field, message, fix string
		change                    func(*cfg)
	}{
		{"endless token URL", "TokenURL", "2048", "Endpoints page", func(c *cfg) { c.TokenURL += "?" + strings.Repeat("x", 2048) }},
		{"empty client ID", "ClientID", "empty", "Overview page", func(c *cfg) { c.ClientID = "" }},
		{"name as client ID", "ClientID", "not a GUID", "Application (client) ID", func(c *cfg) { c.ClientID = "helpdesk" }},
		{"blank in client ID", "ClientID", "blanks", "Overview", func(c *cfg) { c.ClientID += " " }},
		{"tenant as client ID", "ClientID", "tenant ID", "Overview", func(c *cfg) { c.ClientID, c.TenantID = tenant, tenant }},
		{"empty secret", "ClientSecret", "empty", "Value", func(c *cfg) { c.ClientSecret = "" }},
		{"secret's ID", "ClientSecret", "Secret ID", "Value", func(c *cfg) { c.ClientSecret = "2c9d1f40-54b1-4d0b-8f51-0a9a3c6e7f11" }},
		{"redacted secret", "ClientSecret", "hidden", "Value", func(c *cfg) { c.ClientSecret = "[redacted]" }},
		{"client ID as secret", "ClientSecret", "", "Value", func(c *cfg) { c.ClientSecret = azureoauth.Secret(c.ClientID) }},
		{"newline in secret", "ClientSecret", "control", "Value", func(c *cfg) { c.ClientSecret += "\n" }},
		{"public with secret", "ClientSecret", "public", "remove", func(c *cfg) { c.Public = true }},
		{"empty auth URL", "AuthURL", "empty", "Endpoints", func(c *cfg) { c.AuthURL = "" }},
		{"empty token URL", "TokenURL", "empty", "Endpoints", func(c *cfg) { c.TokenURL = "" }},
		{"http token URL", "TokenURL", "http", "https", func(c *cfg) { c.TokenURL = strings.Replace(c.TokenURL, "https", "http", 1) }},
		{"http auth URL", "AuthURL", "http", "https", func(c *cfg) { c.AuthURL = strings.Replace(c.AuthURL, "https", "http", 1) }},
		{"http loopback without the option", "TokenURL", "http", "https", func(c *cfg) { c.TokenURL = "http://127.0.0.1:8080/t/oauth2/v2.0/token" }},
		{"http elsewhere with the option", "TokenURL", "http", "https", func(c *cfg) {
			c.AllowLoopbackHTTP, c.TokenURL = true, "http://127.0.0.1.evil.example/t/oauth2/v2.0/token"
		}},
		{"ftp", "TokenURL", "scheme", "https", func(c *cfg) { c.TokenURL = "ftp://login.microsoftonline.com/t" }},
		{"v1 token URL", "TokenURL", "v1", "/oauth2/v2.0/token", func(c *cfg) { c.TokenURL = strings.Replace(c.TokenURL, "/v2.0", "", 1) }},
		{"v1 auth URL", "AuthURL", "v1", "/oauth2/v2.0/authorize", func(c *cfg) { c.AuthURL = strings.Replace(c.AuthURL, "/v2.0", "", 1) }},
		{"authorize twice", "TokenURL", "authorization endpoint", "/token", func(c *cfg) { c.TokenURL = c.AuthURL }},
		{"token twice", "AuthURL", "token endpoint", "/authorize", func(c *cfg) { c.AuthURL = c.TokenURL }},
		{"placeholder", "TokenURL", "placeholder", "tenant", func(c *cfg) { c.TokenURL = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token" }},
		{"different hosts", "TokenURL", "differs", "Endpoints", func(c *cfg) { c.TokenURL = "https://login.evil.example/" + tenant + "/oauth2/v2.0/token" }},
		{"different tenants", "TokenURL", "tenant", "Endpoints", func(c *cfg) { c.TokenURL = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token" }},
		{"different clouds", "TokenURL", "differs", "Endpoints", func(c *cfg) { c.TokenURL = strings.Replace(c.TokenURL, ".com", ".us", 1) }},
		{"user in URL", "TokenURL", "user name", "remove", func(c *cfg) { c.TokenURL = "https://a:b@login.microsoftonline.com/" + tenant + "/oauth2/v2.0/token" }},
		{"fragment", "AuthURL", "fragment", "remove", func(c *cfg) { c.AuthURL += "#x" }},
		{"no URL", "AuthURL", "not a URL", "https://", func(c *cfg) { c.AuthURL = "login.microsoftonline.com" }},
		{"blank in URL", "AuthURL", "blanks", "Endpoints", func(c *cfg) { c.AuthURL += " " }},
		{"zero width in URL", "AuthURL", "blanks", "Endpoints", func(c *cfg) { c.AuthURL = "\ufeff" + c.AuthURL }},
		{"no v2 endpoint", "AuthURL", "v2", "/oauth2/v2.0/authorize", func(c *cfg) { c.AuthURL = "https://login.microsoftonline.com/" + tenant }},
		{"German cloud", "TokenURL", "closed", "global", func(c *cfg) { c.TokenURL = strings.Replace(c.TokenURL, ".com", ".de", 1) }},
		{"bad tenant", "TenantID", "neither", "Directory", func(c *cfg) { c.TenantID = "../evil" }},
		{"unknown cloud", "Cloud", "unknown", "gcc-high", func(c *cfg) { c.Cloud = "mars" }},
		{"empty scope", "Scopes", "empty", azureoauth.DefaultScope, func(c *cfg) { c.Scopes = nil }},
		{"unparsed scope", "Scopes", "several", "ParseScopes", func(c *cfg) { c.Scopes = []string{"EWS.AccessAsUser.All,offline_access"} }},
		{"unknown scope", "Scopes", "unknown scope", azureoauth.DefaultScope, func(c *cfg) { c.Scopes = []string{"EWS.AccessAsUser.Al"} }},
		{"Graph scope", "Scopes", "unknown scope", "https://graph.microsoft.com/Mail.Read", func(c *cfg) { c.Scopes = []string{"EWS.AccessAsUser.All", "Mail.Read"} }},
		{"two resources", "Scopes", "two resources", "TokenFor", func(c *cfg) {
			c.Scopes = []string{"EWS.AccessAsUser.All", "https://graph.microsoft.com/Mail.Read"}
		}},
		{"default and named", "Scopes", ".default", "one or the other", func(c *cfg) { c.Scopes = []string{".default", "EWS.AccessAsUser.All"} }},
		{"application and delegated", "Scopes", "application permission", "keep the one", func(c *cfg) { c.Scopes = []string{"full_access_as_app", "EWS.AccessAsUser.All"} }},
		{"no permission", "Scopes", "no permission", azureoauth.DefaultScope, func(c *cfg) { c.Scopes = []string{"offline_access"} }},
		{"quote in scope", "Scopes", "character", azureoauth.DefaultScope, func(c *cfg) { c.Scopes = []string{`a"b`} }},
		{"http redirect", "RedirectURL", "http", "https", func(c *cfg) { c.RedirectURL = "http://helpdesk.example/cb" }},
		{"fragment in redirect", "RedirectURL", "fragment", "remove", func(c *cfg) { c.RedirectURL += "#" }},
		{"wildcard redirect", "RedirectURL", "wildcard", "full address", func(c *cfg) { c.RedirectURL = "https://*.example/cb" }},
		{"IPv6 redirect", "RedirectURL", "[::1]", "localhost", func(c *cfg) { c.RedirectURL = "http://[::1]/cb" }},
		{"no redirect URL", "RedirectURL", "not a URL", "registered", func(c *cfg) { c.RedirectURL = "helpdesk" }},
		{"long redirect", "RedirectURL", "256", "shorter", func(c *cfg) { c.RedirectURL += strings.Repeat("x", 256) }},
		{"http resource", "Resource", "https", "EWS URL", func(c *cfg) { c.Resource = "http://mail.contoso.example" }},
		{"no resource", "Resource", "not a URL", "EWS URL", func(c *cfg) { c.Resource = "mail.contoso.example" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := pasted()
			c.change(cfg)
			err := cfg.Validate()
			var ce *azureoauth.ConfigError
			if !errors.As(err, &ce) {
				t.Fatalf("error %v", err)
			}
			if len(ce.Problems) != 1 || ce.Problems[0].Field != c.field {
				t.Fatalf("problems %v, want one of %s", ce.Problems, c.field)
			}
			p := ce.Problems[0]
			if !strings.Contains(p.Message, c.message) || !strings.Contains(p.Fix, c.fix) || p.Label == "" {
				t.Errorf("problem %q, want message with %q and fix with %q", p, c.message, c.fix)
			}
			if !errors.Is(err, azureoauth.ErrConfiguration) || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("error %q", err)
			}
			if s := string(cfg.ClientSecret); len(s) > 6 && s != cfg.ClientID && s != "[redacted]" && strings.Contains(err.Error(), s) {
				t.Errorf("the secret stands in the error: %v", err)
			}
		})
	}
}

func TestValidateSwappedURLs(t *testing.T) {
	c := pasted()
	c.AuthURL, c.TokenURL = c.TokenURL, c.AuthURL
	var ce *azureoauth.ConfigError
	if !errors.As(c.Validate(), &ce) {
		t.Fatal("accepted")
	}
	if len(ce.For("AuthURL")) != 1 || len(ce.For("TokenURL")) != 1 || !strings.Contains(ce.Error(), "exchange it") {
		t.Errorf("%v", ce)
	}
}

func TestValidateTellsEverythingAtOnce(t *testing.T) {
	var fields []string
	var ce *azureoauth.ConfigError
	if !errors.As((&azureoauth.Config{RedirectURL: "x"}).Validate(), &ce) {
		t.Fatal("accepted")
	}
	for _, p := range ce.Problems {
		fields = append(fields, p.Field)
	}
	if diff := cmp.Diff([]string{"ClientID", "ClientSecret", "AuthURL", "TokenURL", "RedirectURL", "Scopes"}, fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var none *azureoauth.Config
	if none.Validate() == nil {
		t.Error("a nil Config is valid")
	}
	if _, _, err := none.AuthCodeURL(nil); err == nil {
		t.Error("a nil Config signs in")
	}
}

func TestParseScopes(t *testing.T) {
	for in, want := range map[string][]string{
		"EWS.AccessAsUser.All,offline_access":                  {"EWS.AccessAsUser.All", "offline_access"},
		"EWS.AccessAsUser.All offline_access":                  {"EWS.AccessAsUser.All", "offline_access"},
		" EWS.AccessAsUser.All ;\r\n\toffline_access,, ":       {"EWS.AccessAsUser.All", "offline_access"},
		`"EWS.AccessAsUser.All", 'offline_access'`:             {"EWS.AccessAsUser.All", "offline_access"},
		"\u201cEWS.AccessAsUser.All\u201d\u00a0offline_access": {"EWS.AccessAsUser.All", "offline_access"},
		"a a b a":                                {"a", "b"},
		"https://outlook.office365.com/.default": {"https://outlook.office365.com/.default"},
		"":                                       nil, " ,; ": nil, `""`: nil, `a"b`: nil, `a\b`: nil, "ä": nil, "a\x00b": nil, "a\u200bb": nil,
	} {
		got, err := azureoauth.ParseScopes(in)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
		if (err != nil) != (want == nil) {
			t.Errorf("%q: error %v", in, err)
		}
	}
	if _, err := azureoauth.ParseScopes(strings.Repeat("a", 600)); err == nil {
		t.Error("a scope of 600 characters is accepted")
	}
	var many strings.Builder
	for i := range 100 {
		many.WriteString(strings.Repeat("a", i+1) + " ")
	}
	if _, err := azureoauth.ParseScopes(many.String()); err == nil {
		t.Error("100 scopes are accepted")
	}
}

func TestRequestScopes(t *testing.T) {
	type cfg = azureoauth.Config
	global := "https://outlook.office365.com/EWS.AccessAsUser.All"
	for _, c := range []struct {
		name   string
		change func(*cfg)
		want   []string
	}{
		{"literal of the guides", func(*cfg) {}, []string{global, "offline_access"}},
		{"offline_access is added", func(c *cfg) { c.Scopes = c.Scopes[:1] }, []string{global, "offline_access"}},
		{"unless switched off", func(c *cfg) { c.Scopes, c.NoOfflineAccess = c.Scopes[:1], true }, []string{global}},
		{"literal mode", func(c *cfg) { c.LiteralScopes = true }, []string{"EWS.AccessAsUser.All", "offline_access"}},
		{"already qualified", func(c *cfg) { c.Scopes = []string{"https://outlook.office.com/EWS.AccessAsUser.All"} }, []string{"https://outlook.office.com/EWS.AccessAsUser.All", "offline_access"}},
		{"resource from the EWS URL", func(c *cfg) { c.Resource = "https://Mail.Contoso.example/EWS/Exchange.asmx" }, []string{"https://mail.contoso.example/EWS.AccessAsUser.All", "offline_access"}},
		{"GCC High by token URL", func(c *cfg) {
			c.AuthURL, c.TokenURL = strings.Replace(c.AuthURL, ".com", ".us", 1), strings.Replace(c.TokenURL, ".com", ".us", 1)
		}, []string{"https://outlook.office365.us/EWS.AccessAsUser.All", "offline_access"}},
		{"DoD by name", func(c *cfg) { c.AuthURL, c.TokenURL, c.TenantID, c.Cloud = "", "", tenant, azureoauth.CloudDoD }, []string{"https://outlook-dod.office365.us/EWS.AccessAsUser.All", "offline_access"}},
		{"China by older host", func(c *cfg) {
			c.AuthURL = "https://login.chinacloudapi.cn/" + tenant + "/oauth2/v2.0/authorize"
			c.TokenURL = "https://login.partner.microsoftonline.cn/" + tenant + "/oauth2/v2.0/token"
		}, []string{"https://partner.outlook.cn/EWS.AccessAsUser.All", "offline_access"}},
		{"Entra behind another name", func(c *cfg) {
			c.AuthURL, c.TokenURL = "https://proxy.example/contoso/oauth2/v2.0/authorize", "https://proxy.example/contoso/oauth2/v2.0/token"
		}, []string{global, "offline_access"}},
		{"AD FS keeps the bare name", func(c *cfg) {
			c.AuthURL, c.TokenURL = "https://adfs.example/adfs/oauth2/authorize", "https://adfs.example/adfs/oauth2/token"
		}, []string{"EWS.AccessAsUser.All", "offline_access"}},
		{"so do others", func(c *cfg) { c.AuthURL, c.TokenURL = "https://id.example/auth", "https://id.example/token" }, []string{"EWS.AccessAsUser.All", "offline_access"}},
		{"OpenID names stay", func(c *cfg) { c.Scopes = append(c.Scopes, "openid", "email") }, []string{global, "offline_access", "openid", "email"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := pasted()
			c.change(cfg)
			typed := append([]string(nil), cfg.Scopes...)
			got, err := cfg.RequestScopes()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(typed, cfg.Scopes); diff != "" {
				t.Errorf("what was typed changed:\n%s", diff)
			}
			o, err := cfg.OAuth2()
			if err != nil || cmp.Diff(c.want, o.Scopes) != "" || o.ClientSecret != "abc8Q~secret" {
				t.Errorf("OAuth2: %v, %v", o, err)
			}
		})
	}
}

func TestCloudEndpoints(t *testing.T) {
	for cloud, want := range map[azureoauth.Cloud]string{
		"":                      "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		azureoauth.CloudGlobal:  "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		azureoauth.CloudGCCHigh: "https://login.microsoftonline.us/common/oauth2/v2.0/token",
		azureoauth.CloudDoD:     "https://login.microsoftonline.us/common/oauth2/v2.0/token",
		azureoauth.CloudChina:   "https://login.partner.microsoftonline.cn/common/oauth2/v2.0/token",
	} {
		if _, got, err := cloud.Endpoints("common"); err != nil || got != want {
			t.Errorf("%q: %s, %v", cloud, got, err)
		}
	}
	for _, bad := range []string{"", "a/b", "../x", "a b", "a?b", "a#b"} {
		if _, _, err := azureoauth.CloudGlobal.Endpoints(bad); err == nil {
			t.Errorf("tenant %q is accepted", bad)
		}
	}
	for in, want := range map[string]azureoauth.Cloud{"": azureoauth.CloudGlobal, "GCC": azureoauth.CloudGlobal, "gcchigh": azureoauth.CloudGCCHigh, "DoD": azureoauth.CloudDoD, "china": azureoauth.CloudChina} {
		if got, err := azureoauth.ParseCloud(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := azureoauth.ParseCloud("germany"); err == nil {
		t.Error("germany is accepted")
	}
}

// What is sent otherwise than typed is logged once.
func TestRewrittenScopeIsLoggedOnce(t *testing.T) {
	var b strings.Builder
	c := pasted()
	c.Logger = slog.New(slog.NewTextHandler(&b, nil))
	for range 3 {
		if _, _, err := c.AuthCodeURL(nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), "typed=\"EWS.AccessAsUser.All offline_access\" sent=\"https://outlook.office365.com/EWS.AccessAsUser.All offline_access"); n != 1 {
		t.Errorf("logged %d times: %s", n, b.String())
	}
}
