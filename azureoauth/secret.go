package azureoauth

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would have been printed.
const redacted = "[redacted]"

// Secret is a string that does not print itself: fmt (every verb), log/slog, encoding/json and error texts show
// "[redacted]". Convert to read it: string(s). An untyped constant can be assigned to it; a variable is converted
// once, where it is read: azureoauth.Secret(os.Getenv("CLIENT_SECRET")).
//
// fmt prints unexported struct fields without asking their methods: keep Secrets in exported fields, or behind a pointer.
// The protection ends at the conversion, and the bytes stay in memory until they are collected: Go offers no way
// to wipe a string.
type Secret string

// String returns "[redacted]", or "" for the empty secret, so that a missing one can be seen.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is String in Go syntax.
func (s Secret) GoString() string { return fmt.Sprintf("azureoauth.Secret(%q)", s.String()) }

// Format answers every verb: without it %d and %t would print the text they complain about.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = io.WriteString(f, s.GoString())
		return
	}
	_, _ = io.WriteString(f, s.String())
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, which is what encoding/json and its relatives call.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
