package azureoauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Severity grades a Finding.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // it will not work
	SeverityWarning Severity = "warning" // it may not, or not for long
	SeverityInfo    Severity = "info"
)

// Finding is one line of a report.
type Finding struct {
	Severity Severity
	Subject  string // "Token URL", "Clock", "Access token" ...
	Message  string
	Fix      string // "" for information
}

// String is one line.
func (f Finding) String() string {
	s := string(f.Severity) + ": " + f.Subject + ": " + f.Message
	if f.Fix != "" {
		s += "; " + f.Fix
	}
	return s
}

// Report is what Diagnose found. It holds no secret and can be pasted into a ticket, but names accounts and tenants.
type Report struct{ Findings []Finding }

// OK tells that there is no error among the findings.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if f.Severity == SeverityError {
			return false
		}
	}
	return true
}

// String has one line per finding.
func (r *Report) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

func (r *Report) add(s Severity, subject, message, fix string) {
	r.Findings = append(r.Findings, Finding{s, subject, message, fix})
}

// DiagnoseOptions shape a diagnosis. nil is the zero value.
type DiagnoseOptions struct {
	// EWSURL is asked too: without credentials, and with the access token if one is given and its resource is EWSURL's host, or
	// Exchange Online.
	EWSURL string
	// Offline asks no server.
	Offline bool
}

// Diagnose looks a registration over, and a token if one is given, for an admin who wonders why it does not work: fields,
// endpoints, tenant, cloud, clock, scopes, redirect URL, secret, what the token says and what EWS answers. The client secret
// and the refresh token are sent nowhere. What is read out of an access token is a hint: tokens are opaque by contract.
func Diagnose(ctx context.Context, c *Config, t *oauth2.Token, o *DiagnoseOptions) *Report {
	r := &Report{}
	if o == nil {
		o = &DiagnoseOptions{}
	}
	if err := c.Validate(); err != nil {
		var ce *ConfigError
		if errors.As(err, &ce) {
			for _, p := range ce.Problems {
				r.add(SeverityError, p.Label, p.Message, p.Fix)
			}
		}
		return r // nothing is asked of addresses that are wrong
	}
	r.expiry(c)
	r.scopes(c)
	r.redirect(c)
	if !o.Offline {
		r.endpoints(ctx, c)
	}
	if t != nil {
		r.token(c, t)
	}
	if o.EWSURL != "" && !o.Offline {
		r.ews(ctx, c, t, o.EWSURL)
	}
	if r.OK() {
		r.add(SeverityInfo, "Registration", "no error found", "")
	}
	return r
}

func (r *Report) expiry(c *Config) {
	severity, subject := SeverityWarning, "Client secret"
	if c.Credential != nil {
		subject = "Certificate"
	}
	if _, ends := c.expiry(); time.Until(ends) <= 0 {
		severity = SeverityError
	}
	for _, w := range c.Warnings() {
		message, fix, _ := strings.Cut(w, ": ")
		r.add(severity, subject, message, fix)
	}
}

func (r *Report) scopes(c *Config) {
	sent := c.requestScopes()
	if appOnlyScopes(c.Scopes) {
		sent = c.appScopes()
	}
	r.add(SeverityInfo, "Scope", "typed: "+strings.Join(c.Scopes, " ")+"; sent: "+strings.Join(sent, " "), "")
	if c.kind() == kindEntra && c.LiteralScopes {
		for _, s := range c.Scopes {
			if exchangeScope(s) {
				r.add(SeverityWarning, "Scope", s+" is sent without its resource: Entra issues a token for Microsoft Graph, which EWS refuses (2000003)", "switch literal scopes off, or write "+c.resource()+"/"+s)
			}
		}
	}
	if !hasScope(sent, scopeOffline) && !appOnlyScopes(c.Scopes) {
		r.add(SeverityWarning, "Scope", "offline_access is missing: the sign-in lasts an hour or so", "add offline_access")
	}
}

