package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

func Example() {
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	files, err := tokenstore.NewFileStore(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	key, err := tokenstore.ParseKey("6d15f1a7e0c84f1d8c1b2a3948576655443322110ffeeddccbbaa99887766554")
	if err != nil {
		log.Fatal(err)
	}
	ring, err := tokenstore.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	config := &oauth2.Config{ /* an app registration; better: an *azureoauth.Config */ }
	src := tokenstore.NewSource(tokenstore.Encrypt(files, ring), "helpdesk@example.com", tokenstore.FromConfig(config), nil)
	defer src.Close(context.Background())

	ctx := context.Background()
	_, err = src.Token(ctx)
	if errors.Is(err, tokenstore.ErrNeedsSignIn) {
		tok := (&idp{}).signIn() // the authorization code flow
		if err := src.SignIn(ctx, tok, tokenstore.Account{Username: "helpdesk@example.com"}); err != nil {
			log.Fatal(err)
		}
	}
	tok, err := src.Token(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tok.Type())
	// Output: Bearer
}

// A change of keys: the new key encrypts, the old one still decrypts, until every record is under the new one.
func ExampleRewrap() {
	ctx := context.Background()
	store := tokenstore.NewMemoryStore()
	oldKey, _ := tokenstore.NewKey("2026", []byte("0123456789abcdef0123456789abcdef"))
	newKey, _ := tokenstore.NewKey("2027", []byte("fedcba9876543210fedcba9876543210"))
	oldRing, _ := tokenstore.NewKeyring(oldKey)
	_, _ = tokenstore.Encrypt(store, oldRing).Put(ctx, "a", tokenstore.Record{Data: []byte("token")})

	ring, _ := tokenstore.NewKeyring(newKey, oldKey)
	report, err := tokenstore.Rewrap(ctx, store, ring, nil)
	fmt.Println(report.Rewrapped, err)

	onlyNew, _ := tokenstore.NewKeyring(newKey)
	fmt.Println(tokenstore.CheckKeys(ctx, store, onlyNew))
	// Output:
	// 1 <nil>
	// <nil>
}
