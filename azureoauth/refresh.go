package azureoauth

import (
	"context"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate adds the application's own proof to a token request, in the body: Entra takes it there, and probing the
// other style would burn a code.
func (c *Config) authenticate(ctx context.Context, op string, form url.Values) error {
	form.Set("client_id", c.ClientID)
	switch {
	case c.Credential != nil:
		a, err := c.Credential.Assertion(ctx, c.ClientID, c.tokenURL())
		if err != nil {
			return &Error{Op: op, Err: err, reason: "the client assertion could not be made: " + cleanText(err.Error(), nil, 200), kind: ErrBadCredential,
				advice: "Check the certificate, or the federated token file, that the application is set up with, and that it may read it. The server was not asked."}
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", a)
	case c.ClientSecret != "":
		form.Set("client_secret", string(c.ClientSecret))
	}
	return nil
}

// requestToken sends one grant and reads the token.
func (c *Config) requestToken(ctx context.Context, op string, grant url.Values, once bool) (*oauth2.Token, error) {
	for _, w := range c.Warnings() {
		c.logger().WarnContext(ctx, w)
	}
	var begun time.Time
	o, a, err := c.postForm(ctx, op, c.tokenURL(), func(ctx context.Context) (url.Values, error) {
		begun = time.Now()
		form := url.Values{}
		for k, v := range grant {
			form[k] = v
		}
		return form, c.authenticate(ctx, op, form)
	}, once)
	if err != nil {
		return nil, err
	}
	return readToken(op, a.host, o, begun)
}

// Refresh gets a new access token for old.RefreshToken. The result always has an Expiry and a RefreshToken: the new one, or
// the old one when the server sent none. Store it before the access token is used: servers that rotate refuse the old
// one from now on. Any number of concurrent callers with the same token make one request; who comes later with a spent token
// makes another, so keep tokens in one place (package tokenstore does).
//
// Errors: *Error, asked with errors.Is (ErrSignInRequired, ErrBadCredential, ErrTemporary ...); ErrScopeNotGranted when the
// new token lost a permission; *ConfigError; the ctx's. A failure is remembered for a while and answered without asking the
// server again: as long as it said (Retry-After), two minutes when somebody must sign in. RFC 6749 section 6.
func (c *Config) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	return c.RefreshWithClaims(ctx, old, "")
}

// RefreshWithClaims is Refresh with the answer to a claims challenge: claims is the JSON that the resource sent in
// WWW-Authenticate, decoded. When the server then wants the person, the error's Claims go into SignInOptions.Claims.
func (c *Config) RefreshWithClaims(ctx context.Context, old *oauth2.Token, claims string) (*oauth2.Token, error) {
	const op = "refresh"
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var scopes []string
	if c.kind() == kindEntra {
		// One refresh token serves several resources; without scope, Entra chooses.
		scopes = c.requestScopes()
	}
	t, err := c.refresh(ctx, op, old, scopes, claims)
	if err != nil {
		return nil, err
	}
	if err := c.checkGranted(op, c.requestScopes(), t); err != nil {
		return nil, err
	}
	return t, nil
}

// TokenFor gets an access token for other scopes with the same refresh token, which in Entra belongs to the person and the
// application but to no resource: TokenFor(ctx, tok, "https://graph.microsoft.com/Mail.ReadWrite") is the way to Microsoft
// Graph without another sign-in, where the permission was consented to. The result's refresh token replaces the old one.
func (c *Config) TokenFor(ctx context.Context, old *oauth2.Token, scopes ...string) (*oauth2.Token, error) {
	const op = "token for another resource"
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(scopes) == 0 {
		return nil, configProblem("Scopes", "none given", "name the scopes with their resource, as in https://graph.microsoft.com/Mail.Read")
	}
	for _, s := range scopes {
		if err := checkScope(s); err != nil {
			return nil, configProblem("Scopes", strings.TrimPrefix(err.Error(), "azureoauth: scope: "), "name the scopes with their resource")
		}
	}
	t, err := c.refresh(ctx, op, old, scopes, "")
	if err != nil {
		return nil, err
	}
	if err := c.checkGranted(op, scopes, t); err != nil {
		return nil, err
	}
	return t, nil
}

func (c *Config) refresh(ctx context.Context, op string, old *oauth2.Token, scopes []string, claims string) (*oauth2.Token, error) {
	if old == nil || old.RefreshToken == "" {
		return nil, &Error{Op: op, kind: ErrSignInRequired, Err: ErrNoRefreshToken, reason: "there is no refresh token: sign in with offline_access in the scope"}
	}
	merged, err := c.claims(claims)
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {old.RefreshToken}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	if merged != "" {
		form.Set("claims", merged)
	}
	// The secret is part of the key: once the admin has entered a new one, the failure of the old one is forgotten.
	key := keyOf(op, c.ClientID, string(c.ClientSecret), c.tokenURL(), old.RefreshToken, form.Get("scope"), merged)
	t, err := c.shared().do(ctx, key, func(ctx context.Context) (*oauth2.Token, error) {
		return c.requestToken(ctx, op, form, true)
	})
	if err != nil {
		return nil, err
	}
	// Callers share the flight, and must not share what they may change.
	n := *t
	if n.RefreshToken == "" {
		n.RefreshToken = old.RefreshToken
	}
	return &n, nil
}

// checkGranted refuses a token that lacks a permission, before anybody stores it. Servers may leave scope out when it is as
// requested (RFC 6749 section 5.1).
func (c *Config) checkGranted(op string, want []string, t *oauth2.Token) error {
	granted := grantedScopes(t)
	if len(granted) == 0 {
		return nil
	}
	missing := notGranted(want, granted)
	if missing == "" && c.kind() == kindEntra && !c.LiteralScopes {
		for _, w := range want {
			for _, g := range granted {
				if strings.EqualFold(lastSegment(w), lastSegment(g)) && !oidcScope(w) && qualified(w) && qualified(g) && resourceOf(w) != resourceOf(g) {
					missing = w // the same name at another resource: a token for Graph, say
				}
			}
		}
	}
	if missing == "" {
		return nil
	}
	return &Error{Op: op, Host: hostOf(c.tokenURL()), kind: ErrScopeNotGranted,
		reason: "the server did not grant " + cleanText(missing, nil, 200) + "; granted: " + cleanText(strings.Join(granted, " "), nil, 300)}
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