func (r *Report) redirect(c *Config) {
	u, err := url.Parse(c.RedirectURL)
	if err != nil || c.RedirectURL == "" {
		return
	}
	r.add(SeverityInfo, "Redirect URL", c.RedirectURL+" must be registered in exactly this form, platform Web (not Single-page application)", "")
	if c.kind() == kindEntra && u.Scheme == "http" && u.Hostname() != "localhost" {
		r.add(SeverityWarning, "Redirect URL", "Entra takes http://"+u.Hostname()+" only through the app manifest", "register and use http://localhost")
	}
	if strings.HasSuffix(u.Path, "/") && u.Path != "/" {
		r.add(SeverityWarning, "Redirect URL", "it ends in a slash, which counts in the comparison", "check that the registered one does too")
	}
}

func (r *Report) endpoints(ctx context.Context, c *Config) {
	authURL, tokenURL := c.endpoints()
	var issuer string
	switch c.kind() {
	case kindEntra:
		issuer = strings.TrimSuffix(strings.TrimSuffix(tokenURL, "/"), "/oauth2/v2.0/token") + "/v2.0"
	case kindADFS:
		u, _ := url.Parse(tokenURL)
		issuer = u.Scheme + "://" + u.Host + "/adfs"
	case kindOther:
		r.reach(ctx, c, tokenURL)
		return
	}
	host := hostOf(tokenURL)
	m, err := Discover(ctx, issuer, &DiscoverOptions{HTTPClient: c.HTTPClient, Timeout: c.Timeout, AllowLoopbackHTTP: c.AllowLoopbackHTTP})
	if err != nil {
		fix := "check the URL, DNS, firewall and proxy of this machine"
		var e *Error
		if errors.As(err, &e) {
			fix = e.Advice()
		}
		r.add(SeverityError, "Token URL", err.Error(), fix)
		return
	}
	r.add(SeverityInfo, "Token URL", host+" answers; issuer "+cleanText(m.Issuer, nil, 200), "")
	if !m.Date.IsZero() {
		// The header counts whole seconds, and the answer was on its way.
		if skew := time.Since(m.Date); skew > time.Minute || skew < -time.Minute {
			way := "ahead of"
			if skew < 0 {
				way, skew = "behind", -skew
			}
			r.add(SeverityWarning, "Clock", fmt.Sprintf("this machine's clock is %v %s the server's", skew.Round(time.Second), way), "set it by NTP: tokens and certificates are judged by it")
		}
	}
	same := func(a, b string) bool {
		return strings.EqualFold(strings.TrimSuffix(endpointPath(a), "/"), strings.TrimSuffix(endpointPath(b), "/"))
	}
	multi := func(s string) bool { return !isGUID(tenantOf(s)) } // by name or common: the metadata answer with the GUID
	if c.kind() == kindEntra && !multi(tokenURL) && (!same(m.TokenURL, tokenURL) || authURL != "" && !same(m.AuthURL, authURL)) {
		r.add(SeverityWarning, "Token URL", "the server names other endpoints: "+cleanText(m.AuthURL+" "+m.TokenURL, nil, 300), "copy these after checking that they are your tenant's")
	}
	if isGUID(c.TenantID) && m.TenantID != "" && !strings.EqualFold(c.TenantID, m.TenantID) {
		r.add(SeverityError, "Tenant ID", "the endpoints belong to tenant "+m.TenantID, "copy ID and endpoints from the same page")
	}
}

// reach asks whether anybody answers at the token URL of a server of which nothing else is known. Token endpoints take POST
// alone, so that whatever it answers to a GET will do.
func (r *Report) reach(ctx context.Context, c *Config, tokenURL string) {
	a, err := c.send(ctx, "token URL probe", http.MethodGet, tokenURL, nil)
	var e *Error
	switch {
	case err == nil && a.status == http.StatusNotFound:
		r.add(SeverityError, "Token URL", hostOf(tokenURL)+" answers that there is nothing at this path", "compare the path with the server's documentation")
	case errors.As(err, &e) && e.StatusCode == 0:
		r.add(SeverityError, "Token URL", err.Error(), e.Advice())
	case errors.As(err, &e) && e.StatusCode < 400:
		r.add(SeverityWarning, "Token URL", err.Error(), "compare it with the server's documentation")
	case err == nil:
		r.add(SeverityInfo, "Token URL", fmt.Sprintf("%s answers (status %d to a GET); it is neither Entra nor AD FS, so its tenant and metadata are not compared", hostOf(tokenURL), a.status), "")
	}
}

