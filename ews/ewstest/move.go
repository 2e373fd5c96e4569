package ewstest

// moveItem EWS: MoveItem operation. A move into another mailbox returns no ids, as on a real server.
func (c *call) moveItem() *soapFault {
	return c.moveCopy("MoveItem", func(it *item, to *folder) *item {
		it.move(to)
		return it
	})
}

func (c *call) copyItem() *soapFault {
	return c.moveCopy("CopyItem", (*item).copyTo)
}

func (c *call) moveCopy(name string, do func(it *item, to *folder) *item) *soapFault {
	op := c.env.op
	wantIDs := true
	if n := op.kid("m:ReturnNewItemIds"); n != nil {
		wantIDs = n.isTrue()
	}
	return c.respond(name, op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		to, err := c.target(op.kid("m:ToFolderId"))
		if err != nil {
			return nil, err
		}
		it, err := c.item(n)
		if err != nil {
			return nil, err
		}
		if to.distinguished == "root" {
			return nil, fail("ErrorMoveCopyFailed")
		}
		from := it.mb
		it = do(it, to)
		return func() {
			if !wantIDs || from != to.mb {
				c.a.empty("m:Items")
				return
			}
			c.oneItemID(it)
		}, nil
	})
}
