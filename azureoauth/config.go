package azureoauth

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// Config is one application registration, as an admin pastes it into a settings form. Fill it, call [Config.Validate],
// and keep the pointer: the Config remembers refreshes in flight and servers that asked to wait, so one Config per
// registration protects the server better than one per request. It must not be copied or changed after first use.
// All methods are safe for concurrent use.
//
// Printing a Config (fmt, slog, encoding/json) shows no secret.
type Config struct {
	// ClientID is the "Application (client) ID" of the registration.
	ClientID string
	// ClientSecret is the secret's Value (not its Secret ID). Empty with Credential or Public.
	ClientSecret Secret
	// Credential proves the application's identity instead of a secret: a certificate or a signed assertion.
	Credential ClientCredential
	// Public marks a registration without secret ("Allow public client flows"): programs on people's machines.
	Public bool

	// AuthURL and TokenURL are the authorization and token endpoints, v2.0 on Entra. Leave both empty to have them
	// built from Cloud and TenantID.
	AuthURL, TokenURL string
	// DeviceAuthURL is the device authorization endpoint; empty: derived from TokenURL (RFC 8628, Entra and AD FS).
	DeviceAuthURL string
	// Cloud is the Microsoft cloud the application is registered in. Zero: told by TokenURL, else CloudGlobal.
	Cloud Cloud
	// TenantID is the directory: its GUID, a domain of it, "common" or "organizations".
	TenantID string
	// RedirectURL is the redirect URI as it is registered, character for character.
	RedirectURL string

	// Scopes are the scopes as typed; see ParseScopes and RequestScopes.
	Scopes []string
	// LiteralScopes sends Scopes exactly as typed and adds none.
	LiteralScopes bool
	// NoOfflineAccess keeps offline_access from being added: no refresh token, the person signs in every hour or so.
	NoOfflineAccess bool
	// Resource is the EWS URL, or its scheme and host, that tokens are for. Empty: the cloud's. Needed in hybrid
	// deployments, where it is the host of the on-premises EWS URL, and on AD FS.
	Resource string
	// EnableCAE declares that the application handles claims challenges. Entra then issues tokens of up to 28 hours
	// and revokes them early by a challenge, so set it only if whatever uses the token reports challenges back
	// (RefreshWithClaims). Off by default.
	EnableCAE bool

	// SecretExpires is when the secret or certificate ends, as the portal shows it; no server tells. Zero: unknown.
	// Within 30 days of it Warnings says so and each sign-in or refresh logs a warning.
	SecretExpires time.Time

	// HTTPClient's Transport and Timeout are used; its cookie jar and redirect policy are not, since a token endpoint
	// needs neither. nil: a transport of its own (TLS 1.2 or later, proxy from the environment, no idle connections).
	HTTPClient *http.Client
	// Timeout bounds one request to the server, body included. Zero: 30 seconds. Negative: bounded by ctx alone.
	Timeout time.Duration
	// MaxRetries bounds the repetitions of a request that failed with 429, 5xx or before it was sent, within 10 seconds in
	// all. Zero: 2. Negative: none. A request that may have used up a code or a single-use refresh token is not repeated.
	MaxRetries int

	// AllowLoopbackHTTP accepts http endpoints on loopback addresses: for tests and demos.
	AllowLoopbackHTTP bool
	// AllowDifferentHosts accepts an AuthURL and a TokenURL on different hosts, which is normally a pasting mistake or an
	// attack (RFC 9700 section 4.4, mix-up).
	AllowDifferentHosts bool

	// Logger gets what an operator wants to know (a scope that was qualified, a retry, a secret that ends soon), without
	// secrets. nil: silent.
	Logger *slog.Logger

	state atomic.Pointer[state]
}

// endpoints returns the configured endpoints, or those of Cloud and TenantID.
func (c *Config) endpoints() (authURL, tokenURL string) {
	if c.AuthURL == "" && c.TokenURL == "" && c.TenantID != "" {
		a, t, err := c.Cloud.Endpoints(c.TenantID)
		if err == nil {
			return a, t
		}
	}
	return c.AuthURL, c.TokenURL
}

func (c *Config) deviceAuthURL() string {
	if c.DeviceAuthURL != "" {
		return c.DeviceAuthURL
	}
	_, tokenURL := c.endpoints()
	u, err := url.Parse(tokenURL)
	if err != nil {
		return ""
	}
	switch kindOf(tokenURL) {
	case kindEntra, kindADFS:
		// Both name it beside the token endpoint: .../oauth2/v2.0/devicecode and /adfs/oauth2/devicecode.
		u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "token") + "devicecode"
		u.RawQuery = ""
		return u.String()
	}
	return ""
}

func (c *Config) tokenURL() string {
	_, t := c.endpoints()
	return t
}

func (c *Config) kind() serverKind { return kindOf(c.tokenURL()) }

// OAuth2 returns the same registration for golang.org/x/oauth2, with the scopes as they are sent and the secret in the
// request body. Its own token client is not hardened (it follows redirects with the secret and prints response bodies in
// errors): use it where another library wants the type, and this package's methods for the rest. With Credential set
// the result carries no secret, and x/oauth2 cannot use it to get tokens. Errors: *ConfigError.
func (c *Config) OAuth2() (*oauth2.Config, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a, t := c.endpoints()
	return &oauth2.Config{
		ClientID:     c.ClientID,
		ClientSecret: string(c.ClientSecret),
		Endpoint: oauth2.Endpoint{
			AuthURL: a, TokenURL: t, DeviceAuthURL: c.deviceAuthURL(),
			// Left to itself x/oauth2 probes the style: two requests, the first of which burns a code.
			AuthStyle: oauth2.AuthStyleInParams,
		},
		RedirectURL: c.RedirectURL,
		Scopes:      c.requestScopes(),
	}, nil
}

func (c *Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return discardLogger
}

var discardLogger = slog.New(slog.DiscardHandler)

// secretWarning is how long ahead of SecretExpires warnings begin: the time an organisation needs to find the admin.
const secretWarning = 30 * 24 * time.Hour

// Warnings lists what is valid but will hurt: at present a secret that ends within 30 days, or has ended.
func (c *Config) Warnings() []string {
	what, ends := c.expiry()
	if ends.IsZero() {
		return nil
	}
	const fix = ": create a new one under Certificates & secrets of the app registration and enter it here"
	left, date := time.Until(ends), ends.Format(time.DateOnly)
	switch {
	case left <= 0:
		return []string{"the " + what + " of application " + c.ClientID + " expired on " + date + fix}
	case left < secretWarning:
		return []string{"the " + what + " of application " + c.ClientID + " expires on " + date + fix + " before that day"}
	}
	return nil
}

// expiry is what ends, and when; the zero time if nobody said.
func (c *Config) expiry() (what string, ends time.Time) {
	what, ends = "client secret", c.SecretExpires
	if c.Credential != nil {
		what = "certificate"
		if e, ok := c.Credential.(interface{ Expires() time.Time }); ok && ends.IsZero() {
			ends = e.Expires()
		}
	}
	return what, ends
}
