package ews_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestMIMEs(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	const n = 25
	ids := make([]ews.ItemID, n)
	want := make([]string, n)
	noise := random(700 * n)
	for i := range ids {
		ids[i] = deliver(t, box, fmt.Sprintf("Subject: %d\n\n%s", i, base64.StdEncoding.EncodeToString(noise[700*i:700*(i+1)])), nil)
		r, err := m.MIME(t.Context(), ids[i])
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		r.Close()
		want[i] = string(b)
	}
	requests := 0
	var answer func(*http.Response) *http.Response
	m = clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		requests++
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && requests == 1 && answer != nil {
			resp = answer(resp)
		}
		return resp, err
	}))
	read := func(t *testing.T, ids []ews.ItemID) (got []string) {
		requests = 0
		i := 0
		for msg, err := range m.MIMEs(t.Context(), ids) {
			require.NotNil(t, msg, "%v", err)
			require.Equal(t, ids[i].ID, msg.ID.ID)
			i++
			b, readErr := io.ReadAll(msg)
			switch {
			case errors.Is(err, ews.ErrNotFound):
				got = append(got, "not found")
			case readErr != nil:
				require.NoError(t, err)
				require.ErrorIs(t, readErr, ews.ErrUnavailable)
				got = append(got, "cut")
			default:
				got = append(got, string(b))
			}
		}
		return got
	}
	t.Run("all", func(t *testing.T) {
		require.Empty(t, cmp.Diff(want, read(t, ids)))
		require.Equal(t, 3, requests)
	})
	t.Run("cut", func(t *testing.T) { // in the fifth message
		answer = func(resp *http.Response) *http.Response {
			resp.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(resp.Body, 6_000), iotest.ErrReader(io.ErrUnexpectedEOF)), resp.Body}
			return resp
		}
		defer func() { answer = nil }()
		got := read(t, ids)
		cut := -1
		for i := range got {
			if got[i] == "cut" {
				require.Equal(t, -1, cut, "only the one under way")
				cut = i
				got[i] = want[i]
			}
		}
		require.Greater(t, cut, 0)
		require.Empty(t, cmp.Diff(want, got))
	})
	t.Run("not there, not read, left", func(t *testing.T) {
		require.NoError(t, m.Delete(t.Context(), ews.HardDelete, ids[3]))
		gone := append([]string(nil), want...)
		gone[3] = "not found"
		require.Empty(t, cmp.Diff(gone, read(t, ids)))
		var last *ews.MIMEMessage
		seen := 0
		for msg, err := range m.MIMEs(t.Context(), ids[4:]) {
			require.NoError(t, err)
			if last != nil {
				_, err := last.Read(make([]byte, 1))
				require.ErrorContains(t, err, "gone on")
			}
			last = msg
			if seen++; seen == 6 { // none was read
				b, err := io.ReadAll(msg)
				require.NoError(t, err)
				require.Equal(t, want[9], string(b))
				break
			}
		}
		for msg, err := range m.MIMEs(t.Context(), []ews.ItemID{{}}) {
			require.Nil(t, msg)
			require.ErrorIs(t, err, ews.ErrInvalidRequest)
		}
	})
}

// TestMIMEsWait: a message that the server could not give now is asked for again, with those behind it; one that it never gives fails alone.
func TestMIMEsWait(t *testing.T) {
	ok := func(s string) string {
		return okMessage(`<m:Items><t:Message><t:MimeContent>` + base64.StdEncoding.EncodeToString([]byte(s)) + `</t:MimeContent><t:ItemId Id="A"/></t:Message></m:Items>`)
	}
	busy := errMessage("ErrorServerBusy", "")
	internal := errMessage("ErrorInternalServerTransientError", "")
	ids := []ews.ItemID{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	for name, tc := range map[string]struct {
		answers []answer
		want    string
	}{
		"busy first":    {[]answer{reply(200, messages(busy, busy, busy)), reply(200, messages(ok("A"), ok("B"), ok("C")))}, "A B C"},
		"busy later":    {[]answer{reply(200, messages(ok("A"), busy, busy)), reply(200, messages(ok("B"), ok("C")))}, "A B C"},
		"never":         {[]answer{reply(200, messages(internal, ok("B"), ok("C"))), reply(200, messages(internal, ok("B"), ok("C"))), reply(200, messages(ok("B"), ok("C")))}, "failed B C"},
		"too few":       {[]answer{reply(200, messages(ok("A"))), reply(200, messages(ok("B"), ok("C")))}, "A B C"},
		"not base64":    {[]answer{reply(200, strings.Replace(messages(ok("A"), ok("B"), ok("C")), "Qg==", "!!!!", 1)), reply(200, messages(ok("C")))}, "A broken C"},
		"without MIME":  {[]answer{reply(200, messages(ok("A"), okMessage("<m:Items><t:Contact/></m:Items>"), ok("C")))}, "A failed C"},
		"busy for ever": {[]answer{reply(200, messages(busy, busy, busy))}, "end"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := &script{answers: tc.answers}
			m := newClient(t, rt, func(c *ews.Config) {
				c.Retry = &ews.RetryPolicy{MaxAttempts: 2, BaseDelay: 1, MaxDelay: 1}
			}).Own()
			var got []string
			for msg, err := range m.MIMEs(t.Context(), ids) {
				switch {
				case msg == nil:
					require.ErrorIs(t, err, ews.ErrThrottled)
					got = append(got, "end")
				case err != nil:
					got = append(got, "failed")
				default:
					b, err := io.ReadAll(msg)
					if err != nil {
						b = []byte("broken")
					}
					got = append(got, string(b))
				}
			}
			require.Equal(t, tc.want, strings.Join(got, " "))
		})
	}
}
