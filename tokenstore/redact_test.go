package tokenstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Nothing this package prints holds a secret, whatever verb or logger is used.
//
// Case 59 for this package.
func TestNothingPrintsSecrets(t *testing.T) {
	key, err := tokenstore.NewKey("", []byte("CANARY-key-CANARY-key-CANARY-key"))
	require.NoError(t, err)
	pass, err := tokenstore.PassphraseKey("CANARY passphrase")
	require.NoError(t, err)
	ring, err := tokenstore.NewKeyring(key, pass)
	require.NoError(t, err)
	src := newSource(t, tokenstore.NewMemoryStore(), &idp{}, nil)
	require.NoError(t, src.SignIn(t.Context(), &oauth2.Token{AccessToken: "CANARY", RefreshToken: "CANARY", Expiry: time.Now().Add(time.Hour)}, tokenstore.Account{}))
	for _, v := range []any{
		tokenstore.Record{Data: []byte("CANARY")}, &tokenstore.Record{Data: []byte("CANARY")}, key, pass, ring, src,
		[]tokenstore.Record{{Data: []byte("CANARY")}}, map[string]*tokenstore.Key{"k": key}, struct{ K *tokenstore.Keyring }{ring},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%c"} {
			clean(t, fmt.Sprintf(verb, v), verb, v)
		}
		b, err := json.Marshal(v)
		require.NoError(t, err)
		clean(t, string(b), "json", v)
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		clean(t, out.String(), "slog", v)
	}
}

func clean(t *testing.T, text, how string, what any) {
	t.Helper()
	for _, secret := range []string{"CANARY", fmt.Sprintf("%x", "CANARY"), "Q0FOQVJZ", "[67 65 78", "0x43, 0x41"} { // also as hex, base64, numbers
		if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
			t.Errorf("%T printed by %s shows a secret", what, how)
		}
	}
}

// A key of any bytes cannot break an error's line, nor forge one.
func TestErrorsStayOnOneLine(t *testing.T) {
	for key, want := range map[string]string{
		mailbox: mailbox + ": ", "Jürgen@example.com": "Jürgen@example.com: ", "日本語": "日本語: ",
		"a\nlevel=INFO msg=ok": `"a\nlevel=INFO msg=ok": `, "\x1b[2J": `"\x1b[2J": `, " a": `" a": `, "\xff": `"\xff": `, `a"b`: `"a\"b": `,
	} {
		src := tokenstore.NewSource(bare{&faulty{Store: tokenstore.NewMemoryStore(), beforeGet: func() error { return errors.New("down") }}}, key, &idp{}, nil)
		_, err := src.Token(t.Context())
		require.ErrorContains(t, err, "tokenstore: "+want)
		require.NotContains(t, err.Error(), "\n")
		require.NotContains(t, src.String(), "\n")
		require.NoError(t, src.Close(t.Context()))
	}
}

// TestLogsAreClean runs a source through good and bad times, and reads all it said.
func TestLogsAreClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		p := &idp{}
		s := &faulty{Store: tokenstore.NewMemoryStore()}
		src := newSource(t, s, p, &tokenstore.SourceOptions{Logger: log})
		var texts []string
		note := func(err error) {
			if err != nil {
				texts = append(texts, err.Error(), fmt.Sprintf("%+v", err))
			}
		}
		_, err := src.Token(t.Context())
		note(err)
		note(src.SignIn(t.Context(), p.signIn(), tokenstore.Account{Username: "x"}))
		for i := range 30 {
			p.answer = func(int) error {
				switch i % 5 {
				case 1:
					return &oauth2.RetrieveError{ErrorCode: "invalid_client", Body: []byte("CANARY"), ErrorDescription: "CANARY"}
				case 2:
					return fmt.Errorf("wrapped: %w", &oauth2.RetrieveError{Body: []byte("CANARY")})
				case 3:
					return errors.New("two\nlines")
				}
				return nil
			}
			s.setBeforePut(nil)
			if i%7 == 0 {
				s.setBeforePut(func() error { return errors.New("disk full") })
			}
			tok, err := src.Token(t.Context())
			note(err)
			if i%4 == 0 {
				src.Reject(t.Context(), tok, `{"claims":"c"}`)
			}
			st, err := src.Status(t.Context())
			note(err)
			texts = append(texts, fmt.Sprintf("%+v", st))
			time.Sleep(35 * time.Minute)
		}
		p.revoke(lastRefresh(p))
		time.Sleep(2 * time.Hour)
		_, err = src.Token(t.Context())
		note(err)
		s.setBeforePut(nil)
		note(src.Close(context.WithoutCancel(t.Context())))
		require.Greater(t, out.Len(), 3000)
		clean(t, out.String(), "log", src)
		for _, text := range texts {
			clean(t, text, "error or status", src)
			require.NotContains(t, text, "\n")
		}
	})
}

func lastRefresh(p *idp) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := ""
	for refr, g := range p.grants {
		if g.current == refr {
			last = refr
		}
	}
	return last
}
