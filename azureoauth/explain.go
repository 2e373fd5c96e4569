package azureoauth

import (
	"context"
	"strings"
)

// Remedy names who has to do what. It explains; nothing in this package acts on it.
type Remedy string

// The remedies.
const (
	RemedyRetry         Remedy = "retry"         // nothing: try again later
	RemedySignIn        Remedy = "sign-in"       // the person signs in again
	RemedyConsent       Remedy = "consent"       // the person consents
	RemedyAdminConsent  Remedy = "admin-consent" // an administrator consents
	RemedyCredential    Remedy = "credential"    // a new client secret or certificate
	RemedyConfiguration Remedy = "configuration" // the settings or the app registration
	RemedyPolicy        Remedy = "policy"        // an administrator of the tenant changes the account, a licence or a policy
	RemedyBug           Remedy = "bug"           // the program misbehaves: loops, loses state
)

// Explanation says in an admin's words what an error means.
type Explanation struct {
	Number string // "AADSTS7000222", "MSIS9605" or ""
	Cause  string // what happened, a short clause
	Remedy Remedy
	Advice string // what to do
}

// Explain explains the error by its AADSTS or MSIS number where it is known, else by its class.
func (e *Error) Explain() Explanation {
	if x, ok := ExplainNumber(e.AADSTS); ok {
		return x
	}
	x := Explanation{Number: e.AADSTS}
	if e.advice != "" {
		x.Remedy, x.Advice = RemedyConfiguration, e.advice
		if e.kind == context.Canceled {
			x.Remedy = RemedyRetry
		}
		return x
	}
	if c, ok := codeExplanations[e.Code]; ok && e.agrees(c.remedy) {
		x.Cause, x.Remedy, x.Advice = c.cause, c.remedy, c.advice
		return x
	}
	if e.Code != "" {
		x.Cause = kindCauses[e.kind]
	}
	switch e.kind {
	case ErrSignInRequired:
		x.Remedy, x.Advice = RemedySignIn, "Sign in to the mailbox account again."
	case ErrConsentRequired:
		x.Remedy, x.Advice = RemedyConsent, "Sign in again and accept the permissions, or have an administrator grant them under API permissions of the app registration."
	case ErrBadCredential:
		x.Remedy, x.Advice = RemedyCredential, "Create a new secret under Certificates & secrets of the app registration and enter its Value."
	case ErrPolicy:
		x.Remedy, x.Advice = RemedyPolicy, "Ask an administrator of the tenant to look the sign-in up in the Entra sign-in logs: a policy stops it."
	case ErrTemporary:
		x.Remedy, x.Advice = RemedyRetry, "Nothing to do now: the request is tried again later. If it lasts, check that "+orServer(e.Host)+" can be reached from this machine."
	case ErrAccessDenied:
		x.Remedy, x.Advice = RemedySignIn, "Start the sign-in again and accept the permissions."
	case ErrResponse:
		x.Remedy, x.Advice = RemedyConfiguration, "Check that the token URL is the v2 token endpoint and that no proxy answers in its place ("+orServer(e.Host)+")."
	case ErrDeviceCodeExpired:
		x.Remedy, x.Advice = RemedySignIn, "Start again and enter the new code in time."
	case ErrAccountMismatch:
		x.Remedy, x.Advice = RemedySignIn, "Sign out of the other account in the browser (or use a private window) and sign in with the expected one."
	case ErrNoRefreshToken:
		x.Remedy, x.Advice = RemedyConfiguration, "Add offline_access to the scope, grant it under API permissions, and sign in again."
	case ErrScopeNotGranted:
		x.Remedy, x.Advice = RemedyConfiguration, "Add the permission under API permissions (APIs my organization uses, Office 365 Exchange Online), grant admin consent, and sign in again."
	default:
		x.Remedy, x.Advice = RemedyConfiguration, "Compare client ID, URLs and scope with the app registration."
	}
	return x
}

// agrees tells whether a code's own explanation holds: a suberror or the status may have made an invalid_grant a matter of
// consent, policy or patience, where "sign in again" would be wrong.
func (e *Error) agrees(r Remedy) bool {
	switch e.kind {
	case ErrConsentRequired:
		return r == RemedyConsent
	case ErrPolicy:
		return r == RemedyPolicy
	case ErrTemporary:
		return r == RemedyRetry
	}
	return true
}

