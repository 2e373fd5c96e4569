package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// The account of the demo tenant, and its app registration.
const (
	Mailbox      = "support@harbour-it.example"
	ClientID     = azuretest.DefaultClientID
	ClientSecret = azuretest.DefaultClientSecret
)

// seed is fixed, so that a demo tenant started later, in another process, honours the tokens that an earlier one issued.
const seed = "ewsmail demo tenant"

// Options of a Tenant. nil and zero values are the defaults.
type Options struct {
	Mail        []Message // nil: none; Mail() is the demo mail
	Interactive bool      // the sign-in page waits for a person to click instead of approving by itself

	AccessTokenLifetime time.Duration // 0: an hour

	// Fault lets something go wrong; "" is none. See Faults.
	Fault string
}

// Tenant is a running demo tenant.
type Tenant struct {
	Entra    *azuretest.Server
	Exchange *ewstest.Server
	Inbox    *ewstest.Mailbox

	fault fault
}

// Start starts both servers and delivers the mail. Close it.
func Start(o *Options) (*Tenant, error) {
	if o == nil {
		o = &Options{}
	}
	fault, err := findFault(o.Fault)
	if err != nil {
		return nil, err
	}
	lifetime := o.AccessTokenLifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	entra, err := azuretest.NewServer(&azuretest.Options{
		Seed:                seed,
		AccessTokenLifetime: lifetime,
		Interactive:         o.Interactive,
		Users:               []azuretest.User{{UPN: Mailbox, Email: Mailbox, Name: "Harbour IT Support", ObjectID: "9d0f7a52-4f3e-4a58-8f0b-0f6f3c1f2a77"}},
	})
	if err != nil {
		return nil, err
	}
	t := &Tenant{Entra: entra, fault: fault}
	t.Exchange = ewstest.NewServer(&ewstest.Options{Verify: t.verify, IllegalCharacters: true})
	t.Inbox = t.Exchange.AddMailbox(Mailbox)
	t.Inbox.SetName("Harbour IT Support")
	if err := t.deliver(o.Mail); err != nil {
		t.Close()
		return nil, err
	}
	if fault.begin != nil {
		fault.begin(t)
	}
	return t, nil
}

// verify is how Exchange decides about a token: who issued it, whom for, and whether it still holds.
func (t *Tenant) verify(_ context.Context, bearer string) (ewstest.Identity, error) {
	info, err := t.Entra.Verify(bearer)
	switch {
	case info.Expires.IsZero():
		return ewstest.Identity{}, ewstest.ErrTokenInvalid
	case err != nil:
		return ewstest.Identity{}, ewstest.ErrTokenExpired
	case info.Audience != azuretest.ResourceExchange:
		return ewstest.Identity{}, ewstest.ErrInvalidAudience
	}
	return ewstest.Identity{
		UPN:     info.UPN,
		AppOnly: info.AppOnly,
		AppID:   info.AppID,
		Denied:  len(info.Scopes) == 0 && len(info.Roles) == 0,
	}, nil
}

// deliver puts the mail into the inbox in its order, a second apart: a mailbox is listed by the time of receipt.
func (t *Tenant) deliver(mail []Message) error {
	received := time.Now().Add(-time.Duration(len(mail)) * time.Second).Truncate(time.Second)
	for i, m := range mail {
		r, err := m.Open()
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if _, err := t.Inbox.Deliver(raw, &ewstest.DeliverOptions{Received: received.Add(time.Duration(i) * time.Second)}); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

// Approve is what a person's browser does with the sign-in page, without the person: it fits
// azureoauth.LoopbackOptions.Open.
func (t *Tenant) Approve(ctx context.Context, page string) error {
	if t.fault.browse != nil {
		return t.fault.browse(ctx, page)
	}
	return azuretest.Browser(ctx, page)
}

// Close stops both servers.
func (t *Tenant) Close() {
	t.Exchange.Close()
	t.Entra.Close()
}
