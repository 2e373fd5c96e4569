package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
)

// Errors of [Source.Token]; test with errors.Is.
var (
	// ErrNeedsSignIn means that only a person can help: nobody signed in yet, or the authorization server refuses the refresh token.
	ErrNeedsSignIn = errors.New("tokenstore: a sign-in is needed")
	// ErrNoToken means that nobody signed in yet. It is also ErrNeedsSignIn.
	ErrNoToken error = noToken{}
	// ErrRolledBack means that the store shows an older state of a grant than this process has seen: it was restored from a
	// copy, say. The newer tokens, still in memory, are saved again. It is logged,
	// counted (Counters.RolledBack) and, while the store shows it, in Status; Token does not return it.
	ErrRolledBack = errors.New("tokenstore: the store shows an older record than before; was it restored from a backup?")
)

type noToken struct{}

func (noToken) Error() string        { return "tokenstore: no token stored; sign in first" }
func (noToken) Is(target error) bool { return target == ErrNeedsSignIn }

// Error is what [Source.Token] returns when it has no usable token to give. Its text is one line and holds none of the
// record's tokens and no response body, whatever the wrapped error would print.
type Error struct {
	Op  string // "load", "lock", "refresh", "save" or "delete"
	Key string // the record's
	Err error  // the store's or the refresher's

	text                   string // of Err; empty: safeText's
	needsSignIn, temporary bool
	retryAt                time.Time
}

// Error is one line: the record, the operation, what went wrong, and when to try again. It holds no token.
func (e *Error) Error() string {
	text := e.text
	if text == "" {
		text = safeText(e.Err)
	}
	s := fmt.Sprintf("tokenstore: %s: %s: %s", keyText(e.Key), e.Op, text)
	if d := e.RetryDelay(); d > 0 {
		s += fmt.Sprintf(" (next try in %v)", d.Round(time.Second))
	}
	return s
}

// Unwrap gives the store's or the refresher's error.
func (e *Error) Unwrap() error { return e.Err }

// Is makes an Error that needs a sign-in match [ErrNeedsSignIn].
func (e *Error) Is(target error) bool { return target == ErrNeedsSignIn && e.needsSignIn }

// NeedsSignIn reports whether only a new sign-in can help.
func (e *Error) NeedsSignIn() bool { return e.needsSignIn }

// Temporary reports whether a later call may succeed without anybody doing anything.
func (e *Error) Temporary() bool { return e.temporary }

// RetryDelay is the time until the source will try again; 0 means with the next call.
func (e *Error) RetryDelay() time.Duration { return max(0, time.Until(e.retryAt)) }

// refusal is what an answer of the refresher means.
type refusal struct {
	needsSignIn bool
	temporary   bool
	retryAfter  time.Duration // the server's wish; 0: none
	rotated     string        // the new refresh token, when it came without an access token; "": none
}

func classify(err error) refusal {
	var r refusal
	known := false
	if q := (interface{ NeedsSignIn() bool })(nil); errors.As(err, &q) {
		known, r.needsSignIn = true, q.NeedsSignIn()
	}
	if q := (interface{ Temporary() bool })(nil); errors.As(err, &q) {
		r.temporary = q.Temporary()
		known = known || r.temporary
	}
	if q := (interface{ RetryDelay() time.Duration })(nil); errors.As(err, &q) {
		r.retryAfter = max(0, q.RetryDelay())
	}
	var re *oauth2.RetrieveError
	switch {
	case known:
	case errors.As(err, &re):
		// RFC 6749 section 5.2; OpenID Connect Core section 3.1.2.6 for the others.
		switch re.ErrorCode {
		case "invalid_grant", "interaction_required", "login_required", "consent_required":
			r.needsSignIn = true
		case "temporarily_unavailable", "server_error":
			r.temporary = true
		}
		if re.Response != nil {
			status := re.Response.StatusCode
			r.temporary = r.temporary || !r.needsSignIn && (status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500)
			r.retryAfter = retryAfter(re.Response.Header.Get("Retry-After"))
		}
	default:
		r.temporary = true // a network failure, a deadline: nothing was decided
	}
	r.temporary = r.temporary && !r.needsSignIn
	return r
}

// retryAfter reads the header's two forms (RFC 9110 section 10.2.3).
func retryAfter(h string) time.Duration {
	if s, err := strconv.ParseInt(strings.TrimSpace(h), 10, 32); err == nil {
		return max(0, time.Duration(s)*time.Second)
	}
	if t, err := http.ParseTime(h); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// Waiting times after a failed refresh.
const (
	minHold  = 30 * time.Second // between requests while failing, whoever asks
	maxHold  = 5 * time.Minute  // doubled up to that
	deadHold = 15 * time.Minute // between probes of a refused refresh token: an administrator may have undone what refused it
	maxWish  = time.Hour        // a server's wish above that is cut
	// storeHold is how often the store is asked for a record that others must repair or create.
	storeHold = 4 * time.Second
	// maxSkew is how far apart two hosts' clocks are believed to be at most, one of them having been set meanwhile: each may be
	// ten minutes off, either way, before and after. What it costs is a wait after a restart for what is long over.
	maxSkew = 45 * time.Minute
)

// hold returns how long this process waits before the next request, and how long all instances do. Others wait for less,
// so that a restart after a repair is not punished, unless the server said how long.
func (r refusal) hold(count int) (here, everywhere time.Duration) {
	if r.needsSignIn {
		return deadHold, deadHold
	}
	here = minHold << min(max(count-1, 0), 10)
	here = min(here, maxHold)
	everywhere = minHold
	if wish := min(r.retryAfter, maxWish); wish > everywhere {
		here, everywhere = max(here, wish), wish
	}
	return here + rand.N(here/5), everywhere
}

// safeText is an error's text on one line, bounded, and without what x/oauth2 puts into its own: the whole response
// body, which may echo the request with its secrets. A refresher's error may quote what it was given, hence secrets.
func safeText(err error, secrets ...string) string {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) {
		code := "an error"
		if re.ErrorCode != "" {
			code = strconv.QuoteToASCII(cut(re.ErrorCode, 60))
		}
		if re.Response == nil {
			return "the token endpoint answered " + code
		}
		return fmt.Sprintf("the token endpoint answered %s (HTTP %d)", code, re.Response.StatusCode)
	}
	if errors.Is(err, context.DeadlineExceeded) && err == context.DeadlineExceeded { //nolint:errorlint // the bare text says nothing
		return "took too long"
	}
	text := err.Error()
	for _, secret := range secrets {
		if secret != "" {
			text = strings.NewReplacer(secret, "(redacted)", url.QueryEscape(secret), "(redacted)").Replace(text)
		}
	}
	blank := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	return cut(strings.Join(strings.FieldsFunc(text, blank), " "), 400)
}

// keyText is a record's key as it stands in errors: quoted if it would break the line, or hide in it.
func keyText(key string) string {
	if q := strconv.Quote(key); q[1:len(q)-1] != key || strings.TrimSpace(key) != key {
		return q
	}
	return key
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}

func splitScopes(s string) []string { return strings.Fields(s) }
