package ews

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Endpoints of the Exchange Online clouds. An Exchange server of one's own has its own, mostly
// https://mail.example.com/EWS/Exchange.asmx.
const (
	EndpointWorldwide = "https://outlook.office365.com/EWS/Exchange.asmx" // also GCC
	EndpointGCCHigh   = "https://outlook.office365.us/EWS/Exchange.asmx"
	EndpointDoD       = "https://outlook-dod.office365.us/EWS/Exchange.asmx"
	EndpointChina     = "https://partner.outlook.cn/EWS/Exchange.asmx" // operated by 21Vianet
)

// DefaultUserAgent is sent when Config.UserAgent is empty. It carries no version, so that an administrator can put it on
// a User-Agent list (Set-OrganizationConfig -EwsAllowList) once.
const DefaultUserAgent = "ewsmail"

// DefaultServerVersion is the schema version asked for when Config.ServerVersion is empty: the oldest one that
// everything in this package works with, understood by Exchange 2013 SP1 and everything later.
const DefaultServerVersion = "Exchange2013_SP1"

// DefaultConcurrency is how many requests a Client sends at once for one mailbox. Exchange allows 27
// (EWSMaxConcurrency), shared by every program that uses the same account.
const DefaultConcurrency = 10

// Config says where Exchange is and how to speak to it. Endpoint and Token are required, the zero value of everything
// else is its default. NewClient copies it.
type Config struct {
	// Endpoint is the URL of the EWS service, such as EndpointWorldwide. Without a path, /EWS/Exchange.asmx is added.
	// The access token is sent to this host and to no other.
	Endpoint string

	// Token supplies the access tokens.
	Token TokenSource

	// HTTPClient is used instead of the package's own: its Transport is the place for a proxy, private certificate
	// authorities, tracing. It is copied, never changed; its CheckRedirect is not used, because redirects are never
	// followed. nil: HTTP/1.1 with kept-alive connections, the environment's proxy settings, and timeouts for every
	// step before the answer. Mind that HTTPClient.Timeout also ends a long download.
	//
	// Event streams are exempt from its Timeout and, if the Transport is an *http.Transport, from MaxConnsPerHost, by a copy
	// of it. A transport that is wrapped cannot be exempted: leave a connection for each stream.
	HTTPClient *http.Client

	// AllowLoopbackHTTP lets Endpoint be an http URL of this very machine, as a test server has.
	AllowLoopbackHTTP bool

	// Mailbox is the SMTP address of the account the token belongs to, if known. It is sent as X-AnchorMailbox for
	// Client.Own, which takes requests straight to the mailbox's server, and it makes logs and errors readable.
	Mailbox string

	// UserAgent is the User-Agent header. Keep it stable: tenants have allow and block lists of it.
	// Empty: DefaultUserAgent.
	UserAgent string

	// ClientID is the application (client) id of the app registration. It is only printed, in the advice of errors that
	// ask an administrator to allow the application.
	ClientID string

	// ServerVersion is the schema version asked for (RequestServerVersion). Empty: DefaultServerVersion.
	ServerVersion string

	// NoGzip asks for answers unpacked. By default they are asked for packed, since Exchange is mostly reached over links that are slower
	// than unpacking: lists shrink to a fraction, MIME and attachments by a quarter. Unpacking roughly doubles the CPU time of an
	// answer, so that on a link of more than 300 MB/s, to an Exchange Server next door, it is faster without. Event streams are
	// never packed.
	NoGzip bool

	// Concurrency is the largest number of simultaneous requests for one mailbox. It shrinks by itself while Exchange
	// throttles and grows back afterwards. A download that is handed out (MIME, Attachment) counts until it begins to
	// arrive, not while it is being read: a program that forgets to close one must not block the others. How many it
	// reads at once is the program's choice; Exchange allows 27 in all. 0: DefaultConcurrency; negative: no limit.
	Concurrency int

	// Retry says how failed requests are repeated. nil: the defaults of RetryPolicy.
	Retry *RetryPolicy

	// Limits bounds what an answer may cost. nil: the defaults of Limits.
	Limits *Limits

	// Logger receives one event per request: operation, mailbox, attempt, status, response code, duration, bytes and
	// request ids, never tokens, headers or contents. Successes are logged at Debug, failures that are tried again at
	// Info, final ones at Warn. nil: nothing is logged.
	Logger *slog.Logger
}

// Limits bounds what one answer may cost in memory and time, whatever the server sends. Zero means the default, negative
// means no limit.
type Limits struct {
	// ResponseBytes is the largest answer that is decoded into memory, counted after decompression. Default 32 MiB: a page
	// of a thousand messages has about 4.
	ResponseBytes int64

	// TextBytes is the longest single text (a body, a header) that is decoded into memory. Default 12 MiB. What is longer
	// can still be had as MIME.
	TextBytes int

	// StreamBytes is the largest answer that is handed out while it arrives (MIME, attachments), counted after
	// decompression and in base64. Default 512 MiB: Exchange Online takes messages of up to 150 MB.
	StreamBytes int64

	// FirstByte is how long to wait for the answer to begin, counted from the last byte of the request that the server
	// took. Default 2 minutes: Exchange itself cuts a request at one.
	FirstByte time.Duration

	// Stall is how long an answer may take for its next 4 KiB before it counts as stalled. Only the time spent waiting for
	// the server counts, not the time the caller takes between reads. Default 1 minute.
	Stall time.Duration
}

