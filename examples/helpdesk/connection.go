package main

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/tokenstore"
)

// connection is a registration in use: its tokens, its mailbox, and what works on it.
type connection struct {
	settings settings
	version  string
	config   *azureoauth.Config // nil while the settings are incomplete, and the rest with it
	tokens   *tokenstore.Source
	client   *ews.Client
	desk     *desk
	since    time.Time // of the sign-in that the work goes on with; guarded by app.take
}

// connect makes a connection of settings. Wrong settings give one without a registration.
func (a *app) connect(ctx context.Context, s settings, version string) (*connection, error) {
	c := &connection{settings: s, version: version}
	config, wrong := a.config(s)
	if len(wrong) > 0 {
		return c, nil
	}
	c.config = config
	c.tokens = tokenstore.NewSource(a.store, s.record(), config, &tokenstore.SourceOptions{
		Logger: a.log,
		Watch:  true, // another instance's sign-in or disconnect counts here at once
		OnReauthRequired: func(context.Context, tokenstore.Status) {
			a.log.Warn("somebody must sign in again", "mailbox", s.Mailbox)
		},
	})
	client, err := ews.NewClient(ews.Config{Endpoint: s.EWSURL, Token: c.tokens, ClientID: s.ClientID, AllowLoopbackHTTP: a.tenant != nil, Logger: a.log,
		Mailbox: ownAddress(s), Retry: &a.retry})
	if err != nil {
		return nil, err
	}
	c.client = client
	if c.desk, err = a.newDesk(ctx, c); err != nil {
		c.close(a.log)
		return nil, err
	}
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

// close ends the work first, then lets a refresh that is under way be saved.
func (c *connection) close(log *slog.Logger) {
	if c.config == nil {
		return
	}
	if c.desk != nil {
		c.desk.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.tokens.Close(ctx); err != nil {
		log.Error("closing the token source", "error", err)
	}
	c.client.Close()
}

// resume has the work go on if, and only if, somebody has connected the mailbox. After a new sign-in it begins anew, so that nothing waits out its
// pauses. It is called with app.take.
func (a *app) resume(ctx context.Context, c *connection) error {
	if c.config == nil {
		return nil
	}
	status, err := c.tokens.Status(ctx)
	if err != nil {
		return err
	}
	if !status.SignedIn || !status.SignedInAt.Equal(c.since) {
		c.desk.stop()
	}
	if status.SignedIn {
		c.desk.start()
	}
	c.since = status.SignedInAt
	return nil
}

// noToken stands in where settings are checked only.
type noToken struct{}

func (noToken) Token(context.Context) (*oauth2.Token, error) { return nil, errNotConfigured }
