package ewstest

// archiveItem EWS: ArchiveItem operation. Items go to the folder of the archive that has the path of the one named in the request.
func (c *call) archiveItem() *soapFault {
	source, sourceErr := c.folder(c.env.op.kid("m:ArchiveSourceFolderId").first())
	return c.respond("ArchiveItem", c.env.op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n)
		switch {
		case sourceErr != nil:
			return nil, sourceErr
		case err != nil:
			return nil, err
		case it.mb.named["archiveroot"] == nil:
			return nil, fail("ErrorArchiveMailboxNotEnabled")
		}
		it.move(it.mb.archiveCopy(source))
		return func() { c.a.empty("m:Items") }, nil
	})
}
