package azuretest

import "slices"

// Case is one of Entra's errors at the token endpoint, in its own shape.
type Case struct {
	AADSTS          int
	Name            string // Microsoft's name where it publishes one
	Error, SubError string
	Status          int
	Text            string
}

// Cases returns all of them, for tests that go through every one.
func Cases() []Case { return slices.Clone(cases) }

func findCase(name string, number int) (Case, bool) {
	for _, c := range cases {
		if (name != "" && c.Name == name) || (name == "" && number != 0 && c.AADSTS == number) {
			return c, true
		}
	}
	return Case{}, false
}

const (
	grant  = "invalid_grant"
	ask    = "interaction_required"
	client = "invalid_client"
	app    = "unauthorized_client"
	scope  = "invalid_scope"
	bad    = "invalid_request"
)

// Source of numbers and names: Microsoft "Microsoft Entra authentication and authorization error codes".
var cases = []Case{
	{50000, "TokenIssuanceError", "server_error", "", 500, "There was an error issuing a token."},
	{50033, "RetryableError", "temporarily_unavailable", "", 503, "A transient error has occurred. Please try again."},
	{50087, "TransientError", "temporarily_unavailable", "", 503, "A transient error has occurred. Please try again."},
	{90006, "ExternalServerRetryableError", "temporarily_unavailable", "", 503, "The service is temporarily unavailable."},
	{90012, "RequestTimeout", "temporarily_unavailable", "", 503, "The request has timed out."},
	{90024, "RequestBudgetExceededError", "temporarily_unavailable", "", 503, "A transient error has occurred. Please try again."},
	{90033, "MsodsServiceUnavailable", "temporarily_unavailable", "", 503, "A transient error has occurred. Please try again."},
	{90090, "GraphRetryableError", "temporarily_unavailable", "", 503, "The service is temporarily unavailable."},
	{90055, "TenantThrottlingError", "temporarily_unavailable", "", 429, "There are too many incoming requests."},
	{50196, "LoopDetected", grant, "", 400, "The server terminated an operation because it encountered a client request loop. Please contact your app vendor."},

	{70000, "InvalidGrant", grant, "bad_token", 400, "Provided grant is invalid or malformed."},
	{70008, "ExpiredOrRevokedGrant", grant, "token_expired", 400, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	{700082, "ExpiredOrRevokedGrantInactiveToken", grant, "token_expired", 400, "The refresh token has expired due to inactivity. The token was issued on 2026-01-01T00:00:00.0000000Z and was inactive for 90.00:00:00."},
	{700084, "SpaRefreshTokenExpired", grant, "token_expired", 400, "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended."},
	{70043, "BadTokenDueToSignInFrequency", grant, "token_expired", 400, "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access."},
	{50173, "FreshTokenNeeded", grant, "bad_token", 400, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."},
	{50132, "SsoArtifactInvalidOrExpired", grant, "bad_token", 400, "The session is not valid due to password expiration or recent password change."},
	{50133, "SsoArtifactRevoked", grant, "bad_token", 400, "The session is not valid due to password expiration or recent password change."},
	{50089, "FlowTokenExpired", grant, "", 400, "Flow token expired - Authentication Failed."},
	{50076, "UserStrongAuthClientAuthNRequired", grant, "basic_action", 400, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'."},
	{50074, "UserStrongAuthExpired", ask, "basic_action", 400, "Strong Authentication is required."},
	{50072, "UserStrongAuthEnrollmentRequiredInterrupt", ask, "basic_action", 400, "Due to a configuration change made by your administrator, you must enroll in multi-factor authentication."},
	{50078, "UserStrongAuthExpiredPolicy", ask, "basic_action", 400, "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication."},
	{50079, "UserStrongAuthEnrollmentRequired", ask, "basic_action", 400, "Due to a configuration change made by your administrator, you must enroll in multi-factor authentication."},
	{50158, "ExternalSecurityChallenge", ask, "basic_action", 400, "External security challenge not satisfied. User will be redirected to another page or authentication provider to satisfy additional authentication challenges."},
	{54005, "OAuth2AuthCodeAlreadyRedeemed", grant, "", 400, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},

	{53000, "DeviceNotCompliant", ask, "message_only", 400, "Device is not in required device state: {state}. Conditional Access policy requires a compliant device, and the device is not compliant."},
	{53001, "DeviceNotDomainJoined", ask, "message_only", 400, "Device is not in required device state: {state}. Conditional Access policy requires a domain joined device, and the device is not domain joined."},
	{53002, "ApplicationUsedIsNotAnApprovedApp", ask, "message_only", 400, "Application used is not an approved application for conditional access."},
	{53003, "BlockedByConditionalAccess", grant, "message_only", 400, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	{53004, "ProofUpBlockedDueToRisk", ask, "message_only", 400, "User needs to complete multi-factor authentication registration process before accessing this content."},
	{53011, "UserBlockedDueToRisk", ask, "message_only", 400, "User blocked due to risk on home tenant."},
	{530032, "BlockedByConditionalAccessOnSecurityPolicy", grant, "message_only", 400, "The tenant admin configured a security policy that blocks this request."},
	{530035, "BlockedBySecurityDefaults", grant, "message_only", 400, "Access has been blocked by security defaults."},
	{50131, "ConditionalAccessFailed", ask, "message_only", 400, "Device is not in required device state, or the request was blocked due to suspicious activity, access policy, or security policy decisions."},
	{50135, "PasswordChangeCompromisedPassword", ask, "basic_action", 400, "Password change is required due to account risk."},
	{50053, "IdsLocked", grant, "message_only", 400, "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."},
	{50055, "InvalidPasswordExpiredPassword", grant, "user_password_expired", 400, "The password is expired."},
	{50056, "InvalidOrNullPassword", grant, "message_only", 400, "Invalid or null password: password doesn't exist in the directory for this user."},
	{50057, "UserDisabled", grant, "message_only", 400, "The user account is disabled."},
	{50126, "InvalidUserNameOrPassword", grant, "", 400, "Error validating credentials due to invalid username or password."},
	{50144, "InvalidPasswordExpiredOnPremPassword", grant, "user_password_expired", 400, "User's Active Directory password has expired."},
	{50105, "EntitlementGrantsNotFound", ask, "message_only", 400, "The signed in user is not assigned to a role for the application."},
	{500021, "TenantRestrictionsAccessDenied", ask, "message_only", 400, "Access to tenant is denied."},
	{500212, "NotAllowedByOutboundPolicyTenant", ask, "message_only", 400, "The user's administrator has set an outbound access policy that doesn't allow access to the resource tenant."},
	{500213, "NotAllowedByInboundPolicyTenant", ask, "message_only", 400, "The resource tenant's cross-tenant access policy doesn't allow this user to access this tenant."},
	{7000112, "UnauthorizedClientApplicationDisabled", app, "", 400, "Application is disabled."},
	{90099, "ApplicationNotAuthorizedInTenant", app, "", 400, "The application has not been authorized in the tenant. Applications must be authorized to access the external tenant before partner delegated administrators can use them."},
	{650052, "InvalidLicense", app, "", 400, "The app needs access to a service that your organization has not subscribed to or enabled."},
	{650054, "ResourceDisabledForTenant", app, "", 400, "The application asked for permissions to access a resource that has been removed or is no longer available."},

	{65001, "DelegationDoesNotExist", grant, "consent_required", 400, "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource."},
	{65004, "UserDeclinedConsent", "access_denied", "", 400, "User declined to consent to access the app."},
	{90094, "AdminConsentRequired", "consent_required", "", 400, "Administrator consent is required."},
	{90095, "AdminConsentRequiredRequestAccess", "consent_required", "", 400, "Admin consent is required for the permissions requested by this application. An admin consent request may be sent to the admin."},

	{16000, "SelectUserAccount", ask, "", 400, "User account selected from the session does not exist in tenant and cannot access the application in that tenant."},
	{50014, "GuestUserInPendingState", grant, "", 400, "Guest user account is in pending state."},
	{50020, "UserUnauthorized", grant, "", 400, "User account from identity provider does not exist in tenant and cannot access the application in that tenant."},
	{50034, "UserAccountNotFound", grant, "", 400, "The user account does not exist in the directory. To sign into this application, the account must be added to the directory."},
	{51004, "UserAccountNotInDirectory", grant, "", 400, "The user account doesn't exist in the directory."},
	{90072, "PassThroughUserMfaError", grant, "", 400, "User account from identity provider does not exist in tenant and cannot access the application in that tenant."},

	{650056, "MisconfiguredApplication", bad, "", 400, "Misconfigured application. The client has not listed any permissions in the requested permissions in the client's application registration."},
	{650057, "InvalidResource", "invalid_resource", "", 400, "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration."},
	{65005, "MisconfiguredApplicationScopes", bad, "", 400, "The application required resource access list does not contain applications discoverable by the resource."},
	{500011, "InvalidResourceServicePrincipalNotFound", "invalid_resource", "", 400, "The resource principal was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."},
	{50001, "InvalidResourceName", "invalid_resource", "", 400, "The resource is disabled or the resource principal was not found."},
	{70011, "InvalidScope", scope, "", 400, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid."},
	{28002, "InvalidScopeValue", scope, "", 400, "Provided value for the input parameter scope is not valid when requesting an access token. Please specify a valid scope."},
	{28003, "EmptyScopeValue", scope, "", 400, "Provided value for the input parameter scope can't be empty when requesting an access token using the provided authorization code."},
	{700022, "InvalidMultipleResourcesScope", scope, "", 400, "The provided value for the input parameter scope isn't valid because it contains more than one resource."},
	{700023, "InvalidResourcelessScope", scope, "", 400, "The provided value for the input parameter scope isn't valid when request an access token."},
	{90014, "MissingRequiredField", bad, "", 400, "The required field 'scope' is missing from the credential. Ensure that you have all the necessary parameters for the login request."},
	{900144, "MissingRequiredParameter", bad, "", 400, "The request body must contain the following parameter."},
	{700016, "UnauthorizedClient_DoesNotMatchRequest", app, "", 400, "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."},
	{700011, "UnauthorizedClientAppNotFoundInOrgIdTenant", app, "", 400, "Application was not found in the directory."},
	{70001, "UnauthorizedClient", app, "", 400, "The application is disabled or was not found."},
	{50194, "ConditionalSingleTenant", bad, "", 400, "Application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant."},
	{9001023, "InvalidCommonGrant", bad, "", 400, "The grant type isn't supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	{90130, "NotAllowedByCommon", bad, "", 400, "Application is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	{9002332, "WrongAudienceEndpoint", bad, "", 400, "Application is configured for use by Microsoft Entra users only. Please do not use the /consumers endpoint to serve this request."},
	{90002, "InvalidTenantName", bad, "", 400, "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."},
	{90038, "NationalCloudTenantRedirection", bad, "", 400, "The specified tenant belongs to another National Cloud."},
	{900382, "ConfidentialClientCrossCloud", client, "", 401, "Confidential Client is not supported in Cross Cloud request."},
	{900432, "ConfidentialClientNotSupportedCrossCloud", client, "", 401, "Confidential Client is not supported in Cross Cloud request."},
	{1000104, "XCB2BResourceCloudNotAllowedOnIdentityTenant", app, "", 400, "Resource cloud is not allowed on identity tenant."},
	{50011, "InvalidReplyTo", bad, "", 400, "The redirect URI specified in the request does not match the redirect URIs configured for the application. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."},
	{900971, "MissingReplyAddress", bad, "", 400, "No reply address provided."},
	{90102, "InvalidReplyUri", bad, "", 400, "'redirect_uri' value must be a valid absolute Uri."},
	{70004, "InvalidRedirectUri", bad, "", 400, "The app returned an invalid redirect URI."},
	{700025, "PublicClientSentCredential", client, "", 401, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	{700005, "InvalidGrantRedeemAgainstWrongTenant", grant, "", 400, "Provided Authorization Code is intended to use against other tenant, thus rejected."},
	{900561, "BadResourceRequestInvalidRequest", bad, "", 400, "The endpoint only accepts POST requests. Received a GET request."},
	{90056, "BadResourceRequest", bad, "", 400, "The resource is disabled or was wrongly requested."},
	{901002, "ResourceParameterNotSupported", bad, "", 400, "The 'resource' request parameter isn't supported."},
	{700054, "ResponseTypeNotEnabled", "unsupported_response_type", "", 400, "response_type 'id_token' isn't enabled for the application."},

	{7000215, "InvalidClientSecret", client, "", 401, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app."},
	{7000222, "ClientSecretExpired", client, "", 401, "The provided client secret keys for app are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security."},
	{70002, "InvalidClient", client, "", 401, "Error validating the credentials. The specified client_secret does not match the expected value for this client."},
	{7000218, "MissingClientCredential", client, "", 401, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	{700027, "InvalidAssertionSignature", client, "", 401, "The certificate with identifier used to sign the client assertion is not registered on application."},
	{700030, "InvalidCertificate", client, "", 401, "Invalid certificate - subject name in certificate isn't authorized."},
	{50012, "AuthenticationFailed", client, "", 401, "Authentication failed: the client assertion contains an invalid signature."},
	{50013, "InvalidAssertion", grant, "", 400, "Assertion failed signature validation."},
	{50027, "InvalidJwtToken", client, "", 401, "JWT token is invalid or malformed."},

	{50147, "MissingCodeChallenge", grant, "", 400, "The size of the code challenge parameter isn't valid."},
	{501481, "CodeVerifierMismatch", grant, "", 400, "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	{501491, "InvalidCodeVerifierSize", grant, "", 400, "The size of the code_verifier is not valid."},

	{70016, "AuthorizationPending", "authorization_pending", "", 400, "OAuth 2.0 device flow error. Authorization is pending. Continue polling."},
	{70018, "BadVerificationCode", "bad_verification_code", "", 400, "Invalid verification code due to user typing in wrong user code for device code flow."},
	{70019, "CodeExpired", "expired_token", "", 400, "Verification code expired. Have the user retry the sign-in."},
	{90120, "InvalidDeviceFlowRequest", "bad_verification_code", "", 400, "The request was already authorized or declined."},
}
