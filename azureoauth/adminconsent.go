package azureoauth

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// AdminConsentURL is the page on which an administrator consents for the whole tenant, to be opened or mailed (Entra only).
// The answer comes to the redirect URL; check it with [Config.AdminConsent], with the same state. state must not be guessable:
// at least 22 characters of randomness.
func (c *Config) AdminConsentURL(state string) (string, error) {
	if err := c.needRedirect(); err != nil {
		return "", err
	}
	if c.kind() != kindEntra {
		return "", configProblem("TokenURL", "is not an Entra endpoint", "admin consent exists in Entra only; on other servers permissions are granted in their console")
	}
	if len(state) < 22 {
		return "", errors.New("azureoauth: admin consent: state is shorter than 22 characters")
	}
	authURL, _ := c.endpoints()
	u, err := url.Parse(authURL)
	if err != nil {
		return "", configProblem("AuthURL", "is not a URL", "copy it from the app registration's Endpoints page")
	}
	tenant := tenantOf(authURL)
	if strings.EqualFold(tenant, "common") {
		tenant = "organizations" // personal accounts have no administrators
	}
	u.Path = "/" + tenant + "/v2.0/adminconsent"
	u.RawQuery = url.Values{"client_id": {c.ClientID}, "redirect_uri": {c.RedirectURL}, "state": {state}, "scope": {c.resource() + "/" + scopeDefault}}.Encode()
	return u.String(), nil
}

// AdminConsentResult is an administrator's answer.
type AdminConsentResult struct {
	TenantID string   // the tenant that consented
	Scopes   []string // as the server wrote them
}

// AdminConsent checks the answer to an AdminConsentURL. Errors: ErrWrongState; *Error for a refusal (ErrAccessDenied ...). The
// answer carries no proof that a server made it: take it for a hint to try, not for permission.
func (c *Config) AdminConsent(state string, r *http.Request) (*AdminConsentResult, error) {
	const op = "admin consent"
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxParam {
		return nil, &Error{Op: op, kind: ErrResponse, reason: "the response is malformed"}
	}
	if got := q["state"]; len(got) != 1 || state == "" || subtle.ConstantTimeCompare([]byte(got[0]), []byte(state)) != 1 {
		return nil, fmt.Errorf("azureoauth: admin consent: %w", ErrWrongState)
	}
	if q.Has("error") {
		authURL, _ := c.endpoints()
		s := serverError{code: q.Get("error"), suberror: q.Get("error_subcode"), description: q.Get("error_description")}
		return nil, s.toError(op, hostOf(authURL), 0, 0, []string{state})
	}
	if !strings.EqualFold(q.Get("admin_consent"), "true") || !validTenant(q.Get("tenant")) {
		return nil, &Error{Op: op, kind: ErrResponse, reason: "the response says neither yes nor no"}
	}
	return &AdminConsentResult{TenantID: q.Get("tenant"), Scopes: strings.Fields(cleanText(q.Get("scope"), nil, 2000))}, nil
}
