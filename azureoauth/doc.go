// Package azureoauth signs mailboxes in at Microsoft Entra ID (Azure AD), AD FS and servers like them, for Exchange Web
// Services: the OAuth 2.0 part of a helpdesk or mail fetcher.
//
// Start from a [Config], the registration as an admin pastes it, and check it with [Config.Validate]. Then choose the way
// in:
//
//   - a web application: [Handler] (Start and Callback for net/http);
//   - a program on somebody's machine: [Config.SignInLoopback];
//   - a machine without browser: [Config.DeviceAuth] and [Config.DeviceToken];
//   - no person at all: [Config.AppSource] (application permission, needs impersonation in EWS);
//   - a credential of the Azure SDK (managed identity ...): package azcredential.
//
// Instead of a secret, a [Certificate] or another [ClientCredential] proves who the application is. Where only administrators
// may consent, [Config.AdminConsentURL] leads them there. [Discover] and [DiscoverEWS] suggest endpoints; [Diagnose] looks a
// registration over when it does not work.
//
// A sign-in gives an [oauth2.Token]. Store it: package tokenstore keeps it fresh through [Config.Refresh].
//
// The scope "EWS.AccessAsUser.All,offline_access" of the usual guides can be used as it is; see [Config.RequestScopes]
// for what is sent, and why.
//
// What goes wrong is an [*Error] (or a [*ConfigError]): sentinels say what somebody must do, Advice tells an admin in the
// portal's words.
//
// Tokens go to the configured token endpoint alone: no redirect is followed, https is demanded, answers are bounded and read
// strictly, and no error text repeats a secret or a server's page. Do not use OAuth2().Client for Exchange: it follows
// redirects with the bearer token.
package azureoauth
