package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// settings is what a settings page of a helpdesk would hold, and what a terminal program needs besides.
type settings struct {
	// The registration: as an administrator copies it from the Entra portal.
	clientID, clientSecret string
	authURL, tokenURL      string
	scope, redirectURL     string
	endpoint, mailbox      string
	public                 bool
	tenant                 string // see record

	store, key string

	out      string
	limit    int
	readOnly bool
	watch    bool
	json     bool
	verbose  bool
	patience time.Duration

	interactive, noBrowser bool

	demo          bool // no registration was given
	mail          string
	fault         string
	tokenLifetime time.Duration
}

// fromEnvironment are the flags that an environment variable can stand for: -client-id is MAILFETCH_CLIENT_ID. A secret
// given as a flag shows in the list of processes; in a variable or a file it does not.
var fromEnvironment = []string{
	"client-id", "client-secret", "auth-url", "token-url", "scope", "endpoint", "redirect-url", "mailbox", "public",
	"store", "key", "out",
}

// registration are the flags that describe a real tenant. Any of them makes the demo tenant stay away.
var registration = []string{"client-id", "client-secret", "auth-url", "token-url", "scope", "endpoint", "redirect-url", "mailbox", "public"}

const intro = `mailfetch signs in to an Exchange mailbox with OAuth, fetches its mail, answers one message and files all of it away.

Without a registration it runs against a demo tenant inside this process: a fake Entra, a fake Exchange and a mailbox
full of mail. With one it does the very same against a real tenant:

  mailfetch -client-id ID -client-secret file:secret.txt -auth-url URL -token-url URL \
            -endpoint https://outlook.office365.com/EWS/Exchange.asmx -store tokens -key file:key.hex -out mail

With -watch it stays, and fetches what arrives until Ctrl-C, through errors, outages and restarts.

Each flag of the registration, -store, -key and -out can be an environment variable: -client-id is MAILFETCH_CLIENT_ID.
The exit status is 0 if everything worked, 1 if something failed, 2 if the settings are wrong.

`

// errHelp: the usage was asked for and printed.
var errHelp = errors.New("help")

// parse reads flags and environment. The error has a line per mistake.
func parse(args []string, env func(string) string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("mailfetch", flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are printed once, by the caller

	f.StringVar(&s.clientID, "client-id", "", "Application (client) ID of the app registration")
	f.StringVar(&s.clientSecret, "client-secret", "", "`Value` of the client secret, or file:PATH; better as MAILFETCH_CLIENT_SECRET")
	f.StringVar(&s.authURL, "auth-url", "", "OAuth 2.0 authorization endpoint (v2) `URL`")
	f.StringVar(&s.tokenURL, "token-url", "", "OAuth 2.0 token endpoint (v2) `URL`")
	f.StringVar(&s.scope, "scope", azureoauth.DefaultScope, "permissions to ask for")
	f.StringVar(&s.redirectURL, "redirect-url", "http://localhost", "redirect `URI` as registered; http://localhost takes a free port")
	f.StringVar(&s.endpoint, "endpoint", "", "EWS `URL`, for Exchange Online "+ews.EndpointWorldwide)
	f.StringVar(&s.mailbox, "mailbox", "", "`address` of a shared mailbox; default: that of whoever signs in")
	f.BoolVar(&s.public, "public", false, "the registration is a public client: it has no secret")

	f.StringVar(&s.store, "store", "", "`folder` for the encrypted tokens; without it the next run signs in again")
	f.StringVar(&s.key, "key", "", "encryption `key` of -store: 32 bytes as hex or base64, a key file, or a passphrase (file:PATH and pass:TEXT say which); better as MAILFETCH_KEY")

	f.StringVar(&s.out, "out", "", "`folder` for the mail; default: a new temporary one")
	f.IntVar(&s.limit, "limit", 0, "fetch at most this many messages; 0: all")
	f.BoolVar(&s.readOnly, "read-only", false, "fetch only: answer nothing, mark nothing, move nothing")
	f.BoolVar(&s.watch, "watch", false, "stay, and fetch what arrives as well, until Ctrl-C; answers nothing. The next run goes on where this one ended")
	f.BoolVar(&s.json, "json", false, "print the result as JSON")
	f.BoolVar(&s.verbose, "v", false, "log every request to standard error (never tokens or contents)")
	f.DurationVar(&s.patience, "patience", time.Minute, "how long each call keeps trying when Exchange is busy or gone")

	f.BoolVar(&s.interactive, "interactive", false, "demo tenant: open the sign-in page in the browser instead of approving it unseen")
	f.BoolVar(&s.noBrowser, "no-browser", false, "print the sign-in page's address and open no browser")

	f.StringVar(&s.mail, "mail", "", "demo tenant: deliver every file of this `folder` instead of the demo mail")
	f.StringVar(&s.fault, "demo-fault", "", "demo tenant: let something go wrong; one of "+strings.Join(demo.Faults(), ", "))
	f.DurationVar(&s.tokenLifetime, "demo-token-lifetime", time.Hour, "demo tenant: how long an access token lives")

	err := f.Parse(args)
	s.json = s.json || asksForJSON(args) // parsing ends at the first mistake
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, intro)
		f.SetOutput(stderr)
		f.PrintDefaults()
		return s, errHelp
	case err != nil:
		return s, fmt.Errorf("%w; mailfetch -help lists all flags", err)
	case f.NArg() > 0:
		return s, fmt.Errorf("%q: only flags are expected; a value follows its flag, as in -out DIR", f.Arg(0))
	}

	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, name := range fromEnvironment {
		if v := env("MAILFETCH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))); v != "" && !given[name] {
			if err := f.Set(name, v); err != nil { // only of -public: the others are texts
				return s, fmt.Errorf("-%s: the environment has %.40q; set true or false", name, v)
			}
			given[name] = true
		}
	}
	return s, s.check(given)
}

