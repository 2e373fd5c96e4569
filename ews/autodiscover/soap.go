package autodiscover

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

var xmlLimits = wire.Limits{TotalBytes: maxAnswer, TextBytes: 64 << 10}

// soap asks the SOAP service. Autodiscover: GetUserSettings operation (SOAP).
func (f *finder) soap(ctx context.Context, address string, u *url.URL) (*Result, error) {
	const name = "SOAP"
	at := bare(u)
	a, err := f.authorized(ctx, u, address, []byte(`<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://schemas.microsoft.com/exchange/2010/Autodiscover" xmlns:wsa="http://www.w3.org/2005/08/addressing"><soap:Header><a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion><wsa:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</wsa:Action><wsa:To>`+
		escaped(at)+`</wsa:To></soap:Header><soap:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>`+
		escaped(address)+`</a:Mailbox></a:User></a:Users><a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting><a:Setting>InternalEwsUrl</a:Setting><a:Setting>PublicFolderInformation</a:Setting></a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></soap:Body></soap:Envelope>`))
	if err != nil {
		return nil, f.fail(name, at, err)
	}
	if isRedirect(a.status) {
		return f.moved(ctx, name, address, u, a)
	}
	d, err := readSettings(a.body)
	if err != nil {
		if a.status != http.StatusOK {
			err = refused(a)
		}
		return nil, f.fail(name, at, err)
	}
	switch d.code {
	case "NoError":
	case "RedirectAddress":
		return nil, f.elsewhere(name, at, d.redirect)
	case "RedirectUrl":
		return f.moved(ctx, name, address, u, &answer{location: d.redirect})
	default:
		return nil, f.fail(name, at, fmt.Errorf("%.60s: %.200s", line(d.code), line(d.message)))
	}
	ews := d.settings["ExternalEwsUrl"]
	if ews == "" {
		ews = d.settings["InternalEwsUrl"]
	}
	if ews == "" {
		return nil, f.fail(name, at, errors.New("the answer holds no EWS URL"))
	}
	found, err := f.endpoint(name, at, ews)
	if err == nil {
		found.PublicFolders = strings.TrimSpace(d.settings["PublicFolderInformation"])
	}
	return found, err
}

// authorized makes a request with the token, where the host may have it.
func (f *finder) authorized(ctx context.Context, u *url.URL, address string, body []byte) (*answer, error) {
	switch {
	case f.o.Token == nil:
		return nil, errors.New("skipped: it needs a token (Options.Token)")
	case !f.mayHaveToken(strings.ToLower(u.Hostname())):
		return nil, errors.New("skipped: the token is not for this host (Options.Approve)")
	case f.dead[u.Host]:
		return nil, errors.New("skipped: the host could not be reached before")
	}
	if f.token == "" {
		tok, err := f.o.Token.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("no access token: %w", err)
		}
		if tok == nil || tok.AccessToken == "" || strings.ContainsFunc(tok.AccessToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return nil, errors.New("the token source returned no token")
		}
		f.token = tok.AccessToken
	}
	return f.fetch(ctx, http.MethodPost, u, address, f.token, "text/xml; charset=utf-8", body)
}

// moved asks all services of the host that a believed server redirects to.
func (f *finder) moved(ctx context.Context, name, address string, u *url.URL, a *answer) (*Result, error) {
	to, err := f.next(u, a)
	if err != nil {
		return nil, f.fail(name, bare(u), err)
	}
	_ = f.fail(name, bare(u), fmt.Errorf("redirects to %s", to.Host))
	var pox *url.URL
	if strings.HasSuffix(strings.ToLower(to.Path), ".xml") {
		pox = to
	}
	return f.host(ctx, address, strings.ToLower(to.Host), pox)
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// userSettings is the answer of GetUserSettings for one user.
type userSettings struct {
	code, message, redirect string
	settings                map[string]string
}

func readSettings(body []byte) (*userSettings, error) {
	s := wire.NewScanner(bytes.NewReader(body), &xmlLimits)
	defer s.Release()
	d := &userSettings{settings: map[string]string{}}
	found := false
	var walk func()
	walk = func() {
		for depth := s.Depth(); s.Child(depth); {
			switch s.Local() {
			case "UserResponse":
				if !found {
					found = true
					d.read(s)
				}
			case "Body", "GetUserSettingsResponseMessage", "Response", "UserResponses":
				walk()
			case "ErrorCode":
				d.code = strings.TrimSpace(s.Text())
			case "ErrorMessage", "faultstring":
				d.message = s.Text()
			case "Fault":
				d.code = "Fault"
				walk()
			}
		}
	}
	if !s.Root() || s.Local() != "Envelope" {
		return nil, errors.New("the answer is not Autodiscover's")
	}
	walk()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if !found && (d.code == "" || d.code == "NoError") {
		return nil, errors.New("the answer is not Autodiscover's")
	}
	return d, nil
}

func (d *userSettings) read(s *wire.Scanner) {
	for depth := s.Depth(); s.Child(depth); {
		switch s.Local() {
		case "ErrorCode":
			d.code = strings.TrimSpace(s.Text())
		case "ErrorMessage":
			d.message = s.Text()
		case "RedirectTarget":
			d.redirect = strings.TrimSpace(s.Text())
		case "UserSettings":
			for depth := s.Depth(); s.Child(depth); {
				var name, value string
				for depth := s.Depth(); s.Child(depth); {
					switch s.Local() {
					case "Name":
						name = strings.TrimSpace(s.Text())
					case "Value":
						value = strings.TrimSpace(s.Text())
					}
				}
				if len(d.settings) < 100 {
					d.settings[name] = value
				}
			}
		}
	}
}
