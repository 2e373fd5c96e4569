package ewstest

import (
	"slices"
	"strings"
)

// BlockedSenders returns the addresses of the senders whose messages were marked as junk, sorted. What they send later arrives in
// Junk Email.
func (mb *Mailbox) BlockedSenders() []string {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	var list []string
	for addr := range mb.blocked {
		list = append(list, addr)
	}
	slices.Sort(list)
	return list
}

// markAsJunk EWS: MarkAsJunk operation: its sender is blocked, or no longer, and it is moved to Junk Email, or back to the Inbox.
func (c *call) markAsJunk() *soapFault {
	op := c.env.op
	yes := func(name string) bool { return op.attr(name) == "true" || op.attr(name) == "1" }
	return c.respond("MarkAsJunk", op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n)
		if err != nil {
			return nil, err
		}
		if sender := strings.ToLower(it.c.from.email); sender != "" {
			if yes("IsJunk") {
				it.mb.blocked[sender] = true
			} else {
				delete(it.mb.blocked, sender)
			}
		}
		if !yes("MoveItem") {
			return nil, nil
		}
		to := it.mb.named["inbox"]
		if yes("IsJunk") {
			to = it.mb.named["junkemail"]
		}
		it.move(to)
		return func() { c.a.empty("m:MovedItemId", "Id", it.id, "ChangeKey", it.changeKey()) }, nil
	})
}
