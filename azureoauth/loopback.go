package azureoauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// LoopbackOptions shape a sign-in of a terminal program. nil is the zero value.
type LoopbackOptions struct {
	SignInOptions
	// Open shows the sign-in page: it gets the URL and returns. nil: OpenBrowser. It runs in a goroutine of its own, so it
	// may also print the URL and wait, or fetch the page itself; its error ends the sign-in. It must return when ctx ends.
	Open func(ctx context.Context, url string) error
}

// SignInLoopback signs a person in from a program without a web server (RFC 8252 section 7.3): it listens on the redirect
// URL's port of the loopback interface, opens the sign-in page, waits for the browser to come back and exchanges the code.
// It returns when signed in, refused, or ctx ends (give it a deadline), and listens no longer then.
//
// RedirectURL is http://localhost, with or without port and path: without a port a free one is taken, which Entra accepts
// for every registered http://localhost URI. Empty means http://localhost. Stray requests (favicons, other programs, a
// wrong state) are answered and do not end the sign-in.
//
// Errors: those of FinishSignIn; *ConfigError, also when the port is taken; the ctx's; Open's.
func (c *Config) SignInLoopback(ctx context.Context, o *LoopbackOptions) (*SignIn, error) {
	if o == nil {
		o = &LoopbackOptions{}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	listeners, redirect, err := c.listenLoopback(ctx)
	if err != nil {
		return nil, err
	}
	opts := o.SignInOptions
	page, p, err := c.authCodeURL(&opts, redirect.String())
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, err
	}

	type outcome struct {
		s   *SignIn
		err error
	}
	done := make(chan outcome, 1)
	taken := make(chan struct{}, 1) // the one response that is exchanged
	srv := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, MaxHeaderBytes: 64 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			response, status := callbackValues(w, r, redirect.Path)
			if status != 0 {
				writePage(w, status, page404)
				return
			}
			// Before anything else: whoever does not know the state cannot end this sign-in.
			if !sameSecret(first(response["state"]), string(p.State)) {
				writePage(w, http.StatusBadRequest, pageStranger)
				return
			}
			select {
			case taken <- struct{}{}:
			default:
				writePage(w, http.StatusOK, pageAgain)
				return
			}
			s, err := c.FinishSignIn(ctx, p, response)
			if err != nil {
				writePage(w, http.StatusOK, failurePage(err, "Return to the program and try again."))
			} else {
				writePage(w, http.StatusOK, successPage(s.Account, "You can close this window and return to the program."))
			}
			done <- outcome{s, err}
		}),
	}
	for _, l := range listeners {
		go func() { _ = srv.Serve(l) }()
	}
	// The answer page is still on its way when the outcome is known: Shutdown waits for it, for a moment.
	defer func() {
		sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(sctx) != nil {
			_ = srv.Close()
		}
	}()

	octx, stop := context.WithCancel(ctx)
	open := o.Open
	if open == nil {
		open = OpenBrowser
	}
	opened := make(chan error, 1)
	go func() { opened <- open(octx, page) }()
	wait := opened
	defer func() {
		stop()
		if wait != nil {
			<-opened
		}
	}()
	for {
		select {
		case r := <-done:
			return r.s, r.err
		case err := <-wait:
			wait = nil
			if err != nil {
				select { // a page that fetched itself may fail after the sign-in is through
				case r := <-done:
					return r.s, r.err
				default:
				}
				return nil, fmt.Errorf("azureoauth: sign-in page: %w", err)
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("azureoauth: sign-in: nobody signed in: %w", context.Cause(ctx))
		}
	}
}

// listenLoopback listens where the browser will come back to.
func (c *Config) listenLoopback(ctx context.Context) ([]net.Listener, *url.URL, error) {
	raw := c.RedirectURL
	if raw == "" {
		raw = "http://localhost"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || !isLoopback(u.Hostname()) {
		return nil, nil, configProblem("RedirectURL", "is not a loopback address", "register http://localhost under Authentication, platform Mobile and desktop applications, and enter it here")
	}
	port := u.Port()
	if port == "" {
		port = "0"
	}
	// "localhost" is resolved by the browser, to 127.0.0.1 or ::1: listen on both where both exist.
	hosts := []string{u.Hostname()}
	if strings.EqualFold(u.Hostname(), "localhost") {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var lc net.ListenConfig
	var ls []net.Listener
	for i, h := range hosts {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(h, port))
		if err != nil {
			if i > 0 {
				break // no IPv6 here, or the port is another program's there: browsers fall back to IPv4
			}
			return nil, nil, fmt.Errorf("%w: %w", configProblem("RedirectURL", "its port cannot be listened on", "end the program that uses it, or register a redirect URL without a port"), err)
		}
		ls = append(ls, l)
		_, port, _ = net.SplitHostPort(l.Addr().String())
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return ls, u, nil
}

// OpenBrowser opens url in the person's browser. It returns an error that names the URL's host when there is no browser,
// as on a server; print the URL then.
func OpenBrowser(ctx context.Context, url string) error {
	var name string
	var args []string
	switch runtime.GOOS {
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	case "darwin":
		name, args = "open", []string{url}
	default:
		name, args = "xdg-open", []string{url}
	}
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return errors.New("azureoauth: only http and https pages are opened") // never hand another scheme to the system
	}
	if err := exec.CommandContext(ctx, name, args...).Run(); err != nil {
		return fmt.Errorf("azureoauth: no browser could be opened on this machine (%s): open the sign-in page by hand", name)
	}
	return nil
}
