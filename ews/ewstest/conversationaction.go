package ewstest

// setFlag takes a Flag element over.
func (it *item) setFlag(v *node) {
	it.flag = flag{status: orDefault(v.leaf("t:FlagStatus"), "NotFlagged")}
	it.flag.start, _ = parseTime(v.leaf("t:StartDate"))
	it.flag.due, _ = parseTime(v.leaf("t:DueDate"))
	it.flag.completed, _ = parseTime(v.leaf("t:CompleteDate"))
	if it.flag.status == "Complete" && it.flag.completed.IsZero() {
		it.flag.completed = it.mb.s.now()
	}
}

// alwaysAction is what is done to the messages of a conversation that arrive.
type alwaysAction struct {
	to         *folder
	categories []string
}

// applyConversationAction EWS: ApplyConversationAction operation. The actions for what will come take effect in arrive.
func (c *call) applyConversationAction() *soapFault {
	return c.respond("ApplyConversationAction", c.env.op.kid("m:ConversationActions").all(), func(n *node) (func(), *opError) {
		var in *folder
		if scope := n.kid("t:ContextFolderId"); scope != nil {
			f, err := c.folder(scope.first())
			if err != nil {
				return nil, err
			}
			in = f
		}
		var to *folder
		if d := n.kid("t:DestinationFolderId"); d != nil {
			f, err := c.folder(d.first())
			if err != nil {
				return nil, err
			}
			to = f
		}
		id, action := n.kid("t:ConversationId").attr("Id"), n.leaf("t:Action")
		before, _ := parseTime(n.leaf("t:ConversationLastSyncTime"))
		mb := c.user
		if in != nil {
			mb = in.mb
		}
		var items []*item
		known := false
		for _, it := range mb.items {
			if it.conversationID() != id {
				continue
			}
			known = true
			if (in == nil || it.folder == in) && (before.IsZero() || in == nil || !it.received.After(before)) {
				items = append(items, it)
			}
		}
		switch {
		case !known:
			return nil, fail("ErrorItemNotFound")
		case to == nil && (action == "Move" || action == "Copy" || action == "AlwaysMove"):
			return nil, fail("ErrorApplyConversationActionFailed")
		}
		_ = sortItems(items, nil)
		always := mb.always[id]
		switch action {
		case "AlwaysMove":
			always.to = to
		case "AlwaysDelete":
			always.to = nil
			if n.kid("t:EnableAlwaysDelete").isTrue() {
				always.to = mb.named["deleteditems"]
			}
		case "AlwaysCategorize":
			always.categories = nil
			for _, category := range n.kid("t:Categories").all() {
				always.categories = append(always.categories, category.text)
			}
		}
		if mb.always == nil {
			mb.always = map[string]alwaysAction{}
		}
		mb.always[id] = always
		for _, it := range items {
			c.applyTo(it, action, n, to, always)
		}
		return nil, nil
	})
}

func (c *call) applyTo(it *item, action string, n *node, to *folder, always alwaysAction) {
	switch action {
	case "Move", "AlwaysMove":
		if it.folder != to {
			it.move(to)
		}
	case "AlwaysDelete":
		if always.to != nil && it.folder != always.to {
			it.move(always.to)
		}
	case "Copy":
		it.copyTo(to)
	case "Delete":
		it.discard(orDefault(n.leaf("t:DeleteType"), "MoveToDeletedItems"))
	case "SetReadState":
		read := n.kid("t:IsRead").isTrue()
		if it.setRead(read) && read && !n.kid("t:SuppressReadReceipts").isTrue() {
			c.receipt(it)
		}
	case "AlwaysCategorize":
		it.categories = always.categories
		it.touch()
	case "Flag":
		it.setFlag(n.kid("t:Flag"))
		it.touch()
	}
}
