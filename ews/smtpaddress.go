package ews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SMTPAddresses returns the addresses with SMTP ones in the place of X.500 ones (RoutingType "EX"), as the directory has them. It is for the
// few that a server told no SMTP address of along with the message: recipients in old items, senders who have left. All others are
// returned as they are, and cost nothing; each different X.500 address costs one request.
//
// An address that the directory does not know, or knows several people for, stays as it is and is in a *BatchError: ErrNotFound. Any other
// error ends the call: ErrDenied, ErrThrottled after the retry budget, and all others of this package's calls. EWS: ResolveNames operation.
func (m *Mailbox) SMTPAddresses(ctx context.Context, list ...Address) ([]Address, error) {
	out := slices.Clone(list)
	known := map[string]Address{}
	failed := &BatchError{Op: "ResolveNames", Total: len(list)}
	for i, a := range out {
		if a.RoutingType != "EX" || a.Email == "" {
			continue
		}
		key := strings.ToLower(a.Email) // X.500 addresses are compared without regard to case
		to, ok := known[key]
		if !ok {
			var err error
			if to, err = m.smtpAddress(ctx, a.Email); err != nil {
				return nil, err
			}
			known[key] = to
		}
		if to.Email == "" {
			failed.Items = append(failed.Items, &ItemError{Index: i, ID: a.Email, Err: &Error{Op: "ResolveNames", Mailbox: m.Address(), kind: ErrNotFound,
				what: fmt.Sprintf("the directory has no single entry for %.200q", a.Email)}})
			continue
		}
		if out[i] = to; a.Name != "" {
			out[i].Name = a.Name
		}
	}
	if len(failed.Items) > 0 {
		return out, failed
	}
	return out, nil
}

// smtpAddress returns the one directory entry with an X.500 address; the zero Address if there is none, or more than one.
func (m *Mailbox) smtpAddress(ctx context.Context, x500 string) (found Address, err error) {
	if len(x500) > maxName || !xmlText(x500) {
		return Address{}, nil // no server can have written it
	}
	entries, _, err := m.ResolveNames(ctx, x500, ResolveDirectory)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return Address{}, nil
		}
		return Address{}, err
	}
	if len(entries) == 1 && entries[0].RoutingType == "SMTP" && strings.Contains(entries[0].Email, "@") {
		found = entries[0].Address
	}
	return found, nil
}
