package ewstest

import (
	"slices"
	"strings"
)

// delegates of a mailbox: DelegateUser elements by lower-case address, and who gets meeting requests.
type delegates struct {
	users    []*node
	delivery string
}

func (d *delegates) find(addr string) int {
	return slices.IndexFunc(d.users, func(n *node) bool {
		return strings.EqualFold(n.kid("t:UserId").leaf("t:PrimarySmtpAddress"), addr)
	})
}

// delegator finds the mailbox whose delegates are meant.
func (c *call) delegator() (*Mailbox, *opError) {
	return c.mailbox(c.env.op.kid("m:Mailbox").leaf("t:EmailAddress"), "ErrorNonExistentMailbox")
}

// answerDelegates writes an answer that is a response message itself and holds one for each of nodes.
func (c *call) answerDelegates(op string, nodes []*node, one func(mb *Mailbox, n *node) (*node, *opError)) *soapFault {
	mb, err := c.delegator()
	if err != nil {
		c.a.whole(op, err)
		return nil
	}
	c.a.success("m:" + op + "Response")
	if len(nodes) > 0 {
		c.a.start("m:ResponseMessages")
		for _, n := range nodes {
			user, err := one(mb, n)
			var body func()
			if user != nil {
				body = func() { c.delegateUser(user) }
			}
			c.a.message("DelegateUserResponseMessageType", err, body, nil)
		}
		c.a.end()
	}
	if op == "GetDelegate" {
		c.a.leaf("m:DeliverMeetingRequests", orDefault(mb.delegates.delivery, "DelegatesAndSendInformationToMe"))
	}
	c.a.end()
	return nil
}

// delegateUser writes a DelegateUser as the directory knows it.
func (c *call) delegateUser(n *node) {
	c.a.start("m:DelegateUser")
	addr := n.kid("t:UserId").leaf("t:PrimarySmtpAddress")
	c.a.start("t:UserId")
	name := addr
	if mb := c.s.byAddress[strings.ToLower(addr)]; mb != nil {
		name = mb.name
		c.a.leaf("t:SID", mb.SID())
	}
	c.a.leaf("t:PrimarySmtpAddress", addr)
	c.a.leaf("t:DisplayName", name)
	c.a.end()
	if p := n.kid("t:DelegatePermissions"); p != nil && (c.env.opName != "GetDelegate" || isTrue(c.env.op.attr("IncludePermissions"))) {
		c.a.node(p)
	}
	c.a.bool("t:ReceiveCopiesOfMeetingMessages", n.kid("t:ReceiveCopiesOfMeetingMessages").isTrue())
	c.a.bool("t:ViewPrivateItems", n.kid("t:ViewPrivateItems").isTrue())
	c.a.end()
}

func isTrue(v string) bool { return v == "true" || v == "1" }

// getDelegate EWS: GetDelegate operation.
func (c *call) getDelegate() *soapFault {
	wanted := c.env.op.kid("m:UserIds").all()
	if len(wanted) == 0 {
		if mb, err := c.delegator(); err == nil {
			for _, u := range mb.delegates.users {
				wanted = append(wanted, u.kid("t:UserId"))
			}
		}
	}
	return c.answerDelegates("GetDelegate", wanted, func(mb *Mailbox, n *node) (*node, *opError) {
		i := mb.delegates.find(n.leaf("t:PrimarySmtpAddress"))
		if i < 0 {
			return nil, fail("ErrorNotDelegate")
		}
		return mb.delegates.users[i], nil
	})
}

// addDelegate EWS: AddDelegate operation.
func (c *call) addDelegate() *soapFault {
	return c.changeDelegates("AddDelegate", func(mb *Mailbox, n *node) (*node, *opError) {
		addr := n.kid("t:UserId").leaf("t:PrimarySmtpAddress")
		switch {
		case c.s.byAddress[strings.ToLower(addr)] == nil:
			return nil, fail("ErrorDelegateNoUser")
		case mb.has(addr):
			return nil, fail("ErrorDelegateCannotAddOwner")
		case mb.delegates.find(addr) >= 0:
			return nil, fail("ErrorDelegateAlreadyExists")
		}
		user := &node{name: n.name, kids: n.kids}
		mb.delegates.users = append(mb.delegates.users, user)
		return user, nil
	})
}

// updateDelegate EWS: UpdateDelegate operation: what is not given stays.
func (c *call) updateDelegate() *soapFault {
	return c.changeDelegates("UpdateDelegate", func(mb *Mailbox, n *node) (*node, *opError) {
		i := mb.delegates.find(n.kid("t:UserId").leaf("t:PrimarySmtpAddress"))
		if i < 0 {
			return nil, fail("ErrorNotDelegate")
		}
		user := &node{name: n.name}
		for _, part := range []string{"t:UserId", "t:DelegatePermissions", "t:ReceiveCopiesOfMeetingMessages", "t:ViewPrivateItems"} {
			kid := n.kid(part)
			if kid == nil {
				kid = mb.delegates.users[i].kid(part)
			}
			if kid != nil {
				user.kids = append(user.kids, kid)
			}
		}
		mb.delegates.users[i] = user
		return user, nil
	})
}

func (c *call) changeDelegates(op string, one func(mb *Mailbox, n *node) (*node, *opError)) *soapFault {
	fault := c.answerDelegates(op, c.env.op.kid("m:DelegateUsers").all(), one)
	if mb, err := c.delegator(); err == nil {
		if d := c.env.op.leaf("m:DeliverMeetingRequests"); d != "" {
			mb.delegates.delivery = d
		}
	}
	return fault
}

// removeDelegate EWS: RemoveDelegate operation.
func (c *call) removeDelegate() *soapFault {
	return c.answerDelegates("RemoveDelegate", c.env.op.kid("m:UserIds").all(), func(mb *Mailbox, n *node) (*node, *opError) {
		i := mb.delegates.find(n.leaf("t:PrimarySmtpAddress"))
		if i < 0 {
			return nil, fail("ErrorNotDelegate")
		}
		mb.delegates.users = slices.Delete(mb.delegates.users, i, i+1)
		return nil, nil
	})
}
