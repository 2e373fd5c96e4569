package tokenstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// Account says whose tokens a record holds. Nothing in it is secret; nothing in it is checked by this package.
type Account struct {
	Username string   `json:"username,omitempty"` // as the authorization server names the signed-in user
	TenantID string   `json:"tenant_id,omitempty"`
	ClientID string   `json:"client_id,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`  // asked for
	Granted  []string `json:"granted,omitempty"` // granted, if the server said so
}

// state is what a record holds, as JSON.
type state struct {
	Format     int    `json:"format"`
	Grant      string `json:"grant"`      // random, new at each sign-in
	Generation int64  `json:"generation"` // counts refreshes of the grant; never goes back

	AccessToken  string    `json:"access_token,omitempty"`
	TokenType    string    `json:"token_type,omitempty"`
	Expiry       time.Time `json:"expiry,omitzero"`
	RefreshToken string    `json:"refresh_token,omitempty"`
	// Previous is the refresh token before this one: with a server that does not revoke spent tokens it still works.
	Previous string `json:"previous_refresh_token,omitempty"`

	Account       Account   `json:"account,omitzero"`
	SignedIn      time.Time `json:"signed_in,omitzero"`
	Issued        time.Time `json:"issued,omitzero"`         // of the access token
	RefreshIssued time.Time `json:"refresh_issued,omitzero"` // of the refresh token

	NeedsSignInSince time.Time `json:"needs_sign_in_since,omitzero"`
	Failure          *failed   `json:"failure,omitempty"`
	Intent           *intent   `json:"intent,omitempty"`
}

// failed is the last refresh's failure; a success clears it.
type failed struct {
	Attempt string        `json:"attempt"`
	Text    string        `json:"text"`
	At      time.Time     `json:"at"`
	Count   int           `json:"count"`
	Hold    time.Duration `json:"hold_ns"` // no instance tries again for so long
}

// intent is written before a refresh token is sent. Whoever finds one knows that the token may be spent.
type intent struct {
	Attempt string        `json:"attempt"`
	At      time.Time     `json:"at"`
	Within  time.Duration `json:"within_ns"` // the attempt is over after that, one way or the other
}

const stateFormat = 1

func (st *state) encode() ([]byte, error) {
	st.Format = stateFormat
	b, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("tokenstore: %w", err) // a time outside the years 0 to 9999
	}
	return b, nil
}

// decodeState reports errors without quoting the data.
func decodeState(b []byte) (*state, error) {
	if bytes.HasPrefix(b, []byte(envelopeMagic)) {
		return nil, fmt.Errorf("%w: it is encrypted, but this store has no keyring (see Encrypt)", ErrCorrupt)
	}
	var st state
	if err := json.Unmarshal(b, &st); err != nil {
		return nil, fmt.Errorf("%w: it is not a token record (JSON cannot be read)", ErrCorrupt)
	}
	switch {
	case st.Format > stateFormat:
		return nil, fmt.Errorf("%w: format %d is newer than this program's %d; update the program", ErrCorrupt, st.Format, stateFormat)
	case st.Format != stateFormat || st.Generation < 0:
		return nil, fmt.Errorf("%w: it is not a token record", ErrCorrupt)
	}
	return &st, nil
}

func (st *state) clone() *state {
	c := *st
	c.Account.Scopes, c.Account.Granted = slices.Clone(st.Account.Scopes), slices.Clone(st.Account.Granted)
	if st.Failure != nil {
		f := *st.Failure
		c.Failure = &f
	}
	if st.Intent != nil {
		i := *st.Intent
		c.Intent = &i
	}
	return &c
}

// token is what a Refresher gets.
func (st *state) token() *oauth2.Token {
	return &oauth2.Token{AccessToken: st.AccessToken, TokenType: st.TokenType, RefreshToken: st.RefreshToken, Expiry: st.Expiry}
}

// accept takes over a token response. A response without a refresh token leaves the old one in force (RFC 6749 section 6).
func (st *state) accept(tok *oauth2.Token, now time.Time) {
	st.AccessToken, st.TokenType = tok.AccessToken, tok.TokenType
	st.Expiry, st.Issued = wall(tok.Expiry), wall(now)
	if y := st.Expiry.Year(); y < 1 || y > 9999 {
		st.Expiry = time.Time{} // JSON cannot keep it, and a token not saved is worse than one whose end is not known
	}
	if tok.RefreshToken != "" && tok.RefreshToken != st.RefreshToken {
		st.Previous, st.RefreshToken, st.RefreshIssued = st.RefreshToken, tok.RefreshToken, wall(now)
	}
	if granted, ok := tok.Extra("scope").(string); ok && granted != "" {
		st.Account.Granted = splitScopes(granted)
	}
	st.Generation++
	st.NeedsSignInSince, st.Failure, st.Intent = time.Time{}, nil, nil
}

// wall strips the monotonic reading and what JSON does not keep, so that a state compares equal to its stored form.
func wall(t time.Time) time.Time { return t.UTC().Round(0) }

// String and the methods below keep the tokens out of logs and dumps.
func (st state) String() string {
	return fmt.Sprintf("token record, generation %d, redacted", st.Generation)
}
func (st state) GoString() string     { return st.String() }
func (st state) LogValue() slog.Value { return slog.StringValue(st.String()) }
