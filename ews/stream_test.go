package ews_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// mimeCall stops in front of t:MimeContent.
func mimeCall() *ews.Call {
	return &ews.Call{Op: "GetItem", Read: func(s *wire.Scanner) error {
		return ews.ReadResponses(s, func(i int, s *wire.Scanner) error {
			for d := s.Depth(); s.Child(d); {
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "MimeContent" {
						return ews.ErrHold
					}
				}
			}
			return s.Err()
		})
	}}
}

// TestStreamErrors: an answer that ends early is never a clean end, and no stream hangs when it is left.
func TestStreamErrors(t *testing.T) {
	text := strings.Repeat("QUJD", 100_000)
	cut := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, (prologue + "<t:MimeContent>" + text + "</t:MimeContent>" + epilogue)[:n])
		}
	}
	whole := len(prologue+epilogue+"<t:MimeContent></t:MimeContent>") + len(text)
	for _, n := range []int{len(prologue) + 100_000, len(prologue) + len("<t:MimeContent>") + len(text), whole - 1} {
		c := serve(t, cut(n), nil)
		r, err := c.Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, r)
		if !errors.Is(err, ews.ErrUnavailable) || asError(t, err).Op != "GetItem" {
			t.Errorf("cut after %d of %d: %v", n, whole, err)
		}
		if _, again := r.Read(make([]byte, 10)); again != err {
			t.Errorf("the error changed to %v", again)
		}
		r.Close()
	}
	t.Run("bad base64", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, prologue+"<t:MimeContent>QUJD!!!!</t:MimeContent>"+epilogue)
		}, nil)
		r, err := c.Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, ews.ErrBadResponse) {
			t.Error(err)
		}
		r.Close()
	})
	stuck := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, prologue+"<t:MimeContent>"+text)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	t.Run("closed while reading", func(t *testing.T) {
		c := serve(t, stuck, nil)
		r, err := c.Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := io.Copy(io.Discard, r); err == nil {
				t.Error("a clean end")
			}
		})
		time.Sleep(10 * time.Millisecond)
		r.Close()
		wg.Wait()
		r.Close()
	})
	t.Run("cancelled while reading", func(t *testing.T) {
		c := serve(t, stuck, nil)
		ctx, cancel := context.WithCancel(t.Context())
		r, err := c.Own().StreamCall(ctx, mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		r.Close()
	})
	t.Run("open streams do not block calls", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Small") != "" {
				io.WriteString(w, messages(okMessage("")))
				return
			}
			stuck(w, r)
		}, func(c *ews.Config) {
			c.Concurrency = 1
			c.HTTPClient = &http.Client{Transport: small{http.DefaultTransport.(*http.Transport).Clone()}}
		})
		for range 3 {
			r, err := c.Own().StreamCall(t.Context(), mimeCall())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
		}
		if err := c.Own().DoCall(context.WithValue(t.Context(), small{}, true), getItem(nil)); err != nil {
			t.Fatal(err)
		}
	})
}

// small marks requests whose context asks for it.
type small struct{ *http.Transport }

func (s small) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Value(small{}) != nil {
		r = r.Clone(r.Context())
		r.Header.Set("X-Small", "1")
	}
	return s.Transport.RoundTrip(r)
}

// TestSlowCaller: the time that a caller takes between reads is its own; only waiting for the server counts as a stall.
func TestSlowCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("QUJD", 100_000)
		rt := &script{answers: []answer{func(r *http.Request) (*http.Response, error) {
			resp, _ := reply(200, "")(r)
			resp.Body = &dripper{ctx: r.Context(), rest: prologue + "<t:MimeContent>" + text + "</t:MimeContent>" + epilogue, piece: 10_000, every: time.Second}
			return resp, nil
		}}}
		r, err := newClient(t, rt, nil).Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		buf := make([]byte, 50_000)
		for {
			_, err := io.ReadFull(r, buf)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
}

// TestStall: an answer that comes too slowly ends after Limits.Stall, one that does not begin after FirstByte, a steady one
// not at all.
func TestStall(t *testing.T) {
	drip := func(piece string, every time.Duration) answer {
		return func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			resp, _ := reply(200, "")(r)
			resp.Body = &dripper{ctx: r.Context(), rest: messages(okMessage("<m:Items><t:Subject>" + strings.Repeat("x", 40_000) + "</t:Subject></m:Items>")), piece: len(piece), every: every}
			return resp, nil
		}
	}
	tests := []struct {
		name   string
		answer answer
		took   time.Duration
		says   string
	}{
		{"a byte a second", drip("x", time.Second), time.Minute, "stalled"},
		{"a byte a minute", drip("x", time.Minute), time.Minute, "stalled"},
		{"a kilobyte in ten seconds", drip(strings.Repeat("x", 1024), 10*time.Second), 400 * time.Second, ""},
		{"no answer", func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 2 * time.Minute, "did not answer within 2m0s"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, took, err := bubble(t, getItem(nil), func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }, tc.answer)
			if took < tc.took || took > tc.took+10*time.Second {
				t.Errorf("took %v, want %v", took, tc.took)
			}
			if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, ews.ErrUnavailable) || !strings.Contains(err.Error(), tc.says)) {
				t.Error(err)
			}
		})
	}
}

// dripper is a body that comes piece by piece.
type dripper struct {
	ctx   context.Context
	rest  string
	piece int
	every time.Duration
}

func (d *dripper) Read(p []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	select {
	case <-time.After(d.every):
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	n := copy(p[:min(len(p), d.piece)], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *dripper) Close() error { return nil }
