package ewstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Identity is what a valid token says about its bearer.
type Identity struct {
	UPN     string // delegated tokens: the address of the signed-in user's mailbox
	AppOnly bool   // application permission: every request must impersonate a mailbox
	AppID   string // kept in the request log
	Denied  bool   // the token is good but not for EWS: no EWS.AccessAsUser.All, no full_access_as_app
}

// AuthError chooses how a token is refused: the x-ms-diagnostics header becomes `ID;reason="Reason";error_category="Category"`.
type AuthError struct {
	ID       int
	Reason   string
	Category string
	Claims   string // when set, a claims challenge in WWW-Authenticate: the JSON, not yet encoded
}

// Error is one line: category, number and reason, the facts that a 401 carries in its headers.
func (e *AuthError) Error() string { return fmt.Sprintf("%s (%d): %s", e.Category, e.ID, e.Reason) }

// Refusals with the numbers that Exchange gives them.
var (
	ErrTokenInvalid    = &AuthError{ID: 2000001, Reason: "The token is invalid.", Category: "invalid_token"}
	ErrTokenExpired    = &AuthError{ID: 2000002, Reason: "The token has expired.", Category: "token_expired"}
	ErrInvalidAudience = &AuthError{ID: 2000003, Reason: "The audience of the token is not this resource.", Category: "invalid_resource"}
	ErrInvalidUser     = &AuthError{ID: 2000005, Reason: "The user specified by the user-context in the token does not exist.", Category: "invalid_user"}
	ErrInsufficient    = &AuthError{ID: 2000008, Reason: "The token contains not enough scope to make this call.", Category: "invalid_grant"}
)

// verify asks Options.Verify. A nil error comes with the identity; otherwise the request is to be answered with 401.
func (s *Server) verify(ctx context.Context, h http.Header) (Identity, *AuthError) {
	scheme, bearer, _ := strings.Cut(h.Get("Authorization"), " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return Identity{}, &AuthError{}
	}
	if s.o.Verify == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.first == nil {
			return Identity{}, ErrInvalidUser
		}
		return Identity{UPN: s.first.address}, nil
	}
	id, err := s.o.Verify(ctx, bearer)
	var ae *AuthError
	switch {
	case errors.As(err, &ae):
		return id, ae
	case err != nil:
		e := *ErrTokenInvalid
		e.Reason = strings.NewReplacer(`"`, "'", "\r", " ", "\n", " ").Replace(err.Error())
		return id, &e
	case id.Denied:
		return id, ErrInsufficient
	case !id.AppOnly && s.Mailbox(id.UPN) == nil:
		return id, ErrInvalidUser
	}
	return id, nil
}

// unauthorized answers 401 as Exchange Online does.
func (e *AuthError) write(w http.ResponseWriter) {
	h := w.Header()
	challenge := `Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", authorization_uri="https://login.windows.net/common/oauth2/authorize"`
	if e.Category != "" {
		challenge += `, error="invalid_token"`
		h.Set("X-Ms-Diagnostics", fmt.Sprintf(`%d;reason="%s";error_category="%s"`, e.ID, e.Reason, e.Category))
	}
	if e.Claims != "" {
		challenge = fmt.Sprintf(`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="%s"`, encodeClaims(e.Claims))
	}
	h.Set("WWW-Authenticate", challenge)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusUnauthorized)
}

// actAs finds the mailbox in whose name the request runs.
func (c *call) actAs() *soapFault {
	s := c.s
	if !c.id.AppOnly {
		if c.env.imperson != nil {
			return &soapFault{code: "ErrorInvalidRequest", text: "ExchangeImpersonation SOAP header must not exist for this type of OAuth token."}
		}
		c.user = s.byAddress[strings.ToLower(c.id.UPN)]
		if c.user == nil {
			return &soapFault{code: "ErrorNonExistentMailbox", text: textOf("ErrorNonExistentMailbox")}
		}
		return nil
	}
	if c.env.imperson == nil {
		return &soapFault{code: "ErrorInvalidRequest", text: "ExchangeImpersonation SOAP header must be present for this type of OAuth token."}
	}
	if c.anchor == "" && !s.o.NoAnchor {
		return &soapFault{code: "ErrorInvalidRequest", text: "X-AnchorMailbox header must be present for this type of OAuth token."}
	}
	who := c.env.imperson.value()
	if who == "" {
		return &soapFault{code: "ErrorInvalidExchangeImpersonationHeaderData", text: "The ExchangeImpersonation header is invalid."}
	}
	if c.env.imperson.name == "t:SID" {
		c.user = s.bySID(who)
		if c.user == nil {
			return &soapFault{code: "ErrorImpersonateUserDenied", text: textOf("ErrorImpersonateUserDenied")}
		}
		return nil
	}
	if c.user = s.byAddress[strings.ToLower(who)]; c.user == nil {
		return &soapFault{code: "ErrorNonExistentMailbox", text: "No mailbox with such guid.", values: []string{"SmtpAddress", who}}
	}
	return nil
}

// SID returns the security identifier of the mailbox's account.
func (mb *Mailbox) SID() string {
	return "S-1-5-21-" + itoa(int(mb.guid[0])<<8|int(mb.guid[1])) + "-1001"
}

func (s *Server) bySID(sid string) *Mailbox {
	for _, mb := range s.mailboxes {
		if mb.SID() == sid {
			return mb
		}
	}
	return nil
}

// mayOpen reports whether the request may look into that mailbox.
func (c *call) mayOpen(mb *Mailbox) bool {
	return mb == c.user || mb == c.s.public || c.user != nil && mb.grants[strings.ToLower(c.user.address)]
}

// mailbox is the one of that address, if the request may look into it; unknown is the code for an address that has none.
func (c *call) mailbox(addr, unknown string) (*Mailbox, *opError) {
	mb := c.s.byAddress[strings.ToLower(addr)]
	switch {
	case mb == nil:
		return nil, fail(unknown)
	case !c.mayOpen(mb):
		return nil, fail("ErrorAccessDenied")
	}
	return mb, nil
}
