// Package ews reads and sends mail in Exchange mailboxes over Exchange Web Services with OAuth tokens: Exchange Online until
// EWS ends there on 1 April 2027, and Exchange Server.
//
// A [Client] knows an endpoint and a source of tokens; a [Mailbox] of it is the account's own ([Client.Own]), somebody else's
// ([Client.Shared]) or one entered by impersonation with an app-only token ([Client.Impersonate]).
//
//	client, err := ews.NewClient(ews.Config{Endpoint: ews.EndpointWorldwide, Token: source})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	inbox := client.Shared("help@example.com")
//
// # Errors
//
// A failed call returns an [*Error], or a [*BatchError] when some of several items failed and the others took effect. Ask
// errors.Is for what somebody can do about it (ErrThrottled, ErrNotFound, ErrEWSBlocked ...), errors.As for the details, and
// [Error.Advice] for a text to show to an administrator. Requests that failed in a way that passes have been repeated already,
// as patiently as [RetryPolicy] says. What must not happen twice, such as sending, is repeated only where Exchange cannot have
// acted; [MaybeApplied] tells when that is open.
//
// # Throttling
//
// Exchange budgets requests per account. When it asks for a pause, no call of this Client sends anything for that account
// until the pause is over; calls wait for that as long as their patience allows, or fail with ErrThrottled, and the number
// of simultaneous requests shrinks and grows back by itself.
//
// # Safety
//
// The token is sent to the configured host only: redirects are never followed, and http is refused but for loopback test
// servers. Answers are bounded in size, depth and time whatever the server sends ([Limits]). Neither errors nor logs hold
// tokens or contents.
package ews
