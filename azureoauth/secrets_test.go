package azureoauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// Cases 59 and 60: whatever a full run prints, in whatever way, holds none of its secrets.
func TestNothingPrintsASecret(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var printed strings.Builder
	secrets := map[string]string{}
	note := func(what string, v any) {
		printed.WriteString("== " + what + "\n" + everyPrint(v) + "\n")
	}
	hide := func(name, value string) {
		if len(value) < 8 {
			t.Fatalf("no canary for %s: %q", name, value)
		}
		secrets[name] = value
		secrets[name+" escaped"] = url.QueryEscape(value)
	}

	const clientSecret = "canary~client.secret+/=with specials"
	app := azuretest.DefaultApp()
	app.Secret = clientSecret
	a := newWebApp(t, &azuretest.Options{Apps: []azuretest.App{app}, Rotation: azuretest.RotateRevokeFamily}, nil)
	a.cfg.ClientSecret, a.cfg.Logger = clientSecret, logger
	hide("client secret", clientSecret)
	note("config", a.cfg)
	note("settings that embed the fields", struct {
		Secret azureoauth.Secret
		Nested map[string]azureoauth.Secret
	}{clientSecret, map[string]azureoauth.Secret{"a": clientSecret}})
	note("handler", a.h)

	// A sign-in, and one that the server refuses while it echoes the request.
	b := browser{}
	resp := a.start(b, "")
	page, _ := resp.Location()
	hide("state", page.Query().Get("state"))
	hide("nonce", page.Query().Get("nonce"))
	for _, c := range b {
		hide("cookie", c.Value)
	}
	v := authorize(t, a.az, page.String())
	hide("code", v.Get("code"))
	a.az.Fail(azuretest.Fault{LoseReply: true})
	old := b.clone()
	_, body := a.callback(b, v.Encode())
	note("page of a lost reply", body)
	_, body = a.callback(old, v.Encode())
	note("page of a second use", body)
	hide("verifier", url.Values(a.az.Requests()[0].Form).Get("code_verifier"))

	b = browser{}
	v = a.begin(b, "")
	_, body = a.callback(b, v.Encode())
	note("success page", body)
	tok := a.last.Token
	hide("refresh token", tok.RefreshToken)
	hide("access token", tok.AccessToken)
	hide("ID token", tok.Extra("id_token").(string))
	note("sign-in", a.last)
	note("sign-in by value", *a.last)

	_, p, err := a.cfg.AuthCodeURL(nil)
	if err != nil {
		t.Fatal(err)
	}
	hide("pending verifier", string(p.Verifier))
	hide("pending state", string(p.State))
	note("pending", p)
	note("pending by value", *p)

	// Errors, and servers that echo what they got.
	next, err := a.cfg.Refresh(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	hide("second refresh token", next.RefreshToken)
	_, err = a.cfg.Refresh(t.Context(), tok)
	note("replay", err)
	n := 0
	echo := func(status int, contentType string, form func(url.Values) string) {
		n++
		c := against(func(r *http.Request) (*http.Response, error) {
			_ = r.ParseForm()
			f := r.PostForm
			f.Set("refresh_token", next.RefreshToken)
			resp := jsonAnswer(status, form(f))
			resp.Header.Set("Content-Type", contentType)
			resp.Header.Set("Location", "https://evil.example/?"+f.Encode())
			return resp, nil
		})
		c.ClientSecret, c.Logger, c.RedirectURL = clientSecret, logger, "http://localhost"
		_, err := c.Refresh(t.Context(), next)
		if err == nil {
			t.Fatal("an echo is a token")
		}
		note(fmt.Sprint("echo ", n), err)
		var e *azureoauth.Error
		if errors.As(err, &e) {
			note("its parts", []string{e.Description(), e.Advice(), e.Code, e.SubError, e.Claims})
		}
	}
	echo(400, "text/plain", func(f url.Values) string { return f.Encode() })
	echo(500, "text/html", func(f url.Values) string { return fmt.Sprint(f) })
	echo(200, "text/html", func(f url.Values) string { return fmt.Sprint(f) })
	echo(302, "text/html", func(f url.Values) string { return fmt.Sprint(f) })
	echo(400, "application/json", func(f url.Values) string { return `{"error":"` + f.Get("refresh_token") + `"}` })
	echo(400, "application/json", func(f url.Values) string {
		return fmt.Sprintf(`{"error":"invalid_request","error_description":%q,"suberror":%q}`, f.Encode()+" "+fmt.Sprint(f), f.Get("client_secret"))
	})
	echo(200, "application/json", func(f url.Values) string {
		return fmt.Sprintf(`{"access_token":%q,"token_type":%q}`, f.Get("client_secret"), f.Get("refresh_token"))
	})
	echo(200, "application/json", func(f url.Values) string { return fmt.Sprintf(`{%q:1}`, f.Get("refresh_token")) })

	// Device code and app tokens.
	d, err := a.cfg.DeviceAuth(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	hide("device code", string(d.Code))
	note("device code", d)
	note("device code by value", *d)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.cfg.DeviceToken(ctx, d)
	note("device error", err)
	a.cfg.Scopes = []string{"full_access_as_app"}
	src := a.cfg.AppSource()
	at, err := src.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hide("application token", at.AccessToken)
	note("app source", src)

	// A panic's text.
	func() {
		defer func() { note("panic", recover()) }()
		panic(fmt.Sprintf("%+v %v", a.cfg, p))
	}()

	everything := printed.String() + log.String()
	for name, value := range secrets {
		if i := strings.Index(everything, value); i >= 0 {
			t.Errorf("%s was printed: …%s", name, everything[max(0, i-300):i])
		}
	}
	if !strings.Contains(everything, "[redacted]") || log.Len() == 0 {
		t.Error("nothing was printed at all: the test tests nothing")
	}
}

func TestDescriptionIsCleaned(t *testing.T) {
	c := answering(400, "application/json", `{"error":"invalid_grant","error_description":"line one\r\nline two \u001b[31m\u202e`+strings.Repeat("x", 5000)+`"}`)
	_, err := c.Refresh(t.Context(), refreshOf("RT"))
	e := wantError(t, err, azureoauth.ErrSignInRequired)
	if d := e.Description(); strings.ContainsAny(d, "\r\n\x1b\u202e") || len(d) > 1100 || !strings.HasPrefix(d, "line one  line two") {
		t.Errorf("description %.80q", d)
	}
	if strings.Contains(e.Error(), "line one") {
		t.Errorf("the server's text stands in the error: %v", e)
	}
}
