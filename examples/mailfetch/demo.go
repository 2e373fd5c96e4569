package main

import (
	"fmt"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// startDemo starts the demo tenant and fills in its registration, as an administrator would a real one's. From here on
// nothing knows the difference.
func (p *program) startDemo() (*demo.Tenant, error) {
	mail := demo.Mail()
	if p.mail != "" {
		var err error
		if mail, err = demo.Dir(p.mail, p.skippedLink); err != nil {
			return nil, wrongSetting{fmt.Errorf("-mail: %w; give a folder of mail files", err)}
		}
	}
	tenant, err := demo.Start(&demo.Options{
		Mail: mail, Interactive: p.interactive, AccessTokenLifetime: p.tokenLifetime, Fault: p.fault,
	})
	if err != nil {
		return nil, fmt.Errorf("demo tenant: %w", err)
	}
	p.clientID, p.clientSecret = demo.ClientID, demo.ClientSecret
	p.authURL, p.tokenURL = tenant.Entra.AuthURL(), tenant.Entra.TokenURL()
	p.endpoint = tenant.Exchange.Endpoint()
	p.tenant = "demo"
	return tenant, nil
}

func (p *program) skippedLink(name string) {
	p.say("-mail: %s is a link that leads nowhere: skipped", oneLine(name))
}
