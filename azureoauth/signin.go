package azureoauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/oauth2"
)

// SignInOptions shape one sign-in. nil is the zero value.
type SignInOptions struct {
	// LoginHint prefills the account's name on the sign-in page. Empty: ExpectedAccount.
	LoginHint string
	// ExpectedAccount is who must sign in (a user principal name, without regard to case); anybody else gives
	// ErrAccountMismatch and no token. Empty: anybody. For a shared mailbox it is the person's account, not the mailbox.
	ExpectedAccount string
	// Prompt is "", "login", "select_account", "consent" or "none".
	Prompt string
	// Claims answers a claims challenge: Error.Claims of a failed refresh.
	Claims string
	// ResponseMode is "" (query) or "form_post".
	ResponseMode string
	// ReturnTo is where a Handler sends the browser afterwards: a path of the same site. It stays on the server.
	ReturnTo string
	// Registration names the Config among several that share a callback; see HandlerOptions.Lookup.
	Registration string
}

// PendingSignIn is one begun sign-in: what the answer is checked against. Keep it with the browser session that began it,
// use it once, and let it die after ten minutes. It holds the PKCE verifier, and prints no secret.
type PendingSignIn struct {
	State, Verifier, Nonce Secret
	RedirectURL            string
	Server                 string // fingerprint of the registration and endpoints it was begun with
	Options                SignInOptions
	CreatedAt              time.Time
}

// SignIn is a finished sign-in.
type SignIn struct {
	Token   *oauth2.Token // store it before anything else
	Account Account       // who signed in, as far as the server told
	Scopes  []string      // granted, as the server wrote them; nil when it did not say
	Options SignInOptions // those it was begun with
}

// String names the account, and no token.
func (s SignIn) String() string { return "sign-in of " + s.Account.Username }

// Format is String for every verb.
func (s SignIn) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is String.
func (s SignIn) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON leaves the token out.
func (s SignIn) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Account Account
		Scopes  []string
	}{s.Account, s.Scopes})
}

// randomText is 256 bits from crypto/rand as 43 URL-safe characters: also the form RFC 7636 section 4.1 wants.
func randomText() Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return Secret(base64.RawURLEncoding.EncodeToString(b))
}

func challengeOf(verifier Secret) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// fingerprint ties a pending sign-in to the server and registration it was begun with, so that the answer of one provider
// is never taken to the token endpoint of another (RFC 9700 section 4.4).
func (c *Config) fingerprint() string {
	a, t := c.endpoints()
	k := keyOf(c.ClientID, a, t)
	return base64.RawURLEncoding.EncodeToString(k[:16])
}

// AuthCodeURL begins a sign-in by authorization code with PKCE (S256) and state: send the browser to url and keep p for
// [Config.FinishSignIn]. Unless LiteralScopes is set, openid and profile are asked for too, so that the answer tells who
// signed in. Errors: *ConfigError. RFC 6749 section 4.1.1, RFC 7636 section 4.3.
func (c *Config) AuthCodeURL(o *SignInOptions) (string, *PendingSignIn, error) {
	if err := c.needRedirect(); err != nil {
		return "", nil, err
	}
	return c.authCodeURL(o, c.RedirectURL)
}

