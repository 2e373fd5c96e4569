package azureoauth

import "context"

// ClientCredential proves the application's identity at the token endpoint with a signed JWT instead of a secret
// (RFC 7521, RFC 7523 section 2.2). Assertion is called for each request; tokenURL is the audience the server expects.
// Implementations are safe for concurrent use and print no key material.
type ClientCredential interface {
	Assertion(ctx context.Context, clientID, tokenURL string) (string, error)
}
