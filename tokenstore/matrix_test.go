package tokenstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// outcome is what an answer of the server leads to when nobody interferes.
type outcome struct {
	token        string // handed out; empty: an error
	refreshToken string // in the record afterwards
	signIn       bool
	temporary    bool
	noRetryFor   time.Duration
}

type refreshFunc func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)

func (f refreshFunc) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	return f(ctx, old)
}

func answers() map[string]struct {
	refresh refreshFunc
	want    outcome
} {
	tokens := func(access, refresh string) refreshFunc {
		return func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return &oauth2.Token{AccessToken: access, RefreshToken: refresh, Expiry: time.Now().Add(time.Hour)}, nil
		}
	}
	fails := func(err error) refreshFunc {
		return func(context.Context, *oauth2.Token) (*oauth2.Token, error) { return nil, err }
	}
	retrieve := func(status int, code, retryAfter string) refreshFunc {
		return fails(&oauth2.RetrieveError{
			Response: &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}}, ErrorCode: code,
			ErrorDescription: "CANARY", Body: []byte("CANARY refresh_token=r1"),
		})
	}
	kept := func(o outcome) outcome { o.refreshToken = "r1"; return o }
	return map[string]struct {
		refresh refreshFunc
		want    outcome
	}{
		"rotated":                {tokens("a2", "r2"), outcome{token: "a2", refreshToken: "r2"}},
		"no refresh token":       {tokens("a2", ""), kept(outcome{token: "a2"})},
		"the same refresh token": {tokens("a2", "r1"), kept(outcome{token: "a2"})},
		"invalid_grant":          {retrieve(400, "invalid_grant", ""), kept(outcome{signIn: true, noRetryFor: 14 * time.Minute})},
		"interaction_required":   {fails(&oauthError{text: "interaction_required", signIn: true}), kept(outcome{signIn: true, noRetryFor: 14 * time.Minute})},
		"invalid_client":         {retrieve(401, "invalid_client", ""), kept(outcome{noRetryFor: 29 * time.Second})},
		"unavailable":            {retrieve(503, "", ""), kept(outcome{temporary: true, noRetryFor: 29 * time.Second})},
		"throttled":              {retrieve(429, "", "600"), kept(outcome{temporary: true, noRetryFor: 599 * time.Second})},
		"throttled for ever":     {retrieve(429, "", "999999999"), kept(outcome{temporary: true, noRetryFor: 59 * time.Minute})},
		"network":                {fails(errors.New("dial tcp: connection refused")), kept(outcome{temporary: true, noRetryFor: 29 * time.Second})},
		"no answer": {func(ctx context.Context, _ *oauth2.Token) (*oauth2.Token, error) { <-ctx.Done(); return nil, ctx.Err() },
			kept(outcome{temporary: true, noRetryFor: 29 * time.Second})},
		"no access token": {tokens("", "r2"), outcome{refreshToken: "r2", temporary: true, noRetryFor: 29 * time.Second}},
	}
}

// TestRefreshMatrix: how old the token is, what the server answers, and whether another instance stores tokens meanwhile.
func TestRefreshMatrix(t *testing.T) {
	cells := 0
	for _, age := range []string{"fresh", "early", "expired"} {
		for name, a := range answers() {
			for _, changed := range []bool{false, true} {
				cells++
				t.Run(age+"/"+name+map[bool]string{true: "/changed"}[changed], func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { matrixCell(t, age, a.refresh, a.want, changed) })
				})
			}
		}
	}
	require.Equal(t, 72, cells)
}

func matrixCell(t *testing.T, age string, answer refreshFunc, want outcome, changed bool) {
	m := tokenstore.NewMemoryStore()
	requests, reauth := 0, 0
	refresh := refreshFunc(func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		requests++
		if requests == 1 {
			require.Equal(t, "r1", old.RefreshToken)
		}
		if changed {
			meddle(t, m)
		}
		return answer(ctx, old)
	})
	src := newSource(t, m, refresh, &tokenstore.SourceOptions{OnReauthRequired: func(context.Context, tokenstore.Status) { reauth++ }})
	require.NoError(t, src.SignIn(t.Context(), &oauth2.Token{AccessToken: "a1", RefreshToken: "r1", Expiry: time.Now().Add(time.Hour)}, tokenstore.Account{}))
	time.Sleep(map[string]time.Duration{"fresh": 10 * time.Minute, "early": 56 * time.Minute, "expired": 2 * time.Hour}[age])
	if changed {
		want = outcome{token: "theirs", refreshToken: "r-theirs"}
	}
	tok, err := src.Token(t.Context())
	if age == "fresh" {
		require.NoError(t, err)
		require.Equal(t, "a1", tok.AccessToken)
		require.Zero(t, requests)
		return
	}
	if age == "early" {
		require.NoError(t, err, "no answer is a caller's business while the token lasts")
		require.Equal(t, "a1", tok.AccessToken)
		time.Sleep(40 * time.Second) // a refresh that gets no answer takes 30
		synctest.Wait()
		tok, err = src.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[bool]string{true: want.token, false: "a1"}[want.token != ""], tok.AccessToken)
		synctest.Wait()
	} else {
		if want.token != "" {
			require.NoError(t, err)
			require.Equal(t, want.token, tok.AccessToken)
		} else {
			require.Error(t, err)
			require.NotContains(t, err.Error(), "CANARY")
			require.NotContains(t, err.Error(), "\n")
			require.Equal(t, want.signIn, errors.Is(err, tokenstore.ErrNeedsSignIn))
			require.NotErrorIs(t, err, tokenstore.ErrNoToken)
			var e *tokenstore.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, want.temporary, e.Temporary())
			require.Equal(t, want.signIn, e.NeedsSignIn())
			require.GreaterOrEqual(t, e.RetryDelay(), want.noRetryFor)
			require.LessOrEqual(t, e.RetryDelay(), 2*time.Hour)
			// Asking again and again asks nobody.
			for range 10 {
				_, err := src.Token(t.Context())
				require.Error(t, err)
				time.Sleep(want.noRetryFor / 12)
			}
		}
		require.Equal(t, 1, requests)
	}
	synctest.Wait() // callbacks run beside the source
	raw := rawRecord(t, m)
	require.Contains(t, raw, `"refresh_token":"`+want.refreshToken+`"`)
	require.NotContains(t, raw, `"intent"`)
	st, err := src.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, want.signIn, !st.NeedsSignInSince.IsZero())
	require.Equal(t, want.token == "", st.LastError != "")
	require.NotContains(t, st.LastError, "CANARY")
	require.Equal(t, want.signIn, reauth == 1)
}

// meddle stores tokens as another instance would that holds no lock.
func meddle(t *testing.T, m *tokenstore.MemoryStore) {
	t.Helper()
	r, err := m.Get(context.Background(), mailbox)
	require.NoError(t, err)
	var st map[string]any
	require.NoError(t, json.Unmarshal(r.Data, &st))
	delete(st, "intent")
	st["generation"] = st["generation"].(float64) + 1
	st["access_token"], st["refresh_token"] = "theirs", "r-theirs"
	st["expiry"] = time.Now().Add(time.Hour).UTC()
	st["issued"] = time.Now().UTC()
	r.Data, err = json.Marshal(st)
	require.NoError(t, err)
	_, err = m.Put(context.Background(), mailbox, r)
	require.NoError(t, err)
}
