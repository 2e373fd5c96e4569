package ews

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What went wrong, by what somebody can do about it. Every error of this package's calls that reached the network is one of
// these (errors.Is), as *Error with the details (errors.As).
var (
	// ErrThrottled: Exchange asked to slow down, and the patience of RetryPolicy is used up. RetryAfter tells how long no
	// request will be let through.
	ErrThrottled = errors.New("ews: throttled")

	// ErrUnavailable: the network, a proxy or a server failed in a way that passes; try again later.
	ErrUnavailable = errors.New("ews: unavailable")

	// ErrUnauthorized: Exchange refused the access token (HTTP 401), or there was none to send. Error.Diagnostics has the
	// server's reason.
	ErrUnauthorized = errors.New("ews: unauthorized")

	// ErrDenied: the account is known but lacks a right; an administrator or the mailbox's owner must grant it.
	ErrDenied = errors.New("ews: access denied")

	// ErrEWSBlocked: Exchange refuses EWS itself, for the tenant, the application, the mailbox or its licence (HTTP 403).
	// Neither the token nor the mailbox is at fault: keep both. Advice has the administrator's commands.
	ErrEWSBlocked = errors.New("ews: EWS blocked")

	// ErrNotFound: the item, folder, attachment or mailbox does not exist, or is not visible to this account.
	ErrNotFound = errors.New("ews: not found")

	// ErrConflict: the item changed in between; read it again and repeat the change.
	ErrConflict = errors.New("ews: conflict")

	// ErrExists: there is one already, possibly made by an earlier try whose answer was lost.
	ErrExists = errors.New("ews: exists already")

	// ErrQuota: a limit of the mailbox, the message or the server; the same request will never pass.
	ErrQuota = errors.New("ews: over a limit")

	// ErrBadItem: Exchange cannot convert or read this one item; others are fine.
	ErrBadItem = errors.New("ews: broken item")

	// ErrMailboxMoved: the mailbox lives on a server that this endpoint does not reach (any more); find the endpoint anew.
	ErrMailboxMoved = errors.New("ews: mailbox is elsewhere")

	// ErrCursorInvalid: the sync state is too old or not Exchange's; synchronise from the start.
	ErrCursorInvalid = errors.New("ews: sync state invalid")

	// ErrSubscriptionLost: the notification subscription is gone; subscribe anew and synchronise.
	ErrSubscriptionLost = errors.New("ews: subscription lost")

	// ErrVersion: the server does not know the schema version asked for; lower Config.ServerVersion.
	ErrVersion = errors.New("ews: server version")

	// ErrNotAttempted: Exchange stopped before it came to this item of a batch; send it again.
	ErrNotAttempted = errors.New("ews: not attempted")

	// ErrInvalidRequest: Exchange understood the request and finds it wrong; it will never pass unchanged.
	ErrInvalidRequest = errors.New("ews: invalid request")

	// ErrEndpoint: what answers at Config.Endpoint is not EWS: a wrong path, a login page, a proxy, a redirect.
	ErrEndpoint = errors.New("ews: not an EWS endpoint")

	// ErrBadResponse: the answer is not what the operation promises, or is no XML.
	ErrBadResponse = errors.New("ews: response not understood")

	// ErrTooLarge: the answer exceeds Limits.
	ErrTooLarge = errors.New("ews: response too large")
)

