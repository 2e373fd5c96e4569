package ews

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/secret"
)

const redacted = secret.Redacted

// tokenLike is what looks like credentials within a text: what follows the name of an authentication scheme, and JSON Web Tokens.
var tokenLike = regexp.MustCompile(`(?i:\b(bearer|basic)["':=\s]+)[A-Za-z0-9._~+/=-]{12,}|\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*`)

// noTokens takes credentials out of a text of others: there are proxies whose error pages repeat the request.
func noTokens(s string) string {
	if !strings.Contains(s, "eyJ") && !containsFold(s, "bearer") && !containsFold(s, "basic") {
		return s
	}
	return tokenLike.ReplaceAllString(s, "${1}"+redacted)
}

// containsFold is strings.Contains without regard to the case of ASCII letters; sub is in lower case.
func containsFold(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0] && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}

// hide takes the access token of the request out of what was said about it, whatever the token looks like.
func (e *Error) hide(token secret.Forms) {
	if token == nil {
		return
	}
	for _, s := range []*string{&e.Code, &e.InnerCode, &e.Message, &e.Violation, &e.what, &e.RequestID, &e.FrontEnd, &e.BackEnd} {
		*s = token.Cut(*s)
	}
	for k, v := range e.Values { // nil or this error's own
		e.Values[k] = token.Cut(v)
	}
	if e.Diagnostics != nil {
		e.Diagnostics.Reason, e.Diagnostics.Category = token.Cut(e.Diagnostics.Reason), token.Cut(e.Diagnostics.Category)
	}
	e.cause = token.Error(e.cause) // transports repeat the request, too
}

// hide takes the access token out of a text of the server.
func (x *exchange) hide(s string) string { return x.secret().Cut(s) }

// secret is the token of the request, in the forms it may come back in.
func (x *exchange) secret() secret.Forms {
	if x.token == nil {
		return nil
	}
	return secret.Of(x.token.AccessToken)
}

// String shows the settings but the token source, which may be a token in disguise.
func (c Config) String() string {
	endpoint := "(no URL)"
	if u, err := url.Parse(strings.TrimSpace(c.Endpoint)); err == nil && u.Host != "" {
		endpoint = u.Scheme + "://" + u.Host + u.Path
	}
	token := "missing"
	if c.Token != nil {
		token = redacted
	}
	return fmt.Sprintf("ews.Config{Endpoint: %q, Token: %s, Mailbox: %q, ClientID: %q, UserAgent: %q, ServerVersion: %q, Concurrency: %d}",
		endpoint, token, c.Mailbox, c.ClientID, c.UserAgent, c.ServerVersion, c.Concurrency)
}

// Format writes String whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes String.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// String names the endpoint.
func (c *Client) String() string {
	if c == nil || c.endpoint == nil {
		return "ews.Client(not made by NewClient)"
	}
	return "ews.Client(" + c.endpoint.String() + ")"
}

// Format writes String whatever the verb: a Client holds tokens.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is String.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String names the mailbox.
func (m Mailbox) String() string {
	if m.c == nil {
		return "ews.Mailbox(not made by a Client)"
	}
	return "ews.Mailbox(" + m.Address() + ")"
}

// Format writes String whatever the verb: a Mailbox leads to its Client.
func (m Mailbox) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue is String.
func (m Mailbox) LogValue() slog.Value { return slog.StringValue(m.String()) }

// String shows all but the key.
func (h PushHandler) String() string {
	return fmt.Sprintf("ews.PushHandler{Key: %s, MaxBytes: %d}", hidden(h.Key), h.MaxBytes)
}

// Format writes String whatever the verb.
func (h PushHandler) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }

// LogValue is String.
func (h PushHandler) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalJSON writes String.
func (h PushHandler) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// String shows all but the key in the URL.
func (o PushOptions) String() string {
	return fmt.Sprintf("ews.PushOptions{URL: %q, StatusFrequency: %v, Types: %v}", keyless(o.URL), o.StatusFrequency, o.Types)
}

// Format writes String whatever the verb.
func (o PushOptions) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue is String.
func (o PushOptions) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalJSON writes String.
func (o PushOptions) MarshalJSON() ([]byte, error) { return json.Marshal(o.String()) }

// keyless is a URL without what may be secret in it.
func keyless(raw string) string {
	if before, _, ok := strings.Cut(raw, "?"); ok {
		raw = before + "?" + redacted
	}
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			raw = scheme + "://" + redacted + rest[at:]
		}
	}
	return raw
}

func hidden(secret string) string {
	if secret == "" {
		return "missing"
	}
	return redacted
}
