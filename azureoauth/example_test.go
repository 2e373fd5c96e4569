package azureoauth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/azureoauth"
)

// save stands for the application's token store; package tokenstore is one.
func save(context.Context, *oauth2.Token) error { return nil }

// The fields of a mail server settings page, checked before anything is sent.
func ExampleConfig_Validate() {
	scopes, err := azureoauth.ParseScopes("EWS.AccessAsUser.All,offline_access")
	if err != nil {
		log.Fatal(err)
	}
	cfg := &azureoauth.Config{
		ClientID:     "1b2f6c3e-8a54-4c0e-9d7b-2f5e8c1a9b40",
		ClientSecret: "0f4dc1a2-11d0-4a43-9f4e-4d6f4f3c8c55", // the secret's ID instead of its value
		AuthURL:      "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize",
		TokenURL:     "https://login.microsoftonline.com/contoso.com/oauth2/token",
		RedirectURL:  "https://helpdesk.contoso.com/oauth/callback",
		Scopes:       scopes,
	}
	var wrong *azureoauth.ConfigError
	if errors.As(cfg.Validate(), &wrong) {
		for _, p := range wrong.Problems {
			fmt.Println(p)
		}
	}
	// Output:
	// Client secret: is a GUID, which is the Secret ID and not the secret; paste the secret's Value from Certificates & secrets (it is shown only once, when created)
	// Token URL: is the v1 endpoint; use the v2 endpoint, which ends in /oauth2/v2.0/token
}

// What an admin types is kept; what is sent names Exchange as the resource.
func ExampleConfig_RequestScopes() {
	cfg := pasted()
	sent, err := cfg.RequestScopes()
	fmt.Println(cfg.Scopes)
	fmt.Println(sent, err)
	// Output:
	// [EWS.AccessAsUser.All offline_access]
	// [https://outlook.office365.com/EWS.AccessAsUser.All offline_access] <nil>
}

