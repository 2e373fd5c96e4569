package ewstest

import "strings"

// group is a distribution list of the directory.
type group struct {
	address string
	name    string
	members []string
}

// AddGroup creates or replaces a distribution list: mail sent to it reaches its members, ExpandDL shows them. A member may be a
// mailbox of this Server, another group, or any other address.
func (s *Server) AddGroup(addr, name string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[strings.ToLower(addr)] = &group{addr, name, append([]string(nil), members...)}
}

// expand replaces groups by their members, however deep, each address once.
func (s *Server) expand(rcpt []string) []string {
	var out []string
	seen := map[string]bool{}
	var add func(list []string)
	add = func(list []string) {
		for _, r := range list {
			key := strings.ToLower(r)
			if seen[key] {
				continue
			}
			seen[key] = true
			if g := s.groups[key]; g != nil {
				add(g.members)
			} else {
				out = append(out, r)
			}
		}
	}
	add(rcpt)
	return out
}

// expandDL EWS: ExpandDL operation, one level.
func (c *call) expandDL() *soapFault {
	return c.respond("ExpandDL", []*node{c.env.op.kid("m:Mailbox")}, func(n *node) (func(), *opError) {
		if id := n.kid("t:ItemId"); id != nil {
			return c.expandPrivateDL(id)
		}
		g := c.s.groups[strings.ToLower(n.leaf("t:EmailAddress"))]
		if g == nil {
			return nil, fail("ErrorNameResolutionNoResults")
		}
		return func() {
			c.a.start("m:DLExpansion", "TotalItemsInView", itoa(len(g.members)), "IncludesLastItemInRange", "true")
			for _, m := range g.members {
				c.a.start("t:Mailbox")
				name, kind := m, "OneOff"
				if mb := c.s.byAddress[strings.ToLower(m)]; mb != nil {
					name, kind = mb.name, "Mailbox"
				} else if sub := c.s.groups[strings.ToLower(m)]; sub != nil {
					name, kind = sub.name, "PublicDL"
				}
				c.a.leaf("t:Name", name)
				c.a.leaf("t:EmailAddress", m)
				c.a.leaf("t:RoutingType", "SMTP")
				c.a.leaf("t:MailboxType", kind)
				c.a.end()
			}
			c.a.end()
		}, nil
	})
}

// expandPrivateDL is expandDL of a list that a contact folder holds.
func (c *call) expandPrivateDL(id *node) (func(), *opError) {
	it, err := c.item(id)
	switch {
	case err != nil:
		return nil, err
	case it.class != classDistList:
		return nil, fail("ErrorInvalidRecipients")
	}
	members := it.own["t:Members"].all()
	return func() {
		c.a.start("m:DLExpansion", "TotalItemsInView", itoa(len(members)), "IncludesLastItemInRange", "true")
		for _, m := range members {
			box := m.kid("t:Mailbox")
			addr, name := box.leaf("t:EmailAddress"), box.leaf("t:Name")
			contact := it.mb.items[box.kid("t:ItemId").attr("Id")]
			if contact != nil && contact.class == classContact {
				addr, name = contact.own["t:EmailAddresses"].first().value(), contact.ownText("t:DisplayName")
			}
			c.a.start("t:Mailbox")
			c.a.leaf("t:Name", orDefault(name, addr))
			c.a.optional("t:EmailAddress", addr)
			c.a.leaf("t:RoutingType", "SMTP")
			c.a.leaf("t:MailboxType", orDefault(box.leaf("t:MailboxType"), "OneOff"))
			if contact != nil {
				c.a.itemID(contact)
			}
			c.a.end()
		}
		c.a.end()
	}, nil
}

// getPasswordExpirationDate EWS: GetPasswordExpirationDate operation. Passwords here do not expire, which servers say so.
func (c *call) getPasswordExpirationDate() *soapFault {
	c.a.success("m:GetPasswordExpirationDateResponse")
	c.a.leaf("m:PasswordExpirationDate", "9999-12-31T23:59:59")
	c.a.end()
	return nil
}
