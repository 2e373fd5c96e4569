package ewstest

import "strings"

// GrantSendOnBehalf gives the user with that address the right to send on behalf of this mailbox, and no other: recipients see both, the user
// as the Sender.
func (mb *Mailbox) GrantSendOnBehalf(user string) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.behalf[strings.ToLower(user)] = true
}

// sendAs finds the mailbox that a message is sent as, and completes the Sender of one that is sent on behalf of it.
func (c *call) sendAs(it *item) (*Mailbox, *opError) {
	f := it.c.from.email
	if f == "" || c.user.has(f) {
		return c.user, nil
	}
	from := c.s.byAddress[strings.ToLower(f)]
	switch {
	case from == nil:
		return nil, fail("ErrorSendAsDenied")
	case c.mayOpen(from):
		if s := it.c.sender.email; s != "" && !strings.EqualFold(s, f) && !c.user.has(s) {
			return nil, fail("ErrorSendAsDenied")
		}
	case from.behalf[strings.ToLower(c.user.address)]:
		it.edit()
		it.c.sender = c.user.self()
	default:
		return nil, fail("ErrorSendAsDenied")
	}
	return from, nil
}