// A web application: two routes.
func ExampleHandler() {
	cfg := pasted()
	h, err := azureoauth.NewHandler(cfg, &azureoauth.HandlerOptions{
		OnSignIn: func(ctx context.Context, s *azureoauth.SignIn) error { return save(ctx, s.Token) },
		Begin: func(r *http.Request) (*azureoauth.SignInOptions, error) {
			return &azureoauth.SignInOptions{ExpectedAccount: "helpdesk@contoso.com", ReturnTo: "/settings"}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /connect", h.Start)
	mux.HandleFunc("/oauth/callback", h.Callback) // the path of cfg.RedirectURL
}

// A program on somebody's machine: the browser opens, and comes back to a port of this machine.
func ExampleConfig_SignInLoopback() {
	cfg := pasted()
	cfg.RedirectURL = "http://localhost"
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := cfg.SignInLoopback(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in:", s.Account.Username)
}

// Where no browser can be opened, the URL is printed.
func ExampleConfig_SignInLoopback_print() {
	cfg := pasted()
	cfg.RedirectURL = "http://localhost"
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	_, err := cfg.SignInLoopback(ctx, &azureoauth.LoopbackOptions{
		Open: func(ctx context.Context, url string) error {
			if azureoauth.OpenBrowser(ctx, url) != nil {
				fmt.Fprintln(os.Stderr, "Open this page in a browser on this machine:", url)
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
}

// A machine without a browser.
func ExampleConfig_DeviceAuth() {
	cfg, ctx := pasted(), context.Background()
	d, err := cfg.DeviceAuth(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Message)
	s, err := cfg.DeviceToken(ctx, d)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in:", s.Account.Username)
}

// No person at all: the application's own permission, granted by an administrator.
func ExampleConfig_AppSource() {
	cfg := pasted()
	cfg.Scopes = []string{"full_access_as_app"}
	src := cfg.AppSource() // give it to ews.Config, and impersonate a mailbox
	tok, err := src.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid until", tok.Expiry)
}

// Another cloud, by name and tenant.
func ExampleConfig_cloud() {
	cfg := pasted()
	cfg.AuthURL, cfg.TokenURL = "", "" // made of the two below
	cfg.Cloud, cfg.TenantID = azureoauth.CloudGCCHigh, "agency.example"

	fmt.Println(cfg.RequestScopes())
	// Output:
	// [https://outlook.office365.us/EWS.AccessAsUser.All offline_access] <nil>
}

// AD FS with Exchange Server: its own endpoints, and the EWS URL as the resource.
func ExampleConfig_adfs() {
	cfg := pasted()
	cfg.AuthURL = "https://adfs.contoso.com/adfs/oauth2/authorize"
	cfg.TokenURL = "https://adfs.contoso.com/adfs/oauth2/token"
	cfg.Resource = "https://mail.contoso.com/EWS/Exchange.asmx" // with Entra's URLs: a hybrid deployment

	fmt.Println(cfg.Validate())
	// Output:
	// <nil>
}

// The page on which an administrator consents for everybody. Its answer comes to the redirect URL.
func ExampleConfig_AdminConsentURL() {
	cfg := pasted()
	state := rand.Text() // keep it in a cookie of the browser
	page, err := cfg.AdminConsentURL(state)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("open", page)
	_ = func(w http.ResponseWriter, r *http.Request) {
		if _, err := cfg.AdminConsent(state, r); err != nil {
			fmt.Fprintln(w, "not consented")
		}
	}
}

// A certificate instead of a secret.
func ExampleParseCertificate() {
	cfg := pasted()
	file, err := os.ReadFile("helpdesk.pfx")
	if err != nil {
		log.Fatal(err)
	}
	cert, err := azureoauth.ParseCertificate(file, azureoauth.Secret(os.Getenv("PFX_PASSWORD")))
	if err != nil {
		log.Fatal(err)
	}
	cfg.ClientSecret, cfg.Credential = "", cert
}

// A Kubernetes pod with workload identity federation.
func ExampleAssertionFile() {
	cfg := pasted()
	cfg.ClientSecret, cfg.Credential = "", azureoauth.AssertionFile(os.Getenv("AZURE_FEDERATED_TOKEN_FILE"))
}

// What to do about a failed refresh.
func ExampleConfig_Refresh() {
	cfg, ctx := pasted(), context.Background()
	var old *oauth2.Token // as stored
	tok, err := cfg.Refresh(ctx, old)
	var e *azureoauth.Error
	switch {
	case err == nil:
		_ = save(ctx, tok) // before the access token is used
	case errors.Is(err, azureoauth.ErrSignInRequired):
		fmt.Println("show a banner: somebody must sign in again")
	case errors.Is(err, azureoauth.ErrBadCredential) && errors.As(err, &e):
		fmt.Println("tell the admin:", e.Advice())
	case errors.Is(err, azureoauth.ErrTemporary) && errors.As(err, &e):
		fmt.Println("try again in", e.RetryDelay())
	}
}

// The way to Microsoft Graph: same sign-in, another resource.
func ExampleConfig_TokenFor() {
	cfg, ctx := pasted(), context.Background()
	var stored *oauth2.Token
	tok, err := cfg.TokenFor(ctx, stored, "https://graph.microsoft.com/Mail.ReadWrite")
	if err != nil {
		log.Fatal(err)
	}
	_ = save(ctx, tok) // its refresh token replaces the old one
}

// Explaining a number from a log.
func ExampleExplainNumber() {
	x, _ := azureoauth.ExplainNumber("AADSTS7000222")
	fmt.Println(x.Cause)
	fmt.Println(x.Remedy)
	// Output:
	// the client secret expired
	// credential
}

// A doctor's report for an admin.
func ExampleDiagnose() {
	cfg := pasted()
	report := azureoauth.Diagnose(context.Background(), cfg, nil, &azureoauth.DiagnoseOptions{EWSURL: "https://outlook.office365.com/EWS/Exchange.asmx"})
	fmt.Print(report)
}
