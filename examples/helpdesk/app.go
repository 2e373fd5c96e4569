package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/tokenstore"
)

// app is the application. What the settings make stands in one connection, which is replaced as a whole.
type app struct {
	store  tokenstore.Store
	base   *url.URL
	log    *slog.Logger
	tenant *demo.Tenant // nil without the demo
	signIn *azureoauth.Handler

	mu   sync.Mutex // never held across I/O
	conn *connection
}

// connection is a registration in use: its tokens and its mailbox.
type connection struct {
	settings settings
	version  string
	config   *azureoauth.Config // nil while the settings are incomplete
	tokens   *tokenstore.Source
	client   *ews.Client
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
	if a.tenant != nil && (version == "" || s.Demo) {
		s = demoSettings(a.tenant)
		if version, err = save(ctx, a.store, s, version); err != nil {
			return err
		}
	}
	c, err := a.connect(s, version)
	if err != nil {
		return err
	}
	a.conn = c
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
	return err
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

// connect makes a connection of settings. Wrong settings give one without a registration.
func (a *app) connect(s settings, version string) (*connection, error) {
	c := &connection{settings: s, version: version}
	config, wrong := a.config(s)
	if len(wrong) > 0 {
		return c, nil
	}
	c.config = config
	c.tokens = tokenstore.NewSource(a.store, s.record(), config, &tokenstore.SourceOptions{
		Logger: a.log,
		OnReauthRequired: func(context.Context, tokenstore.Status) {
			a.log.Warn("somebody must sign in again", "mailbox", s.Mailbox)
		},
	})
	client, err := ews.NewClient(ews.Config{Endpoint: s.EWSURL, Token: c.tokens, ClientID: s.ClientID, AllowLoopbackHTTP: a.tenant != nil, Logger: a.log,
		Mailbox: ownAddress(s), Retry: &ews.RetryPolicy{MaxWait: 20 * time.Second}}) // a person waits for the page
	if err != nil {
		return nil, err
	}
	c.client = client
	return c, nil
}

func ownAddress(s settings) string {
	if s.Shared {
		return ""
	}
	return s.Mailbox
}

func (c *connection) mailbox() *ews.Mailbox {
	if c.settings.Shared {
		return c.client.Shared(c.settings.Mailbox)
	}
	return c.client.Own()
}

// close lets a refresh that is under way be saved.
func (c *connection) close(log *slog.Logger) {
	if c.config == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.tokens.Close(ctx); err != nil {
		log.Error("closing the token source", "error", err)
	}
	c.client.Close()
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
	old.close(a.log)
}

func (a *app) close() { a.current().close(a.log) }

// signedIn stores the tokens of a finished sign-in; the Handler shows its error.
func (a *app) signedIn(ctx context.Context, s *azureoauth.SignIn) error {
	c, err := a.connectionOf(s.Options.Registration)
	if err != nil {
		return err
	}
	return c.tokens.SignIn(ctx, s.Token, tokenstore.Account{
		Username: s.Account.Username, TenantID: s.Account.TenantID, ClientID: c.settings.ClientID, Scopes: c.config.Scopes, Granted: s.Scopes,
	})
}

// noToken stands in where settings are checked only.
type noToken struct{}

func (noToken) Token(context.Context) (*oauth2.Token, error) { return nil, errNotConfigured }
