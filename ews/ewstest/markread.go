package ewstest

func (c *call) markAllItemsAsRead() *soapFault {
	read := c.env.op.kid("m:ReadFlag").isTrue()
	return c.respond("MarkAllItemsAsRead", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		f, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		for _, it := range f.live() {
			it.setRead(read)
		}
		return nil, nil
	})
}
