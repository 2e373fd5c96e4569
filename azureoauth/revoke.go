package azureoauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
)

// Revoke tells the server to forget a refresh token (RFC 7009), at endpoint, the server's revocation endpoint (Metadata has
// it). Entra and AD FS have none: there, deleting the stored token is all a program can do, and an administrator ends the
// sessions (Revoke sessions at the user in the Entra admin center); an empty endpoint returns ErrNoRevocation, so that an
// application can say so. It must be https and on the token endpoint's host, since the secret goes there.
func (c *Config) Revoke(ctx context.Context, endpoint string, t *oauth2.Token) error {
	const op = "revocation"
	if err := c.Validate(); err != nil {
		return err
	}
	if endpoint == "" {
		return ErrNoRevocation
	}
	u, err := url.Parse(endpoint)
	tu, terr := url.Parse(c.tokenURL())
	if err != nil || terr != nil || u.Host != tu.Host || u.Scheme != tu.Scheme || u.User != nil {
		return errors.New("azureoauth: revocation: the endpoint is not on the token endpoint's host")
	}
	if t == nil || t.RefreshToken == "" {
		return nil
	}
	form := url.Values{"token": {t.RefreshToken}, "token_type_hint": {"refresh_token"}}
	if err := c.authenticate(ctx, op, form); err != nil {
		return err
	}
	a, err := c.send(ctx, op, http.MethodPost, endpoint, form)
	if err != nil {
		return err
	}
	if a.status == http.StatusOK {
		return nil // also for a token that is unknown: section 2.2
	}
	_, err = readAnswer(op, a, form)
	return err
}

// ErrNoRevocation tells that the server has no revocation endpoint.
var ErrNoRevocation = errors.New("azureoauth: the server cannot revoke tokens: delete the stored one, and have an administrator revoke the account's sessions")
