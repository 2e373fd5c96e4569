package ewstest

// findAttachment resolves an AttachmentId, through messages inside messages. v is the message that holds it.
func (c *call) findAttachment(id string) (v *view, a *attachment, err *opError) {
	itemID, path, ok := splitAttachmentID(id)
	if !ok {
		return nil, nil, fail("ErrorInvalidAttachmentId")
	}
	it, err := c.item(&node{name: "t:ItemId", attrs: []string{"Id", itemID}})
	if err != nil {
		return nil, nil, err
	}
	v = viewOf(it)
	for i, serial := range path {
		a = nil
		for _, have := range v.c.inside().attachments {
			if have.serial == serial {
				a = have
			}
		}
		switch {
		case a == nil:
			return nil, nil, fail("ErrorInvalidAttachmentId")
		case i == len(path)-1:
			return v, a, nil
		case a.item == nil:
			return nil, nil, fail("ErrorInvalidAttachmentId")
		}
		v = v.attached(a)
	}
	return nil, nil, fail("ErrorInvalidAttachmentId")
}

func (c *call) getAttachment() *soapFault {
	shapeNode := c.env.op.kid("m:AttachmentShape")
	if shapeNode == nil {
		shapeNode = &node{}
	}
	sh, shapeErr := parseShape(shapeNode, false, false)
	sh.base = "AllProperties"
	return c.respond("GetAttachment", c.env.op.kid("m:AttachmentIds").all(), func(n *node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		v, a, err := c.findAttachment(n.attr("Id"))
		if err != nil {
			return nil, err
		}
		return func() {
			c.a.start("m:Attachments")
			c.attachmentMeta(v, a, func() {
				if a.item != nil {
					c.writeView(v.attached(a), sh)
					return
				}
				c.a.content("t:Content", a.data)
			})
			c.a.end()
		}, nil
	})
}
