package ews_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

// small and large requests leave in different ways over the package's own transport. With both it must be known whether the server can have
// acted.
func TestOwnTransport(t *testing.T) {
	sizes := map[string]int{"small": 10, "large": 200_000}
	servers := map[string]struct {
		serve  func(c net.Conn) // one connection; nil: nobody listens
		failed bool
		maybe  bool
	}{
		"nobody listens": {nil, true, false},
		"cuts after the request": {func(c net.Conn) {
			req, err := http.ReadRequest(bufio.NewReader(c))
			if err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
		}, true, true},
		"answers": {func(c net.Conn) {
			req, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			answer := response("CreateItem", success("CreateItem", `<m:Items><t:Message><t:ItemId Id="A" ChangeKey="B"/></t:Message></m:Items>`))
			resp := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/xml"}},
				ContentLength: int64(len(answer)), Close: true, Body: io.NopCloser(strings.NewReader(string(answer)))}
			_ = resp.Write(c)
		}, false, false},
	}
	for name, srv := range servers {
		for size, n := range sizes {
			t.Run(name+"/"+size, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				addr := l.Addr().String()
				if srv.serve == nil {
					addr = "127.0.0.1:1" // a port that nobody is given
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						srv.serve(c)
						c.Close()
					}
				}()
				defer func() { l.Close(); <-done }()
				c, err := ews.NewClient(ews.Config{Endpoint: "http://" + addr, AllowLoopbackHTTP: true,
					Retry: &ews.RetryPolicy{MaxAttempts: 1},
					Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"}))})
				require.NoError(t, err)
				defer c.Close()
				draft := ews.NewDraftForBench(strings.Repeat("x", n))
				for range 3 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					err := c.Own().CreateForBench(ctx, draft)
					cancel()
					got := [2]bool{err != nil, ews.MaybeApplied(err)}
					if d := cmp.Diff([2]bool{srv.failed, srv.maybe}, got); d != "" {
						t.Fatalf("failed, maybe applied: %s%v", d, err)
					}
				}
			})
		}
	}
}

func TestNoGzip(t *testing.T) {
	for without, want := range map[bool]string{false: "gzip", true: "identity"} {
		rt := &script{answers: []answer{reply(200, messages(okMessage("")))}}
		c := newClient(t, rt, func(c *ews.Config) { c.NoGzip = without })
		require.NoError(t, c.Own().DoCall(t.Context(), getItem(nil)))
		require.Equal(t, want, rt.reqs[0].Header.Get("Accept-Encoding"))
	}
}
