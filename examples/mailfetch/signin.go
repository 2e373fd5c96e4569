package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/tokenstore"
)

// tokens is the mailbox's grant: who may read it, and the source of access tokens.
type tokens struct {
	config  *azureoauth.Config
	source  *tokenstore.Source
	account string // user name of whoever signed in
	remove  string // temporary store to delete at the end
}

// openTokens opens the encrypted store. It reads it, to find out now whether the key is right, and changes nothing.
func (p *program) openTokens(ctx context.Context) (*tokens, error) {
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	config.Logger = p.log
	t := &tokens{config: config}
	dir, text := p.store, p.key
	if dir == "" {
		// Without -store the tokens live as long as this run, in a store like any other.
		if t.remove, err = os.MkdirTemp("", "mailfetch-tokens-"); err != nil {
			return nil, fmt.Errorf("-store: %w; name a folder", err)
		}
		var key [tokenstore.KeySize]byte
		_, _ = rand.Read(key[:]) // never fails
		dir, text = filepath.Join(t.remove, "store"), hex.EncodeToString(key[:])
	}
	store, err := openStore(ctx, dir, text)
	if err != nil {
		return nil, both(err, t.removeStore())
	}
	t.source = tokenstore.NewSource(store, p.record(config.Scopes), config, &tokenstore.SourceOptions{Logger: p.log})
	return t, nil
}

// record is the name of the grant in the store. Whatever decides who gets to see its tokens, or what they are good for, is
// part of it: a registration that differs in any of that signs in for itself, instead of handing one tenant's tokens to
// another one's servers.
//
// The demo tenant's servers listen on other ports at every run and are the same servers nevertheless, because they honour
// each other's tokens: what stands for their URLs is the tenant's name.
func (p *program) record(scopes []string) string {
	servers := p.tenant
	if servers == "" {
		servers = p.tokenURL + "\n" + p.endpoint
	}
	sum := sha256.Sum256([]byte(servers + "\n" + strings.Join(scopes, " ")))
	name := p.clientID
	if p.mailbox != "" {
		name += " " + strings.ToLower(p.mailbox)
	}
	return name + " " + hex.EncodeToString(sum[:6])
}

func openStore(ctx context.Context, dir, text string) (tokenstore.Store, error) {
	key, err := tokenstore.ParseKey(text)
	if err != nil {
		return nil, wrongSetting{fmt.Errorf("-key: %w", err)}
	}
	keyring, err := tokenstore.NewKeyring(key)
	if err != nil {
		return nil, wrongSetting{fmt.Errorf("-key: %w", err)}
	}
	files, err := tokenstore.NewFileStore(dir, nil)
	if err != nil {
		return nil, wrongSetting{fmt.Errorf("-store: %w; name a folder of your own", err)}
	}
	switch err := tokenstore.CheckKeys(ctx, files, keyring); {
	case errors.Is(err, tokenstore.ErrUnknownKey), errors.Is(err, tokenstore.ErrWrongKey):
		return nil, wrongSetting{fmt.Errorf("-key: does not open the tokens in %s: %w; give the key they were stored with, or another -store", dir, err)}
	case errors.Is(err, tokenstore.ErrUnsafeFile): // names the fix
		return nil, wrongSetting{fmt.Errorf("-store: %w", err)}
	case errors.Is(err, tokenstore.ErrNotEncrypted):
		return nil, wrongSetting{fmt.Errorf("-store: %s holds tokens in clear, which mailfetch does not write: %w; name another folder", dir, err)}
	case err != nil: // the key has nothing to do with it
		return nil, fmt.Errorf("-store: the tokens in %s cannot be read: %w; restore the damaged file from a backup, or move it away and sign in again", dir, err)
	}
	return tokenstore.Encrypt(files, keyring), nil
}

// signIn makes sure that there is a token. A person is asked only when nobody signed in yet, or when the server
// refuses the refresh token.
func (p *program) signIn(ctx context.Context, t *tokens, open func(context.Context, string) error) error {
	_, err := t.source.Token(ctx)
	switch {
	case err == nil:
		status, err := t.source.Status(ctx)
		if err != nil {
			return err
		}
		t.account = status.Account.Username
		return nil
	case needsSignIn(err):
		return p.askPerson(ctx, t, open, err)
	}
	return err
}

// needsSignIn asks whichever package the error came from.
func needsSignIn(err error) bool {
	var n interface{ NeedsSignIn() bool }
	return errors.Is(err, tokenstore.ErrNeedsSignIn) || errors.As(err, &n) && n.NeedsSignIn()
}

// askPerson signs in with authorization code, PKCE and state, on a loopback redirect URI; why says what made it necessary.
func (p *program) askPerson(ctx context.Context, t *tokens, open func(context.Context, string) error, why error) error {
	if !errors.Is(why, tokenstore.ErrNoToken) {
		p.say("the stored sign-in is no longer accepted, a new one is needed: %s", line(why))
	}
	signIn, err := t.config.SignInLoopback(ctx, &azureoauth.LoopbackOptions{Open: open})
	if err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	p.report.SignIns++
	t.account = signIn.Account.Username
	return t.source.SignIn(ctx, signIn.Token, tokenstore.Account{
		Username: signIn.Account.Username,
		TenantID: signIn.Account.TenantID,
		ClientID: p.clientID,
		Scopes:   signIn.Scopes,
	})
}

// openPage shows the sign-in page to the person.
func (p *program) openPage(ctx context.Context, url string) error {
	p.say("sign in on this page: %s", url)
	if p.noBrowser {
		return nil
	}
	if err := azureoauth.OpenBrowser(ctx, url); err != nil {
		p.say("no browser could be opened (%v); open the page yourself", err)
	}
	return nil
}

// closeTokens waits for a token that is just being saved, counts, and removes a temporary store.
func (p *program) closeTokens(ctx context.Context, t *tokens) error {
	err := t.source.Close(context.WithoutCancel(ctx)) // what was refreshed must be saved, Ctrl-C or not
	p.report.Refreshes = int(t.source.Counters().Refreshes)
	return both(err, t.removeStore())
}

func (t *tokens) removeStore() error {
	if t.remove == "" {
		return nil
	}
	return os.RemoveAll(t.remove)
}
