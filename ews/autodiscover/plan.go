package autodiscover

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/secret"
)

// finder is one search.
type finder struct {
	o        Options
	http     *http.Client
	original string // domain of the address asked for
	steps    []Step
	visited  map[string]bool // method, URL and address of every request
	dead     map[string]bool // hosts that could not be spoken to
	turns    int             // redirects followed
	token    string
}

// redirectAddress: the mailbox is known under another address; the search starts anew with it.
type redirectAddress struct{ address, domain string }

func (r *redirectAddress) Error() string { return "redirected to " + r.address }

var errNowhere = errors.New("nothing found")

// plan makes the steps for one address, in their order, and returns the first result, a *redirectAddress, or another error after all of
// them failed.
func (f *finder) plan(ctx context.Context, address, domain string) (*Result, error) {
	own := "autodiscover." + domain
	for _, step := range []func() (*Result, error){
		func() (*Result, error) { return f.host(ctx, address, own, nil) },
		func() (*Result, error) { return f.host(ctx, address, domain, nil) },
		func() (*Result, error) { return f.plain(ctx, address, own) },
		func() (*Result, error) { return f.srv(ctx, address, domain) },
		func() (*Result, error) {
			if f.o.Cloud == "-" {
				return nil, errNowhere
			}
			return f.v2(ctx, address, &url.URL{Scheme: "https", Host: strings.ToLower(f.o.Cloud), Path: pathV2})
		},
	} {
		if ctx.Err() != nil {
			break
		}
		found, err := step()
		var r *redirectAddress
		if err == nil || errors.As(err, &r) {
			return found, err
		}
	}
	return nil, errNowhere
}

// Paths of the services.
const (
	pathV2   = "/autodiscover/autodiscover.json"
	pathSOAP = "/autodiscover/autodiscover.svc"
	pathPOX  = "/autodiscover/autodiscover.xml"
)

// host asks all services of a host that is believed. pox is where the POX service is, if that has been told.
func (f *finder) host(ctx context.Context, address, host string, pox *url.URL) (*Result, error) {
	at := func(path string) *url.URL { return &url.URL{Scheme: "https", Host: host, Path: path} }
	if pox == nil {
		pox = at(pathPOX)
	}
	for _, step := range []func() (*Result, error){
		func() (*Result, error) { return f.v2(ctx, address, at(pathV2)) },
		func() (*Result, error) { return f.soap(ctx, address, at(pathSOAP)) },
		func() (*Result, error) { return f.pox(ctx, address, pox) },
	} {
		found, err := step()
		var r *redirectAddress
		if err == nil || errors.As(err, &r) {
			return found, err
		}
	}
	return nil, errNowhere
}

// fail notes a failed step. Servers and transports that repeat what they were sent do not get the token into it.
func (f *finder) fail(name, url string, err error) error {
	var t *trouble
	token := secret.Of(f.token)
	url, err = token.Cut(url), token.Error(err)
	f.steps = append(f.steps, Step{Name: name, URL: url, Err: err, temporary: errors.As(err, &t) && t.temporary})
	return errNowhere
}

// turn counts a redirect.
func (f *finder) turn() error {
	if f.turns++; f.turns > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// elsewhere follows a redirect to another address, which a believed server told.
func (f *finder) elsewhere(name, url, address string) error {
	address = strings.TrimSpace(address)
	domain, err := domainOf(address)
	if err != nil {
		return f.fail(name, url, fmt.Errorf("it redirects to %.80q, which is no address", address))
	}
	if err := f.turn(); err != nil {
		return f.fail(name, url, err)
	}
	clear(f.dead)
	return &redirectAddress{address, domain}
}

// endpoint makes the result of a believed server's answer.
func (f *finder) endpoint(name, at, raw string) (*Result, error) {
	u, err := checkURL(raw)
	if err != nil {
		return nil, f.fail(name, at, fmt.Errorf("the EWS URL it gives is of no use: %w", err))
	}
	u.RawQuery = ""
	return &Result{Endpoint: u.String(), Source: name + " " + at}, nil
}
