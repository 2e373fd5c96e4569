package ewstest

// markAsJunk EWS: MarkAsJunk operation: to Junk Email, or back to the Inbox.
func (c *call) markAsJunk() *soapFault {
	op := c.env.op
	yes := func(name string) bool { return op.attr(name) == "true" || op.attr(name) == "1" }
	return c.respond("MarkAsJunk", op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n)
		if err != nil {
			return nil, err
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
