package ewstest

import "time"

// commitEpoch is what the numbers of changes are counted from where they are told as times.
var commitEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// folderShape is what a request wants to see of folders.
type folderShape struct {
	base     string
	fields   map[string]bool
	extended []extURI
}

func parseFolderShape(n *node) (*folderShape, *opError) {
	sh := &folderShape{base: n.leaf("t:BaseShape"), fields: map[string]bool{}}
	for _, p := range n.kid("t:AdditionalProperties").all() {
		if p.name == "t:ExtendedFieldURI" {
			u, err := parseExtURI(p)
			if err != nil {
				return sh, err
			}
			sh.extended = append(sh.extended, u)
			continue
		}
		sh.fields[p.attr("FieldURI")] = true
	}
	return sh, nil
}

func (sh *folderShape) wants(uri string, inDefault bool) bool {
	return sh.fields[uri] || sh.base == "AllProperties" || sh.base == "Default" && inDefault
}

func (c *call) getFolder() *soapFault {
	sh, shapeErr := parseFolderShape(c.env.op.kid("m:FolderShape"))
	return c.respond("GetFolder", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		f, err := c.folder(n)
		return func() { c.folders(func() { c.writeFolder(f, sh) }) }, err
	})
}

func (c *call) folders(inner func()) {
	c.a.start("m:Folders")
	inner()
	c.a.end()
}

// writeFolder writes a folder in schema order.
func (c *call) writeFolder(f *folder, sh *folderShape) {
	mail := true
	name := "t:Folder"
	if f.search != nil {
		name = "t:SearchFolder"
	}
	switch f.class {
	case "IPF.Appointment":
		name, mail = "t:CalendarFolder", false
	case "IPF.Contact":
		name, mail = "t:ContactsFolder", false
	case "IPF.Task":
		name = "t:TasksFolder"
	}
	a := c.a
	a.start(name)
	a.empty("t:FolderId", "Id", f.id, "ChangeKey", f.changeKey())
	if f.parent != nil && sh.wants("folder:ParentFolderId", false) {
		a.empty("t:ParentFolderId", "Id", f.parent.id, "ChangeKey", f.parent.changeKey())
	}
	if sh.wants("folder:FolderClass", false) {
		a.optional("t:FolderClass", f.class)
	}
	if sh.wants("folder:DisplayName", true) {
		a.leaf("t:DisplayName", f.name)
	}
	if sh.wants("folder:TotalCount", true) {
		total, _ := f.counts()
		a.int("t:TotalCount", total)
	}
	if sh.wants("folder:ChildFolderCount", true) {
		a.int("t:ChildFolderCount", int64(len(f.children)))
	}
	for _, u := range sh.extended {
		if p, ok := f.extended(u); ok {
			c.extended(u, p)
		}
	}
	if sh.wants("folder:EffectiveRights", false) {
		c.rights(true)
	}
	if f.distinguished != "" && sh.wants("folder:DistinguishedFolderId", false) {
		a.leaf("t:DistinguishedFolderId", f.distinguished)
	}
	if sh.fields["folder:PermissionSet"] {
		c.permissions(f)
	}
	if mail && sh.wants("folder:UnreadCount", true) {
		_, unread := f.counts()
		a.int("t:UnreadCount", unread)
	}
	if f.search != nil && sh.wants("folder:SearchParameters", false) {
		c.searchParameters(f.search)
	}
	a.end()
}

func (f *folder) extended(u extURI) (extProp, bool) {
	if p, ok := f.props[u.key]; ok && p.typ == u.typ {
		return p, true
	}
	var v value
	switch u.tag {
	case 0x3001:
		v = stringValue(f.name)
	case 0x3602:
		v = value{kind: kindInt, n: int64(f.count)}
	case 0x3603:
		v = value{kind: kindInt, n: int64(f.unread)}
	case 0x3613:
		v = stringValue(f.class)
	case 0x360A:
		v = boolValue(len(f.children) > 0)
	case 0x10F4:
		v = boolValue(false)
	case 0x6751: // PidTagArticleNumNext: IMAP's UIDNEXT
		v = value{kind: kindInt, n: int64(f.mb.s.counter) + 1}
	case 0x670A: // PidTagLocalCommitTimeMax: moves with every change to the contents
		v = timeValue(commitEpoch.Add(time.Duration(f.modified) * time.Second))
	case 0x6698:
		if f.mb == f.mb.s.public {
			v = binaryValue(f.mb.replicas())
		}
	case 0x0FFF:
		v = binaryValue([]byte(f.id))
	}
	s, ok := v.as(u.typ)
	return extProp{u.typ, []string{s}}, ok
}

func (f *folder) property(path *node) (value, *opError) {
	if path.name == "t:ExtendedFieldURI" {
		u, err := parseExtURI(path)
		if err != nil {
			return value{}, err
		}
		p, ok := f.extended(u)
		if !ok {
			return value{}, nil
		}
		return p.value(), nil
	}
	switch path.attr("FieldURI") {
	case "folder:DisplayName":
		return stringValue(f.name), nil
	case "folder:FolderClass":
		return stringValue(f.class), nil
	case "folder:TotalCount":
		return value{kind: kindInt, n: int64(f.count)}, nil
	case "folder:UnreadCount":
		return value{kind: kindInt, n: int64(f.unread)}, nil
	case "folder:ChildFolderCount":
		return value{kind: kindInt, n: int64(len(f.children))}, nil
	case "folder:ParentFolderId":
		if f.parent != nil {
			return stringValue(f.parent.id), nil
		}
		return value{}, nil
	}
	return value{}, fail("ErrorUnsupportedPathForQuery")
}
