package autodiscover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// pox asks the plain XML service. Autodiscover: POX Autodiscover request for Exchange.
func (f *finder) pox(ctx context.Context, address string, u *url.URL) (*Result, error) {
	const name = "POX"
	at := bare(u)
	a, err := f.authorized(ctx, u, address, []byte(`<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>`+escaped(address)+
		`</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`))
	if err != nil {
		return nil, f.fail(name, at, err)
	}
	if isRedirect(a.status) {
		return f.moved(ctx, name, address, u, a)
	}
	if a.status != http.StatusOK {
		return nil, f.fail(name, at, refused(a))
	}
	d, err := readAccount(a.body)
	if err != nil {
		return nil, f.fail(name, at, err)
	}
	switch {
	case d.errorCode != "":
		return nil, f.fail(name, at, fmt.Errorf("error %.60s: %.200s", line(d.errorCode), line(d.message)))
	case d.redirectAddr != "":
		return nil, f.elsewhere(name, at, d.redirectAddr)
	case d.redirectURL != "":
		return f.moved(ctx, name, address, u, &answer{location: d.redirectURL})
	}
	for _, kind := range []string{"EXPR", "EXHTTP", "EXCH", "WEB"} { // from outside first
		if ews := d.ews[kind]; ews != "" {
			found, err := f.endpoint(name, at, ews)
			if err == nil {
				found.PublicFolders = d.publicFolders
			}
			return found, err
		}
	}
	return nil, f.fail(name, at, errors.New("the answer holds no EWS URL"))
}

// account is an answer of the POX service.
type account struct {
	errorCode, message        string
	redirectAddr, redirectURL string
	ews                       map[string]string // by the protocol's type
	publicFolders             string
}

func readAccount(body []byte) (*account, error) {
	s := wire.NewScanner(bytes.NewReader(body), &xmlLimits)
	defer s.Release()
	if !s.Root() || s.Local() != "Autodiscover" {
		return nil, errors.New("the answer is not Autodiscover's")
	}
	d := &account{ews: map[string]string{}}
	for depth := s.Depth(); s.Child(depth); {
		if s.Local() != "Response" {
			continue
		}
		for depth := s.Depth(); s.Child(depth); {
			switch s.Local() {
			case "Error":
				d.errorCode = "unknown"
				for depth := s.Depth(); s.Child(depth); {
					switch s.Local() {
					case "ErrorCode":
						d.errorCode = s.Text()
					case "Message":
						d.message = s.Text()
					}
				}
			case "Account":
				d.read(s)
			}
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return d, nil
}

func (d *account) read(s *wire.Scanner) {
	for depth := s.Depth(); s.Child(depth); {
		switch s.Local() {
		case "RedirectAddr":
			d.redirectAddr = strings.TrimSpace(s.Text())
		case "RedirectUrl":
			d.redirectURL = strings.TrimSpace(s.Text())
		case "PublicFolderInformation":
			for depth := s.Depth(); s.Child(depth); {
				if s.Local() == "SmtpAddress" {
					d.publicFolders = strings.TrimSpace(s.Text())
				}
			}
		case "Protocol":
			kind, _ := s.Attr("Type") // EXHTTP carries it here
			var ews, as string
			for depth := s.Depth(); s.Child(depth); {
				switch s.Local() {
				case "Type":
					kind = strings.TrimSpace(s.Text())
				case "EwsUrl":
					ews = strings.TrimSpace(s.Text())
				case "ASUrl": // the availability service is EWS
					as = strings.TrimSpace(s.Text())
				}
			}
			if ews == "" {
				ews = as
			}
			if _, have := d.ews[kind]; !have && len(d.ews) < 20 {
				d.ews[kind] = ews
			}
		}
	}
}
