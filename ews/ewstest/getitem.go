package ewstest

func (c *call) getItem() *soapFault {
	sh, shapeErr := parseShape(c.env.op.kid("m:ItemShape"), false, false)
	return c.respond("GetItem", c.env.op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		it, err := c.itemOrOccurrence(n)
		return func() { c.items(func() { c.writeView(viewOf(it), sh) }) }, err
	})
}

func (c *call) items(inner func()) {
	c.a.start("m:Items")
	inner()
	c.a.end()
}

// itemIDs writes an Items element with one id.
func (c *call) oneItemID(it *item) {
	c.items(func() {
		c.a.start(elementOf(it.class))
		c.a.itemID(it)
		c.a.end()
	})
}

// itemOrOccurrence is item for those who only look: an occurrence lies in no folder, and cannot be changed.
func (c *call) itemOrOccurrence(n *node) (*item, *opError) {
	for _, mb := range c.s.mailboxes {
		if it := mb.findOccurrence(n.attr("Id")); it != nil && c.mayOpen(mb) {
			return it, nil
		}
	}
	return c.item(n)
}
