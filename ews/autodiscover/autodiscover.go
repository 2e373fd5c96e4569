package autodiscover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// TokenSource supplies the access token for the steps that need one. It is ews.TokenSource.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// Resolver looks up SRV records (RFC 2782); *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// Options say how to search. The zero value, or a nil pointer, is the defaults. It is not changed, and may be shared.
type Options struct {
	// Token is sent in the SOAP and POX steps, which older servers need. nil: those steps are left out, and no credentials are sent to
	// anybody.
	Token TokenSource

	// Approve decides about a host, in lower case, that neither belongs to the address's domain nor to Microsoft: whether it is believed
	// although only plain DNS or HTTP named it, and whether it is sent the token. The domain's bare name is asked about, too, before
	// it is sent the token. nil: no other host.
	Approve func(host string) bool

	// Timeout bounds the whole search, StepTimeout each request of it. 0: one minute and 10 seconds; negative: only the context's.
	Timeout, StepTimeout time.Duration

	// MaxAge is how long a Result is meant to be kept. 0: 24 hours.
	MaxAge time.Duration

	// Cloud is the host of Exchange Online that the last step asks. "": outlook.office365.com; "-": none, so that Microsoft does not
	// learn addresses of a company with servers of its own.
	Cloud string

	// HTTPClient is used instead of the package's own; its CheckRedirect and Jar are not. nil: HTTP/1.1, the environment's proxy settings.
	HTTPClient *http.Client

	// Resolver looks up the SRV record. nil: net.DefaultResolver.
	Resolver Resolver

	// UserAgent is the User-Agent header. "": "ewsmail".
	UserAgent string
}

// Defaults of Options.
const (
	DefaultTimeout     = time.Minute
	DefaultStepTimeout = 10 * time.Second
	DefaultMaxAge      = 24 * time.Hour
	DefaultCloud       = "outlook.office365.com"
)

// Result is where a mailbox is. It holds no secret and can be stored as JSON; search again when it has expired, and after
// ews.ErrMailboxMoved.
type Result struct {
	Endpoint string `json:"endpoint"` // for ews.Config.Endpoint; always https

	// Address is the address that the answer is about: another one than was asked for where a server redirected to it.
	Address string `json:"address"`

	// PublicFolders is the address of the mailbox that holds the hierarchy of the public folders, for ews.Mailbox.PublicFolders; "" where
	// the answer does not tell (v2 never does).
	PublicFolders string `json:"public_folders,omitempty"`

	Source  string    `json:"source"` // the step that answered, and its URL
	Found   time.Time `json:"found"`
	Expires time.Time `json:"expires"`
}

// Expired reports whether the result is no longer to be relied on.
func (r *Result) Expired() bool { return !time.Now().Before(r.Expires) }

// maxRedirects bounds the redirects of a whole search, of all kinds.
const maxRedirects = 10

// Find searches for the endpoint of the mailbox with that SMTP address. It is safe for concurrent use, and starts nothing that
// outlives it. Errors: *Error, which names each step; wrong use; the context's error is found in it by errors.Is.
func Find(ctx context.Context, address string, o *Options) (*Result, error) {
	domain, err := domainOf(address)
	if err != nil {
		return nil, err
	}
	f := &finder{original: domain, visited: map[string]bool{}, dead: map[string]bool{}}
	if o != nil {
		f.o = *o
	}
	f.defaults()
	if f.o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.o.Timeout)
		defer cancel()
	}
	asked := address
	for {
		found, err := f.plan(ctx, address, domain)
		var r *redirectAddress
		switch {
		case err == nil:
			now := time.Now()
			found.Address, found.Found, found.Expires = address, now, now.Add(f.o.MaxAge)
			return found, nil
		case errors.As(err, &r):
			address, domain = r.address, r.domain
		default:
			return nil, &Error{Address: asked, Steps: f.steps, cause: ctx.Err()}
		}
	}
}

func (f *finder) defaults() {
	o := &f.o
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.StepTimeout == 0 {
		o.StepTimeout = DefaultStepTimeout
	}
	if o.MaxAge <= 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.Cloud == "" {
		o.Cloud = DefaultCloud
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.UserAgent == "" {
		o.UserAgent = "ewsmail"
	}
	hc := http.Client{Transport: defaultTransport}
	if o.HTTPClient != nil {
		hc = *o.HTTPClient
	}
	hc.Jar = nil
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f.http = &hc
}

// domainOf returns the domain of an address that can be looked up in the DNS.
func domainOf(address string) (string, error) {
	local, domain, ok := strings.Cut(address, "@")
	domain = strings.ToLower(domain)
	if !ok || local == "" || len(address) > 254 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>()",;:\`, r) }) {
		return "", fmt.Errorf("autodiscover: %.80q is no address: write it like help@example.com", address)
	}
	if !validHost(domain) {
		return "", fmt.Errorf("autodiscover: %.80q: %.80q is no domain of mail: write an internationalised one in its xn-- form", address, domain)
	}
	return domain, nil
}

// validHost: letters, digits, hyphens, at least two labels, and no IP address.
func validHost(host string) bool {
	if len(host) > 253 || net.ParseIP(host) != nil {
		return false
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && (last[0] < '0' || last[0] > '9')
}

// checkURL returns the URL that a server named, if it is one to go on with: https, a host's name, the usual port or a given one.
func checkURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("it names no URL")
	case u.Scheme != "https":
		return nil, fmt.Errorf("it leads to %.20s://, and only https proves who answers", u.Scheme)
	case u.User != nil:
		return nil, fmt.Errorf("it names a URL with a user in it")
	case !validHost(strings.ToLower(u.Hostname())):
		return nil, fmt.Errorf("it names %.80q, which is no host", u.Hostname())
	}
	u.Fragment = ""
	return u, nil
}
