package ews

import (
	"fmt"
	"strings"
)

// words returns what happened and what to do, for the error's one line: its own, or its kind's.
func (e *Error) words() (what, hint string) {
	what, hint = e.what, e.hint
	w, h := "failed", ""
	switch e.kind {
	case ErrThrottled:
		w, h = "Exchange is throttling", "wait, and send less at once"
	case ErrUnavailable:
		w, h = "Exchange is unavailable", "try again later"
	case ErrUnauthorized:
		w = "unauthorized"
	case ErrDenied:
		w, h = "access denied", "the account lacks a right on this mailbox, folder or address"
	case ErrEWSBlocked:
		w = "EWS is blocked"
	case ErrNotFound:
		w, h = "not found", "it was deleted, moved (then it has a new id), or this account may not see it"
	case ErrConflict:
		w, h = "changed in between", "read it again and repeat the change"
	case ErrExists:
		w, h = "exists already", "an earlier try may have made it"
	case ErrQuota:
		w, h = "over a limit", "send less, or make room; the same request will not pass"
	case ErrBadItem:
		w, h = "Exchange cannot process this item", "skip it; others are not affected"
	case ErrMailboxMoved:
		w, h = "the mailbox is not on this server now", "try again later, or find its endpoint anew"
	case ErrCursorInvalid:
		w, h = "the sync state is no longer valid", "synchronise from the start"
	case ErrSubscriptionLost:
		w, h = "the subscription is gone", "subscribe anew and synchronise"
	case ErrVersion:
		w, h = "the server does not know this schema version", "set Config.ServerVersion lower"
	case ErrNotAttempted:
		w, h = "not attempted", "send it again"
	case ErrInvalidRequest:
		w = "Exchange refuses the request"
	case ErrEndpoint:
		w, h = "not an EWS endpoint", "check Config.Endpoint"
	case ErrBadResponse:
		w = "the answer cannot be understood"
	case ErrTooLarge:
		w = "the answer is too large"
	}
	if what == "" {
		what = w
	}
	if hint == "" {
		hint = h
	}
	// These faults are known by their words: they come with several codes.
	const header = "ExchangeImpersonation SOAP header must "
	switch {
	case strings.Contains(e.Message, header+"be present"):
		return what, hintImpersonate
	case strings.Contains(e.Message, header+"not exist"):
		return what, hintDelegated
	case strings.Contains(e.Message, "X-AnchorMailbox header must be present"):
		return what, hintAnchor
	}
	for _, code := range [...]string{e.InnerCode, e.Code} {
		known, ok := hintsByCode[code]
		if !ok || e.what != "" || e.hint != "" { // whoever has said something knows better
			continue
		}
		if known.what != "" {
			what = known.what
		}
		return what, known.hint
	}
	return what, hint
}

// plainArgument reports whether PowerShell takes a text for itself, within quotes and without.
func plainArgument(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '@' && r != '.' && r != '_' && r != '+' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "@")
}

// powerShell writes an argument of a command that somebody is going to paste: an address may hold what PowerShell takes for something else,
// such as O'Brien's apostrophe. about_Quoting_Rules: four typographic characters are apostrophes to it, too.
func powerShell(s string) string {
	if plainArgument(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

// advise prepares Advice with what only the mailbox and its client know.
func (e *Error) advise(m *Mailbox) {
	if e.kind != ErrEWSBlocked {
		return
	}
	orElse := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	id := m.c.clientID
	if id == "" || !plainArgument(id) {
		id = "<client id of the app registration>"
	}
	mailbox := "<mailbox>"
	if e.Mailbox != "" {
		mailbox = powerShell(e.Mailbox)
	}
	request := orElse(e.RequestID, "client-request-id "+e.ClientRequestID)
	e.advice = fmt.Sprintf(`EWS refused this application (HTTP 403).
Client id %s, mailbox %s, User-Agent %q, request-id %s
Most likely first:
 1. Exchange Online blocks EWS by default since 1 October 2026. An Exchange administrator runs, listing first and keeping what is there:
      Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy | fl EwsEnabled,EwsAllowedAppIDs
      Set-OrganizationConfig -EwsAllowedAppIDs "<existing ids>,%s"
      Set-OrganizationConfig -EwsEnabled $true
    This can take a day to take effect, and ends for good on 1 April 2027: plan the move to Microsoft Graph.
 2. EWS is off for this mailbox, or its licence (Kiosk, F1, F3) has none since 2026:
      Set-CASMailbox %s -EwsEnabled $true
 3. A policy blocks this User-Agent:
      Get-OrganizationConfig | fl EwsApplicationAccessPolicy,EwsAllowList,EwsBlockList
      Get-CASMailbox %s | fl EwsApplicationAccessPolicy,EwsAllowList,EwsBlockList
 4. With an app-only token: an application access policy, or RBAC for Applications, leaves this mailbox out.
 5. It is a personal Microsoft account: those have no EWS.
The token and the stored credentials are not the cause: keep them.`, id, mailbox, m.c.userAgent, request, id, mailbox, mailbox)
}

// Advice is the longer text for whoever can remove the cause: several lines for ErrEWSBlocked, with the administrator's
// commands; otherwise the hint of the error's line, or what the token source advises; "" when there is nothing to add.
func (e *Error) Advice() string {
	if e.advice != "" {
		return e.advice
	}
	if a := adviceOf(e.cause); a != "" {
		return a
	}
	_, hint := e.words()
	return hint
}
