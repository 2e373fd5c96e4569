package azuretest

import (
	"fmt"
	"strings"
	"time"
)

// TokenInfo is what an access token says.
type TokenInfo struct {
	Audience, AppID, TenantID string
	UPN, Name, ObjectID       string   // "" for the application itself
	Scopes                    []string // delegated permissions
	Roles                     []string // application permissions
	Issued, Expires           time.Time
	AppOnly                   bool
}

type accessClaims struct {
	Aud   string   `json:"aud"`
	Iss   string   `json:"iss"`
	AppID string   `json:"appid"`
	Tid   string   `json:"tid"`
	UPN   string   `json:"upn"`
	Name  string   `json:"name"`
	Oid   string   `json:"oid"`
	Scp   string   `json:"scp"`
	Roles []string `json:"roles"`
	Idtyp string   `json:"idtyp"`
	Uti   string   `json:"uti"`
	Iat   int64    `json:"iat"`
	Exp   int64    `json:"exp"`
}

func (s *Server) accessToken(resource string, a *App, u *User, scopes, roles []string, now time.Time) string {
	aud := resource
	if s.o.ADFS {
		aud += "/"
	}
	c := map[string]any{
		"aud": aud, "iss": "https://sts.windows.net/" + s.o.TenantID + "/", "tid": s.o.TenantID, "ver": "1.0",
		"appid": a.ID, "app_displayname": a.Name, "uti": s.keys.uti(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(s.o.AccessTokenLifetime).Unix(),
	}
	if u != nil {
		c["idtyp"], c["upn"], c["unique_name"], c["name"], c["oid"], c["scp"] = "user", u.UPN, u.UPN, u.Name, u.ObjectID, strings.Join(scopes, " ")
	} else {
		c["idtyp"], c["oid"] = "app", a.ID
		if len(roles) > 0 {
			c["roles"] = roles
		}
	}
	return sign(c)
}

func (s *Server) idToken(a *App, u *User, nonce string, now time.Time) string {
	c := map[string]any{
		"aud": a.ID, "iss": s.IssuerURL(), "tid": s.o.TenantID, "ver": "2.0", "sub": "sub-" + u.ObjectID, "oid": u.ObjectID,
		"preferred_username": u.UPN, "name": u.Name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "uti": s.keys.uti(),
	}
	if u.Email != "" {
		c["email"] = u.Email
	}
	if nonce != "" {
		c["nonce"] = nonce
	}
	return sign(c)
}

// Verify reads an access token as a resource server would: signature, seed, validity. It takes the token alone, without
// "Bearer ". The caller compares Audience with its own name. The error's text says what Exchange would say in
// x-ms-diagnostics, as far as the token tells.
func (s *Server) Verify(bearer string) (TokenInfo, error) {
	var c accessClaims
	if err := verify(bearer, &c); err != nil || !s.keys.owns(c.Uti) || c.Aud == "" {
		return TokenInfo{}, fmt.Errorf(`2000001;reason="The token is not one of this server.";error_category="invalid_token"`)
	}
	i := TokenInfo{
		Audience: c.Aud, AppID: c.AppID, TenantID: c.Tid, UPN: c.UPN, Name: c.Name, ObjectID: c.Oid,
		Scopes: strings.Fields(c.Scp), Roles: c.Roles, AppOnly: c.Idtyp == "app",
		Issued: time.Unix(c.Iat, 0), Expires: time.Unix(c.Exp, 0),
	}
	if !s.now().Before(i.Expires) {
		return i, fmt.Errorf(`2000002;reason="The token has expired.";error_category="token_expired"`)
	}
	return i, nil
}
