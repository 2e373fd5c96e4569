//go:build unix

package processes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
)

// config is the app registration at azuretest behind the given origin.
func config(origin string) *azureoauth.Config {
	const path = "/" + azuretest.DefaultTenantID + "/oauth2/v2.0/"
	return &azureoauth.Config{
		ClientID: azuretest.DefaultClientID, ClientSecret: azuretest.DefaultClientSecret,
		AuthURL: origin + path + "authorize", TokenURL: origin + path + "token", RedirectURL: "http://localhost",
		Scopes: []string{"EWS.AccessAsUser.All", "offline_access"}, AllowLoopbackHTTP: true,
	}
}

// sayWho tells the server which process asks.
type sayWho struct{}

const pidHeader = "X-Test-Pid"

func (sayWho) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(pidHeader, strconv.Itoa(os.Getpid()))
	return http.DefaultTransport.RoundTrip(r)
}

// strictIdP is azuretest with revocation of the family on reuse (RFC 9700 section 4.14.2), behind a proxy that counts.
type strictIdP struct {
	*httptest.Server
	az *azuretest.Server

	mu                sync.Mutex
	requests, refused int
	newest            string // access token
	held              func(pid int)
}

func newIdP(t *testing.T) *strictIdP {
	az, err := azuretest.NewServer(&azuretest.Options{Rotation: azuretest.RotateRevokeFamily})
	require.NoError(t, err)
	t.Cleanup(az.Close)
	p := &strictIdP{az: az}
	origin, err := url.Parse(az.URL)
	require.NoError(t, err)
	p.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(origin) },
		Transport:      az.Transport(),
		ModifyResponse: p.answered,
	})
	t.Cleanup(p.Close)
	return p
}

func (p *strictIdP) signIn(t *testing.T) *oauth2.Token {
	t.Helper()
	s, err := config(p.az.URL).SignInLoopback(t.Context(), &azureoauth.LoopbackOptions{Open: azuretest.Browser})
	require.NoError(t, err)
	return s.Token
}

// answered sees each answer before the client does.
func (p *strictIdP) answered(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var tok oauth2.Token
	p.mu.Lock()
	p.requests++
	if resp.StatusCode == http.StatusOK && json.Unmarshal(body, &tok) == nil && tok.RefreshToken != "" {
		p.newest = tok.AccessToken
	} else {
		p.refused++
	}
	held := p.held
	p.held = nil
	p.mu.Unlock()
	if held != nil {
		pid, err := strconv.Atoi(resp.Request.Header.Get(pidHeader))
		if err != nil {
			return err
		}
		held(pid)
	}
	return nil
}

// A process is stopped for longer than the lease, which is longer than a busy machine takes between two steps.
const (
	shortLease = 3 * time.Second
	stopped    = 5 * time.Second
)

// stopHolder stops the process that refreshes next by SIGSTOP before it gets its answer, for longer than Redis' lease.
// The signal stops a process thread by thread: the answer waits for the last of them, which a busy machine takes its time for.
func (p *strictIdP) stopHolder(t *testing.T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = func(pid int) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Error(err)
		}
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		for errors.Is(err, syscall.EINTR) {
			_, err = syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		}
		if err != nil || !status.Stopped() {
			t.Errorf("process %d is not stopped: status %#x, %v", pid, status, err)
		}
		time.AfterFunc(stopped, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	}
}

// take returns the counts since it was last called, and the newest access token.
func (p *strictIdP) take() (requests, refused int, newest string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests, refused = p.requests, p.refused
	p.requests, p.refused = 0, 0
	return requests, refused, p.newest
}
