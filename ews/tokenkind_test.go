package ews_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

type claims map[string]any

// jwt is an unsigned token: nobody here looks at the signature.
func jwt(t testing.TB, c claims) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(b) + ".c2lnbmF0dXJl"
}

const (
	entra1 = "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"
	entra2 = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
	exo    = "https://outlook.office365.com"
	graph  = "00000003-0000-0000-c000-000000000000"
)

// TestTokenKind: a token that tells that it cannot do is refused before anything is sent; whatever tells nothing is passed on.
func TestTokenKind(t *testing.T) {
	const clientID = "11111111-aaaa-bbbb-cccc-000000000001"
	tests := []struct {
		name        string
		token       string
		own         error // of Own and Shared
		impersonate error
		says        string
	}{
		{"delegated", jwt(t, claims{"iss": entra1, "aud": exo, "scp": "EWS.AccessAsUser.All", "upn": "a@example.com", "appid": clientID}), nil, ews.ErrInvalidRequest, "must not impersonate"},
		{"delegated, idtyp only", jwt(t, claims{"iss": entra2, "aud": "00000002-0000-0ff1-ce00-000000000000", "idtyp": "user"}), nil, ews.ErrInvalidRequest, "must not impersonate"},
		{"delegated with application roles of the user", jwt(t, claims{"iss": entra1, "aud": exo + "/", "scp": "EWS.AccessAsUser.All", "roles": []string{"Desk"}, "appid": clientID}), nil, ews.ErrInvalidRequest, "must not impersonate"},
		{"app-only", jwt(t, claims{"iss": entra1, "aud": exo, "idtyp": "app", "roles": []string{"full_access_as_app"}, "appid": clientID}), ews.ErrInvalidRequest, nil, "Client.Impersonate"},
		{"app-only without roles", jwt(t, claims{"iss": entra1, "aud": exo, "idtyp": "app"}), ews.ErrInvalidRequest, nil, "Client.Impersonate"},
		{"app-only without idtyp", jwt(t, claims{"iss": entra2, "aud": exo, "roles": []string{"full_access_as_app"}, "azp": clientID}), ews.ErrInvalidRequest, nil, "Client.Impersonate"},
		{"app-only on premises", jwt(t, claims{"iss": entra1, "aud": "https://mail.example.com/", "idtyp": "app"}), ews.ErrInvalidRequest, nil, "Client.Impersonate"},
		{"Graph", jwt(t, claims{"iss": entra1, "aud": graph, "scp": "EWS.AccessAsUser.All", "upn": "a@example.com"}), ews.ErrUnauthorized, ews.ErrUnauthorized, "Microsoft Graph"},
		{"Graph by URL", jwt(t, claims{"iss": entra2, "aud": "https://graph.microsoft.com", "scp": "Mail.Read"}), ews.ErrUnauthorized, ews.ErrUnauthorized, "ask for https://outlook.office365.com/"},
		{"ID token", jwt(t, claims{"iss": entra2, "aud": clientID, "preferred_username": "a@example.com"}), ews.ErrUnauthorized, ews.ErrUnauthorized, "access_token"},

		// The ApplicationImpersonation role lives on there.
		{"delegated, Exchange Server", jwt(t, claims{"iss": entra1, "aud": "https://mail.example.com", "scp": "EWS.AccessAsUser.All", "upn": "a@example.com"}), nil, nil, ""},
		{"AD FS", jwt(t, claims{"iss": "http://adfs.example.com/adfs/services/trust", "aud": exo, "scp": "user_impersonation", "idtyp": "app"}), nil, nil, ""},
		{"another provider", jwt(t, claims{"iss": "https://id.example.com", "aud": graph}), nil, nil, ""},
		{"look-alike issuer", jwt(t, claims{"iss": "https://sts.windows.net.example.com/", "aud": graph}), nil, nil, ""},
		{"several audiences", jwt(t, claims{"iss": entra1, "aud": []string{graph, exo}}), nil, nil, ""},
		{"says nothing", jwt(t, claims{"iss": entra1, "aud": exo}), nil, nil, ""},
		{"opaque", "EwBQA8l6BAAUO9chh8cJscQLmU-LSWpbnr0vmwwAAQ", nil, nil, ""},
		{"two dots, no base64", "a.!.c", nil, nil, ""},
		{"two dots, no JSON", "a.AAAA.c", nil, nil, ""},
		{"encrypted", "a.b.c.d.e", nil, nil, ""},
		{"claims of the wrong type", jwt(t, claims{"iss": entra1, "aud": graph, "roles": 7}), nil, nil, ""},
		{"claims too long", jwt(t, claims{"iss": entra1, "aud": graph, "x": strings.Repeat("x", 64<<10)}), nil, nil, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			modes := map[string]struct {
				open func(*ews.Client) *ews.Mailbox
				want error
			}{
				"own":             {(*ews.Client).Own, tc.own},
				"shared":          {func(c *ews.Client) *ews.Mailbox { return c.Shared("b@example.com") }, tc.own},
				"archive":         {func(c *ews.Client) *ews.Mailbox { return c.Own().Archive() }, tc.own},
				"impersonate":     {func(c *ews.Client) *ews.Mailbox { return c.Impersonate("b@example.com") }, tc.impersonate},
				"impersonate UPN": {func(c *ews.Client) *ews.Mailbox { return c.ImpersonateUPN("b@example.com") }, tc.impersonate},
				"impersonate SID": {func(c *ews.Client) *ews.Mailbox { return c.ImpersonateSID("S-1-5-21-1") }, tc.impersonate},
			}
			if tc.own != nil && tc.impersonate == nil && !strings.Contains(tc.name, "on premises") { // Exchange Online wants an anchor
				delete(modes, "impersonate SID")
			}
			for name, mode := range modes {
				rt := &script{answers: []answer{fine}}
				var log strings.Builder
				c := newClient(t, rt, func(c *ews.Config) {
					c.Token = source(func() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: tc.token}, nil })
					c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				for range 2 { // the second time from memory
					rt.reqs = nil
					err := mode.open(c).DoCall(t.Context(), getItem(nil))
					if !errors.Is(err, mode.want) {
						t.Fatalf("%s: %v, want %v", name, err, mode.want)
					}
					if sent := rt.count(); (mode.want == nil) != (sent == 1) {
						t.Errorf("%s: %d requests", name, sent)
					}
					if mode.want == nil {
						continue
					}
					e := asError(t, err)
					if ews.MaybeApplied(err) || e.Temporary() || e.NeedsSignIn() || e.Attempts != 1 || !strings.Contains(e.Error()+e.Advice(), tc.says) {
						t.Errorf("%s: %v; advice %s", name, err, e.Advice())
					}
					if s := err.Error() + e.Advice() + log.String(); strings.Contains(s, tc.token) || strings.Contains(s, strings.Split(tc.token, ".")[1]) {
						t.Errorf("%s: the token shows: %s", name, s)
					}
				}
			}
		})
	}
}

