package ews

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"golang.org/x/oauth2"
)

// tokenFacts is what an access token says about itself, as far as it decides how a mailbox may be entered. Nobody vouches for it: the
// signature is Exchange's to check. It spares a round trip whose refusal says less.
type tokenFacts struct {
	token         string   // the one that the rest is about
	authorization []string // its header field
	appOnly       bool
	user          bool // delegated
	exchange      bool // meant for Exchange Online
	graph         bool // meant for Microsoft Graph or another of Microsoft's services
	identity      bool // an ID token
}

// maxTokenClaims bounds the claims that are looked at. Entra's have 1 to 4 KiB; a user of many groups adds a few.
const maxTokenClaims = 64 << 10

// Audiences that are never Exchange's, by host or application id. On-premises servers have their own host as audience, and identity
// providers of one's own whatever they like, so that only what is known to be wrong is refused.
var foreignAudiences = map[string]bool{
	"graph.microsoft.com": true, "graph.microsoft.us": true, "dod-graph.microsoft.us": true, "microsoftgraph.chinacloudapi.cn": true,
	"00000003-0000-0000-c000-000000000000": true, // Microsoft Graph
	"graph.windows.net":                    true,
	"00000002-0000-0000-c000-000000000000": true, // Azure AD Graph
	"management.azure.com":                 true,
	"management.core.windows.net":          true,
}

// exchangeAudiences are those of Exchange Online.
var exchangeAudiences = map[string]bool{
	"outlook.office365.com": true, "outlook.office.com": true, "outlook.office365.us": true, "outlook-dod.office365.us": true,
	"partner.outlook.cn":                   true,
	"00000002-0000-0ff1-ce00-000000000000": true,
}

// factsOf reads a token's claims (RFC 7519). A token that is no JSON Web Token, or an encrypted one, or one of an issuer other than
// Microsoft Entra ID, tells nothing.
func factsOf(token, clientID string) *tokenFacts {
	f := &tokenFacts{token: token, authorization: []string{"Bearer " + token}}
	_, rest, ok := strings.Cut(token, ".")
	part, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Count(token, ".") != 2 || len(part) > maxTokenClaims {
		return f
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return f
	}
	var c struct {
		Aud   json.RawMessage `json:"aud"`
		Iss   string          `json:"iss"`
		AppID string          `json:"appid"`
		Azp   string          `json:"azp"`
		Idtyp string          `json:"idtyp"`
		Scp   string          `json:"scp"`
		Roles []string        `json:"roles"`
		UPN   string          `json:"upn"`
	}
	if json.Unmarshal(text, &c) != nil || !isEntra(c.Iss) {
		return f
	}
	var aud string
	if json.Unmarshal(c.Aud, &aud) != nil {
		return f
	}
	name := audienceName(aud)
	f.exchange, f.graph = exchangeAudiences[name], foreignAudiences[name]
	// An ID token's audience is the application that asked for it, and it grants nothing.
	f.identity = c.Scp == "" && len(c.Roles) == 0 && c.AppID == "" && c.Azp == "" && clientID != "" && strings.EqualFold(aud, clientID)
	switch {
	case c.Idtyp == "app":
		f.appOnly = c.Scp == ""
	case c.Idtyp == "user", c.Scp != "", c.UPN != "":
		f.user = true
	default: // idtyp is optional in tokens for services other than Exchange Online
		f.appOnly = len(c.Roles) > 0 && (c.AppID != "" || c.Azp != "")
	}
	return f
}

// isEntra reports whether a token's issuer is Microsoft Entra ID, of any cloud: sts.windows.net for tokens of version 1,
// login.microsoftonline.com for those of version 2, and their national kin.
func isEntra(issuer string) bool {
	host, ok := strings.CutPrefix(issuer, "https://")
	host, _, _ = strings.Cut(host, "/")
	switch host {
	case "sts.windows.net", "login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn",
		"login.chinacloudapi.cn", "sts.chinacloudapi.cn":
		return ok
	}
	return false
}

func audienceName(aud string) string {
	aud = strings.ToLower(aud)
	if i := strings.Index(aud, "://"); i >= 0 {
		aud = aud[i+3:]
	}
	aud, _, _ = strings.Cut(aud, "/")
	aud, _, _ = strings.Cut(aud, ":")
	return aud
}

// knows reports whether the token is the one that was used last.
func (c *Client) knows(token string) bool {
	f := c.tokenFacts.Load()
	return f != nil && f.token == token
}

// misfit returns why Exchange is going to refuse the token for this mailbox, nil where the token does not tell.
func (m *Mailbox) misfit(tok *oauth2.Token) *Error {
	f := m.c.tokenFacts.Load()
	if f == nil || f.token != tok.AccessToken {
		f = factsOf(tok.AccessToken, m.c.clientID)
		m.c.tokenFacts.Store(f)
	}
	impersonates := m.act.kind != ""
	switch {
	case f.identity:
		return &Error{kind: ErrUnauthorized, untouched: true, what: "the token is an ID token, which says who signed in and grants nothing",
			hint: "use the access token (access_token) of the same answer"}
	case f.graph:
		return &Error{kind: ErrUnauthorized, untouched: true, what: "the access token is for another service, most likely Microsoft Graph", hint: hintAudience}
	case f.appOnly && !impersonates:
		return &Error{kind: ErrInvalidRequest, untouched: true, what: "the access token is app-only: it belongs to no account", hint: hintImpersonate}
	case f.appOnly && f.exchange && m.act.kind == "SID":
		return &Error{kind: ErrInvalidRequest, untouched: true, what: "Exchange Online wants the address of the mailbox along with an app-only token, which a security identifier does not tell",
			hint: hintAnchor}
	case f.user && f.exchange && impersonates:
		// Exchange Server knows the ApplicationImpersonation role still, and its tokens have another audience.
		return &Error{kind: ErrInvalidRequest, untouched: true, what: "the access token is a user's, and Exchange Online lets only app-only tokens impersonate", hint: hintDelegated}
	}
	return nil
}

// What to do about a token that does not fit, whoever notices.
const (
	hintAudience    = "a scope without resource means Graph: ask for https://outlook.office365.com/EWS.AccessAsUser.All (app-only: https://outlook.office365.com/.default), and sign in again"
	hintImpersonate = "an app-only token needs Client.Impersonate, not Own or Shared"
	hintAnchor      = "use Client.Impersonate with the mailbox's address"
	hintDelegated   = "a delegated token must not impersonate: use Client.Own or Client.Shared, and set Config.Mailbox"
)
