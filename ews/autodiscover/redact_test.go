package autodiscover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
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
