package demo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/tokenstore"
)

// The three functions below stand in README, word for word.

func connect(ctx context.Context) (*ews.Mailbox, error) {
	scopes, err := azureoauth.ParseScopes("EWS.AccessAsUser.All,offline_access")
	if err != nil {
		return nil, err
	}
	registration := &azureoauth.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: azureoauth.Secret(os.Getenv("CLIENT_SECRET")),
		AuthURL:      "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/authorize",
		TokenURL:     "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token",
		RedirectURL:  "http://localhost",
		Scopes:       scopes,
	}

	key, err := tokenstore.ParseKey(os.Getenv("TOKEN_KEY")) // openssl rand -hex 32
	if err != nil {
		return nil, err
	}
	keyring, err := tokenstore.NewKeyring(key)
	if err != nil {
		return nil, err
	}
	files, err := tokenstore.NewFileStore("/var/lib/helpdesk/tokens", nil)
	if err != nil {
		return nil, err
	}
	tokens := tokenstore.NewSource(tokenstore.Encrypt(files, keyring), "help@example.com", registration, nil)

	if _, err := tokens.Token(ctx); errors.Is(err, tokenstore.ErrNeedsSignIn) { // once, and again when the grant is revoked
		signIn, err := registration.SignInLoopback(ctx, nil) // a web application uses azureoauth.Handler
		if err != nil {
			return nil, err
		}
		if err := tokens.SignIn(ctx, signIn.Token, tokenstore.Account{Username: signIn.Account.Username}); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}

	client, err := ews.NewClient(ews.Config{Endpoint: ews.EndpointWorldwide, Token: tokens})
	if err != nil {
		return nil, err
	}
	return client.Own(), nil // or client.Shared("help@example.com")
}

func read(ctx context.Context, mailbox *ews.Mailbox) error {
	for msg, err := range mailbox.Messages(ctx, ews.Inbox, &ews.Query{UnreadOnly: true, OldestFirst: true}) {
		if err != nil {
			return err
		}
		fmt.Println(msg.From.Email, msg.Subject)
		for _, a := range msg.Attachments {
			content, err := mailbox.Attachment(ctx, a.ID) // streamed: a large one costs no memory
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, content)
			content.Close()
			if err != nil {
				return err
			}
			fmt.Println("  ", a.Name, n, "bytes")
		}
	}
	return nil
}

func reply(ctx context.Context, mailbox *ews.Mailbox, msg *ews.Message) error {
	text := ews.Body{Text: "We are on it. Your ticket is #4711."}
	_, err := mailbox.Reply(ctx, msg.ID, &ews.Answer{Body: text, Subject: "[#4711] " + msg.Subject})
	if ews.MaybeApplied(err) {
		return fmt.Errorf("ask a person to look into Sent Items before trying again: %w", err)
	} else if err != nil {
		return err
	}
	if err := mailbox.SetRead(ctx, true, msg.ID); err != nil {
		return err
	}
	processed, err := mailbox.EnsureFolder(ctx, ews.Inbox, "Processed")
	if err != nil {
		return err
	}
	_, err = mailbox.Move(ctx, processed.ID, msg.ID)
	return err
}

// mailboxOf opens a demo mailbox without a sign-in: any token will do.
func mailboxOf(names ...string) (*ews.Mailbox, *ewstest.Server, error) {
	server := ewstest.NewServer(nil)
	inbox := server.AddMailbox(demo.Mailbox)
	for _, m := range demo.Mail() {
		for _, name := range names {
			if strings.HasPrefix(m.Name, name) {
				r, err := m.Open()
				if err != nil {
					return nil, nil, err
				}
				raw, err := io.ReadAll(r)
				r.Close()
				if err != nil {
					return nil, nil, err
				}
				if _, err := inbox.Deliver(raw, nil); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	client, err := ews.NewClient(ews.Config{
		Endpoint: server.Endpoint(), AllowLoopbackHTTP: true, Token: ews.FromOAuth2(demoToken{}),
	})
	if err != nil {
		return nil, nil, err
	}
	return client.Own(), server, nil
}

type demoToken struct{}

func (demoToken) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: "demo"}, nil }

func Example_connect() {
	// Not run: it needs a tenant. examples/mailfetch does the same on a demo tenant.
	mailbox, err := connect(context.Background())
	fmt.Println(mailbox.Address(), err)
}

func Example_read() {
	mailbox, server, err := mailboxOf("31")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	if err := read(context.Background(), mailbox); err != nil {
		fmt.Println(err)
	}
	// Output:
	// scanner@meadow-clinic.example Scan to mail
	//    DOC20260304112109.PDF 593 bytes
}

func Example_reply() {
	ctx := context.Background()
	mailbox, server, err := mailboxOf("21")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	for msg, err := range mailbox.Messages(ctx, ews.Inbox, nil) {
		if err == nil {
			err = reply(ctx, mailbox, msg)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	sent := server.Mailbox(demo.Mailbox).Items("sentitems")[0]
	fmt.Println(sent.To, sent.Subject)
	fmt.Println("in reply to", sent.InReplyTo)
	// Output:
	// [mei.tanaka@orchard-health.example] [#4711] Re: [Case 8831] Re: VPN drops every ten minutes
	// in reply to <vpn.9@orchard-health.example>
}

// Code that people copy out of README is code that compiles and runs.
func TestReadmeShowsTheseExamples(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, name := range []string{"readme_test.go", "readme_tickets_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	// The ways in are examples of azureoauth, and checked there.
	before, rest, _ := strings.Cut(string(readme), "\n## Ways in\n")
	_, after, _ := strings.Cut(rest, "\n## ")
	blocks := strings.Split(before+after, "```go\n")[1:]
	if len(blocks) != 4 {
		t.Errorf("%d code blocks, want connect, read, reply, and tickets with answer", len(blocks))
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("this block is not in readme_test.go:\n%s", code)
		}
	}
}