var kindCauses = map[error]string{
	ErrConsentRequired: "the permissions were not consented to",
	ErrPolicy:          "a policy of the tenant forbids it",
	ErrTemporary:       "the server cannot answer now",
}

func orServer(host string) string {
	if host == "" {
		return "the server"
	}
	return host
}

// ExplainNumber explains one number: "AADSTS7000222", "7000222" or "MSIS9605".
func ExplainNumber(number string) (Explanation, bool) {
	key := strings.TrimPrefix(number, "AADSTS")
	x, ok := explanations[key]
	if !ok {
		return Explanation{}, false
	}
	if !strings.HasPrefix(key, "MSIS") {
		key = "AADSTS" + key
	}
	return Explanation{Number: key, Cause: x.cause, Remedy: x.remedy, Advice: x.advice}, true
}

type explanation struct {
	cause  string
	remedy Remedy
	advice string
}

var codeExplanations = map[string]explanation{
	"invalid_grant":             {"the refresh token or code is no longer valid", RemedySignIn, "Sign in to the mailbox account again."},
	"interaction_required":      {"the server wants to ask the person something", RemedySignIn, "Sign in to the mailbox account again."},
	"login_required":            {"the server wants the person to sign in", RemedySignIn, "Sign in to the mailbox account again."},
	"consent_required":          {"the permissions were not consented to", RemedyConsent, "Sign in again and accept the permissions, or have an administrator grant them under API permissions of the app registration."},
	"invalid_client":            {"the server does not accept the client secret or certificate", RemedyCredential, "Create a new secret under Certificates & secrets of the app registration and enter its Value (not its Secret ID)."},
	"unauthorized_client":       {"the application may not use this kind of sign-in", RemedyConfiguration, "Check that the client ID belongs to this tenant, that the app registration is enabled and its platform is Web."},
	"invalid_scope":             {"the server does not know the scope", RemedyConfiguration, "Enter the scope " + DefaultScope + " and add the permission under API permissions (Office 365 Exchange Online)."},
	"invalid_resource":          {"the server does not know the resource in the scope", RemedyConfiguration, "Check the resource: https://outlook.office365.com in the global cloud, in hybrid deployments the host of the EWS URL."},
	"invalid_request":           {"the server found the request malformed", RemedyConfiguration, "Compare the authorization URL, token URL, redirect URL and scope with the app registration."},
	"unsupported_grant_type":    {"the server does not offer this kind of sign-in", RemedyConfiguration, "Check the token URL; the server may not allow this kind of sign-in."},
	"unsupported_response_type": {"the server does not offer the code flow here", RemedyConfiguration, "Check the authorization URL; it must be the v2 endpoint, ending in /oauth2/v2.0/authorize."},
	"access_denied":             {"the sign-in was cancelled or the permissions were refused", RemedySignIn, "Start the sign-in again and accept the permissions. If they need an administrator, send the admin consent link."},
	"authorization_declined":    {"the person declined on the device code page", RemedySignIn, "Start again and accept on the page."},
	"expired_token":             {"the device code expired before anybody signed in", RemedySignIn, "Start again and enter the new code in time."},
	"bad_verification_code":     {"the server does not know the device code", RemedySignIn, "Start again with a new code."},
	"temporarily_unavailable":   {"the server is busy", RemedyRetry, "Nothing to do: the request is tried again later."},
	"server_error":              {"the server failed", RemedyRetry, "Nothing to do: the request is tried again later."},
}

