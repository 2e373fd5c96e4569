package ews

import (
	"fmt"
	"strings"
)

// Mailbox is a mailbox reached through a Client in one of three ways: see Client.Own, Client.Shared and
// Client.Impersonate; Mailbox.Archive and Mailbox.PublicFolders lead on from there. It is a cheap value without state of its own, safe for
// concurrent use.
type Mailbox struct {
	c      *Client
	shared string     // folder ids by name carry this address in a Mailbox element; "" for the account's own mailbox
	act    connecting // who to impersonate
	err    error      // a wrong address: every call returns it

	store         store  // where folder names are looked up
	publicMailbox string // X-PublicFolderMailbox, and then the anchor, too
}

// connecting is the identity in an ExchangeImpersonation header.
type connecting struct {
	kind string // element in ConnectingSID: "SmtpAddress", "PrincipalName", "SID"; "" = no impersonation
	id   string
}

// Own returns the mailbox of the account that the token belongs to. It needs a delegated token
// (EWS.AccessAsUser.All); an app-only token belongs to no account and needs Impersonate.
func (c *Client) Own() *Mailbox { return &Mailbox{c: c} }

// Shared returns somebody else's or a shared mailbox, opened with the rights the account has on it (full access, or
// rights on single folders). It needs a delegated token. Exchange answers ErrNotFound where rights are missing.
func (c *Client) Shared(address string) *Mailbox {
	m := &Mailbox{c: c, shared: address}
	if bad := badAddress(address); bad != "" {
		m.err = fmt.Errorf("ews: Shared: %s", bad)
	}
	return m
}

// Impersonate returns the mailbox with that SMTP address, entered as its owner. It needs an app-only token
// (full_access_as_app), or on Exchange Server the ApplicationImpersonation role; Exchange Online no longer accepts
// impersonation with delegated tokens. EWS: ExchangeImpersonation header.
func (c *Client) Impersonate(address string) *Mailbox {
	m := &Mailbox{c: c, act: connecting{"SmtpAddress", address}}
	if bad := badAddress(address); bad != "" {
		m.err = fmt.Errorf("ews: Impersonate: %s", bad)
	}
	return m
}

// ImpersonateUPN is Impersonate with the account's user principal name, which differs from its address in some tenants.
func (c *Client) ImpersonateUPN(upn string) *Mailbox {
	m := &Mailbox{c: c, act: connecting{"PrincipalName", upn}}
	if bad := badAddress(upn); bad != "" {
		m.err = fmt.Errorf("ews: ImpersonateUPN: %s", bad)
	}
	return m
}

// ImpersonateSID is Impersonate with the account's security identifier (S-1-5-...), for Exchange Server: no X-AnchorMailbox can be made of
// it, which Exchange Online wants (ErrInvalidRequest where the token tells).
func (c *Client) ImpersonateSID(sid string) *Mailbox {
	m := &Mailbox{c: c, act: connecting{"SID", sid}}
	if !strings.HasPrefix(sid, "S-1-") || badHeader(sid) != "" {
		m.err = fmt.Errorf("ews: ImpersonateSID: %.80q is no security identifier: it starts with S-1-", sid)
	}
	return m
}

// Address returns what the mailbox was opened with: an address, a user principal name or a security identifier; for
// Client.Own, Config.Mailbox.
func (m *Mailbox) Address() string {
	switch {
	case m.shared != "":
		return m.shared
	case m.act.id != "":
		return m.act.id
	}
	return m.c.mailbox
}

// anchor is the X-AnchorMailbox value: it routes the request to the server that holds the mailbox. With impersonation it
// is mandatory in Exchange Online.
func (m *Mailbox) anchor() string {
	if m.publicMailbox != "" {
		return m.publicMailbox
	}
	if m.act.kind == "SID" {
		return ""
	}
	return m.Address()
}

// account names whose throttling budget a request uses up: the impersonated mailbox's, or else that of the account behind
// the token, whichever mailbox it opens.
func (m *Mailbox) account() string { return strings.ToLower(m.act.id) }