// Error is a failed operation with every fact the server gave. errors.Is finds its kind (ErrThrottled ...) and its cause.
type Error struct {
	Op      string // EWS operation: "FindItem"
	Mailbox string // Mailbox.Address of the mailbox it was meant for

	Code      string // Exchange's ResponseCode: "ErrorItemNotFound"; "" when the failure was outside Exchange
	InnerCode string // the code that Code hides: ErrorInternalServerError often carries the true one inside
	Message   string // the server's words, on one line, cut to 500 bytes

	StatusCode      int          // HTTP status; 0 when no answer came
	RequestID       string       // Exchange's request-id, to be given to Microsoft's support
	ClientRequestID string       // client-request-id we sent, found in the server's logs
	FrontEnd        string       // X-FEServer
	BackEnd         string       // X-CalculatedBETarget or X-TargetBEServer
	Diagnostics     *Diagnostics // x-ms-diagnostics of a refused token

	RetryAfter time.Duration // the wait the server asked for, at most one hour; 0: it named none
	Attempts   int           // requests sent for this call, the last one included

	// MaybeApplied: the request may have taken effect although it failed, because the answer got lost. Only calls that
	// must not happen twice (sending) report it; look the result up before trying again.
	MaybeApplied bool

	Values       map[string]string // MessageXml values, such as BackOffMilliseconds and Policy; nil if none
	Violation    string            // what breaks the schema, for ErrorSchemaValidation
	Line, Column int               // where in the request, counted from 1; 0: not told

	kind    error   // one of the sentinels
	what    string  // what happened, in our words; "" = words of kind
	hint    string  // what to do, in a few words; "" = words of kind
	advice  string  // Advice; "" = from kind
	cause   error   // for Unwrap
	verdict verdict // for the retry loop
	claims  string  // decoded claims challenge of a 401
	fault   bool    // Exchange refused the request as a whole
	once    bool    // the request must not be made twice
	partial bool    // other items of the same request took effect, so that it must not be repeated as a whole
	// untouched: whatever answered, it cannot have acted on the request.
	untouched bool
}

// Diagnostics is Exchange's reason for refusing a token: the x-ms-diagnostics header.
type Diagnostics struct {
	ID       int    // 2000003
	Reason   string // "The audience claim value is invalid 'aud'."
	Category string // "invalid_resource"
}

// String is the number, the category and the reason of the server, on one line.
func (d *Diagnostics) String() string {
	s := fmt.Sprintf("%d", d.ID)
	if d.Category != "" {
		s += " " + d.Category
	}
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	return s
}

// Error is one line: the operation, what happened, the server's words, what to do, and the ids to find it by.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("ews: ")
	if e.Op != "" {
		b.WriteString(e.Op)
		if e.Mailbox != "" {
			b.WriteString(" " + e.Mailbox)
		}
		b.WriteString(": ")
	}
	what, hint := e.words()
	b.WriteString(what)
	if e.Code != "" {
		b.WriteString(": " + e.Code)
		if e.InnerCode != "" {
			b.WriteString("/" + e.InnerCode)
		}
	}
	if e.Message != "" {
		b.WriteString(": " + strings.TrimSuffix(e.Message, "."))
	}
	if e.Violation != "" && !strings.Contains(e.Message, e.Violation) {
		b.WriteString(": " + e.Violation)
	}
	if e.Diagnostics != nil {
		b.WriteString(": " + e.Diagnostics.String())
	}
	if e.cause != nil {
		b.WriteString(": " + strings.TrimPrefix(line(e.cause.Error()), "ews: "))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; server asks to wait %v", e.RetryAfter)
	}
	if e.MaybeApplied {
		b.WriteString("; it may have taken effect: look before trying again")
	} else if hint != "" {
		b.WriteString("; " + hint)
	}
	e.ids(&b)
	return b.String()
}

// ids appends what support people ask for: "(HTTP 500, request-id ..., 3 attempts)".
func (e *Error) ids(b *strings.Builder) {
	var ids []string
	if e.StatusCode != 0 && e.StatusCode != 200 {
		ids = append(ids, fmt.Sprintf("HTTP %d", e.StatusCode))
	}
	switch {
	case e.RequestID != "":
		ids = append(ids, "request-id "+e.RequestID)
	case e.ClientRequestID != "":
		ids = append(ids, "client-request-id "+e.ClientRequestID)
	}
	if e.Attempts > 1 {
		ids = append(ids, fmt.Sprintf("%d attempts", e.Attempts))
	}
	if len(ids) > 0 {
		b.WriteString(" (" + strings.Join(ids, ", ") + ")")
	}
}

// Unwrap returns the cause: the token source's error, the network's, the context's; nil when Exchange itself said no.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the sentinel of this error's kind.
func (e *Error) Is(target error) bool { return target != nil && target == e.kind }

// Class returns the retry class of the response code, of the inner one if that is known; ClassNone when Exchange gave none.
func (e *Error) Class() Class {
	if c := ClassOf(e.InnerCode); c != ClassNone {
		return c
	}
	return ClassOf(e.Code)
}

