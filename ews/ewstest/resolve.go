package ewstest

import "strings"

// resolveNames EWS: ResolveNames operation, over the mailboxes of this server as the directory.
func (c *call) resolveNames() *soapFault {
	want := c.env.op.leaf("m:UnresolvedEntry")
	full := c.env.op.attr("ReturnFullContactData") == "true" || c.env.op.attr("ReturnFullContactData") == "1"
	return c.respond("ResolveNames", []*node{c.env.op}, func(*node) (func(), *opError) {
		found := c.s.resolve(want)
		if len(found) == 0 {
			return nil, fail("ErrorNameResolutionNoResults")
		}
		var err *opError
		if len(found) > 1 {
			err = fail("ErrorNameResolutionMultipleResults")
		}
		return func() {
			c.a.start("m:ResolutionSet", "TotalItemsInView", itoa(len(found)), "IncludesLastItemInRange", "true")
			for _, mb := range found {
				c.a.start("t:Resolution")
				c.a.start("t:Mailbox")
				c.a.leaf("t:Name", mb.name)
				c.a.leaf("t:EmailAddress", mb.address)
				c.a.leaf("t:RoutingType", "SMTP")
				c.a.leaf("t:MailboxType", "Mailbox")
				c.a.end()
				if full {
					c.a.start("t:Contact")
					c.a.leaf("t:DisplayName", mb.name)
					c.a.start("t:EmailAddresses")
					c.a.leaf("t:Entry", "SMTP:"+mb.address, "Key", "EmailAddress1")
					c.a.end()
					c.a.leaf("t:ContactSource", "ActiveDirectory")
					c.a.end()
				}
				c.a.end()
			}
			c.a.end()
		}, err
	})
}

// resolve finds mailboxes by address, alias, X.500 address, or the beginning of a name.
func (s *Server) resolve(want string) []*Mailbox {
	low := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(want, "smtp:"), "SMTP:"))
	if mb := s.byAddress[low]; mb != nil {
		return []*Mailbox{mb}
	}
	var out []*Mailbox
	for _, mb := range s.mailboxes {
		if strings.EqualFold(want, mb.legacyDN()) {
			return []*Mailbox{mb}
		}
		if strings.HasPrefix(strings.ToLower(mb.address), low) || strings.HasPrefix(strings.ToLower(mb.name), low) {
			out = append(out, mb)
		}
	}
	return out
}
