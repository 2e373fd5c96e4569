package ewstest

// archiveItem EWS: ArchiveItem operation. Mailboxes here have no archive mailbox.
func (c *call) archiveItem() *soapFault {
	return c.respond("ArchiveItem", c.env.op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		if _, err := c.item(n); err != nil {
			return nil, err
		}
		return nil, fail("ErrorArchiveMailboxNotEnabled")
	})
}
