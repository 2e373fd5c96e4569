package ewstest

import (
	"maps"
	"slices"
)

// permissions writes a folder's PermissionSet: nothing for everybody, all for those whom Mailbox.Grant named. Only the owner sees it.
func (c *call) permissions(f *folder) {
	if c.user != f.mb {
		return
	}
	list, entry, level := "t:Permissions", "t:Permission", "t:PermissionLevel"
	if f.class == "IPF.Appointment" {
		list, entry, level = "t:CalendarPermissions", "t:CalendarPermission", "t:CalendarPermissionLevel"
	}
	c.a.start("t:PermissionSet")
	c.a.start(list)
	for _, group := range []string{"Default", "Anonymous"} {
		c.permission(entry, level, false, func() { c.a.leaf("t:DistinguishedUser", group) })
	}
	for _, addr := range slices.Sorted(maps.Keys(f.mb.grants)) {
		c.permission(entry, level, true, func() {
			c.a.leaf("t:PrimarySmtpAddress", addr)
			if mb := c.s.byAddress[addr]; mb != nil {
				c.a.leaf("t:DisplayName", mb.name)
			}
		})
	}
	c.a.end()
	c.a.end()
}

func (c *call) permission(entry, level string, all bool, user func()) {
	items, read, role := "None", "None", "None"
	if all {
		items, read, role = "All", "FullDetails", "Owner"
	}
	a := c.a
	a.start(entry)
	a.start("t:UserId")
	user()
	a.end()
	for _, right := range []string{"t:CanCreateItems", "t:CanCreateSubFolders", "t:IsFolderOwner", "t:IsFolderVisible", "t:IsFolderContact"} {
		a.bool(right, all)
	}
	a.leaf("t:EditItems", items)
	a.leaf("t:DeleteItems", items)
	a.leaf("t:ReadItems", read)
	a.leaf(level, role)
	a.end()
}