// check completes the settings and finds everything that is wrong with them and needs no server to know.
func (s *settings) check(given map[string]bool) error {
	s.demo = true
	for _, name := range registration {
		s.demo = s.demo && !given[name]
	}

	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	told := map[string]bool{} // fields of azureoauth.Config that need no second line
	if path, ok := strings.CutPrefix(s.clientSecret, "file:"); ok {
		text, err := os.ReadFile(path)
		if err != nil {
			told["ClientSecret"] = true
			add("-client-secret: %w; give the path of a file that holds nothing but the secret's Value", err)
		}
		s.clientSecret = strings.TrimRight(string(text), "\r\n")
	}
	switch {
	case s.store != "" && s.key == "":
		add("-key: missing; the tokens in -store are encrypted: set MAILFETCH_KEY (openssl rand -hex 32 makes a key) or -key file:PATH")
	case s.store == "" && s.key != "":
		add("-store: missing; -key encrypts what is kept there")
	}
	if s.limit < 0 {
		add("-limit: %d is negative; 0 means all", s.limit)
	}
	if s.watch && (s.limit > 0 || s.readOnly) {
		add("-watch: files everything it fetches away, and ends with Ctrl-C; remove -limit and -read-only")
	}
	if s.watch && s.out == "" {
		add("-out: missing; -watch keeps there, beside the mail, what it has done: name a folder")
	}
	if s.patience < 0 {
		add("-patience: %v is negative; 0 means one try", s.patience)
	}

	if s.demo {
		if s.fault != "" && !slices.Contains(demo.Faults(), s.fault) {
			add("-demo-fault: unknown fault %.40q; one of %s", s.fault, strings.Join(demo.Faults(), ", "))
		}
		if s.tokenLifetime <= 0 {
			add("-demo-token-lifetime: %v; give a duration such as 75m", s.tokenLifetime)
		}
		return join(wrong)
	}
	for _, name := range []string{"mail", "demo-fault", "demo-token-lifetime"} {
		if given[name] {
			add("-%s: belongs to the demo tenant, and a registration was given; remove one of the two", name)
		}
	}
	return join(append(wrong, s.checkRegistration(told)...))
}

// asksForJSON reports whether -json is among the arguments.
func asksForJSON(args []string) bool {
	for _, a := range args {
		if a == "--" {
			break
		}
		name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(a, "-"), "-"), "=")
		if yes, err := strconv.ParseBool(value); strings.HasPrefix(a, "-") && name == "json" && (!given || err == nil && yes) {
			return true
		}
	}
	return false
}

