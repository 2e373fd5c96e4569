package ewstest

import (
	"slices"
)

// conversation is the items of a mailbox that belong together.
type conversation struct {
	id    string
	items []*item // newest first
}

// conversations of a set of items, the one with the newest item first.
func conversations(items []*item) []*conversation {
	_ = sortItems(items, nil)
	byID := map[string]*conversation{}
	var out []*conversation
	for _, it := range items {
		id := it.conversationID()
		cv := byID[id]
		if cv == nil {
			cv = &conversation{id: id}
			byID[id] = cv
			out = append(out, cv)
		}
		cv.items = append(cv.items, it)
	}
	return out
}

// findConversation EWS: FindConversation operation.
func (c *call) findConversation() *soapFault {
	op := c.env.op
	f, err := c.folder(op.kid("m:ParentFolderId").first())
	var rows []*conversation
	var p window
	if err == nil {
		q := parseQuery(op.leaf("m:QueryString"))
		rows = slices.DeleteFunc(conversations(f.live()), func(cv *conversation) bool {
			return !slices.ContainsFunc(cv.items, func(it *item) bool { return q.matches(viewOf(it)) })
		})
		p, err = c.page(op, len(rows), "m:IndexedPageItemView", "")
	}
	if err != nil {
		c.a.whole("FindConversation", err)
		return nil
	}
	c.a.root("m:FindConversationResponse", "ResponseClass", "Success")
	c.a.leaf("m:ResponseCode", "NoError")
	c.a.codes = append(c.a.codes, "NoError")
	c.a.start("m:Conversations")
	for _, cv := range rows[p.from:p.to] {
		c.writeConversation(cv)
	}
	c.a.end()
	c.a.int("m:TotalConversationsInView", int64(len(rows)))
	c.a.int("m:IndexedOffset", int64(p.next))
	c.a.end()
	return nil
}

func (c *call) writeConversation(cv *conversation) {
	newest := cv.items[0]
	var senders, unreadSenders, recipients []string
	unread, size, attachments := 0, int64(0), false
	for _, it := range cv.items {
		senders = appendNew(senders, it.c.from.String())
		for _, a := range it.c.to {
			recipients = appendNew(recipients, a.String())
		}
		if !it.read {
			unread++
			unreadSenders = appendNew(unreadSenders, it.c.from.String())
		}
		size += it.size()
		attachments = attachments || it.c.hasAttachments()
	}
	c.a.start("t:Conversation")
	c.a.empty("t:ConversationId", "Id", cv.id)
	c.a.leaf("t:ConversationTopic", newest.c.topic)
	c.strings("t:UniqueRecipients", recipients)
	c.strings("t:UniqueUnreadSenders", unreadSenders)
	c.strings("t:UniqueSenders", senders)
	c.a.time("t:LastDeliveryTime", newest.received)
	c.a.leaf("t:FlagStatus", newest.flag.status)
	c.a.bool("t:HasAttachments", attachments)
	c.a.int("t:MessageCount", int64(len(cv.items)))
	c.a.int("t:UnreadCount", int64(unread))
	c.a.int("t:Size", size)
	c.a.leaf("t:Importance", newest.importance)
	c.a.start("t:ItemIds")
	for _, it := range cv.items {
		c.a.itemID(it)
	}
	c.a.end()
	c.a.time("t:LastModifiedTime", newest.modified)
	c.a.end()
}

// getConversationItems EWS: GetConversationItems operation: the items of every folder, but for those to ignore, newest first.
func (c *call) getConversationItems() *soapFault {
	op := c.env.op
	sh, shapeErr := parseShape(op.kid("m:ItemShape"), false, false)
	most, limited := parseInt(op.leaf("m:MaxItemsToReturn"))
	return c.respond("GetConversationItems", op.kid("m:Conversations").all(), func(n *node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		ignore := map[*folder]bool{}
		for _, fn := range op.kid("m:FoldersToIgnore").all() {
			f, err := c.folder(fn)
			if err != nil {
				return nil, err
			}
			ignore[f] = true
		}
		id := n.kid("t:ConversationId").attr("Id")
		var items []*item
		for _, it := range c.user.items {
			if it.conversationID() == id && !ignore[it.folder] {
				items = append(items, it)
			}
		}
		if len(items) == 0 {
			return nil, fail("ErrorItemNotFound")
		}
		_ = sortItems(items, nil)
		if limited && most > 0 && most < len(items) {
			items = items[:most]
		}
		return func() {
			c.a.start("m:Conversation")
			c.a.empty("t:ConversationId", "Id", id)
			c.a.leaf("t:SyncState", makeSyncState(id, c.s.counter))
			c.a.start("t:ConversationNodes")
			for _, it := range items {
				c.a.start("t:ConversationNode")
				c.a.optional("t:InternetMessageId", it.c.messageID)
				if parents := messageIDs(it.c.inReplyTo); len(parents) > 0 {
					c.a.leaf("t:ParentInternetMessageId", parents[0])
				}
				c.a.start("t:Items")
				c.writeView(viewOf(it), sh)
				c.a.end()
				c.a.end()
			}
			c.a.end()
			c.a.end()
		}, nil
	})
}
