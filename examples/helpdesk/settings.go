package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/tokenstore"
)

// settings is the form. It is stored encrypted as a whole, since it holds the client secret.
type settings struct {
	Mailbox      string
	Shared       bool // another account than the mailbox's own signs in
	EWSURL       string
	ClientID     string
	ClientSecret string
	AuthURL      string
	TokenURL     string
	Scope        string
	Demo         bool // the demo tenant's: its addresses change with every start
}

// field is one line of the form, for the template.
type field struct {
	Name, Label, Value, Hint string
	Secret                   bool
	Problems                 []string
}

func defaults() settings {
	return settings{EWSURL: ews.EndpointWorldwide, Scope: azureoauth.DefaultScope}
}

func demoSettings(t *demo.Tenant) settings {
	return settings{Mailbox: demo.Mailbox, EWSURL: t.Exchange.URL, ClientID: demo.ClientID, ClientSecret: demo.ClientSecret,
		AuthURL: t.Entra.AuthURL(), TokenURL: t.Entra.TokenURL(), Scope: azureoauth.DefaultScope, Demo: true}
}

// ofTenant tells whether they are those of a demo tenant, of this start of it.
func (s settings) ofTenant(t *demo.Tenant) bool {
	return t != nil && s.EWSURL == t.Exchange.URL && s.TokenURL == t.Entra.TokenURL()
}

// record is the name under which the tokens of these settings are kept. Everything that decides where they are sent is in it:
// changed addresses get no token that was issued for others.
func (s settings) record() string {
	place := s.TokenURL + "\n" + s.EWSURL
	if s.Demo {
		place = "demo" // its addresses change with every start
	}
	sum := sha256.Sum256([]byte(s.ClientID + "\n" + place))
	return "tokens " + strings.ToLower(s.Mailbox) + " " + hex.EncodeToString(sum[:16])
}

// fromForm reads the form over the stored settings: an empty secret keeps the stored one, for the server it was entered for.
func (s settings) fromForm(r *http.Request) settings {
	value := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	n := settings{Mailbox: value("mailbox"), Shared: value("shared") != "", EWSURL: value("ews_url"), ClientID: value("client_id"),
		ClientSecret: value("client_secret"), AuthURL: value("auth_url"), TokenURL: value("token_url"), Scope: value("scope")}
	if n.ClientSecret == "" && n.ClientID == s.ClientID && n.TokenURL == s.TokenURL {
		n.ClientSecret = s.ClientSecret
	}
	n.Demo = s.Demo && n.AuthURL == s.AuthURL && n.TokenURL == s.TokenURL && n.EWSURL == s.EWSURL
	return n
}

// problems are what is wrong with the form, by field name.
type problems map[string][]string

func (p problems) add(field, text string) { p[field] = append(p[field], text) }

// formFields maps the fields that azureoauth complains about to those of the form.
var formFields = map[string]string{
	"ClientID": "client_id", "ClientSecret": "client_secret", "AuthURL": "auth_url", "TokenURL": "token_url", "Scopes": "scope",
	"RedirectURL": "redirect_url", "Resource": "ews_url",
}

// config builds the registration and finds every wrong field, without any network.
func (a *app) config(s settings) (*azureoauth.Config, problems) {
	p := problems{}
	if addr, err := mail.ParseAddress(s.Mailbox); err != nil || addr.Address != s.Mailbox || len(s.Mailbox) > 320 {
		p.add("mailbox", "not an e-mail address; enter the mailbox's, as in help@example.com")
	}
	c := &azureoauth.Config{
		ClientID: s.ClientID, ClientSecret: azureoauth.Secret(s.ClientSecret), AuthURL: s.AuthURL, TokenURL: s.TokenURL,
		RedirectURL: a.redirectURL(), AllowLoopbackHTTP: a.tenant != nil, Logger: a.log,
	}
	scopes, err := azureoauth.ParseScopes(s.Scope)
	if err != nil {
		p.add("scope", strings.TrimPrefix(err.Error(), "azureoauth: scope: "))
		scopes = []string{"EWS.AccessAsUser.All"} // told above; the other fields are checked all the same
	}
	c.Scopes = scopes
	if !s.Demo && s.EWSURL != ews.EndpointWorldwide {
		c.Resource = s.EWSURL // hybrid and other clouds: tokens are for the EWS host
	}
	var wrong *azureoauth.ConfigError
	if errors.As(c.Validate(), &wrong) {
		for _, x := range wrong.Problems {
			p.add(formFields[x.Field], x.Message+"; "+x.Fix)
		}
	}
	if client, err := ews.NewClient(ews.Config{Endpoint: s.EWSURL, Token: noToken{}, AllowLoopbackHTTP: a.tenant != nil}); err != nil {
		if len(p["ews_url"]) == 0 {
			p.add("ews_url", strings.TrimPrefix(err.Error(), "ews: "))
		}
	} else {
		client.Close()
	}
	return c, p
}

const settingsRecord = "settings"

// load reads the settings; without any, the defaults.
func load(ctx context.Context, store tokenstore.Store) (settings, string, error) {
	r, err := store.Get(ctx, settingsRecord)
	if errors.Is(err, tokenstore.ErrNotFound) {
		return defaults(), "", nil
	}
	if err != nil {
		return settings{}, "", fmt.Errorf("settings: %w", err)
	}
	var s settings
	if err := json.Unmarshal(r.Data, &s); err != nil {
		return settings{}, "", errors.New("settings: the stored record is damaged; delete it and enter them anew")
	}
	return s, r.Version, nil
}

// save stores them over the version they were made from: of two administrators the slower one is told.
func save(ctx context.Context, store tokenstore.Store, s settings, version string) (string, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	version, err = store.Put(ctx, settingsRecord, tokenstore.Record{Data: data, Version: version})
	if err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	return version, nil
}

func (s settings) fields(redirect string, p problems) []field {
	secretHint := "The Value of the client secret, not its Secret ID."
	if s.ClientSecret != "" {
		secretHint = "Stored. Leave it empty to keep it, or enter a new one."
	}
	return []field{
		{"mailbox", "Mailbox", s.Mailbox, "The address whose mail is fetched.", false, p["mailbox"]},
		{"ews_url", "EWS URL", s.EWSURL, "Exchange Online: " + ews.EndpointWorldwide, false, p["ews_url"]},
		{"client_id", "Client ID", s.ClientID, "Application (client) ID, from the app registration's Overview page.", false, p["client_id"]},
		{"client_secret", "Client secret", "", secretHint, true, p["client_secret"]},
		{"auth_url", "Authorization URL", s.AuthURL, "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/authorize", false, p["auth_url"]},
		{"token_url", "Token URL", s.TokenURL, "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token", false, p["token_url"]},
		{"scope", "Scope", s.Scope, "", false, p["scope"]},
	}
}