const (
	adviceSignIn   = "Sign in to the mailbox account again."
	adviceRetry    = "Nothing to do: the request is tried again later."
	adviceSecret   = "Create a new secret under Certificates & secrets of the app registration and enter its Value. Tokens already stored stay valid."
	adviceAccount  = "Ask an administrator of the tenant to look at the account under Users in the Entra admin center."
	advicePolicy   = "Ask an administrator to look the sign-in up under Sign-in logs in the Entra admin center; exempt the service account or this server's address from the Conditional Access policy named there, then sign in again."
	adviceMFA      = "Sign in to the mailbox account again and complete the extra verification. To avoid it for a service account, exempt it in Conditional Access."
	adviceRedirect = "Register the redirect URL exactly as entered here (scheme, host, port, path, upper and lower case) under Authentication, platform Web."
	adviceApp      = "Compare client ID and tenant: the Application (client) ID and Directory (tenant) ID stand on the Overview page of the app registration, and the URLs must name that tenant."
	adviceScope    = "Enter the scope " + DefaultScope + " (or, written out, https://outlook.office365.com/EWS.AccessAsUser.All offline_access)."
	adviceCloud    = "Use the login host of the cloud the application is registered in: login.microsoftonline.com (global), .us (US government), login.partner.microsoftonline.cn (China)."
	adviceTenant   = "Put your tenant's ID in place of 'common' or 'organizations' in both URLs, or make the registration multitenant under Authentication, Supported account types."
	adviceGrant    = "Add the permission under API permissions (APIs my organization uses, Office 365 Exchange Online) and choose Grant admin consent."
	adviceBug      = "This is a fault of the program, not of the settings: report it with the correlation id."
	adviceDevice   = "Start again with a new code."
)

