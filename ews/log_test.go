package ews_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// TestLog: one event per request, with the facts and without the secrets.
func TestLog(t *testing.T) {
	const secret = "canary-7f3a"
	var out bytes.Buffer
	rt := &script{answers: []answer{
		reply(401, "", "WWW-Authenticate", "Bearer"),
		reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "0"))),
		reply(200, messages(strings.ReplaceAll(errMessage("ErrorItemNotFound", ""), "text of", secret))),
	}}
	n := 0
	c := newClient(t, rt, func(c *ews.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Retry = &ews.RetryPolicy{BaseDelay: 1}
		c.Token = source(func() (*oauth2.Token, error) {
			n++
			return &oauth2.Token{AccessToken: fmt.Sprintf("%s-%d", secret, n)}, nil
		})
	})
	err := c.Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrNotFound) {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d events:\n%s", len(lines), out.String())
	}
	for i, want := range [][]string{
		{"level=INFO", "status=401", "attempt=1"},
		{"level=INFO", "status=500", "attempt=2", "code=ErrorServerBusy"},
		{"level=WARN", "status=200", "attempt=3", "code=ErrorItemNotFound", "operation=GetItem", "mailbox=help@example.com", "duration=", "bytes_out=", "bytes_in=", "client_request_id=", "request_id=11111111-2222"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("event %d lacks %s: %s", i, w, lines[i])
			}
		}
	}
	if strings.Contains(out.String(), secret) {
		t.Errorf("a secret was logged:\n%s", out.String())
	}
	if s := fmt.Sprintf("%v %+v %#v", c, c, err); strings.Contains(s, secret+"-") {
		t.Errorf("a secret shows: %s", s)
	}
}
