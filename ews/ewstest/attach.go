package ewstest

import (
	"strings"
)

// createAttachment EWS: CreateAttachment operation. The parent gets a new change key, which comes with every attachment.
func (c *call) createAttachment() *soapFault {
	parent := c.env.op.kid("m:ParentItemId")
	return c.respond("CreateAttachment", c.env.op.kid("m:Attachments").all(), func(n *node) (func(), *opError) {
		it, err := c.item(parent)
		if err != nil {
			return nil, err
		}
		a, err := c.newAttachment(n)
		if err != nil {
			return nil, err
		}
		it.edit()
		it.addAttachment(a)
		it.touch()
		v := viewOf(it)
		return func() {
			c.a.start("m:Attachments")
			c.a.start(a.element())
			c.a.empty("t:AttachmentId", "Id", v.attachmentID(a), "RootItemId", it.id, "RootItemChangeKey", it.changeKey())
			c.a.end()
			c.a.end()
		}, nil
	})
}

// newAttachment makes an attachment of its element.
func (c *call) newAttachment(n *node) (*attachment, *opError) {
	a := &attachment{
		name:        n.leaf("t:Name"),
		contentType: strings.ToLower(n.leaf("t:ContentType")),
		contentID:   strings.Trim(n.leaf("t:ContentId"), "<>"),
		location:    n.leaf("t:ContentLocation"),
		inline:      n.kid("t:IsInline").isTrue(),
		modified:    c.s.now(),
	}
	switch n.name {
	case "t:FileAttachment":
		content := n.kid("t:Content")
		if content == nil {
			return nil, fail("ErrorRequiredPropertyMissing")
		}
		a.data = content.data
		if a.name == "" {
			a.name = "ATT00001" + extension(a.contentType)
		}
		return a, nil
	case "t:ReferenceAttachment":
		a.url, a.provider = n.leaf("t:AttachLongPathName"), n.leaf("t:ProviderType")
		if a.url == "" {
			return nil, fail("ErrorRequiredPropertyMissing")
		}
		return a, nil
	case "t:ItemAttachment":
		for _, k := range n.kids {
			if k.name != "t:Message" && k.name != "t:Item" {
				continue
			}
			inner, _, err := c.buildMessage(k)
			if err != nil {
				return nil, err
			}
			a.item, a.contentType = inner, "message/rfc822"
			if a.name == "" {
				a.name = inner.subject
			}
			return a, nil
		}
	}
	return nil, fail("ErrorInvalidItemForOperationCreateItemAttachment")
}

// edit gives the item a content of its own that may be changed.
func (it *item) edit() {
	it.c = it.c.edit()
	it.unmodified = false
}

func (it *item) addAttachment(a *attachment) {
	list := &it.c.built.attachments
	for _, have := range *list {
		it.lastAttachment = max(it.lastAttachment, have.serial)
	}
	it.lastAttachment++
	a.serial = it.lastAttachment
	*list = append(*list, a)
}

func (c *call) deleteAttachment() *soapFault {
	return c.respond("DeleteAttachment", c.env.op.kid("m:AttachmentIds").all(), func(n *node) (func(), *opError) {
		v, a, err := c.findAttachment(n.attr("Id"))
		switch {
		case err != nil:
			return nil, err
		case v.it == nil:
			return nil, fail("ErrorCannotDeleteObject")
		}
		it := v.it
		it.edit()
		for i, have := range it.c.built.attachments {
			if have.serial == a.serial {
				it.c.built.attachments = append(it.c.built.attachments[:i:i], it.c.built.attachments[i+1:]...)
				break
			}
		}
		it.touch()
		return func() {
			c.a.empty("m:RootItemId", "RootItemId", it.id, "RootItemChangeKey", it.changeKey())
		}, nil
	})
}
