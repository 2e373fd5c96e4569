package ewstest

func (c *call) deleteFolder() *soapFault {
	kind := c.env.op.attr("DeleteType")
	return c.respond("DeleteFolder", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		f, err := c.folder(n)
		switch {
		case err != nil:
			return nil, err
		case f.distinguished != "":
			return nil, fail("ErrorDeleteDistinguishedFolder")
		}
		trash := f.mb.named["deleteditems"]
		if kind == "MoveToDeletedItems" && !f.within(trash) {
			f.moveTo(trash, true)
		} else {
			f.destroy()
		}
		return nil, nil
	})
}

func (c *call) emptyFolder() *soapFault {
	kind, below := c.env.op.attr("DeleteType"), c.env.op.attr("DeleteSubFolders")
	return c.respond("EmptyFolder", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		f, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		if f.class == "IPF.Appointment" || f.search != nil {
			return nil, fail("ErrorCannotEmptyFolder")
		}
		for _, it := range f.live() {
			it.discard(kind)
		}
		if below == "true" || below == "1" {
			for _, child := range append([]*folder(nil), f.children...) {
				if child.distinguished != "" {
					continue
				}
				if trash := f.mb.named["deleteditems"]; kind == "MoveToDeletedItems" && !child.within(trash) {
					child.moveTo(trash, true)
				} else {
					child.destroy()
				}
			}
		}
		return nil, nil
	})
}

func (c *call) moveFolder() *soapFault {
	return c.respond("MoveFolder", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		to, err := c.target(c.env.op.kid("m:ToFolderId"))
		if err != nil {
			return nil, err
		}
		f, err := c.folder(n)
		switch {
		case err != nil:
			return nil, err
		case f.distinguished != "":
			return nil, fail("ErrorMoveDistinguishedFolder")
		case to.within(f), to.child(f.name) != nil, to.mb != f.mb:
			return nil, fail("ErrorMoveCopyFailed")
		}
		f.moveTo(to, false)
		return func() { c.folderID(f) }, nil
	})
}

// moveTo hangs the folder elsewhere. Its id stays: the store changes ids of items, not of folders.
func (f *folder) moveTo(to *folder, rename bool) {
	from := f.parent
	f.detach()
	if rename {
		for to.child(f.name) != nil {
			f.name += "1"
		}
	}
	f.parent = to
	to.children = append(to.children, f)
	f.change = f.mb.s.next()
	to.change = f.change
	f.mb.s.emit(event{kind: eventMoved, mailbox: f.mb, folder: f, oldFolder: from, oldID: f.id})
}

func (c *call) copyFolder() *soapFault {
	return c.respond("CopyFolder", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		to, err := c.target(c.env.op.kid("m:ToFolderId"))
		if err != nil {
			return nil, err
		}
		f, err := c.folder(n)
		switch {
		case err != nil:
			return nil, err
		case to.within(f), to.child(f.name) != nil:
			return nil, fail("ErrorMoveCopyFailed")
		}
		dup := f.copyTo(to)
		return func() { c.folderID(dup) }, nil
	})
}

func (f *folder) copyTo(to *folder) *folder {
	dup := to.mb.newFolder(to, f.name, f.class)
	dup.props = f.props.clone()
	to.mb.s.emit(event{kind: eventCopied, mailbox: to.mb, folder: dup, oldFolder: f.parent, oldID: f.id})
	for _, it := range f.live() {
		it.copyTo(dup)
	}
	for _, child := range f.children {
		child.copyTo(dup)
	}
	return dup
}
