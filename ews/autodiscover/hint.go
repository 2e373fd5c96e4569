package autodiscover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// plain asks http://autodiscover.DOMAIN where to go. The answer proves nothing, so only a host that is believed anyhow is asked then.
func (f *finder) plain(ctx context.Context, address, host string) (*Result, error) {
	const name = "HTTP redirect"
	u := &url.URL{Scheme: "http", Host: host, Path: pathPOX}
	dead := f.dead[host] // by https, which may fail for want of a certificate only
	f.dead[host] = false
	a, err := f.fetch(ctx, http.MethodGet, u, address, "", "", nil)
	f.dead[host] = dead
	if err != nil {
		return nil, f.fail(name, u.String(), err)
	}
	if !isRedirect(a.status) {
		return nil, f.fail(name, u.String(), fmt.Errorf("it does not redirect (HTTP %d)", a.status))
	}
	to, err := f.next(u, a)
	if err != nil {
		return nil, f.fail(name, u.String(), err)
	}
	if !f.believes(strings.ToLower(to.Hostname())) {
		return nil, f.fail(name, u.String(), fmt.Errorf("it names %s, which nothing vouches for (Options.Approve)", to.Host))
	}
	_ = f.fail(name, u.String(), fmt.Errorf("redirects to %s", to.Host))
	return f.host(ctx, address, strings.ToLower(to.Host), to)
}

// srv asks the DNS (RFC 2782), which proves nothing either.
func (f *finder) srv(ctx context.Context, address, domain string) (*Result, error) {
	const name = "SRV"
	record := "_autodiscover._tcp." + domain
	look := ctx
	if f.o.StepTimeout > 0 {
		var cancel context.CancelFunc
		look, cancel = context.WithTimeout(ctx, f.o.StepTimeout)
		defer cancel()
	}
	_, targets, err := f.o.Resolver.LookupSRV(look, "autodiscover", "tcp", domain)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return nil, f.fail(name, record, errors.New("there is no such record"))
		}
		return nil, f.fail(name, record, &trouble{"it could not be looked up", err, true})
	}
	for i, t := range targets {
		if i == 3 {
			break
		}
		host := strings.ToLower(strings.TrimSuffix(t.Target, "."))
		switch {
		case !validHost(host):
			_ = f.fail(name, record, fmt.Errorf("it names %.80q, which is no host", host))
			continue
		case !f.believes(host):
			_ = f.fail(name, record, fmt.Errorf("it names %s, which nothing vouches for (Options.Approve)", host))
			continue
		}
		at := host
		if t.Port != 443 {
			at = fmt.Sprintf("%s:%d", host, t.Port)
		}
		_ = f.fail(name, record, fmt.Errorf("leads to %s", at))
		found, err := f.host(ctx, address, at, nil)
		var r *redirectAddress
		if err == nil || errors.As(err, &r) {
			return found, err
		}
	}
	if len(targets) == 0 {
		return nil, f.fail(name, record, errors.New("there is no such record"))
	}
	return nil, errNowhere
}
