package azureoauth

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Account is who signed in, from the ID token (or, where there is none, from an access token that happens to be readable).
type Account struct {
	Username string // user principal name: preferred_username, upn or unique_name
	Email    string
	Name     string // display name
	TenantID string
	ObjectID string // stable id of the account in its tenant
}

func (a Account) is(expected string) bool {
	expected = strings.TrimSpace(expected)
	return a.Username != "" && strings.EqualFold(a.Username, expected)
}

// identify reads the account. The ID token came straight from the token endpoint over TLS, so its signature need not be
// checked (OpenID Connect Core section 3.1.3.7, 6); audience, expiry and nonce are.
func (c *Config) identify(op string, t *oauth2.Token, nonce Secret) (Account, error) {
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		// Access tokens are opaque by contract; what can be read is a hint, and fit for no more than a name.
		o, err := jwtClaims(t.AccessToken)
		if err != nil {
			return Account{}, nil
		}
		return accountOf(o), nil
	}
	bad := func(reason string) (Account, error) {
		return Account{}, responseError(op, hostOf(c.tokenURL()), http.StatusOK, "the ID token "+reason)
	}
	o, err := jwtClaims(raw)
	if err != nil {
		return bad("cannot be read")
	}
	if !o.audience(c.ClientID) {
		return bad("is for another application")
	}
	// Five minutes for clocks that differ.
	if exp, ok, err := o.seconds("exp"); err != nil || !ok || time.Unix(int64(exp/time.Second), 0).Add(5*time.Minute).Before(time.Now()) {
		return bad("has expired, or this machine's clock is wrong")
	}
	if nonce != "" && !sameSecret(o.lenient("nonce"), string(nonce)) {
		return bad("belongs to another sign-in (nonce)")
	}
	return accountOf(o), nil
}

func accountOf(o object) Account {
	a := Account{
		Email: cleanText(o.lenient("email"), nil, 320), Name: cleanText(o.lenient("name"), nil, 320),
		TenantID: cleanText(o.lenient("tid"), nil, 64), ObjectID: cleanText(o.lenient("oid"), nil, 64),
	}
	for _, name := range []string{"preferred_username", "upn", "unique_name"} {
		if a.Username = cleanText(o.lenient(name), nil, 320); a.Username != "" {
			break
		}
	}
	return a
}

// jwtClaims reads the claims of a JWT without checking anything.
func jwtClaims(jwt string) (object, error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 || len(jwt) > maxTokenLen {
		return nil, errNotJWT
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, errNotJWT
	}
	return parseObject(b)
}

// audience tells whether aud is, or lists, id.
func (o object) audience(id string) bool {
	for _, a := range o.list("aud") {
		if a == id {
			return true
		}
	}
	return false
}
