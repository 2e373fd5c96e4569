package ewstest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// createItem EWS: CreateItem operation, for messages and the answers to them.
func (c *call) createItem() *soapFault {
	op := c.env.op
	disposition, saved := op.attr("MessageDisposition"), op.kid("m:SavedItemFolderId")
	return c.respond("CreateItem", op.kid("m:Items").all(), func(n *node) (func(), *opError) {
		if n.name == "t:SuppressReadReceipt" {
			_, err := c.item(n.first())
			return func() { c.a.empty("m:Items") }, err
		}
		if k := typedByElement(n.name); k != nil {
			return c.saveTyped(n, k, saved)
		}
		if disposition == "" {
			return nil, fail("ErrorMessageDispositionRequired")
		}
		if answer := answerElements[n.name]; answer != "" {
			return c.answerMeeting(n, answer)
		}
		mb := c.user
		to := mb.named["drafts"]
		if disposition != "SaveOnly" {
			to = mb.named["sentitems"]
		}
		if saved != nil {
			var err *opError
			if to, err = c.target(saved); err != nil {
				return nil, err
			}
			mb = to.mb
		}
		it, err := c.newDraft(n, mb)
		if err != nil {
			return nil, err
		}
		if disposition == "SaveOnly" {
			c.save(it, to)
			return func() { c.created(it) }, nil
		}
		if err := c.send(it, to, disposition == "SendAndSaveCopy"); err != nil {
			if err.code == "ErrorMissingRecipients" {
				err = fail("ErrorInvalidRecipients")
			}
			return nil, err
		}
		return func() { c.a.empty("m:Items") }, nil
	})
}

// created returns the ids of a new item and of its attachments, as servers do.
func (c *call) created(it *item) {
	c.items(func() {
		c.a.start(elementOf(it.class))
		c.a.itemID(it)
		v := viewOf(it)
		if list := v.c.inside().attachments; len(list) > 0 {
			c.a.start("t:Attachments")
			for _, a := range list {
				c.a.start(a.element())
				c.a.empty("t:AttachmentId", "Id", v.attachmentID(a))
				c.a.end()
			}
			c.a.end()
		}
		c.a.end()
	})
}

// save files a new item without sending it.
func (c *call) save(it *item, f *folder) {
	now := c.s.now()
	if it.received.IsZero() {
		it.received = now
	}
	it.created, it.modified = now, now
	f.mb.file(it, f)
	c.s.emit(event{kind: eventCreated, mailbox: f.mb, folder: f, item: it})
}

// newDraft makes an unfiled item of a Message or a response object.
func (c *call) newDraft(n *node, mb *Mailbox) (*item, *opError) {
	var content *content
	var reply *replyInfo
	var err *opError
	var set func(it *item) *opError
	switch n.name {
	case "t:Message", "t:Item":
		content, set, err = c.buildMessage(n)
	case "t:ReplyToItem", "t:ReplyAllToItem", "t:ForwardItem":
		content, reply, err = c.buildReply(n, mb)
	default:
		return nil, fail("ErrorInvalidItemForOperationCreateItem")
	}
	if err != nil {
		return nil, err
	}
	if content.from.isZero() {
		content.from = mb.self()
	}
	if content.sender.isZero() {
		content.sender = content.from
	}
	if content.messageID == "" {
		content.messageID = c.s.newMessageID(mb)
	}
	if content.index == nil {
		content.index = rootIndex(c.s.now(), content.messageID)
	}
	it := mb.newItem(content)
	it.draft, it.fromMe, it.read = true, true, true
	it.reply = reply
	if set != nil {
		if err := set(it); err != nil {
			return nil, err
		}
	}
	return it, nil
}

func (s *Server) newMessageID(mb *Mailbox) string {
	_, domain, _ := strings.Cut(mb.address, "@")
	return fmt.Sprintf("<EWSTEST%012X@%s>", s.next(), orDefault(domain, "ewstest.invalid"))
}

// buildMessage reads a Message element: its MIME content, else its properties; given properties win over those of the MIME content.
// set applies what belongs to the item rather than to the message.
func (c *call) buildMessage(n *node) (*content, func(it *item) *opError, *opError) {
	var msg *content
	if m := n.kid("t:MimeContent"); m != nil {
		if m.bad {
			return nil, nil, fail("ErrorMimeContentInvalidBase64String")
		}
		if len(bytes.TrimSpace(m.data)) == 0 {
			return nil, nil, fail("ErrorMimeContentInvalid")
		}
		msg = newContent(m.data)
		msg.class = deepClass(msg)
	} else {
		msg = &content{built: &parsed{}, class: classNote, importance: "Normal", sensitivity: "Normal"}
	}
	set, err := c.applyFields(&msg, n)
	if err != nil {
		return nil, nil, err
	}
	if msg.built != nil && msg.topic == "" {
		msg.topic = normalizedSubject(msg.subject)
	}
	return msg, set, nil
}