func (r *Report) token(c *Config, t *oauth2.Token) {
	const subject = "Access token"
	if t.RefreshToken == "" && !appOnlyScopes(c.Scopes) {
		r.add(SeverityWarning, "Refresh token", "there is none: the sign-in ends with the access token", "add offline_access and sign in again")
	}
	if granted := grantedScopes(t); len(granted) > 0 {
		if miss := notGranted(c.requestScopes(), granted); miss != "" && !appOnlyScopes(c.Scopes) {
			r.add(SeverityError, "Scope", cleanText(miss, nil, 200)+" was not granted; granted: "+cleanText(strings.Join(granted, " "), nil, 400), "add it under API permissions, consent, and sign in again")
		}
	}
	switch left := time.Until(t.Expiry); {
	case t.Expiry.IsZero():
		r.add(SeverityWarning, subject, "its expiry is not known", "refresh it")
	case left <= 0:
		r.add(SeverityInfo, subject, "expired "+(-left).Round(time.Second).String()+" ago; it will be refreshed", "")
	default:
		r.add(SeverityInfo, subject, "valid for "+left.Round(time.Second).String(), "")
	}
	o, err := jwtClaims(t.AccessToken)
	if err != nil {
		r.add(SeverityInfo, subject, "it cannot be read (personal accounts and encrypted tokens), which is no fault", "")
		return
	}
	text := func(name string) string { return cleanText(o.lenient(name), nil, 300) }
	aud := cleanText(strings.Join(o.list("aud"), " "), nil, 300)
	app := text("appid")
	if app == "" {
		app = text("azp")
	}
	roles := cleanText(strings.Join(o.list("roles"), " "), nil, 300)
	r.add(SeverityInfo, subject, fmt.Sprintf("audience %s, application %s, tenant %s, account %s, scopes %q, roles %q (a hint)", aud, app, text("tid"), accountOf(o).Username, text("scp"), roles), "")
	want := c.resource()
	switch {
	case strings.Contains(aud, "graph.microsoft.com") || strings.HasPrefix(aud, "00000003-0000-0000-c000"):
		r.add(SeverityError, subject, "it is for Microsoft Graph, and EWS will refuse it (2000003)", "the scope was sent without its resource: use "+want+"/"+scopeEWS+" and sign in again")
	case aud != "" && !sameAudience(aud, want):
		r.add(SeverityWarning, subject, "its audience is "+aud+", while EWS is "+want, "set the resource to the EWS URL's host and sign in again")
	}
	if app != "" && isGUID(c.ClientID) && !strings.EqualFold(app, c.ClientID) {
		r.add(SeverityError, subject, "it was issued to application "+app, "sign in with this registration")
	}
	if tid := tenantOf(c.tokenURL()); isGUID(tid) && text("tid") != "" && !strings.EqualFold(tid, text("tid")) {
		r.add(SeverityWarning, subject, "it is from tenant "+text("tid")+", while the URLs name "+tid, "sign in with an account of that tenant")
	}
	if text("scp") == "" && roles == "" {
		r.add(SeverityError, subject, "it carries no permission (2000008)", "add the permission under API permissions, grant admin consent, and get a new token")
	}
}

// sameAudience allows for the trailing slash of AD FS, Exchange's own id and its two names.
func sameAudience(aud, resource string) bool {
	a := resourceOf(strings.TrimRight(aud, "/") + "/x")
	return a == resource || strings.HasPrefix(aud, "00000002-0000-0ff1-ce00-000000000000") || a == resourceOf(resource+"/x")
}

