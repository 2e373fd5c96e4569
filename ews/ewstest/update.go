package ewstest

import (
	"strconv"
	"strings"
)

// updateItem EWS: UpdateItem operation.
func (c *call) updateItem() *soapFault {
	op := c.env.op
	resolution, disposition := op.attr("ConflictResolution"), op.attr("MessageDisposition")
	c.respondAs("UpdateItem", "UpdateItemResponseMessage", op.kid("m:ItemChanges").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n.first())
		if err != nil {
			return nil, err
		}
		if disposition == "" && typedByClass(it.class) == nil { // messages demand it
			return nil, fail("ErrorMessageDispositionRequired")
		}
		key := n.first().attr("ChangeKey")
		if resolution == "NeverOverwrite" && key == "" {
			return nil, fail("ErrorChangeKeyRequiredForWriteOperations")
		}
		stale := key != "" && key != it.changeKey()
		if stale && resolution == "NeverOverwrite" {
			return nil, fail("ErrorIrresolvableConflict")
		}
		if stale && resolution == "AutoResolve" && changesContent(n) {
			return nil, fail("ErrorIrresolvableConflict")
		}
		unread := !it.read
		if err := c.update(it, n.kid("t:Updates").all()); err != nil {
			return nil, err
		}
		if quiet := op.attr("SuppressReadReceipts"); unread && it.read && quiet != "true" && quiet != "1" {
			c.receipt(it)
		}
		if disposition != "SaveOnly" && it.draft {
			to := it.mb.named["sentitems"]
			if saved := op.kid("m:SavedItemFolderId"); saved != nil {
				if to, err = c.target(saved); err != nil {
					return nil, err
				}
			}
			if err := c.send(it, to, disposition == "SendAndSaveCopy"); err != nil {
				return nil, err
			}
			return func() { c.a.empty("m:Items"); c.conflicts() }, nil
		}
		return func() { c.oneItemID(it); c.conflicts() }, nil
	})
	return nil
}

func (c *call) conflicts() {
	c.a.start("m:ConflictResults")
	c.a.int("t:Count", 0)
	c.a.end()
}

// changesContent tells changes that the store cannot merge from those it can (flags, categories, own properties).
func changesContent(n *node) bool {
	for _, u := range n.kid("t:Updates").all() {
		switch u.first().attr("FieldURI") {
		case "item:Subject", "item:Body", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients":
			return true
		}
	}
	return false
}

// update applies changes in order; a failing one leaves the item as it was.
func (c *call) update(it *item, updates []*node) *opError {
	before := *it
	before.props = it.props.clone()
	readBefore := it.read
	touched := false
	want := it.read
	for _, u := range updates {
		path := u.first()
		if path.attr("FieldURI") == "message:IsRead" {
			want = u.name != "t:DeleteItemField" && u.kids[1].kid("t:IsRead").isTrue()
			continue
		}
		if err := c.apply(it, u, path); err != nil {
			*it = before
			return err
		}
		touched = true
	}
	if touched {
		it.touch()
	}
	if want != readBefore {
		it.setRead(want)
	}
	return nil
}

func (c *call) apply(it *item, u, path *node) *opError {
	remove := u.name == "t:DeleteItemField"
	var n *node
	if !remove {
		n = u.kids[1]
		if len(n.kids) != 1 {
			return fail("ErrorIncorrectUpdatePropertyCount")
		}
	}
	switch path.name {
	case "t:ExtendedFieldURI":
		return it.applyExtended(path, n, remove)
	case "t:IndexedFieldURI":
		return it.setEntry(path, n)
	}
	uri := path.attr("FieldURI")
	set := updatable[uri]
	own := set == nil
	if own {
		set = func(it *item, v *node) *opError { return it.setOwn(uri, v) }
	}
	if remove && !deletable[uri] && !own {
		return fail("ErrorInvalidPropertyDelete")
	}
	var v *node
	if !remove {
		if v = n.kid(element(uri)); v == nil {
			return fail("ErrorUpdatePropertyMismatch")
		}
	}
	if u.name == "t:AppendToItemField" {
		if uri != "item:Body" && uri != "message:ReplyTo" && !strings.HasSuffix(uri, "Recipients") {
			return fail("ErrorInvalidPropertyAppend")
		}
		return appendField(it, uri, v)
	}
	return set(it, v)
}

func (it *item) applyExtended(path, n *node, remove bool) *opError {
	u, err := parseExtURI(path)
	if err != nil {
		return err
	}
	it.props = it.props.clone()
	if it.props == nil {
		it.props = extendedProps{}
	}
	if remove {
		delete(it.props, u.key)
		if u.set == internetHeadersSet {
			it.setHeader(u.name, "")
		}
		return nil
	}
	ep := n.kid("t:ExtendedProperty")
	if ep == nil {
		return fail("ErrorUpdatePropertyMismatch")
	}
	stored, p, err := storedProperty(ep)
	if err != nil {
		return err
	}
	if stored.key != u.key {
		return fail("ErrorUpdatePropertyMismatch")
	}
	it.props[u.key] = p
	if u.set == internetHeadersSet {
		it.setHeader(u.name, first(p.values))
	}
	return nil
}

