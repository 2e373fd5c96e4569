package ewstest

func (c *call) deleteItem() *soapFault {
	kind := c.env.op.attr("DeleteType")
	return c.respond("DeleteItem", c.env.op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n)
		if err != nil {
			return nil, err
		}
		it.discard(kind) // whatever the change key says
		return nil, nil
	})
}

// discard removes an item in one of the three ways of DeleteItem.
func (it *item) discard(kind string) {
	switch kind {
	case "MoveToDeletedItems":
		it.move(it.mb.named["deleteditems"])
	case "SoftDelete":
		it.move(it.mb.named["recoverableitemsdeletions"])
	default:
		it.remove()
	}
}
