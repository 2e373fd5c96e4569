package ewstest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestBearer(t *testing.T) {
	f := start(t, &ewstest.Options{Verify: func(_ context.Context, bearer string) (ewstest.Identity, error) {
		switch bearer {
		case "good":
			return ewstest.Identity{UPN: us}, nil
		case "expired":
			return ewstest.Identity{}, ewstest.ErrTokenExpired
		case "scopeless":
			return ewstest.Identity{UPN: us, Denied: true}, nil
		case "stranger":
			return ewstest.Identity{UPN: "nobody@example.com"}, nil
		case "challenged":
			return ewstest.Identity{}, &ewstest.AuthError{Claims: `{"access_token":{"nbf":{"essential":true}}}`}
		}
		return ewstest.Identity{}, errors.New(`signature "wrong"`)
	}})
	for bearer, diagnostics := range map[string]string{
		"":           "",
		"expired":    `2000002;reason="The token has expired.";error_category="token_expired"`,
		"scopeless":  `2000008;reason="The token contains not enough scope to make this call.";error_category="invalid_grant"`,
		"stranger":   `2000005;reason="The user specified by the user-context in the token does not exist.";error_category="invalid_user"`,
		"forged":     `2000001;reason="signature 'wrong'";error_category="invalid_token"`,
		"challenged": "",
	} {
		f.bearer = bearer
		resp, b, err := f.post(t, getFolder)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode, bearer)
		require.Empty(t, b)
		require.Equal(t, diagnostics, resp.Header.Get("x-ms-diagnostics"), bearer)
		require.True(t, strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer "), bearer)
		require.Equal(t, bearer == "challenged", strings.Contains(resp.Header.Get("WWW-Authenticate"), `claims="eyJ`), bearer)
	}
	f.bearer = "good"
	require.Equal(t, []string{"NoError"}, f.do(t, getFolder).codes())
	log := f.Requests()
	require.Len(t, log, 7)
	require.Equal(t, 7, f.Count("GetFolder"))
	require.Equal(t, us, log[6].User)
	require.Equal(t, []string{"NoError"}, log[6].Codes)
	for _, r := range log {
		require.NotContains(t, r.Header.Get("Authorization"), "good")
		require.NotContains(t, r.Header.Get("Authorization"), "forged")
	}
}

const getFolder = `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>`

func TestAccessModes(t *testing.T) {
	appOnly := false
	f := start(t, &ewstest.Options{Verify: func(context.Context, string) (ewstest.Identity, error) {
		return ewstest.Identity{UPN: us, AppOnly: appOnly, AppID: "app"}, nil
	}})
	imp := func(addr string) string {
		return `<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>` + addr + `</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`
	}
	faultText := func() string {
		resp, b, err := f.post(t, getFolder)
		require.NoError(t, err)
		require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
		return parse(t, b).text("faultstring")
	}
	f.soap = imp(us)
	require.Equal(t, "ExchangeImpersonation SOAP header must not exist for this type of OAuth token.", faultText())
	appOnly = true
	f.soap = ""
	require.Equal(t, "ExchangeImpersonation SOAP header must be present for this type of OAuth token.", faultText())
	f.soap = imp(us)
	require.Contains(t, faultText(), "X-AnchorMailbox header must be present")
	f.header.Set("X-AnchorMailbox", us)
	require.Equal(t, []string{"NoError"}, f.do(t, getFolder).codes())
	f.soap = imp("nobody@example.com")
	require.Equal(t, "ErrorNonExistentMailbox", f.fault(t, getFolder))
}

func TestHTTPDoor(t *testing.T) {
	f := start(t, nil)
	status := func(change func(*http.Request)) (int, http.Header) {
		r := f.request(t, getFolder)
		change(r)
		resp, err := f.http.Do(r)
		require.NoError(t, err)
		readAll(t, resp)
		return resp.StatusCode, resp.Header
	}
	for want, change := range map[int]func(*http.Request){
		http.StatusNotFound:             func(r *http.Request) { r.URL.Path = "/" },
		http.StatusMethodNotAllowed:     func(r *http.Request) { r.Method, r.Body = http.MethodGet, nil; r.ContentLength = 0 },
		http.StatusUnsupportedMediaType: func(r *http.Request) { r.Header.Set("Content-Type", "application/soap+xml") },
		http.StatusOK:                   func(r *http.Request) { r.URL.Path = "/ews/exchange.asmx" },
	} {
		code, _ := status(change)
		require.Equal(t, want, code)
	}
	_, h := status(func(r *http.Request) {
		r.Header.Set("client-request-id", "abc")
		r.Header.Set("return-client-request-id", "true")
		r.Header.Set("X-PreferServerAffinity", "true")
		r.Header.Set("Accept-Encoding", "gzip")
	})
	require.Equal(t, "abc", h.Get("client-request-id"))
	require.NotEmpty(t, h.Get("request-id"))
	require.Contains(t, h.Get("Set-Cookie"), "X-BackEndOverrideCookie")
	require.Equal(t, "gzip", h.Get("Content-Encoding"))
}
