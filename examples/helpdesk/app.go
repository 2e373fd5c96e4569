package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/tokenstore"
)

// app is the application. What the settings make stands in one connection, which is replaced as a whole.
type app struct {
	options
	store  tokenstore.Store
	db     *database
	base   *url.URL
	signIn *azureoauth.Handler

	turn chan struct{} // of those who begin and end connections; see take

	mu   sync.Mutex // never held across I/O
	conn *connection

	following sync.WaitGroup
	unfollow  context.CancelFunc
}

const callbackPath = "/oauth/callback"

func (a *app) redirectURL() string { return a.base.String() + callbackPath }

// open reads the settings and prepares sign-in.
func (a *app) open(ctx context.Context) error {
	s, version, err := load(ctx, a.store)
	if err != nil {
		return err
	}
	if a.tenant == nil && s.Demo {
		s = defaults() // the demo tenant ended with the program that had it
	}
	if a.tenant != nil && (version == "" || s.Demo && !s.ofTenant(a.tenant)) {
		s = demoSettings(a.tenant)
		if version, err = save(ctx, a.store, s, version); err != nil {
			return err
		}
	}
	done, err := a.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	c, err := a.connect(ctx, s, version)
	if err != nil {
		return err
	}
	a.replace(c)
	if err := a.resume(ctx, c); err != nil {
		a.log.Warn("whether the mailbox is signed in cannot be told; it is fetched once somebody connects", "error", err)
	}
	a.signIn, err = azureoauth.NewHandler(nil, &azureoauth.HandlerOptions{
		Lookup: func(_ context.Context, version string) (*azureoauth.Config, error) {
			c, err := a.connectionOf(version)
			if err != nil {
				return nil, err
			}
			return c.config, nil
		},
		Begin: func(*http.Request) (*azureoauth.SignInOptions, error) {
			c := a.current()
			o := &azureoauth.SignInOptions{ReturnTo: "/", LoginHint: c.settings.Mailbox, Registration: c.version}
			if c.settings.Shared {
				o.LoginHint = ""
			} else {
				o.ExpectedAccount = c.settings.Mailbox
			}
			return o, nil
		},
		OnSignIn: a.signedIn,
		Failure:  a.signInFailed,
	})
	if err != nil {
		c.close(a.log)
		return err
	}
	fctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.unfollow = cancel
	a.following.Go(func() { a.follow(fctx) })
	return nil
}

var (
	errNotConfigured   = errors.New("the settings are not complete yet")
	errSettingsChanged = errors.New("the settings were changed while somebody signed in")
)

// connectionOf is the connection, if it is still that of the settings a sign-in was begun with: the account was checked
// against their mailbox, and its tokens must not become another one's.
func (a *app) connectionOf(version string) (*connection, error) {
	switch c := a.current(); {
	case c.config == nil:
		return nil, errNotConfigured
	case c.version != version:
		return nil, errSettingsChanged
	default:
		return c, nil
	}
}

// take waits until nobody else begins or ends a connection: a disconnect and a sign-in at the same time must not leave work without
// a token behind.
func (a *app) take(ctx context.Context) (done func(), err error) {
	select {
	case a.turn <- struct{}{}:
		return func() { <-a.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *app) current() *connection {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conn
}

func (a *app) replace(c *connection) {
	a.mu.Lock()
	old := a.conn
	a.conn = c
	a.mu.Unlock()
	if old != nil {
		old.close(a.log)
	}
}

func (a *app) close() {
	a.unfollow()
	a.following.Wait()
	a.current().close(a.log)
}

// signedIn stores the tokens of a finished sign-in; the Handler shows its error.
func (a *app) signedIn(ctx context.Context, s *azureoauth.SignIn) error {
	done, err := a.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	c, err := a.connectionOf(s.Options.Registration)
	if err != nil {
		return err
	}
	if err := c.tokens.SignIn(ctx, s.Token, tokenstore.Account{
		Username: s.Account.Username, TenantID: s.Account.TenantID, ClientID: c.settings.ClientID, Scopes: c.config.Scopes, Granted: s.Scopes,
	}); err != nil {
		return err
	}
	if err := a.resume(ctx, c); err != nil { // the tokens are stored all the same
		a.log.Warn("whether the mailbox is signed in cannot be told", "error", err)
		c.desk.start()
	}
	return nil
}
