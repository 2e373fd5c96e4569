// Package azuretest is Microsoft Entra ID in process, for tests and demos: an authorization endpoint that signs in by itself
// (or shows a page to click), a token endpoint for authorization code with PKCE, refresh, client credentials and device code,
// OpenID metadata and keys, and errors shaped exactly like Entra's. It listens on loopback only.
//
//	az, err := azuretest.NewServer(nil)
//	defer az.Close()
//	cfg := &azureoauth.Config{
//		ClientID: azuretest.DefaultClientID, ClientSecret: azuretest.DefaultClientSecret,
//		AuthURL: az.AuthURL(), TokenURL: az.TokenURL(), RedirectURL: "http://localhost",
//		Scopes: []string{"EWS.AccessAsUser.All"}, AllowLoopbackHTTP: true,
//	}
//	s, err := cfg.SignInLoopback(ctx, &azureoauth.LoopbackOptions{Open: azuretest.Browser})
//	info, err := az.Verify(s.Token.AccessToken)
//
// It enforces what Entra enforces: registered redirect URIs (compared exactly, any port on http://localhost), PKCE (RFC 7636),
// codes that work once and for ten minutes, one resource per token, secrets, expiry. A scope without resource gives a
// Microsoft Graph token, as there. Tokens are self-contained: with Options.Seed set, a server started later (another process,
// another port) honours what an earlier one issued.
//
// Nothing here is a security product: keys are derived, not secret.
package azuretest
