package ewstest

import "strings"

// configKey names a user configuration: names are compared without regard to case.
type configKey struct{ folder, name string }

// config finds the folder and the key of a UserConfigurationName.
func (c *call) config(n *node) (*folder, configKey, *opError) {
	f, err := c.folder(n.first())
	if err != nil {
		return nil, configKey{}, err
	}
	return f, configKey{f.id, strings.ToLower(n.attr("Name"))}, nil
}

// getUserConfiguration EWS: GetUserConfiguration operation.
func (c *call) getUserConfiguration() *soapFault {
	name := c.env.op.kid("m:UserConfigurationName")
	want := strings.Fields(c.env.op.leaf("m:UserConfigurationProperties"))
	wants := func(part string) bool { return containsFold(want, part) || containsFold(want, "All") }
	return c.respond("GetUserConfiguration", []*node{c.env.op}, func(*node) (func(), *opError) {
		f, key, err := c.config(name)
		if err != nil {
			return nil, err
		}
		stored := f.mb.configs[key]
		if stored == nil {
			return nil, fail("ErrorItemNotFound")
		}
		return func() {
			c.a.start("m:UserConfiguration")
			c.a.start("t:UserConfigurationName", "Name", name.attr("Name"))
			c.a.node(name.first())
			c.a.end()
			if wants("Id") {
				c.a.empty("t:ItemId", "Id", stored.attr("Id"), "ChangeKey", stored.attr("ChangeKey"))
			}
			if d := stored.kid("t:Dictionary"); wants("Dictionary") {
				if d == nil {
					d = &node{name: "t:Dictionary"}
				}
				c.a.dictionary(d)
			}
			for _, part := range []string{"XmlData", "BinaryData"} {
				if n := stored.kid("t:" + part); n != nil && wants(part) {
					c.a.content(n.name, n.data)
				}
			}
			c.a.end()
		}, nil
	})
}

// dictionary writes a Dictionary. A value without a type is null.
func (a *answer) dictionary(d *node) {
	if len(d.kids) == 0 {
		a.empty(d.name)
		return
	}
	a.start(d.name)
	for _, e := range d.kids {
		a.start(e.name)
		for _, v := range e.kids {
			if len(v.kids) == 0 {
				a.empty(v.name, "xsi:nil", "true", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
			} else {
				a.node(v)
			}
		}
		a.end()
	}
	a.end()
}

// createUserConfiguration EWS: CreateUserConfiguration operation.
func (c *call) createUserConfiguration() *soapFault {
	n := c.env.op.kid("m:UserConfiguration")
	return c.respond("CreateUserConfiguration", []*node{n}, func(n *node) (func(), *opError) {
		f, key, err := c.config(n.kid("t:UserConfigurationName"))
		if err != nil {
			return nil, err
		}
		if f.mb.configs[key] != nil {
			return nil, fail("ErrorItemSave")
		}
		change := c.s.next()
		f.mb.configs[key] = &node{attrs: []string{"Id", f.mb.newItemID(), "ChangeKey", makeChangeKey(9, change)}, kids: n.kids}
		return nil, nil
	})
}

// updateUserConfiguration EWS: UpdateUserConfiguration operation: what is not given stays.
func (c *call) updateUserConfiguration() *soapFault {
	n := c.env.op.kid("m:UserConfiguration")
	return c.respond("UpdateUserConfiguration", []*node{n}, func(n *node) (func(), *opError) {
		f, key, err := c.config(n.kid("t:UserConfigurationName"))
		if err != nil {
			return nil, err
		}
		old := f.mb.configs[key]
		if old == nil {
			return nil, fail("ErrorItemNotFound")
		}
		changed := &node{attrs: []string{"Id", old.attr("Id"), "ChangeKey", makeChangeKey(9, c.s.next())}}
		for _, part := range []string{"t:UserConfigurationName", "t:Dictionary", "t:XmlData", "t:BinaryData"} {
			kid := n.kid(part)
			if kid == nil {
				kid = old.kid(part)
			}
			if kid != nil {
				changed.kids = append(changed.kids, kid)
			}
		}
		f.mb.configs[key] = changed
		return nil, nil
	})
}

// deleteUserConfiguration EWS: DeleteUserConfiguration operation.
func (c *call) deleteUserConfiguration() *soapFault {
	return c.respond("DeleteUserConfiguration", []*node{c.env.op.kid("m:UserConfigurationName")}, func(n *node) (func(), *opError) {
		f, key, err := c.config(n)
		switch {
		case err != nil:
			return nil, err
		case f.mb.configs[key] == nil:
			return nil, fail("ErrorItemNotFound")
		}
		delete(f.mb.configs, key)
		return nil, nil
	})
}