// Defaults of Limits.
const (
	DefaultResponseBytes = 32 << 20
	DefaultTextBytes     = 12 << 20
	DefaultStreamBytes   = 512 << 20
	DefaultFirstByte     = 2 * time.Minute
	DefaultStall         = time.Minute
)

func (l *Limits) withDefaults() Limits {
	var r Limits
	if l != nil {
		r = *l
	}
	if r.ResponseBytes == 0 {
		r.ResponseBytes = DefaultResponseBytes
	}
	if r.TextBytes == 0 {
		r.TextBytes = DefaultTextBytes
	}
	if r.StreamBytes == 0 {
		r.StreamBytes = DefaultStreamBytes
	}
	if r.FirstByte == 0 {
		r.FirstByte = DefaultFirstByte
	}
	if r.Stall == 0 {
		r.Stall = DefaultStall
	}
	return r
}

// TokenSource supplies access tokens for EWS. It is called before every request, concurrently, and is expected to hand out
// a token that is still valid, from memory whenever it can.
//
// A source may have one more method, called after Exchange refused a token:
//
//	Reject(ctx context.Context, bad *oauth2.Token, claims string)
//
// The next Token call must then not return bad again. claims is the decoded JSON of a claims challenge, to be passed to
// the token endpoint, or empty.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// rejecter is the optional second half of TokenSource.
type rejecter interface {
	Reject(ctx context.Context, bad *oauth2.Token, claims string)
}

// FromOAuth2 makes a TokenSource of the standard one of golang.org/x/oauth2. That interface knows neither cancelling nor
// a refused token: a request waits for a refresh under way, and a token revoked before its expiry stays in use until then.
func FromOAuth2(ts oauth2.TokenSource) TokenSource { return fromOAuth2{ts} }

type fromOAuth2 struct{ ts oauth2.TokenSource }

func (f fromOAuth2) Token(context.Context) (*oauth2.Token, error) { return f.ts.Token() }

// check returns the endpoint to use, or an error that names every wrong field and its fix.
func (c *Config) check() (*url.URL, error) {
	var wrong []string
	u, err := endpoint(c.Endpoint, c.AllowLoopbackHTTP)
	if err != nil {
		wrong = append(wrong, "Endpoint: "+err.Error())
	}
	if c.Token == nil {
		wrong = append(wrong, "Token: missing: set a TokenSource, or FromOAuth2 of an oauth2.TokenSource")
	}
	if bad := badHeader(c.UserAgent); bad != "" {
		wrong = append(wrong, "UserAgent: "+bad)
	}
	if c.Mailbox != "" {
		if bad := badAddress(c.Mailbox); bad != "" {
			wrong = append(wrong, "Mailbox: "+bad)
		}
	}
	wrong = append(wrong, badVersion("ServerVersion", c.ServerVersion)...)
	if len(wrong) > 0 {
		return nil, errors.New("ews: Config: " + strings.Join(wrong, "; "))
	}
	return u, nil
}

func endpoint(raw string, loopback bool) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return nil, errors.New("missing: set the EWS URL, for Exchange Online " + EndpointWorldwide)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, errors.New("not a URL: write it like " + EndpointWorldwide)
	}
	switch {
	case u.User != nil:
		return nil, errors.New("has a user name in it: remove it, EWS is entered with a token")
	case u.Scheme == "http":
		if !isLoopback(u.Hostname()) {
			return nil, errors.New("http would send the token in clear: use https")
		}
		if !loopback {
			return nil, errors.New("http on loopback is for test servers: set AllowLoopbackHTTP, or use https")
		}
	case u.Scheme != "https":
		return nil, fmt.Errorf("scheme %q: use https", u.Scheme)
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("remove what follows the path (? or #)")
	}
	switch p := strings.ToLower(strings.TrimRight(u.Path, "/")); {
	case p == "" || p == "/ews":
		u.Path, u.RawPath = "/EWS/Exchange.asmx", ""
	case strings.HasSuffix(p, ".wsdl"):
		return nil, errors.New("that is the service's description: the service itself ends in /EWS/Exchange.asmx")
	case strings.HasPrefix(p, "/owa") || strings.HasPrefix(p, "/mail"):
		return nil, errors.New("that is the web mail: the service ends in /EWS/Exchange.asmx")
	case strings.HasPrefix(p, "/autodiscover"):
		return nil, errors.New("that is Autodiscover: the service ends in /EWS/Exchange.asmx")
	}
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// badHeader says why s cannot be a header's value, or "".
func badHeader(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		return "has control characters or characters beyond ASCII: a header cannot carry them"
	}
	return ""
}

// schemaVersion EWS: ExchangeVersionType, and as it may come to grow.
var schemaVersion = regexp.MustCompile(`^(Exchange20\d\d(_SP\d)?|V\d{4}_\d\d_\d\d)$`)

func badVersion(field, v string) []string {
	if v == "" || schemaVersion.MatchString(v) {
		return nil
	}
	return []string{fmt.Sprintf("%s: %.40q is no schema version: use one like %s", field, v, DefaultServerVersion)}
}

// badAddress says why s cannot be a mailbox's address, or "". The servers know best what exists; this refuses what would
// break a header, and the empty form field.
func badAddress(s string) string {
	switch at := strings.LastIndexByte(s, '@'); {
	case s == "":
		return "the address is empty"
	case at <= 0 || at == len(s)-1 || strings.ContainsAny(s, " <>,;"):
		return fmt.Sprintf("%.80q is no address: write it like help@example.com", s)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "the address has control characters"
	}
	return badText(s)
}