func (c *Config) authCodeURL(o *SignInOptions, redirect string) (string, *PendingSignIn, error) {
	if o == nil {
		o = &SignInOptions{}
	}
	p := &PendingSignIn{
		State: randomText(), Verifier: randomText(), Nonce: randomText(),
		RedirectURL: redirect, Server: c.fingerprint(), Options: *o, CreatedAt: time.Now().Round(0),
	}
	authURL, _ := c.endpoints()
	u, err := url.Parse(authURL)
	if err != nil {
		return "", nil, configProblem("AuthURL", "is not a URL", "copy it from the app registration's Endpoints page")
	}
	q := u.Query() // what the admin pasted with the URL stays
	q.Set("client_id", c.ClientID)
	q.Set("response_type", "code")
	q.Set("redirect_uri", redirect)
	scopes := c.signInScopes()
	c.tellScopes(scopes)
	q.Set("scope", strings.Join(scopes, " "))
	q.Set("state", string(p.State))
	q.Set("nonce", string(p.Nonce))
	q.Set("code_challenge", challengeOf(p.Verifier))
	q.Set("code_challenge_method", "S256")
	switch o.ResponseMode {
	case "":
	case "query", "form_post":
		q.Set("response_mode", o.ResponseMode)
	default:
		return "", nil, fmt.Errorf("azureoauth: ResponseMode %.20q: use query or form_post (a fragment never reaches the server)", o.ResponseMode)
	}
	hint := o.LoginHint
	if hint == "" {
		hint = o.ExpectedAccount
	}
	if hint != "" {
		q.Set("login_hint", hint)
	}
	if o.Prompt != "" {
		q.Set("prompt", o.Prompt)
	}
	claims, err := c.claims(o.Claims)
	if err != nil {
		return "", nil, err
	}
	if claims != "" {
		q.Set("claims", claims)
	}
	if c.kind() == kindADFS && !c.LiteralScopes {
		q.Set("resource", c.adfsResource())
	}
	u.RawQuery = q.Encode()
	return u.String(), p, nil
}

// adfsResource is the identifier that Exchange's Web API has in AD FS: the EWS host with a trailing slash.
func (c *Config) adfsResource() string { return c.resource() + "/" }

// signInScopes adds what tells who signed in.
func (c *Config) signInScopes() []string {
	s := c.requestScopes()
	if c.LiteralScopes || c.kind() == kindOther {
		return s
	}
	return appendMissing(appendMissing(s, "openid"), "profile")
}

// maxParam bounds each parameter of an authorization response. Entra's codes have some 1,500 characters.
const maxParam = 16 << 10

// FinishSignIn checks the authorization response against the pending sign-in and exchanges its code: state (compared in
// constant time), no parameter twice, the server's error, issuer where given (RFC 9207), then the token: permissions
// granted, refresh token there, the expected account. It makes one token request at most, which is never repeated.
//
// Errors: ErrWrongState, ErrWrongIssuer (nothing was sent anywhere); *Error for the server's refusal (ErrAccessDenied,
// ErrConsentRequired ...); ErrScopeNotGranted, ErrNoRefreshToken, ErrAccountMismatch (a token was issued and is dropped).
func (c *Config) FinishSignIn(ctx context.Context, p *PendingSignIn, response url.Values) (*SignIn, error) {
	if err := c.needRedirectOf(p); err != nil {
		return nil, err
	}
	code, err := c.checkResponse(p, response)
	if err != nil {
		return nil, err
	}
	t, err := c.Exchange(ctx, code, p)
	if err != nil {
		return nil, err
	}
	return c.finish("code exchange", t, p.Options, p.Nonce)
}

func (c *Config) needRedirectOf(p *PendingSignIn) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if p == nil || p.State == "" || p.Verifier == "" || p.RedirectURL == "" {
		return fmt.Errorf("azureoauth: sign-in: %w", ErrNoPendingSignIn)
	}
	if p.Server != c.fingerprint() {
		return fmt.Errorf("azureoauth: sign-in: it was begun with another registration or server: %w", ErrWrongIssuer)
	}
	return nil
}

// checkResponse returns the code of a response that belongs to p.
func (c *Config) checkResponse(p *PendingSignIn, response url.Values) (string, error) {
	const op = "sign-in"
	fail := func(reason string) (string, error) {
		return "", &Error{Op: op, kind: ErrResponse, reason: reason}
	}
	for _, name := range []string{"state", "code", "error", "iss"} {
		if len(response[name]) > 1 {
			return fail("the response has " + name + " twice")
		}
		if v := response.Get(name); len(v) > maxParam || !utf8.ValidString(v) || strings.ContainsFunc(v, unprintable) {
			return fail("the response's " + name + " is malformed")
		}
	}
	// The state first: an error of somebody else's making is not the server's word.
	if !sameSecret(response.Get("state"), string(p.State)) {
		return "", fmt.Errorf("azureoauth: sign-in: %w", ErrWrongState)
	}
	if iss := response.Get("iss"); iss != "" && !c.issuerFits(iss) {
		return "", fmt.Errorf("azureoauth: sign-in: %w", ErrWrongIssuer)
	}
	if response.Has("error") {
		s := serverError{code: response.Get("error"), suberror: response.Get("error_subcode"), description: first(response["error_description"])}
		authURL, _ := c.endpoints()
		e := s.toError(op, hostOf(authURL), 0, 0, []string{string(p.State), string(p.Verifier), string(p.Nonce), string(c.ClientSecret)})
		e.Claims = ""
		if cl := response.Get("claims"); len(cl) <= maxClaims && validClaims(cl) {
			e.Claims = cl
		}
		return "", e
	}
	code := response.Get("code")
	if code == "" {
		return fail("the response has neither a code nor an error (response_mode fragment never reaches the server)")
	}
	return code, nil
}

