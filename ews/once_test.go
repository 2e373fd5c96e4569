package ews_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// TestOnce: what must not happen twice is sent again only where Exchange cannot have acted, and says so where that is open.
func TestOnce(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	tests := []struct {
		name     string
		first    answer
		requests int
		maybe    bool
		kind     error
	}{
		{"reset after sending", failing(reset), 1, true, ews.ErrUnavailable},
		{"cut answer", reply(200, messages(okMessage("<m:Items/>"))[:300]), 1, true, ews.ErrUnavailable},
		{"cut after the answer", reply(200, strings.TrimSuffix(messages(okMessage("<m:Items/>")), "</s:Envelope>")), 1, true, ews.ErrUnavailable},
		{"bad answer", reply(200, envelope("<m:FindItemResponse/>")), 1, true, ews.ErrBadResponse},
		{"500 page", reply(500, "<html/>"), 1, true, ews.ErrUnavailable},
		{"503", reply(503, ""), 1, true, ews.ErrUnavailable},
		{"error page", reply(302, "", "Location", "/ews/genericerrorpage.htm"), 1, true, ews.ErrUnavailable},
		{"internal error", reply(200, messages(errMessage("ErrorInternalServerError", ""))), 1, true, ews.ErrUnavailable},
		{"internal error hiding busy", reply(200, messages(errMessage("ErrorInternalServerError", value("InnerErrorResponseCode", "ErrorServerBusy")))), 1, true, ews.ErrThrottled},
		{"timeout expired", reply(200, messages(errMessage("ErrorTimeoutExpired", ""))), 1, true, ews.ErrUnavailable},
		{"unknown code", reply(200, messages(errMessage("ErrorFromTheFuture", ""))), 1, true, ews.ErrInvalidRequest},
		{"busy without a wish", reply(200, messages(errMessage("ErrorServerBusy", ""))), 1, true, ews.ErrThrottled},

		{"over budget", reply(200, messages(errMessage("ErrorServerBusy", value("BackOffMilliseconds", "0")))), 2, false, nil},
		{"busy fault", reply(500, fault("ErrorServerBusy", "")), 2, false, nil},
		{"connections fault", reply(500, fault("ErrorExceededConnectionCount", "")), 2, false, nil},
		{"refused token", reply(401, ""), 2, false, nil},

		{"send as", reply(200, messages(errMessage("ErrorSendAsDenied", ""))), 1, false, ews.ErrDenied},
		{"not found", reply(200, messages(errMessage("ErrorItemNotFound", ""))), 1, false, ews.ErrNotFound},
		{"schema", reply(500, fault("ErrorSchemaValidation", "")), 1, false, ews.ErrInvalidRequest},
		{"blocked", reply(403, ""), 1, false, ews.ErrEWSBlocked},
		{"wrong path", reply(404, ""), 1, false, ews.ErrEndpoint},
		{"other host", reply(302, "", "Location", "https://evil.test/"), 1, false, ews.ErrEndpoint},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			call := getItem(nil)
			call.Once = true
			rt, _, err := bubble(t, call, nil, tc.first, fine)
			if !errors.Is(err, tc.kind) {
				t.Errorf("error %v, want %v", err, tc.kind)
			}
			if rt.count() != tc.requests {
				t.Errorf("%d requests, want %d", rt.count(), tc.requests)
			}
			if ews.MaybeApplied(err) != tc.maybe {
				t.Errorf("MaybeApplied %v of %v", !tc.maybe, err)
			}
		})
	}
	t.Run("before the first byte", func(t *testing.T) {
		dials := 0
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			if dials++; dials < 3 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			io.Copy(io.Discard, r.Body)
			return fine(r)
		})
		synctest.Test(t, func(t *testing.T) {
			call := getItem(nil)
			call.Once = true
			if err := newClient(t, rt, nil).Own().DoCall(t.Context(), call); err != nil || dials != 3 {
				t.Errorf("%v after %d dials", err, dials)
			}
		})
	})
	t.Run("cancelled while sending", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			cancel()
			return nil, r.Context().Err()
		})
		call := getItem(nil)
		call.Once = true
		err := newClient(t, rt, nil).Own().DoCall(ctx, call)
		if !errors.Is(err, context.Canceled) || !ews.MaybeApplied(err) {
			t.Errorf("%v, MaybeApplied %v", err, ews.MaybeApplied(err))
		}
	})
	t.Run("content that cannot be read", func(t *testing.T) {
		gone := errors.New("file is gone")
		call := getItem(nil)
		call.Once = true
		call.Body = func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Base64(10, func() (io.ReadCloser, error) { return nil, gone })
			w.End()
			return nil
		}
		rt, _, err := bubble(t, call, nil, fine)
		if !errors.Is(err, gone) || ews.MaybeApplied(err) || rt.count() != 0 {
			t.Errorf("%v, MaybeApplied %v, %d requests", err, ews.MaybeApplied(err), rt.count())
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOnceBatch: items of a batch that succeeded are not done again because another one found the server busy.
func TestOnceBatch(t *testing.T) {
	batch := func(n int) *ews.Call {
		return &ews.Call{Op: "GetItem", Once: true, Read: func(s *wire.Scanner) error { return ews.ReadBatch(s, n, nil) }}
	}
	busy := errMessage("ErrorServerBusy", value("BackOffMilliseconds", "10"))
	stopped := `<m:GetItemResponseMessage ResponseClass="Warning"><m:ResponseCode>ErrorBatchProcessingStopped</m:ResponseCode></m:GetItemResponseMessage>`
	tests := []struct {
		name     string
		msgs     []string
		n        int
		requests int
		failed   []int
		kind     error
		maybe    bool
	}{
		{"one busy", []string{okMessage(""), busy}, 2, 1, []int{1}, ews.ErrThrottled, false},
		{"all busy", []string{busy, busy}, 2, 2, nil, nil, false},
		{"busy, then stopped", []string{busy, stopped}, 2, 2, nil, nil, false},
		{"done, then stopped", []string{okMessage(""), stopped, stopped}, 3, 1, []int{1, 2}, ews.ErrNotAttempted, false},
		{"answer too short", []string{okMessage("")}, 3, 1, []int{1, 2}, ews.ErrNotAttempted, true},
		{"busy, and one open", []string{busy, errMessage("ErrorInternalServerError", "")}, 2, 1, []int{0, 1}, ews.ErrThrottled, true},
		{"one gone", []string{errMessage("ErrorItemNotFound", ""), okMessage("")}, 2, 1, []int{0}, ews.ErrNotFound, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt, _, err := bubble(t, batch(tc.n), nil, reply(200, messages(tc.msgs...)), reply(200, messages(strings.Repeat(okMessage(""), tc.n))))
			if rt.count() != tc.requests {
				t.Errorf("%d requests, want %d", rt.count(), tc.requests)
			}
			if !errors.Is(err, tc.kind) {
				t.Fatalf("error %v, want %v", err, tc.kind)
			}
			if tc.kind == nil {
				return
			}
			var b *ews.BatchError
			if !errors.As(err, &b) {
				t.Fatalf("%T is no BatchError", err)
			}
			var failed []int
			for _, it := range b.Items {
				failed = append(failed, it.Index)
				if it.Err.Op != "GetItem" || it.Err.RequestID == "" {
					t.Errorf("item %d lacks the facts: %+v", it.Index, it.Err)
				}
			}
			if d := cmp.Diff(tc.failed, failed); d != "" || b.Total != tc.n || ews.MaybeApplied(err) != tc.maybe {
				t.Errorf("failed %s, total %d, maybe applied %v", d, b.Total, ews.MaybeApplied(err))
			}
		})
	}
}
