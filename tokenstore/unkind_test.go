package tokenstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// unkind is a refresher that does as it likes.
type unkind func(old *oauth2.Token) (*oauth2.Token, error)

func (u unkind) Refresh(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) { return u(old) }

func expired(refresh string) *oauth2.Token {
	return &oauth2.Token{AccessToken: "CANARY/access", RefreshToken: refresh, Expiry: time.Now().Add(-time.Hour)}
}

// A refresher's error that quotes the tokens it was given shows them in no error, status or log.
func TestErrorsQuoteNoToken(t *testing.T) {
	for name, quote := range map[string]func(old *oauth2.Token) string{
		"as it is":         func(old *oauth2.Token) string { return old.RefreshToken + " " + old.AccessToken },
		"in a form":        func(old *oauth2.Token) string { return url.Values{"refresh_token": {old.RefreshToken}}.Encode() },
		"across the limit": func(old *oauth2.Token) string { return strings.Repeat("x", 395) + old.RefreshToken },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			src := newSource(t, tokenstore.NewMemoryStore(), unkind(func(old *oauth2.Token) (*oauth2.Token, error) {
				return nil, fmt.Errorf("unkind: %s\x1b[2J", quote(old))
			}), &tokenstore.SourceOptions{Logger: slog.New(slog.NewTextHandler(&out, nil))})
			require.NoError(t, src.SignIn(t.Context(), expired("CANARY/refresh+1"), tokenstore.Account{}))
			for range 2 { // from the refresher, and kept from then on
				_, err := src.Token(t.Context())
				require.ErrorContains(t, err, "unkind: ")
				st, serr := src.Status(t.Context())
				require.NoError(t, serr)
				require.Contains(t, st.LastError, "unkind: ")
				for _, text := range []string{err.Error(), st.LastError, out.String()} {
					require.NotContains(t, text, "CANA")
					require.NotContains(t, text, "\x1b")
				}
			}
		})
	}
}

// A new refresh token that comes without an access token is kept, also while the store cannot be written, and sent at the next try: the one before
// may be spent. It is a failure all the same, with its pause.
func TestRefreshTokenAlone(t *testing.T) {
	for name, down := range map[string]bool{"saved": false, "the store is down": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &faulty{Store: tokenstore.NewMemoryStore()}
				var sent []string
				src := newSource(t, bare{s}, unkind(func(old *oauth2.Token) (*oauth2.Token, error) {
					if sent = append(sent, old.RefreshToken); len(sent) == 1 {
						if down {
							s.setBeforePut(func() error { return errors.New("disk full") })
						}
						return &oauth2.Token{RefreshToken: "refresh-2"}, nil
					}
					return &oauth2.Token{AccessToken: "access-3", RefreshToken: "refresh-3", Expiry: time.Now().Add(time.Hour)}, nil
				}), nil)
				require.NoError(t, src.SignIn(t.Context(), expired("refresh-1"), tokenstore.Account{}))
				_, err := src.Token(t.Context())
				require.ErrorContains(t, err, "no access token")
				require.NotErrorIs(t, err, tokenstore.ErrNeedsSignIn)
				s.setBeforePut(nil)
				time.Sleep(10 * time.Second) // what could not be saved is, by now
				require.Contains(t, rawRecord(t, s.Store), `"refresh_token":"refresh-2","previous_refresh_token":"refresh-1"`)
				require.Equal(t, []string{"refresh-1"}, sent)
				time.Sleep(time.Minute)
				require.Equal(t, "access-3", token(t, src))
				require.Equal(t, []string{"refresh-1", "refresh-2"}, sent)
				require.Contains(t, rawRecord(t, s.Store), "refresh-3")
			})
		})
	}
}

// An expiry that the record's format cannot hold does not keep the refresh token that came with it from being saved.
func TestExpiryBeyondTheCalendar(t *testing.T) {
	for _, expiry := range []time.Time{time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1<<40, 0), time.Unix(1<<55, 0)} {
		synctest.Test(t, func(t *testing.T) {
			s := tokenstore.NewMemoryStore()
			src := newSource(t, s, unkind(func(*oauth2.Token) (*oauth2.Token, error) {
				return &oauth2.Token{AccessToken: "access-2", RefreshToken: "refresh-2", Expiry: expiry}, nil
			}), nil)
			require.NoError(t, src.SignIn(t.Context(), expired("refresh-1"), tokenstore.Account{}))
			require.Equal(t, "access-2", token(t, src), "%v", expiry)
			require.Contains(t, rawRecord(t, s), "refresh-2", "%v", expiry)
		})
	}
}

// A sign-in that was saved, but whose acknowledgement got lost, counts.
func TestSignInWhoseAcknowledgementIsLost(t *testing.T) {
	s := &faulty{Store: tokenstore.NewMemoryStore(), afterPut: func() error { return errors.New("connection lost") }}
	src := newSource(t, bare{s}, &idp{}, nil)
	tok := &oauth2.Token{AccessToken: "access-1", RefreshToken: "refresh-1", Expiry: time.Now().Add(time.Hour)}
	require.NoError(t, src.SignIn(t.Context(), tok, tokenstore.Account{}))
	require.Equal(t, "access-1", token(t, src))
	s.setBeforePut(func() error { return errors.New("disk full") })
	require.ErrorContains(t, src.SignIn(t.Context(), tok, tokenstore.Account{}), "disk full")
}

// The wrong keyring takes over no record in clear beside those it cannot open.
func TestRewrapWithAnotherKeyTakesNothingOver(t *testing.T) {
	ctx := t.Context()
	pass := func(text string) *tokenstore.Keyring {
		k, err := tokenstore.PassphraseKey(text)
		require.NoError(t, err)
		ring, err := tokenstore.NewKeyring(k)
		require.NoError(t, err)
		return ring
	}
	for name, c := range map[string]struct {
		right, wrong *tokenstore.Keyring
		err          error
	}{
		"unknown key":      {newRing(t, 1), newRing(t, 2), tokenstore.ErrUnknownKey},
		"wrong passphrase": {pass("correct horse"), pass("correct hearse"), tokenstore.ErrWrongKey},
	} {
		t.Run(name, func(t *testing.T) {
			m := tokenstore.NewMemoryStore()
			_, err := tokenstore.Encrypt(m, c.right).Put(ctx, "z", tokenstore.Record{Data: []byte("1")})
			require.NoError(t, err)
			for _, key := range []string{"a", "b", "zz"} { // the migration was interrupted
				_, err = m.Put(ctx, key, tokenstore.Record{Data: []byte("clear")})
				require.NoError(t, err)
			}
			report, err := tokenstore.Rewrap(ctx, m, c.wrong, &tokenstore.RewrapOptions{EncryptPlain: true})
			require.ErrorIs(t, err, c.err)
			require.Equal(t, tokenstore.RewrapReport{Failed: 4}, report)
			r, err := m.Get(ctx, "a")
			require.NoError(t, err)
			require.Equal(t, "clear", string(r.Data))
			report, err = tokenstore.Rewrap(ctx, m, c.right, &tokenstore.RewrapOptions{EncryptPlain: true})
			require.NoError(t, err)
			require.Equal(t, tokenstore.RewrapReport{Current: 1, Encrypted: 3}, report)
		})
	}
}
