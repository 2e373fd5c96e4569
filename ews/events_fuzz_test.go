package ews_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// FuzzStream: whatever a stream holds and however it is cut into reads, listening ends when the stream does, and the pieces do not
// matter.
func FuzzStream(f *testing.F) {
	ok, mail := streamEnvelope("OK", ""), streamEnvelope("", newMail("S1", "I1"))
	for _, s := range []string{ok + mail, ok + mail + mail + streamEnvelope("Closed", ""), mail[:300], ok + "\r\n\r\n" + mail + " ", "", ok + "<a/>", ok + mail[:len(mail)-1],
		ok + strings.ReplaceAll(messages(errMessage("ErrorInvalidSubscription", "<m:ErrorSubscriptionIds><m:SubscriptionId>S1</m:SubscriptionId></m:ErrorSubscriptionIds>")), "GetItem", "GetStreamingEvents")} {
		f.Add([]byte(s), uint16(7))
	}
	f.Fuzz(func(t *testing.T, content []byte, piece uint16) {
		run := func(size int) (all []string) {
			srv := &streamServer{streams: []func(context.Context) io.Reader{func(context.Context) io.Reader {
				return &pieces{rest: string(content), size: size}
			}}}
			c, err := ews.NewClient(ews.Config{Endpoint: testEndpoint, HTTPClient: &http.Client{Transport: srv}, Retry: &ews.RetryPolicy{MaxAttempts: 1},
				Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"}))})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			for e, err := range c.Own().Events(ctx, inboxOnly) {
				if err != nil {
					all = append(all, "end")
					break
				}
				if e.Type == ews.EventConnected {
					if n++; n == 2 {
						break
					}
				}
				all = append(all, happened(e))
				if e.Type == ews.EventDisconnected {
					break
				}
			}
			return all
		}
		whole := run(len(content) + 1)
		if d := cmp.Diff(whole, run(1+int(piece)%512)); d != "" {
			t.Error(d)
		}
	})
}
