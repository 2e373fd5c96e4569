package ewstest

func (c *call) markAllItemsAsRead() *soapFault {
	read, quiet := c.env.op.kid("m:ReadFlag").isTrue(), c.env.op.kid("m:SuppressReadReceipts").isTrue()
	return c.respond("MarkAllItemsAsRead", c.env.op.kid("m:FolderIds").all(), func(n *node) (func(), *opError) {
		f, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		for _, it := range f.live() {
			if it.setRead(read) && read && !quiet {
				c.receipt(it)
			}
		}
		return nil, nil
	})
}

// receipt sends the read receipt that the sender of a message asked for: what happens to those who mark mail as read without
// SuppressReadReceipts. It shows in Outbound.
func (c *call) receipt(it *item) {
	if !it.c.readReceipt || it.fromMe {
		return
	}
	to := it.c.from
	if list := parseAddresses(it.c.headers.get("Disposition-Notification-To")); len(list) > 0 {
		to = list[0]
	}
	now := c.s.now()
	msg := &content{
		built: &parsed{text: "Your message was read.", hasText: true}, class: classRead, from: it.mb.self(), sender: it.mb.self(),
		to: []address{to}, subject: "Read: " + it.c.subject, topic: it.c.topic, inReplyTo: it.c.messageID, sent: now,
		messageID: c.s.newMessageID(it.mb), index: childIndex(it.index, now, 1),
		extra: headerBlock{{"Auto-Submitted", "auto-replied"}},
	}
	raw := buildMIME(msg)
	sent := newContent(raw)
	sent.class = classRead
	c.deliverLocally(it.mb, sent, recipientsOf(msg), raw, now)
}
