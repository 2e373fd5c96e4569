package ews

import (
	"context"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// ServiceConfiguration is what the organisation has set up.
type ServiceConfiguration struct {
	MailTips                bool  // MailTips are on
	MaxMailTipsRecipients   int   // of one GetMailTips request
	MaxMessageSize          int64 // bytes; messages above it are refused
	LargeAudience           int   // number of recipients from which a message counts as one to many
	ShowsExternalRecipients bool
	PolicyTips              bool
	InternalDomains         []InternalDomain

	UnifiedMessaging  bool // voice mail is on for the account
	PlayOnPhone       bool
	PlayOnPhoneNumber string // the number it calls, unless told another
}

// InternalDomain is a mail domain of the organisation's own.
type InternalDomain struct {
	Name       string
	Subdomains bool // those below it as well
}

// IsInternal reports whether an address is of one of the organisation's own domains.
func (c *ServiceConfiguration) IsInternal(address string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	for _, d := range c.InternalDomains {
		name := strings.ToLower(d.Name)
		if name != "" && (domain == name || d.Subdomains && strings.HasSuffix(domain, "."+name)) {
			return true
		}
	}
	return false
}

// ServiceConfiguration reads what the organisation has set up for the mailbox's owner. It needs the mailbox's address: Config.Mailbox for
// Client.Own. What Exchange cannot tell is left zero, and is in a *BatchError: index 0 is mail tips, 1 is unified messaging.
// EWS: GetServiceConfiguration operation.
func (m *Mailbox) ServiceConfiguration(ctx context.Context) (*ServiceConfiguration, error) {
	address, err := m.ownAddress("ServiceConfiguration")
	if err != nil {
		return nil, err
	}
	config := new(ServiceConfiguration)
	wanted := []string{"MailTips", "UnifiedMessagingConfiguration"}
	err = m.do(ctx, &call{
		op: "GetServiceConfiguration",
		body: func(w *wire.Writer) error {
			w.Start("m:GetServiceConfiguration")
			w.Start("m:ActingAs")
			w.Leaf("t:EmailAddress", address)
			w.Leaf("t:RoutingType", "SMTP")
			w.End()
			w.Start("m:RequestedConfiguration")
			for _, name := range wanted {
				w.Leaf("m:ConfigurationName", name)
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			*config = ServiceConfiguration{}
			return readHeadedBatch(s, len(wanted), func(_ int, s *wire.Scanner) error {
				if s.Local() == "MailTipsConfiguration" || s.Local() == "UnifiedMessagingConfiguration" {
					config.read(s)
				}
				return s.Err()
			})
		},
	})
	return config, err
}

func (c *ServiceConfiguration) read(s *wire.Scanner) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "MailTipsEnabled":
			c.MailTips = boolean(s.TextBytes())
		case "MaxRecipientsPerGetMailTipsRequest":
			c.MaxMailTipsRecipients = int(integer(s.TextBytes()))
		case "MaxMessageSize":
			c.MaxMessageSize = integer(s.TextBytes())
		case "LargeAudienceThreshold":
			c.LargeAudience = int(integer(s.TextBytes()))
		case "ShowExternalRecipientCount":
			c.ShowsExternalRecipients = boolean(s.TextBytes())
		case "PolicyTipsEnabled":
			c.PolicyTips = boolean(s.TextBytes())
		case "InternalDomains":
			for d := s.Depth(); s.Child(d); {
				name, _ := s.Attr("Name")
				sub, _ := s.AttrBytes("IncludeSubdomains")
				grow(s, &c.InternalDomains, InternalDomain{name, boolean(sub)})
			}
		case "UmEnabled":
			c.UnifiedMessaging = boolean(s.TextBytes())
		case "PlayOnPhoneEnabled":
			c.PlayOnPhone = boolean(s.TextBytes())
		case "PlayOnPhoneDialString":
			c.PlayOnPhoneNumber = s.Text()
		}
	}
}