func first(vs []string) string {
	if len(vs) == 0 {
		return ""
	}
	return vs[0]
}

// sameSecret compares in constant time; two empty texts are never the same.
func sameSecret(a, b string) bool {
	return a != "" && b != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// issuerFits compares iss (RFC 9207) exactly. Entra's issuer is https://<login host>/<tenant id>/v2.0, where the tenant is
// the person's when the endpoint is multi-tenant; AD FS's ends in /adfs. Of another server nothing is known but the origin
// of its endpoint, which must at least be that.
func (c *Config) issuerFits(iss string) bool {
	authURL, _ := c.endpoints()
	a, err := url.Parse(authURL)
	if err != nil {
		return false
	}
	i, err := url.Parse(iss)
	if err != nil || i.Scheme != a.Scheme || i.Host != a.Host || i.RawQuery != "" || i.Fragment != "" || i.User != nil {
		return false
	}
	if c.kind() != kindEntra {
		return true
	}
	tenant, ok := strings.CutSuffix(strings.TrimPrefix(i.Path, "/"), "/v2.0")
	if !ok || !validTenant(tenant) {
		return false
	}
	want := tenantOf(authURL)
	return !isGUID(want) || strings.EqualFold(want, tenant)
}

// Exchange redeems a code. FinishSignIn is the safe way to a checked code; use Exchange with a code that came by another
// road. A failed exchange is not repeated: the code may be used up. RFC 6749 section 4.1.3, RFC 7636 section 4.5.
func (c *Config) Exchange(ctx context.Context, code string, p *PendingSignIn) (*oauth2.Token, error) {
	if err := c.needRedirectOf(p); err != nil {
		return nil, err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {p.RedirectURL}, "code_verifier": {string(p.Verifier)},
	}
	if c.kind() == kindEntra {
		form.Set("scope", strings.Join(c.signInScopes(), " "))
	}
	claims, err := c.claims(p.Options.Claims)
	if err != nil {
		return nil, err
	}
	if claims != "" {
		form.Set("claims", claims)
	}
	return c.requestToken(ctx, "code exchange", form, true)
}

// finish checks a person's token before anybody stores it.
func (c *Config) finish(op string, t *oauth2.Token, o SignInOptions, nonce Secret) (*SignIn, error) {
	want := c.requestScopes()
	if err := c.checkGranted(op, want, t); err != nil {
		return nil, err
	}
	if t.RefreshToken == "" && hasScope(want, scopeOffline) {
		return nil, &Error{Op: op, Host: hostOf(c.tokenURL()), kind: ErrNoRefreshToken,
			reason: "no refresh token came back: offline_access is not granted"}
	}
	s := &SignIn{Token: t, Scopes: grantedScopes(t), Options: o}
	var err error
	if s.Account, err = c.identify(op, t, nonce); err != nil {
		return nil, err
	}
	if o.ExpectedAccount != "" && !s.Account.is(o.ExpectedAccount) {
		e := &Error{Op: op, Host: hostOf(c.tokenURL()), kind: ErrAccountMismatch, reason: "the server did not tell who signed in, but " + cleanText(o.ExpectedAccount, nil, 200) + " is expected"}
		if s.Account.Username != "" {
			e.reason = s.Account.Username + " signed in, but " + cleanText(o.ExpectedAccount, nil, 200) + " is expected"
		}
		return nil, e
	}
	return s, nil
}

func hasScope(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}
