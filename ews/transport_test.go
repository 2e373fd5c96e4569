package ews_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// serve starts a server and a client for it.
func serve(t testing.TB, h http.HandlerFunc, change func(*ews.Config)) *ews.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := ews.Config{Endpoint: srv.URL, AllowLoopbackHTTP: true, Token: &tokens{}, Retry: &ews.RetryPolicy{BaseDelay: time.Millisecond}}
	if change != nil {
		change(&cfg)
	}
	c, err := ews.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestNoRedirect: with the caller's own client, too, a redirect is not followed, and that client stays as it is.
func TestNoRedirect(t *testing.T) {
	var hits atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		mine := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
		follow := fmt.Sprintf("%p", mine.CheckRedirect)
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }, func(c *ews.Config) { c.HTTPClient = mine })
		err := c.Own().DoCall(t.Context(), getItem(nil))
		if !errors.Is(err, ews.ErrEndpoint) || asError(t, err).StatusCode != status {
			t.Errorf("%d: %v", status, err)
		}
		if fmt.Sprintf("%p", mine.CheckRedirect) != follow || mine.Transport != nil {
			t.Error("the caller's client was changed")
		}
		mine.CloseIdleConnections()
	}
	if hits.Load() != 0 {
		t.Errorf("the other host was asked %d times", hits.Load())
	}
}

// TestRequestOnTheWire: what a server sees of a request with a large content: its length, never chunks, and all of it.
func TestRequestOnTheWire(t *testing.T) {
	const size = 3 << 20
	opened := 0
	fail := true
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength || len(r.TransferEncoding) > 0 {
			t.Errorf("%d bytes of %d, %v, %v", len(body), r.ContentLength, r.TransferEncoding, err)
		}
		if n := bytes.Count(body, []byte("AAAA")); n != size/3 {
			t.Errorf("%d of %d groups arrived", n, size/3)
		}
		if fail { // the second attempt reads the content again
			fail = false
			w.WriteHeader(500)
			return
		}
		io.WriteString(w, messages(okMessage("")))
	}, nil)
	call := getItem(nil)
	call.Body = func(w *wire.Writer) error {
		w.Start("m:GetItem")
		w.Base64(size, func() (io.ReadCloser, error) {
			opened++
			return io.NopCloser(io.LimitReader(zeros{}, size)), nil
		})
		w.End()
		return nil
	}
	if err := c.Own().DoCall(t.Context(), call); err != nil || opened != 2 {
		t.Errorf("%v, opened %d times", err, opened)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestConnectionReuse: requests one after the other share a connection, packed or not, streamed or not.
func TestConnectionReuse(t *testing.T) {
	text := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("mail"), 50_000))
	body := prologue + "<t:MimeContent>" + text + "</t:MimeContent>" + epilogue
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if n++; n%2 == 0 {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(body))
		} else {
			io.WriteString(w, body)
		}
		if n%3 == 0 { // the end of the chunks comes apart from the last of them
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}))
	defer srv.Close()
	// In the bubble the client's time stands still while it does anything. Where it passes, net/http gives a connection up when the
	// machine takes 50 ms to tell that a request was written, although it was answered.
	synctest.Test(t, func(t *testing.T) {
		c, err := ews.NewClient(ews.Config{Endpoint: srv.URL, AllowLoopbackHTTP: true, Token: &tokens{}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var fresh atomic.Int64
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				fresh.Add(1)
			}
		}})
		for range 6 {
			if err := c.Own().DoCall(ctx, getItem(nil)); err != nil {
				t.Fatal(err)
			}
			r, err := c.Own().StreamCall(ctx, mimeCall())
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(r); err != nil || len(b) != 200_000 {
				t.Fatalf("%d bytes, %v", len(b), err)
			}
		}
		if fresh.Load() != 1 {
			t.Errorf("%d connections", fresh.Load())
		}
	})
}
