package ewstest

import "strings"

func (c *call) createFolder() *soapFault {
	parentNode := c.env.op.kid("m:ParentFolderId").first()
	return c.respond("CreateFolder", c.env.op.kid("m:Folders").all(), func(n *node) (func(), *opError) {
		parent, err := c.folder(parentNode)
		if err != nil {
			if err.code == "ErrorFolderNotFound" {
				err = fail("ErrorParentFolderNotFound")
			}
			return nil, err
		}
		name := n.leaf("t:DisplayName")
		if name == "" {
			return nil, fail("ErrorFolderSave")
		}
		if parent.child(name) != nil {
			return nil, fail("ErrorFolderExists")
		}
		f := parent.mb.newFolder(parent, name, orDefault(n.leaf("t:FolderClass"), classOfFolderElement(n.name)))
		f.props = extendedProps{}
		if n.name == "t:SearchFolder" {
			if f.search, err = c.search(n.kid("t:SearchParameters")); err != nil {
				f.destroy()
				return nil, err
			}
		}
		for _, k := range n.kids {
			if k.name == "t:ExtendedProperty" {
				u, p, err := storedProperty(k)
				if err != nil {
					f.destroy()
					return nil, err
				}
				f.props[u.key] = p
			}
		}
		c.s.emit(event{kind: eventCreated, mailbox: f.mb, folder: f})
		return func() { c.folderID(f) }, nil
	})
}

func classOfFolderElement(name string) string {
	switch name {
	case "t:CalendarFolder":
		return "IPF.Appointment"
	case "t:ContactsFolder":
		return "IPF.Contact"
	case "t:TasksFolder":
		return "IPF.Task"
	}
	return "IPF.Note"
}

// folderID writes a Folders element that holds the folder's id only.
func (c *call) folderID(f *folder) {
	c.folders(func() { c.writeFolder(f, &folderShape{base: "IdOnly"}) })
}

func (c *call) updateFolder() *soapFault {
	return c.respond("UpdateFolder", c.env.op.kid("m:FolderChanges").all(), func(n *node) (func(), *opError) {
		f, err := c.folder(n.first())
		if err != nil {
			return nil, err
		}
		if key := n.first().attr("ChangeKey"); key != "" && key != f.changeKey() {
			return nil, fail("ErrorIrresolvableConflict")
		}
		for _, u := range n.kid("t:Updates").kids {
			if f.search != nil && u.first().attr("FieldURI") == "folder:SearchParameters" && len(u.kids) > 1 {
				if f.search, err = c.search(u.kids[1].kid("t:SearchParameters")); err != nil {
					return nil, err
				}
				continue
			}
			if err := f.apply(u); err != nil {
				return nil, err
			}
		}
		f.change = c.s.next()
		c.s.emit(event{kind: eventModified, mailbox: f.mb, folder: f})
		return func() { c.folderID(f) }, nil
	})
}

func (f *folder) apply(u *node) *opError {
	path := u.first()
	if path.name == "t:ExtendedFieldURI" {
		ext, err := parseExtURI(path)
		if err != nil {
			return err
		}
		if f.props == nil {
			f.props = extendedProps{}
		}
		if u.name == "t:DeleteFolderField" {
			delete(f.props, ext.key)
			return nil
		}
		_, p, err := storedProperty(u.kids[1].kid("t:ExtendedProperty"))
		if err == nil {
			f.props[ext.key] = p
		}
		return err
	}
	if u.name != "t:SetFolderField" || path.attr("FieldURI") != "folder:DisplayName" {
		return fail("ErrorInvalidPropertySet")
	}
	name := strings.TrimSpace(u.kids[1].leaf("t:DisplayName"))
	if other := f.parent.child(name); other != nil && other != f {
		return fail("ErrorFolderExists")
	}
	if name == "" {
		return fail("ErrorFolderSave")
	}
	f.name = name
	return nil
}
