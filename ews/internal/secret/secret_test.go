package secret_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/internal/secret"
)

const opaque = "EwBIA8l6BAAUcanary0token+opaque/of/a/personal=account0123456789-_~abcdefghijklmnopqrstuvwxyz"

// TestCut: a token is cut out of a text in each way that it may have been written there, and what stands beside it stays.
func TestCut(t *testing.T) {
	f := secret.Of(opaque)
	for name, form := range map[string]string{
		"plain":              opaque,
		"query":              url.QueryEscape(opaque),
		"path":               url.PathEscape(opaque),
		"lower case escapes": strings.ToLower(url.QueryEscape("+")) + url.QueryEscape(opaque),
		"all escaped":        strings.ReplaceAll(fmt.Sprintf("% X", opaque), " ", "%"),
		"base64":             base64.StdEncoding.EncodeToString([]byte(opaque)),
		"base64url":          base64.RawURLEncoding.EncodeToString([]byte(opaque)),
		"base64 header":      base64.StdEncoding.EncodeToString([]byte("Authorization: Bearer " + opaque + "\r\n")),
		"base64 header, 1":   base64.StdEncoding.EncodeToString([]byte("x Authorization: Bearer " + opaque + "\r\n")),
		"base64 header, 2":   base64.StdEncoding.EncodeToString([]byte("xx Authorization: Bearer " + opaque + "\r\n")),
		"escaped base64":     url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(opaque))),
		"the beginning":      opaque[:24],
		"most":               opaque[:len(opaque)-1],
	} {
		t.Run(name, func(t *testing.T) {
			if name == "all escaped" {
				form = "%" + form
			}
			got := f.Cut("before " + form + " after, again " + form)
			require.Contains(t, got, "before ")
			require.Contains(t, got, " after, again ")
			require.Equal(t, 2, strings.Count(got, secret.Redacted), got)
			for i := 0; i+16 <= len(form); i++ {
				if name == "lower case escapes" && i < 3 {
					continue
				}
				if part := form[i : i+16]; strings.Contains(got, part) && !isHeader(part, name) {
					t.Fatalf("%q is in %q", part, got)
				}
			}
		})
	}
	for _, s := range []string{"", "a text", opaque[:23], opaque[1:], "%", "%4", "x%zz" + opaque[:10], base64.StdEncoding.EncodeToString([]byte("Authorization: Bearer and nothing"))} {
		require.Equal(t, s, f.Cut(s))
	}
	require.Nil(t, secret.Of("short"))
	require.Equal(t, "some short text", secret.Of("short").Cut("some short text"))
	require.Equal(t, "a "+secret.Redacted+" b", secret.Of("sixsix").Cut("a sixsix b"))
}

// isHeader: what stands before the token in a header is no secret.
func isHeader(part, name string) bool {
	if !strings.Contains(name, "header") {
		return false
	}
	for _, h := range []string{"", "x ", "xx "} {
		if strings.Contains(base64.StdEncoding.EncodeToString([]byte(h+"Authorization: Bearer ")), part[:12]) {
			return true
		}
	}
	return false
}

// TestError: an error that shows the token says the rest, and is found by errors.Is and As as before; one that does not is left alone.
func TestError(t *testing.T) {
	f := secret.Of(opaque)
	cause := &fs.PathError{Op: "send", Path: opaque, Err: io.ErrClosedPipe}
	err := f.Error(cause)
	require.Equal(t, "send "+secret.Redacted+": "+io.ErrClosedPipe.Error(), err.Error())
	require.NotContains(t, fmt.Sprintf("%v %+v %s %q", err, err, err, err), opaque[:24])
	require.ErrorIs(t, err, io.ErrClosedPipe)
	var path *fs.PathError
	require.True(t, errors.As(err, &path) && path == cause)

	require.Same(t, io.EOF, f.Error(io.EOF))
	require.NoError(t, f.Error(nil))
	require.Same(t, cause, secret.Forms(nil).Error(cause))
	require.Equal(t, err, f.Error(err), "once is enough")
}

func FuzzCut(f *testing.F) {
	f.Add(opaque, "before ", " after")
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a%61%", "%6")
	f.Add("%%%%%%%", "%25", "%")
	f.Fuzz(func(t *testing.T, token, before, after string) {
		forms := secret.Of(token)
		if forms == nil || strings.Contains(secret.Redacted, token) {
			return
		}
		for _, s := range []string{before + token + after, before + base64.StdEncoding.EncodeToString([]byte(token)) + after} {
			if got := forms.Cut(s); !strings.Contains(got, secret.Redacted) {
				t.Fatalf("%q in %q: %q", token, s, got)
			}
		}
		if got := forms.Cut(before); len(got) > len(before)+len(secret.Redacted)*len(before) {
			t.Fatal(got)
		}
	})
}