// TestTokenKindIsOfTheTokenAtHand: what one token said is not held against the next.
func TestTokenKindIsOfTheTokenAtHand(t *testing.T) {
	bad, good := jwt(t, claims{"iss": entra1, "aud": graph}), jwt(t, claims{"iss": entra1, "aud": exo, "scp": "EWS.AccessAsUser.All"})
	token := bad
	c := newClient(t, &script{answers: []answer{fine}}, func(c *ews.Config) {
		c.Token = source(func() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: token}, nil })
	})
	if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrUnauthorized) {
		t.Fatal(err)
	}
	token = good
	if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
		t.Fatal(err)
	}
}

// FuzzTokenKind: no token panics, and none of an issuer unknown here is refused.
func FuzzTokenKind(f *testing.F) {
	f.Add([]byte(`{"iss":"https://sts.windows.net/x/","aud":"https://graph.microsoft.com"}`))
	f.Add([]byte(`{"iss":"https://id.example.com","aud":["x"],"idtyp":"app"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := newClient(t, &script{answers: []answer{fine}}, func(c *ews.Config) {
			c.Token = source(func() (*oauth2.Token, error) {
				return &oauth2.Token{AccessToken: "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".x"}, nil
			})
		})
		err := c.Own().DoCall(t.Context(), getItem(nil))
		if err != nil && !strings.Contains(string(payload), "microsoft") && !strings.Contains(string(payload), "windows.net") &&
			!strings.Contains(string(payload), "chinacloudapi") && !strings.Contains(string(payload), `\`) {
			t.Errorf("%q is refused: %v", payload, err)
		}
	})
}
