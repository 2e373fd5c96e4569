package ewstest

import (
	"slices"
	"strings"
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
		if id == "" {
			continue
		}
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
		q, filter := parseQuery(op.leaf("m:QueryString")), op.attr("ViewFilter")
		items := f.live()
		if op.attr("Traversal") == "Deep" {
			items = f.below(items)
		}
		rows = slices.DeleteFunc(conversations(items), func(cv *conversation) bool {
			return !slices.ContainsFunc(cv.items, func(it *item) bool { return q.matches(viewOf(it)) && it.shownBy(filter) })
		})
		if op.kid("m:SortOrder").first().attr("Order") == "Ascending" {
			slices.Reverse(rows)
		}
		p, err = c.page(op, len(rows), "m:IndexedPageItemView", "")
	}
	if err != nil {
		c.a.whole("FindConversation", err)
		return nil
	}
	c.a.success("m:FindConversationResponse")
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

// below adds the items of all folders below f.
func (f *folder) below(items []*item) []*item {
	for _, sub := range f.mb.folders {
		if sub.parent == f {
			items = sub.below(append(items, sub.live()...))
		}
	}
	return items
}

// shownBy reports whether a ViewFilter shows the item.
func (it *item) shownBy(filter string) bool {
	switch filter {
	case "Unread":
		return !it.read
	case "Flagged", "TaskActive":
		return it.flag.status == "Flagged"
	case "TaskOverdue":
		return it.flag.status == "Flagged" && !it.flag.due.IsZero() && it.flag.due.Before(it.mb.s.now())
	case "TaskCompleted":
		return it.flag.status == "Complete"
	case "HasAttachment":
		return it.c.hasAttachments()
	case "ToOrCcMe":
		return slices.ContainsFunc(slices.Concat(it.c.to, it.c.cc), func(a address) bool { return it.mb.has(a.email) })
	}
	return filter != "Clutter"
}

func (c *call) writeConversation(cv *conversation) {
	newest := cv.items[0]
	all := &conversation{id: cv.id}
	for _, it := range newest.mb.items {
		if it.conversationID() == cv.id {
			all.items = append(all.items, it)
		}
	}
	_ = sortItems(all.items, nil)
	own, global := cv.sum(), all.sum()
	c.a.start("t:Conversation")
	c.a.empty("t:ConversationId", "Id", cv.id)
	c.a.leaf("t:ConversationTopic", newest.c.topic)
	c.strings("t:UniqueRecipients", own.recipients)
	c.strings("t:GlobalUniqueRecipients", global.recipients)
	c.strings("t:UniqueUnreadSenders", own.unreadSenders)
	c.strings("t:GlobalUniqueUnreadSenders", global.unreadSenders)
	c.strings("t:UniqueSenders", own.senders)
	c.strings("t:GlobalUniqueSenders", global.senders)
	c.a.time("t:LastDeliveryTime", newest.received)
	c.a.time("t:GlobalLastDeliveryTime", all.items[0].received)
	c.strings("t:Categories", own.categories)
	c.a.leaf("t:FlagStatus", own.flag)
	c.a.leaf("t:GlobalFlagStatus", global.flag)
	c.a.bool("t:HasAttachments", own.attachments)
	c.a.bool("t:GlobalHasAttachments", global.attachments)
	c.a.int("t:MessageCount", int64(len(cv.items)))
	c.a.int("t:GlobalMessageCount", int64(len(all.items)))
	c.a.int("t:UnreadCount", own.unread)
	c.a.int("t:GlobalUnreadCount", global.unread)
	c.a.int("t:Size", own.size)
	c.a.int("t:GlobalSize", global.size)
	c.a.start("t:ItemClasses")
	for _, class := range own.classes {
		c.a.leaf("t:ItemClass", class)
	}
	c.a.end()
	c.a.leaf("t:Importance", own.importance)
	c.a.leaf("t:GlobalImportance", global.importance)
	c.conversationItems("t:ItemIds", cv)
	c.conversationItems("t:GlobalItemIds", all)
	c.a.time("t:LastModifiedTime", newest.modified)
	c.a.binary("t:InstanceKey", newest.index[:min(22, len(newest.index))])
	c.a.end()
}

func (c *call) conversationItems(name string, cv *conversation) {
	c.a.start(name)
	for _, it := range cv.items {
		c.a.itemID(it)
	}
	c.a.end()
}

// conversationSum is what the items of a conversation come to.
type conversationSum struct {
	senders, unreadSenders, recipients, categories, classes []string
	unread, size                                            int64
	attachments                                             bool
	flag, importance                                        string
}

func (cv *conversation) sum() conversationSum {
	s := conversationSum{flag: "NotFlagged", importance: "Low"}
	for _, it := range cv.items {
		s.senders = appendNew(s.senders, it.c.from.String())
		for _, a := range it.c.to {
			s.recipients = appendNew(s.recipients, a.String())
		}
		for _, category := range it.categories {
			s.categories = appendNew(s.categories, category)
		}
		s.classes = appendNew(s.classes, it.class)
		if !it.read {
			s.unread++
			s.unreadSenders = appendNew(s.unreadSenders, it.c.from.String())
		}
		s.size += it.size()
		s.attachments = s.attachments || it.c.hasAttachments()
		if it.flag.status == "Flagged" || s.flag == "NotFlagged" {
			s.flag = it.flag.status
		}
		if importanceNumber(it.importance) > importanceNumber(s.importance) {
			s.importance = it.importance
		}
	}
	return s
}

// getConversationItems EWS: GetConversationItems operation: the items of every folder, but for those to ignore. The
// order of the tree is taken for that of time.
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
		if strings.HasSuffix(op.leaf("m:SortOrder"), "Ascending") {
			slices.Reverse(items)
		}
		if limited && most > 0 && most < len(items) {
			items = items[:most]
		}
		return func() {
			c.a.start("m:Conversation")
			c.a.empty("t:ConversationId", "Id", id)
			c.a.leaf("t:SyncState", makeSyncState(id, c.s.counter))
			c.a.start("t:ConversationNodes")
			for i, it := range items {
				same := func(other *item) bool {
					return other == it || it.c.messageID != "" && other.c.messageID == it.c.messageID
				}
				if slices.ContainsFunc(items[:i], same) {
					continue // one node holds all copies of a message
				}
				c.a.start("t:ConversationNode")
				c.a.optional("t:InternetMessageId", it.c.messageID)
				if parents := messageIDs(it.c.inReplyTo); len(parents) > 0 {
					c.a.leaf("t:ParentInternetMessageId", parents[0])
				}
				c.a.start("t:Items")
				for _, other := range items[i:] {
					if same(other) {
						c.writeView(viewOf(other), sh)
					}
				}
				c.a.end()
				c.a.end()
			}
			c.a.end()
			c.a.end()
		}, nil
	})
}
