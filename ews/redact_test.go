package ews_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// Secrets that must not show, each different so that it can be told which did.
const (
	opaqueToken = "EwBIA8l6BAAUcanary0token+opaque/of/a/personal=account0123456789abcdefghijklmnopqrstuvwxyz"
	jwtToken    = "eyJ0eXAiOiJKV1QifQ.eyJjYW5hcnkiOiJ0b2tlbiJ9.c2lnbmF0dXJlLWNhbmFyeQ"
	cookie      = "canary-cookie-5512"
	inQuery     = "canary-query-8841"
	inSubject   = "canary-subject-0042"
	inBody      = "canary-body-1066"
	pushKey     = "canary-push-key-77"
)

// plainToken is a token source that any way to print it gives away.
type plainToken string

func (p plainToken) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: string(p)}, nil
}

// shown is everything that can be seen of a value.
func shown(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	j, _ := json.Marshal(map[string]any{"v": v})
	b.Write(j)
	return b.String()
}

// leaks returns the secrets that are in a text.
func leaks(text string, secrets ...string) (found []string) {
	for _, s := range secrets {
		for _, form := range []string{s, s[:min(24, len(s))], fmt.Sprintf("%x", s)} {
			if strings.Contains(text, form) {
				found = append(found, form)
			}
		}
	}
	return found
}

// TestValuesHideSecrets: what holds a secret does not show it, however it is printed. The control: the same values without the methods show it.
func TestValuesHideSecrets(t *testing.T) {
	config := ews.Config{Endpoint: "https://user:" + inBody + "@exchange.test/EWS?key=" + inQuery, Token: plainToken(opaqueToken), Mailbox: "help@example.com"}
	good := config
	good.Endpoint = testEndpoint
	client, err := ews.NewClient(good)
	require.NoError(t, err)
	push := ews.PushHandler{Key: pushKey}
	subscribe := ews.PushOptions{URL: "https://user:" + inBody + "@me.test/push?key=" + pushKey}
	secrets := []string{opaqueToken, inBody, inQuery, pushKey}
	for _, v := range []any{config, &config, client, client.Own(), *client.Shared("a@example.com"), push, &push, subscribe, &subscribe, []any{config, client}, struct{ C any }{config}} {
		require.Empty(t, leaks(shown(v), secrets...), "%T", v)
	}
	require.Contains(t, fmt.Sprint(client, config), "exchange.test")
	require.Contains(t, shown(ews.Mailbox{})+shown(&ews.Client{})+shown((*ews.Config)(nil)), "not made by")
	type bareConfig ews.Config
	type barePush ews.PushHandler
	type bareOptions ews.PushOptions
	for _, v := range []any{bareConfig(config), barePush(push), bareOptions(subscribe)} {
		require.NotEmpty(t, leaks(shown(v), secrets...), "%T", v)
	}

	_, err = ews.NewClient(config)
	require.Empty(t, leaks(err.Error(), secrets...))
	_, err = client.Own().SubscribePush(t.Context(), &ews.PushOptions{URL: "ftp://user:" + inBody + "@me.test/?key=" + pushKey})
	require.ErrorContains(t, err, "PushOptions.URL")
	require.Empty(t, leaks(err.Error(), secrets...))
}

// TestAnswersHideSecrets: servers and proxies that repeat the request in their answers do not get the token, or a cookie, into a log or an
// error; a log has nothing of the server's words either. The control is in the same answers: the words around the secrets are in the error.
func TestAnswersHideSecrets(t *testing.T) {
	for _, token := range []string{opaqueToken, jwtToken, jwtToken + strings.Repeat("x", 2000), strings.Repeat(opaqueToken, 20)} {
		echo := "You sent Authorization: Bearer " + token + " here"
		bare := "You sent " + token + " here"
		cookies := []string{"Set-Cookie", "X-BackEndOverrideCookie=" + cookie, "Set-Cookie", "session=" + cookie}
		for name, tc := range map[string]struct {
			answer answer
			says   string // of the server's words, in the error
		}{
			"fault":          {reply(500, strings.ReplaceAll(fault("ErrorInvalidRequest", value("X", bare)), "fault text", bare), cookies...), "You sent"},
			"message":        {reply(200, messages(strings.ReplaceAll(errMessage("ErrorItemNotFound", ""), "text of", echo)), cookies...), "You sent"},
			"code":           {reply(200, messages(errMessage("Error"+token, ""))), "Error"},
			"page":           {reply(400, "<html><title>"+bare+"</title></html>", cookies...), "You sent"},
			"page as answer": {reply(200, "<html><title>"+echo+"</title></html>"), ""},
			"diagnostics":    {reply(401, "", "x-ms-diagnostics", `2000003;reason="`+bare+`";error_category="x"`), "You sent"},
			"CAS":            {reply(500, "", "X-CasErrorCode", echo), "You sent"},
			"request id":     {reply(500, "", "X-FEServer", token, "RequestId", token), ""},
			"redirect":       {reply(302, "", "Location", "https://login.test/a?token="+token+"&q="+inQuery), "login.test"},
			"redirect here":  {reply(302, "", "Location", "/login?q="+inQuery), "/login"},
			"element":        {reply(200, "<"+strings.Map(letter, token)+"/>"), ""},
			"transport":      {failing(errors.New("cannot send map[Authorization:[Bearer " + token + "]]")), "cannot send"},
			"without scheme": {failing(fmt.Errorf("cannot send %s again", token)), "cannot send " + redactedText + " again"},
			"escaped":        {failing(&url.Error{Op: "Post", URL: "x", Err: fmt.Errorf("cannot send %s again", url.QueryEscape(token))}), "cannot send " + redactedText + " again"},
			"in base64":      {failing(errors.New("cannot send " + base64.URLEncoding.EncodeToString([]byte("Bearer "+token)))), "cannot send "},
			"while reading":  {cutAfter(errors.New("lost " + token + " here")), "lost " + redactedText + " here"},
			"category":       {reply(401, "", "x-ms-diagnostics", `2000003;reason="You sent";error_category="`+token+`"`), "You sent"},
			"subject":        {reply(200, messages(strings.ReplaceAll(errMessage("ErrorItemNotFound", ""), "text of", inSubject))), inSubject},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					c := newClient(t, &script{answers: []answer{tc.answer}}, func(c *ews.Config) {
						c.Token = plainToken(token)
						c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
						c.HTTPClient = &http.Client{Transport: c.HTTPClient.Transport}
					})
					err := c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem"})
					require.Error(t, err)
					if name != "page" || len(token) < 500 { // a page's title counts if it is near the beginning
						require.Contains(t, err.Error(), tc.says)
					}
					var e *ews.Error
					require.ErrorAs(t, err, &e)
					seen := shown(err) + e.Advice() + fmt.Sprintf("%+v", *e)
					require.Empty(t, leaks(seen, token, cookie, inQuery, url.QueryEscape(token), base64.RawURLEncoding.EncodeToString([]byte(token[2:]))))
					require.Empty(t, leaks(err.Error(), token, cookie, inQuery))
					require.NotEmpty(t, log.String())
					require.Empty(t, leaks(log.String(), token, cookie, inQuery, inSubject))
				})
			})
		}
	}
}

const redactedText = "[redacted]"

// cutAfter is an answer that breaks off with an error of the transport.
func cutAfter(err error) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, _ := reply(200, "")(r)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(envelope("")[:300]), iotest.ErrReader(err)))
		return resp, nil
	}
}

// letter keeps what an element's name may have.
func letter(r rune) rune {
	if r == '+' || r == '/' || r == '=' {
		return -1
	}
	return r
}
