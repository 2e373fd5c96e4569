package autodiscover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews/autodiscover"
)

type plainToken string

func (p plainToken) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: string(p)}, nil
}

// TestOptionsHideTheToken: however they are printed. The control: without the methods it shows.
func TestOptionsHideTheToken(t *testing.T) {
	o := autodiscover.Options{Token: plainToken("canary-token"), Cloud: "example.com"}
	type bare autodiscover.Options
	show := func(v any) string {
		var b strings.Builder
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		j, _ := json.Marshal(v)
		return b.String() + string(j) + fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v)
	}
	for _, v := range []any{o, &o, []any{o}} {
		require.NotContains(t, show(v), "canary")
		require.Contains(t, show(v), "example.com")
	}
	require.Contains(t, show(bare(o)), "canary")
}

// TestErrorsHideTheToken: servers and transports that repeat what they were sent do not get the token into the error.
func TestErrorsHideTheToken(t *testing.T) {
	const token = "EwBIA8l6BAAUcanary0token+opaque/of/a/personal=account0123456789"
	errorMessage := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetUserSettingsResponseMessage><Response><ErrorCode>InvalidRequest</ErrorCode>` +
		`<ErrorMessage>You sent ` + token + ` here</ErrorMessage></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
	for name, tc := range map[string]struct {
		page page
		says string
	}{
		"SOAP":      {say(200, errorMessage), "You sent [redacted] here"},
		"POX":       {say(200, "<Autodiscover><Response><Error><ErrorCode>600</ErrorCode><Message>You sent "+token+" here</Message></Error></Response></Autodiscover>"), "You sent [redacted] here"},
		"transport": {func(*http.Request) (*http.Response, error) { return nil, errors.New("cannot send " + token + " today") }, "cannot send [redacted] today"},
		"redirect":  {redirect(own + "/" + token + ".xml"), "/[redacted].xml"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{pages: map[string]page{own: func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("Authorization") == "" {
					return say(401, "")(r)
				}
				return tc.page(r)
			}}}
			_, err := autodiscover.Find(t.Context(), "help@example.com", &autodiscover.Options{Token: plainToken(token), HTTPClient: client(w), Resolver: w})
			require.ErrorContains(t, err, tc.says)
			var e *autodiscover.Error
			require.ErrorAs(t, err, &e)
			for _, s := range append(e.Steps, autodiscover.Step{Err: err}) {
				require.NotContains(t, s.URL+fmt.Sprintf("%v %+v", s.Err, s.Err), "canary")
			}
		})
	}
}
