package azcredential_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azcredential"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// azidentity's own credential against the fake Entra: both ends are real.
func TestAzidentityAgainstAzuretest(t *testing.T) {
	az, err := azuretest.NewServer(&azuretest.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer az.Close()
	options := func() *azidentity.ClientSecretCredentialOptions {
		return &azidentity.ClientSecretCredentialOptions{
			DisableInstanceDiscovery: true,
			ClientOptions: azcore.ClientOptions{
				Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: az.URL}, Transport: az.HTTPClient(), Retry: policy.RetryOptions{MaxRetries: -1},
			},
		}
	}
	cred, err := azidentity.NewClientSecretCredential(azuretest.DefaultTenantID, azuretest.DefaultClientID, azuretest.DefaultClientSecret, options())
	if err != nil {
		t.Fatal(err)
	}
	src := azcredential.New(cred, nil)
	tok, err := src.Token(t.Context())
	if err != nil {
		t.Fatal(errors.Unwrap(err))
	}
	info, err := az.Verify(tok.AccessToken)
	if err != nil || !info.AppOnly || info.Audience != azuretest.ResourceExchange {
		t.Errorf("%+v, %v", info, err)
	}
	n := az.TokenRequests()
	if again, err := src.Token(t.Context()); err != nil || again != tok || az.TokenRequests() != n {
		t.Errorf("not from memory: %v", err)
	}

	bad, err := azidentity.NewClientSecretCredential(azuretest.DefaultTenantID, azuretest.DefaultClientID, "wrong-secret-canary", options())
	if err != nil {
		t.Fatal(err)
	}
	_, err = azcredential.New(bad, nil).Token(t.Context())
	var auth *azidentity.AuthenticationFailedError
	if !errors.As(err, &auth) || strings.Contains(err.Error(), "{") || len(err.Error()) > 200 || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "canary") {
		t.Errorf("%v", err)
	}
}

// fake is a credential by function.
type fake func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

func (f fake) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx, o)
}

func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		var last policy.TokenRequestOptions
		var fail error
		refreshOn := 40 * time.Minute
		src := azcredential.New(fake(func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			time.Sleep(time.Second)
			last = o
			if fail != nil {
				n.Add(1)
				return azcore.AccessToken{}, fail
			}
			return azcore.AccessToken{Token: fmt.Sprint("token-", n.Add(1)), ExpiresOn: time.Now().Add(time.Hour), RefreshOn: time.Now().Add(refreshOn)}, nil
		}), &azcredential.Options{Scopes: []string{"s"}, TenantID: "t"})
		get := func(want string) *oauth2.Token {
			t.Helper()
			tok, err := src.Token(t.Context())
			if err != nil || tok.AccessToken != want || !tok.Valid() {
				t.Fatalf("%v, %v, want %s", tok, err, want)
			}
			return tok
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { get("token-1") })
		}
		wg.Wait()
		if n.Load() != 1 || last.Scopes[0] != "s" || last.TenantID != "t" || last.EnableCAE {
			t.Errorf("%d requests, %+v", n.Load(), last)
		}
		time.Sleep(refreshOn - 2*time.Second)
		get("token-1")
		time.Sleep(2 * time.Second)
		tok := get("token-2")
		src.Reject(t.Context(), &oauth2.Token{AccessToken: "another"}, "{}")
		get("token-2")
		src.Reject(t.Context(), tok, `{"access_token":{}}`)
		get("token-3")
		if last.Claims != `{"access_token":{}}` || !last.EnableCAE {
			t.Errorf("claims were not passed on: %+v", last)
		}
		fail = errors.New("out of order")
		time.Sleep(refreshOn + time.Second)
		get("token-3") // still valid: the failure does not hurt yet
		calls := n.Load()
		get("token-3")
		if n.Load() != calls {
			t.Error("a failing credential is asked again at once")
		}
		time.Sleep(time.Hour)
		if _, err := src.Token(t.Context()); !errors.Is(err, fail) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { _, _ = src.Token(t.Context()) })
		synctest.Wait()
		cancel()
		if _, err := src.Token(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a waiter does not leave: %v", err)
		}
		wg.Wait()
		fail = nil
		if r, err := src.RefreshWithClaims(t.Context(), nil, `{"a":1}`); err != nil || last.Claims != `{"a":1}` || r.RefreshToken != "" {
			t.Errorf("%v, %v", r, err)
		}
	})
}

func TestNothingIsPrinted(t *testing.T) {
	src := azcredential.New(fake(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "canary", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}), nil)
	if _, err := src.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{src, azcredential.Credential(src)} {
		if s := fmt.Sprintf("%v %+v %#v %s %d", v, v, v, v, v); strings.Contains(s, "canary") {
			t.Errorf("%.200s", s)
		}
	}
}

// The other way round: our source as an Azure credential.
func TestCredential(t *testing.T) {
	az, err := azuretest.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer az.Close()
	cfg := &azureoauth.Config{ClientID: azuretest.DefaultClientID, ClientSecret: azuretest.DefaultClientSecret, AuthURL: az.AuthURL(), TokenURL: az.TokenURL(),
		Scopes: []string{"full_access_as_app"}, AllowLoopbackHTTP: true}
	cred := azcredential.Credential(cfg.AppSource())
	first, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := az.Verify(first.Token); err != nil || time.Until(first.ExpiresOn) < time.Hour || !first.RefreshOn.Before(first.ExpiresOn) {
		t.Errorf("%v, %v", first.ExpiresOn, err)
	}
	second, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Claims: `{"access_token":{"nbf":{"essential":true}}}`})
	if err != nil || second.Token == first.Token {
		t.Errorf("the challenge brought no new token: %v", err)
	}
	reqs := az.Requests()
	if got := reqs[len(reqs)-1].Form["claims"]; len(got) != 1 {
		t.Errorf("claims %v", got)
	}
}

// A hundred waiters share one failure, as they share one token; who left himself leaves no failure behind.
func TestSourceFailsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		broken := errors.New("out of order")
		src := azcredential.New(fake(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			n.Add(1)
			select {
			case <-ctx.Done():
				return azcore.AccessToken{}, ctx.Err()
			case <-time.After(time.Second):
				return azcore.AccessToken{}, broken
			}
		}), nil)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := src.Token(t.Context()); !errors.Is(err, broken) {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("%d requests", n.Load())
		}
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { _, _ = src.Token(ctx) })
		synctest.Wait()
		wg.Go(func() {
			if _, err := src.Token(t.Context()); !errors.Is(err, broken) {
				t.Errorf("another caller's end: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		if n.Load() != 3 {
			t.Errorf("%d requests", n.Load())
		}
	})
}