// setHeader makes a header field of a property of the InternetHeaders set, or with an empty value unmakes it.
func (it *item) setHeader(name, value string) {
	it.edit()
	var list headerBlock
	for _, h := range it.c.extra {
		if !strings.EqualFold(h.name, name) {
			list = append(list, h)
		}
	}
	if value != "" {
		list = append(list, headerField{name, value})
	}
	it.c.extra = list
}

// updatable fields; v is nil for a deletion.
var updatable = map[string]func(it *item, v *node) *opError{
	"item:Subject": func(it *item, v *node) *opError {
		it.edit()
		it.c.subject = v.value()
		return nil
	},
	"item:Body": func(it *item, v *node) *opError {
		it.edit()
		it.c.built.setBody(v)
		return nil
	},
	"item:Importance": func(it *item, v *node) *opError {
		it.importance = orDefault(v.value(), "Normal")
		if it.draft { // of a message that came it is a mark of its own
			it.edit()
			it.c.importance = it.importance
		}
		return nil
	},
	"item:Sensitivity": func(it *item, v *node) *opError {
		it.edit()
		it.c.sensitivity = v.value()
		return nil
	},
	"item:Categories": func(it *item, v *node) *opError {
		it.categories = nil
		for _, s := range v.all() {
			it.categories = append(it.categories, s.text)
		}
		return nil
	},
	"item:ItemClass": func(it *item, v *node) *opError {
		it.class = orDefault(v.value(), classNote)
		return nil
	},
	"item:InReplyTo": func(it *item, v *node) *opError {
		it.edit()
		it.c.inReplyTo = v.value()
		return nil
	},
	"message:References": func(it *item, v *node) *opError {
		it.edit()
		it.c.references = v.value()
		return nil
	},
	"item:Flag": func(it *item, v *node) *opError {
		it.setFlag(v)
		return nil
	},
	"item:ReminderIsSet": func(it *item, v *node) *opError {
		it.reminder.set = v.isTrue()
		return nil
	},
	"item:ReminderDueBy": func(it *item, v *node) *opError {
		it.reminder.due, _ = parseTime(v.value())
		return nil
	},
	"item:ReminderMinutesBeforeStart": func(it *item, v *node) *opError {
		it.reminder.minutes, _ = strconv.Atoi(v.value())
		return nil
	},
	"message:ToRecipients":  func(it *item, v *node) *opError { it.edit(); it.c.to = readAddresses(v); return nil },
	"message:CcRecipients":  func(it *item, v *node) *opError { it.edit(); it.c.cc = readAddresses(v); return nil },
	"message:BccRecipients": func(it *item, v *node) *opError { it.edit(); it.c.bcc = readAddresses(v); return nil },
	"message:ReplyTo":       func(it *item, v *node) *opError { it.edit(); it.c.replyTo = readAddresses(v); return nil },
	"message:From": func(it *item, v *node) *opError {
		it.edit()
		it.c.from = readAddress(v.first())
		return nil
	},
	"message:IsReadReceiptRequested": func(it *item, v *node) *opError {
		it.edit()
		it.c.readReceipt = v.isTrue()
		return nil
	},
	"message:IsDeliveryReceiptRequested": func(it *item, v *node) *opError {
		it.edit()
		it.c.delivReceipt = v.isTrue()
		return nil
	},
}

var deletable = map[string]bool{
	"item:Subject": true, "item:Body": true, "item:Categories": true, "item:Flag": true, "item:InReplyTo": true,
	"message:References": true, "message:ToRecipients": true, "message:CcRecipients": true, "message:BccRecipients": true,
	"message:ReplyTo": true, "item:ReminderDueBy": true,
}

func appendField(it *item, uri string, v *node) *opError {
	switch uri {
	case "item:Body":
		it.edit()
		if it.c.built.hasHTML {
			it.c.built.html += v.text
		} else {
			it.c.built.text, it.c.built.hasText = it.c.built.text+v.text, true
		}
		return nil
	}
	it.edit()
	more := readAddresses(v)
	switch uri {
	case "message:ToRecipients":
		it.c.to = append(it.c.to[:len(it.c.to):len(it.c.to)], more...)
	case "message:CcRecipients":
		it.c.cc = append(it.c.cc[:len(it.c.cc):len(it.c.cc)], more...)
	case "message:ReplyTo":
		it.c.replyTo = append(it.c.replyTo[:len(it.c.replyTo):len(it.c.replyTo)], more...)
	case "message:BccRecipients":
		it.c.bcc = append(it.c.bcc[:len(it.c.bcc):len(it.c.bcc)], more...)
	}
	return nil
}

// setBody replaces the body with that of a Body element; nil removes it.
func (p *parsed) setBody(n *node) {
	p.text, p.html, p.hasText, p.hasHTML = "", "", false, false
	switch {
	case n == nil:
	case n.attr("BodyType") == "HTML":
		p.html, p.hasHTML = n.text, true
	default:
		p.text, p.hasText = n.text, true
	}
}

func readAddress(n *node) address {
	if n == nil {
		return address{}
	}
	return address{n.leaf("t:Name"), n.leaf("t:EmailAddress")}
}

func readAddresses(n *node) []address {
	var out []address
	for _, k := range n.all() {
		out = append(out, readAddress(k))
	}
	return out
}