// checkRegistration asks the library, and says which flag each problem belongs to. told are fields of azureoauth.Config
// whose problem has been told already.
func (s *settings) checkRegistration(told map[string]bool) []error {
	var wrong []error
	config, err := s.config()
	if err != nil {
		told["Scopes"] = true
		wrong = append(wrong, fmt.Errorf("-scope: %w", err))
	} else if scope := graphScope(config.Scopes); scope != "" && graphHost(scope) != graphHost(s.endpoint) {
		wrong = append(wrong, fmt.Errorf("-scope: %.80q is a permission of Microsoft Graph, and Exchange refuses Graph's tokens; give %s", scope, azureoauth.DefaultScope))
	}
	if u, err := url.Parse(s.redirectURL); err != nil || u.Scheme != "http" || !loopback(u.Hostname()) {
		told["RedirectURL"] = true
		wrong = append(wrong, fmt.Errorf("-redirect-url: %.80q is no http address of this machine, where mailfetch itself waits for the browser; register and give http://localhost", oneLine(s.redirectURL)))
	}
	told["Resource"] = true // it is the endpoint, which is told below in better words
	var problems *azureoauth.ConfigError
	if err := config.Validate(); errors.As(err, &problems) {
		for _, p := range problems.Problems {
			if told[p.Field] {
				continue
			}
			wrong = append(wrong, fmt.Errorf("-%s: %s", flagOf[p.Field], p))
		}
	} else if err != nil {
		wrong = append(wrong, err)
	}
	if _, err := ews.NewClient(ews.Config{
		Endpoint: s.endpoint, AllowLoopbackHTTP: true, Token: ews.FromOAuth2(nil), // checked, never used
	}); err != nil {
		wrong = append(wrong, fmt.Errorf("-endpoint: %w", err))
	}
	if s.mailbox != "" {
		if err := checkAddress(s.mailbox); err != nil {
			wrong = append(wrong, fmt.Errorf("-mailbox: %s", strings.TrimPrefix(err.Error(), "ews: Config: Mailbox: ")))
		}
	}
	return wrong
}

// checkAddress asks the library whether it takes the address for a mailbox's.
func checkAddress(address string) error {
	_, err := ews.NewClient(ews.Config{Endpoint: ews.EndpointWorldwide, Mailbox: address, Token: ews.FromOAuth2(nil)}) // never used
	return err
}

// graphScope returns a scope that belongs to Microsoft Graph, or "".
func graphScope(scopes []string) string {
	for _, s := range scopes {
		if graphHost(s) != "" {
			return s
		}
	}
	return ""
}

// graphHost returns the host of a URL that is Microsoft Graph's in one of its clouds, or "".
func graphHost(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	switch host := strings.ToLower(u.Hostname()); host {
	case "graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn", "graph.windows.net":
		return host
	}
	return ""
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// flagOf names the flag of a field of azureoauth.Config.
var flagOf = map[string]string{
	"ClientID": "client-id", "ClientSecret": "client-secret", "AuthURL": "auth-url", "TokenURL": "token-url",
	"RedirectURL": "redirect-url", "Scopes": "scope",
}

// config is the app registration as the library takes it. The error is that of the scope; the rest is for Validate.
func (s *settings) config() (*azureoauth.Config, error) {
	scopes, err := azureoauth.ParseScopes(s.scope)
	config := &azureoauth.Config{
		ClientID:          s.clientID,
		ClientSecret:      azureoauth.Secret(s.clientSecret),
		Public:            s.public,
		AuthURL:           s.authURL,
		TokenURL:          s.tokenURL,
		RedirectURL:       s.redirectURL,
		Scopes:            scopes,
		AllowLoopbackHTTP: true, // what is sent to this very machine does not cross a network
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(s.endpoint)), "http:") {
		// The token is for the host of the EWS URL: right in every cloud and for an Exchange server in a hybrid setup.
		// A test server on loopback plays Exchange Online and takes Exchange Online's tokens.
		config.Resource = s.endpoint
	}
	return config, err
}