// applyFields copies the element's properties into *msg, which is cloned before the first change to a message that came as MIME.
func (c *call) applyFields(msg **content, n *node) (func(it *item) *opError, *opError) {
	edit := func() *content {
		if (*msg).built == nil {
			*msg = (*msg).edit()
		}
		return *msg
	}
	var later []func(it *item)
	props := extendedProps{}
	for _, k := range n.kids {
		switch k.name {
		case "t:MimeContent", "t:ItemId", "t:ParentFolderId":
		case "t:ItemClass":
			(*msg).class = k.value()
		case "t:Subject":
			edit().subject = k.text
			(*msg).topic = normalizedSubject(k.text)
		case "t:Body":
			edit().built.setBody(k)
		case "t:Sensitivity":
			edit().sensitivity = k.value()
		case "t:Importance":
			edit().importance = k.value()
		case "t:InReplyTo":
			edit().inReplyTo = k.value()
		case "t:References":
			edit().references = k.value()
		case "t:InternetMessageId":
			edit().messageID = k.value()
		case "t:ToRecipients":
			edit().to = readAddresses(k)
		case "t:CcRecipients":
			edit().cc = readAddresses(k)
		case "t:BccRecipients":
			edit().bcc = readAddresses(k)
		case "t:ReplyTo":
			edit().replyTo = readAddresses(k)
		case "t:From":
			edit().from = readAddress(k.first())
		case "t:Sender":
			edit().sender = readAddress(k.first())
		case "t:IsReadReceiptRequested":
			edit().readReceipt = k.isTrue()
		case "t:IsDeliveryReceiptRequested":
			edit().delivReceipt = k.isTrue()
		case "t:Attachments":
			for _, an := range k.kids {
				a, err := c.newAttachment(an)
				if err != nil {
					return nil, err
				}
				built := edit().built
				a.serial = uint32(len(built.attachments) + 1)
				built.attachments = append(built.attachments, a)
			}
		case "t:ExtendedProperty":
			u, p, err := storedProperty(k)
			if err != nil {
				return nil, err
			}
			props[u.key] = p
			if u.set == internetHeadersSet && u.name != "" {
				edit().extra = append((*msg).extra, headerField{u.name, first(p.values)})
			}
		case "t:Categories":
			var list []string
			for _, s := range k.kids {
				list = append(list, s.text)
			}
			later = append(later, func(it *item) { it.categories = list })
		case "t:IsRead":
			later = append(later, func(it *item) { it.read = k.isTrue() })
		case "t:Flag":
			later = append(later, func(it *item) { _ = updatable["item:Flag"](it, k) })
		case "t:InternetMessageHeaders", "t:DateTimeReceived", "t:DateTimeSent", "t:DateTimeCreated", "t:Size", "t:HasAttachments",
			"t:IsDraft", "t:IsFromMe", "t:IsResend", "t:IsUnmodified", "t:IsSubmitted", "t:ConversationId", "t:EffectiveRights":
			return nil, fail("ErrorInvalidPropertySet")
		}
	}
	return func(it *item) *opError {
		for _, f := range later {
			f(it)
		}
		it.props = props
		it.ownProperties()
		return nil
	}, nil
}

// ownProperties lets MAPI properties that clients set at creation do what they do on a server: PidTagMessageFlags decides
// about draft and read, PidTagMessageDeliveryTime about the received date. That is how mail is imported.
func (it *item) ownProperties() {
	if p, ok := it.props["0x0e07"]; ok {
		flags, _ := strconv.Atoi(first(p.values))
		it.draft, it.read = flags&8 != 0, flags&1 != 0
		delete(it.props, "0x0e07")
	}
	if p, ok := it.props["0x0e06"]; ok {
		it.received, _ = parseTime(first(p.values))
		delete(it.props, "0x0e06")
	}
	if p, ok := it.props["0x300b"]; ok && p.typ == "Binary" {
		delete(it.props, "0x300b") // the store makes its own
	}
}