// Temporary reports whether the same call may work later without anybody doing anything.
func (e *Error) Temporary() bool {
	switch e.kind {
	case ErrThrottled, ErrUnavailable, ErrNotAttempted, ErrMailboxMoved:
		return true
	case ErrUnauthorized: // the token source failed: it knows
		var t interface{ Temporary() bool }
		return errors.As(e.cause, &t) && t.Temporary()
	}
	return false
}

// RetryDelay returns how long the server asked to wait; 0 when it named no time.
func (e *Error) RetryDelay() time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter
	}
	var t interface{ RetryDelay() time.Duration }
	if e.cause != nil && errors.As(e.cause, &t) {
		return t.RetryDelay()
	}
	return 0
}

// NeedsSignIn reports whether the account must sign in again before a token can be had. Only the token source can know; a
// token refused by Exchange is no reason to throw the account's grant away.
func (e *Error) NeedsSignIn() bool {
	var t interface{ NeedsSignIn() bool }
	return e.cause != nil && errors.As(e.cause, &t) && t.NeedsSignIn()
}

// adviceOf asks a cause that is not ours, such as a token source's error.
func adviceOf(err error) string {
	var a interface{ Advice() string }
	if err != nil && errors.As(err, &a) {
		return a.Advice()
	}
	return ""
}

// ItemError is one item's failure within a BatchError.
type ItemError struct {
	Index int    // of the item, in the order the call was given them
	ID    string // of the item, when the call knows it
	Err   *Error
}

// Error is one line: the place in the batch, counted from 0, and the item's own error.
func (e *ItemError) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e *ItemError) Unwrap() error { return e.Err }

// BatchError says which items of a batch failed; the others took effect. errors.Is and errors.As look into all of them.
type BatchError struct {
	Op    string
	Total int          // items asked for
	Items []*ItemError // the failed ones, by Index
}

// Error is one line: how many items failed, and the first of them. The others are in Items.
func (e *BatchError) Error() string {
	if len(e.Items) == 0 {
		return "ews: " + e.Op + ": no item failed"
	}
	s := fmt.Sprintf("ews: %s: %d of %d items failed", e.Op, len(e.Items), e.Total)
	first := e.Items[0]
	id := ""
	if first.ID != "" {
		id = " " + line(short(first.ID))
	}
	s += fmt.Sprintf("; item %d%s: %s", first.Index, id, strings.TrimPrefix(first.Err.Error(), "ews: "))
	return s
}

// short shows the end of an item id: the beginning is the same for a whole mailbox.
func short(id string) string {
	if len(id) > 24 {
		return "..." + id[len(id)-24:]
	}
	return id
}

// Unwrap returns the items' errors, each an *ItemError.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Items))
	for i, it := range e.Items {
		errs[i] = it
	}
	return errs
}

// Item returns the error of the item at that index, or nil if it did not fail.
func (e *BatchError) Item(index int) *Error {
	for _, it := range e.Items {
		if it.Index == index {
			return it.Err
		}
	}
	return nil
}

// RetryAfter returns how long to wait before trying again, and whether err says so: a server's back-off wish, or that of
// the token source. In a batch the longest counts.
func RetryAfter(err error) (time.Duration, bool) {
	var b *BatchError
	if errors.As(err, &b) {
		var longest time.Duration
		for _, it := range b.Items {
			longest = max(longest, it.Err.RetryDelay())
		}
		return longest, longest > 0
	}
	var t interface{ RetryDelay() time.Duration }
	if errors.As(err, &t) {
		d := t.RetryDelay()
		return d, d > 0
	}
	return 0, false
}

// MaybeApplied reports whether the failed call may nevertheless have taken effect: its answer was lost after the request had
// begun to leave. Look the result up (by a marker, or the Message-ID) before repeating it.
func MaybeApplied(err error) bool {
	var b *BatchError
	if errors.As(err, &b) {
		for _, it := range b.Items {
			if it.Err.MaybeApplied {
				return true
			}
		}
		return false
	}
	var e *Error
	return errors.As(err, &e) && e.MaybeApplied
}