func (r *Report) ews(ctx context.Context, c *Config, t *oauth2.Token, ewsURL string) {
	const subject = "EWS"
	bearer := ""
	if t != nil && t.AccessToken != "" && token68(t.AccessToken) && (t.Expiry.IsZero() || time.Until(t.Expiry) > 0) && sameAudience("https://"+hostOf(ewsURL), strings.Replace(c.resource(), "http://", "https://", 1)) {
		bearer = t.AccessToken // it goes to its own resource and nowhere else; an expired one would be refused for that alone
	}
	a, err := askEWS(ctx, c, ewsURL, bearer)
	if err != nil {
		r.add(SeverityError, subject, err.Error(), "check the EWS URL, DNS, firewall and proxy of this machine")
		return
	}
	detail := fmt.Sprintf("status %d", a.StatusCode)
	if a.Diagnostics != "" {
		detail += ", x-ms-diagnostics " + a.Diagnostics
	}
	if a.RequestID != "" {
		detail += ", request-id " + a.RequestID
	}
	switch {
	case a.StatusCode == 403:
		r.add(SeverityError, subject, "refuses the application: "+detail, "Exchange Online blocks EWS unless EwsEnabled is true and the client ID is in EwsAllowedAppIDs: an Exchange administrator runs Set-OrganizationConfig; see also Set-CASMailbox -EwsEnabled, and application access policies")
	case a.StatusCode == 401 && bearer != "" && a.Claims != "":
		r.add(SeverityWarning, subject, "demands claims of the token: "+detail, "refresh the token with them (RefreshWithClaims), or sign in again")
	case a.StatusCode == 401 && bearer != "":
		r.add(SeverityError, subject, "refuses the token: "+detail, ewsAdvice(a.Diagnostics, c.resource()))
	case a.StatusCode == 401 && !a.Bearer:
		r.add(SeverityError, subject, "does not offer OAuth (it offers "+cleanText(strings.Join(a.Schemes, ", "), nil, 200)+")", "switch OAuth on for the EWS virtual directory (on-premises), or check the URL")
	case a.StatusCode == 401:
		r.add(SeverityInfo, subject, "offers OAuth: "+detail, "")
		if a.AuthURL != "" {
			if kindOf(a.TokenURL) == kindEntra && c.kind() != kindEntra {
				r.add(SeverityWarning, subject, "names Entra as its authority: "+a.AuthURL, "compare with the authorization URL")
			}
		}
	case a.StatusCode == 429:
		r.add(SeverityWarning, subject, "throttles: "+detail, "try again later")
	case a.StatusCode >= 500:
		r.add(SeverityWarning, subject, "fails: "+detail, "try again later")
	case a.StatusCode == 404:
		r.add(SeverityError, subject, "there is nothing at this URL: "+detail, "it usually is https://<host>/EWS/Exchange.asmx")
	default:
		r.add(SeverityInfo, subject, "answers: "+detail, "")
	}
}

// ewsAdvice reads the number of x-ms-diagnostics ("2000003;reason=...").
func ewsAdvice(diagnostics, resource string) string {
	number, _, _ := strings.Cut(diagnostics, ";")
	switch strings.TrimSpace(number) {
	case "2000000":
		return "Exchange does not accept the token's signature: check that the token URL is of the same cloud (or, on-premises, of the authority that Exchange trusts)"
	case "2000002":
		return "refresh the token; check this machine's clock"
	case "2000003":
		return "the token is for another resource: sign in with the scope " + resource + "/" + scopeEWS + "; in hybrid deployments its host is that of the EWS URL"
	case "2000004":
		return "the token is from another tenant than the mailbox: correct the tenant in the URLs"
	case "2000005":
		return "the account has no mailbox here: sign in with another one"
	case "2000006":
		return "Exchange does not accept the application: check client ID and permissions"
	case "2000007":
		return "Exchange failed: try again later"
	case "2000008":
		return "the token carries no permission: add it under API permissions, grant admin consent, and sign in again"
	}
	return "sign in again; if it stays, give the request-id to Exchange's support"
}