// explanations: Microsoft's "Microsoft Entra authentication and authorization error codes", and field experience for the
// advice. MSIS numbers are AD FS's.
var explanations = map[string]explanation{
	// the service
	"50000": {"the sign-in service failed to issue a token", RemedyRetry, adviceRetry},
	"50033": {"the sign-in service had a transient error", RemedyRetry, adviceRetry},
	"50087": {"the sign-in service had a transient error", RemedyRetry, adviceRetry},
	"90006": {"an external server the sign-in service needs failed", RemedyRetry, adviceRetry},
	"90012": {"the sign-in service timed out", RemedyRetry, adviceRetry},
	"90024": {"the request budget of the sign-in service is exhausted", RemedyRetry, adviceRetry},
	"90033": {"the sign-in service is temporarily unavailable", RemedyRetry, adviceRetry},
	"90090": {"the sign-in service had an unexpected error", RemedyRetry, adviceRetry},
	"90055": {"the tenant sends too many sign-in requests", RemedyRetry, "Wait: the tenant is throttled. Look for an application that requests tokens in a loop under Sign-in logs."},
	"50196": {"the same request came again and again (client loop)", RemedyBug, "Wait some minutes. Tokens are not kept, or a failing refresh is repeated: check that the token store can be written and that only one program uses it."},

	// the person must sign in
	"70000":  {"the refresh token or code is not valid", RemedySignIn, adviceSignIn},
	"70008":  {"the refresh token or code expired", RemedySignIn, adviceSignIn + " If it happens every 90 days, the new refresh token of each refresh is not being stored."},
	"700082": {"the refresh token expired by inactivity (90 days)", RemedySignIn, adviceSignIn + " If the mailbox was in use, the new refresh token of each refresh is not being stored."},
	"700084": {"the refresh token was issued to a single-page app and lived 24 hours", RemedyConfiguration, "Register the redirect URL under platform Web instead of Single-page application, and sign in again."},
	"70043":  {"the refresh token ended by a sign-in frequency policy", RemedySignIn, adviceSignIn + " To avoid it, exempt the service account from the sign-in frequency policy in Conditional Access."},
	"50173":  {"the tokens were revoked (password reset or sessions revoked)", RemedySignIn, adviceSignIn},
	"50132":  {"the session was ended, by a password change or an administrator", RemedySignIn, adviceSignIn},
	"50133":  {"the session ended, by a recent password change", RemedySignIn, adviceSignIn},
	"50089":  {"the sign-in took too long", RemedySignIn, adviceSignIn},
	"50076":  {"multi-factor authentication is required", RemedySignIn, adviceMFA},
	"50074":  {"strong authentication is required", RemedySignIn, adviceMFA},
	"50072":  {"the account must enrol for multi-factor authentication", RemedySignIn, adviceMFA},
	"50078":  {"the multi-factor authentication expired", RemedySignIn, adviceMFA},
	"50079":  {"the account must enrol for multi-factor authentication", RemedySignIn, adviceMFA},
	"50158":  {"an external security challenge was not met", RemedySignIn, adviceMFA},
	"54005":  {"the code was used a second time", RemedySignIn, "Start the sign-in again and follow the link once. If it keeps happening, two instances answer the same callback."},

	// policies and accounts
	"53000":   {"the device is not compliant", RemedyPolicy, advicePolicy},
	"53001":   {"the device is not domain joined", RemedyPolicy, advicePolicy},
	"53002":   {"the application is not an approved one", RemedyPolicy, advicePolicy},
	"53003":   {"blocked by Conditional Access", RemedyPolicy, advicePolicy},
	"53004":   {"the account must register for security first, and the risk forbids it", RemedyPolicy, advicePolicy},
	"53011":   {"the account is blocked because of risk", RemedyPolicy, advicePolicy},
	"530032":  {"blocked by a security policy of the tenant", RemedyPolicy, advicePolicy},
	"530035":  {"blocked by security defaults", RemedyPolicy, advicePolicy},
	"50131":   {"blocked by Conditional Access because of the device or a risk", RemedyPolicy, advicePolicy},
	"50135":   {"a password change is required because of risk", RemedyPolicy, adviceAccount},
	"50053":   {"the account is locked, or the address is blocked", RemedyPolicy, adviceAccount},
	"50055":   {"the password expired", RemedyPolicy, "Change the account's password, then sign in again."},
	"50056":   {"the account has no usable password here", RemedyPolicy, adviceAccount},
	"50057":   {"the account is disabled", RemedyPolicy, "Enable the account under Users in the Entra admin center, or sign in with another one."},
	"50126":   {"user name or password is wrong", RemedyPolicy, "Sign in again with the right password."},
	"50144":   {"the Active Directory password expired", RemedyPolicy, "Change the account's password, then sign in again."},
	"50105":   {"the account is not assigned to the application", RemedyPolicy, "Assign the account under Enterprise applications, Users and groups, or switch Assignment required off there."},
	"500021":  {"tenant restrictions forbid this tenant", RemedyPolicy, "Ask the network administrator: a proxy restricts which tenants may be used."},
	"500212":  {"the tenant's outbound access policy forbids it", RemedyPolicy, "Ask an administrator to allow it under Cross-tenant access settings."},
	"500213":  {"the other tenant's inbound access policy forbids it", RemedyPolicy, "Ask an administrator of the other tenant to allow it under Cross-tenant access settings."},
	"7000112": {"the application is disabled", RemedyPolicy, "Enable it under Enterprise applications, Properties, Enabled for users to sign-in."},
	"90099":   {"the application was not authorised in this tenant", RemedyPolicy, "Have an administrator open the admin consent link once."},
	"650052":  {"the tenant has no Exchange Online, or it is not licensed", RemedyPolicy, "Check that the tenant has an Exchange Online licence."},
	"650054":  {"the application asks for a service that the tenant lacks", RemedyPolicy, "Check that the tenant has an Exchange Online licence."},

	// consent
	"65001": {"nobody consented to the permissions", RemedyConsent, "Sign in again and accept the permissions, or choose Grant admin consent under API permissions of the app registration."},
	"65004": {"the person declined the permissions", RemedyConsent, "Sign in again and accept the permissions."},
	"90094": {"an administrator must consent", RemedyAdminConsent, "Send the admin consent link to an administrator, or choose Grant admin consent under API permissions of the app registration."},
	"90095": {"an administrator must approve the consent request", RemedyAdminConsent, "Have an administrator approve the request under Enterprise applications, Admin consent requests."},

	// the account is elsewhere
	"16000": {"the account does not exist in this tenant", RemedyConfiguration, "Sign in with an account of the tenant in the URLs, or correct the tenant in both URLs."},
	"50014": {"the account's tenant does not fit", RemedyConfiguration, "Sign in with an account of the tenant in the URLs, or correct the tenant in both URLs."},
	"50020": {"the account is from another tenant or provider", RemedyConfiguration, "Sign in with an account of the tenant in the URLs, or correct the tenant in both URLs."},
	"50034": {"the account does not exist in this tenant", RemedyConfiguration, "Sign in with an account of the tenant in the URLs, or correct the tenant in both URLs."},
	"51004": {"the account does not exist in this tenant", RemedyConfiguration, "Sign in with an account of the tenant in the URLs, or correct the tenant in both URLs."},
	"90072": {"the account must be a guest of this tenant first", RemedyConfiguration, "Sign in with an account of the tenant in the URLs, or correct the tenant in both URLs."},

	// the registration and the settings
	"650056":  {"the permission is missing in the app registration", RemedyConfiguration, adviceGrant},
	"650057":  {"the resource is missing in the app registration", RemedyConfiguration, adviceGrant},
	"65005":   {"the permission is missing in the app registration", RemedyConfiguration, adviceGrant},
	"500011":  {"the resource in the scope is unknown to the tenant", RemedyConfiguration, "Check the resource: https://outlook.office365.com in the global cloud (no path), and in hybrid deployments the host of the EWS URL, which must be a service principal name of Exchange Online in Entra."},
	"50001":   {"the resource in the scope is unknown to the tenant", RemedyConfiguration, "Check the resource: https://outlook.office365.com in the global cloud (no path), and in hybrid deployments the host of the EWS URL, which must be a service principal name of Exchange Online in Entra."},
	"70011":   {"the scope is not valid", RemedyConfiguration, adviceScope},
	"28002":   {"the scope is not valid", RemedyConfiguration, adviceScope},
	"28003":   {"the scope is missing", RemedyConfiguration, adviceScope},
	"700022":  {"the scope names two resources", RemedyConfiguration, "Keep the scopes of Exchange only; tokens for another resource are fetched separately."},
	"700023":  {"the scope names no permission of its resource", RemedyConfiguration, adviceScope},
	"90014":   {"a required field is missing in the request", RemedyConfiguration, "Check that no field of the registration is empty."},
	"900144":  {"a required field is missing in the request", RemedyConfiguration, "Check that no field of the registration is empty."},
	"700016":  {"the client ID is unknown in this tenant", RemedyConfiguration, adviceApp},
	"700011":  {"the client ID is unknown in this tenant", RemedyConfiguration, adviceApp},
	"70001":   {"the client ID is unknown or disabled in this tenant", RemedyConfiguration, adviceApp},
	"50194":   {"the registration is for one tenant, the URLs are for all", RemedyConfiguration, adviceTenant},
	"9001023": {"this kind of sign-in needs a tenant in the URLs", RemedyConfiguration, adviceTenant},
	"90130":   {"this kind of sign-in needs a tenant in the URLs", RemedyConfiguration, adviceTenant},
	"9002332": {"the URLs are for personal accounts, the registration is for work accounts", RemedyConfiguration, adviceTenant},
	"90002":   {"the tenant does not exist in this cloud", RemedyConfiguration, "Correct the tenant in both URLs. " + adviceCloud},
	"90038":   {"the tenant is in another national cloud", RemedyConfiguration, adviceCloud},
	"900382":  {"the application is registered in another national cloud", RemedyConfiguration, adviceCloud},
	"900432":  {"the application is registered in another national cloud", RemedyConfiguration, adviceCloud},
	"1000104": {"the application is registered in another national cloud", RemedyConfiguration, adviceCloud},
	"50011":   {"the redirect URL is not registered", RemedyConfiguration, adviceRedirect},
	"900971":  {"the redirect URL is missing", RemedyConfiguration, adviceRedirect},
	"90102":   {"the redirect URL is not valid", RemedyConfiguration, adviceRedirect},
	"70004":   {"the redirect URL is not valid", RemedyConfiguration, adviceRedirect},
	"700025":  {"the registration is public, yet a secret was sent", RemedyConfiguration, "Register the redirect URL under platform Web, or mark this registration public and leave the secret empty."},
	"700005":  {"the code was issued by another tenant", RemedyConfiguration, "Use the same tenant in the authorization URL and the token URL."},
	"900561":  {"the token endpoint was opened as a page", RemedyConfiguration, "The authorization URL and the token URL are exchanged, or one was pasted into both fields: they end in /authorize and /token."},
	"90056":   {"the authorization endpoint got a token request", RemedyConfiguration, "The authorization URL and the token URL are exchanged, or one was pasted into both fields: they end in /authorize and /token."},
	"901002":  {"a v1 parameter (resource) went to the v2 endpoint", RemedyConfiguration, "Use the v2 endpoints, which end in /oauth2/v2.0/authorize and /oauth2/v2.0/token."},
	"700054":  {"the registration does not issue ID tokens in this flow", RemedyConfiguration, "Use the code flow, or switch ID tokens on under Authentication."},

	// the application's credential
	"7000215": {"the client secret is wrong", RemedyCredential, "Enter the secret's Value, not its Secret ID: both stand under Certificates & secrets, the Value only when it is created. " + adviceSecret},
	"7000222": {"the client secret expired", RemedyCredential, adviceSecret},
	"70002":   {"the client secret or certificate is wrong", RemedyCredential, adviceSecret},
	"7000218": {"no client secret was sent, and the registration is not public", RemedyCredential, "Enter the client secret; or, for a program without one, switch Allow public client flows on under Authentication."},
	"700027":  {"the certificate's signature was not accepted", RemedyCredential, "Upload the certificate's public part under Certificates & secrets of this registration, and check this machine's clock."},
	"700030":  {"the certificate is not valid", RemedyCredential, "Upload a valid certificate under Certificates & secrets, and check this machine's clock."},
	"50012":   {"the signed assertion was not accepted", RemedyCredential, "Check the uploaded certificate (or the federated credential) and this machine's clock."},
	"50013":   {"the signed assertion is not valid", RemedyCredential, "Check the uploaded certificate (or the federated credential) and this machine's clock."},
	"50027":   {"the signed assertion is malformed", RemedyCredential, "Check the certificate or the callback that makes the assertion."},

	// this program
	"50147":  {"the PKCE challenge is malformed", RemedyBug, adviceBug},
	"501481": {"the PKCE verifier does not belong to the code", RemedyBug, "Start the sign-in again. If it keeps happening, several instances of the program do not share pending sign-ins, or it restarted in between."},
	"501491": {"the PKCE verifier has the wrong size", RemedyBug, adviceBug},

	// device code
	"70016": {"nobody has entered the device code yet", RemedyRetry, "Enter the code on the page shown."},
	"70018": {"the device code is wrong", RemedySignIn, adviceDevice},
	"70019": {"the device code expired", RemedySignIn, adviceDevice},
	"90120": {"the device code was used already", RemedySignIn, adviceDevice},

	// AD FS
	"MSIS9223": {"AD FS does not know the client ID, or the application may not access the resource", RemedyConfiguration, "Check the client identifier in the AD FS application group, and that its Web API permits this client."},
	"MSIS9224": {"AD FS got a redirect URL that is not registered", RemedyConfiguration, "Register the redirect URL, exactly as entered here, at the application in the AD FS application group."},
	"MSIS9602": {"AD FS found the resource missing or unknown", RemedyConfiguration, "Set the resource to the EWS URL: AD FS needs a Web API whose identifier is https://<EWS host>/."},
	"MSIS9605": {"AD FS does not permit the client to access the resource", RemedyConfiguration, "Permit the client at the Web API (Client permissions) in the AD FS application group."},
	"MSIS9611": {"AD FS does not accept this kind of grant for the client", RemedyConfiguration, "Check the application's type in the AD FS application group: a web application needs 'Server application'."},
	"MSIS9612": {"the code or refresh token is not valid for AD FS", RemedySignIn, adviceSignIn},
	"MSIS9615": {"the refresh token expired for AD FS", RemedySignIn, adviceSignIn},
	"MSIS9607": {"AD FS does not accept the client secret", RemedyCredential, "Reset the secret of the server application in the AD FS application group and enter it here."},
	"MSIS9650": {"AD FS does not accept the scope", RemedyConfiguration, "Permit the scope at the Web API (Client permissions) in AD FS: EWS.AccessAsUser.All, written bare."},
}
