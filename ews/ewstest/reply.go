package ewstest

import (
	"fmt"
	"strings"
)

// Verbs of PidTagLastVerbExecuted ([MS-OXOMSG] 2.2.1.24).
const (
	verbReply    = 102
	verbReplyAll = 103
	verbForward  = 104
)

// buildReply makes the message of a ReplyToItem, ReplyAllToItem or ForwardItem: recipients, subject, threading, quoted original.
func (c *call) buildReply(n *node, mb *Mailbox) (*content, *replyInfo, *opError) {
	ref := n.kid("t:ReferenceItemId")
	if ref == nil {
		return nil, nil, fail("ErrorMissingInformationReferenceItemId")
	}
	it, err := c.item(ref)
	if err != nil {
		return nil, nil, err
	}
	if ref.attr("ChangeKey") == "" {
		return nil, nil, fail("ErrorChangeKeyRequired")
	}
	if it.draft && n.name != "t:ForwardItem" {
		return nil, nil, fail("ErrorInvalidReferenceItem")
	}
	orig, now := it.c, c.s.now()
	msg := &content{
		built: &parsed{}, class: classNote, importance: "Normal", sensitivity: orig.sensitivity,
		from: mb.self(), sender: mb.self(), topic: orig.topic, inReplyTo: orig.messageID,
		references: strings.Join(strings.Fields(orig.references+" "+orig.messageID), " "),
		index:      childIndex(it.index, now, uint32(c.s.counter)),
	}
	if orig.references == "" && orig.inReplyTo != "" {
		msg.references = strings.Join(append(messageIDs(orig.inReplyTo), orig.messageID), " ")
	}
	info := &replyInfo{original: it.id, verb: verbReply}
	prefix := "RE: "
	switch n.name {
	case "t:ReplyAllToItem":
		info.verb = verbReplyAll
		msg.to, msg.cc = replyAll(orig, mb)
	case "t:ForwardItem":
		prefix, info.verb = "FW: ", verbForward
	default:
		msg.to = replyTo(orig)
	}
	msg.subject = prefix + normalizedSubject(orig.subject)
	for _, k := range n.kids {
		switch k.name {
		case "t:Subject":
			msg.subject = k.text
		case "t:ToRecipients":
			msg.to = readAddresses(k)
		case "t:CcRecipients":
			msg.cc = readAddresses(k)
		case "t:BccRecipients":
			msg.bcc = readAddresses(k)
		case "t:From":
			msg.from = readAddress(k.first())
			msg.sender = msg.from
		case "t:IsReadReceiptRequested":
			msg.readReceipt = k.isTrue()
		case "t:IsDeliveryReceiptRequested":
			msg.delivReceipt = k.isTrue()
		}
	}
	body := n.kid("t:NewBodyContent")
	if body == nil {
		body = n.kid("t:Body")
	}
	quote(msg, viewOf(it), body)
	for _, a := range orig.inside().attachments {
		if info.verb == verbForward || a.inline && msg.built.hasHTML {
			msg.built.attachments = append(msg.built.attachments, a)
		}
	}
	return msg, info, nil
}

func replyTo(orig *content) []address {
	if len(orig.replyTo) > 0 {
		return orig.replyTo
	}
	return []address{orig.from}
}

// replyAll answers to everybody but the mailbox itself.
func replyAll(orig *content, mb *Mailbox) (to, cc []address) {
	seen := map[string]bool{}
	add := func(out []address, list []address) []address {
		for _, a := range list {
			key := strings.ToLower(a.email)
			if a.isZero() || mb.has(a.email) || seen[key] && key != "" {
				continue
			}
			seen[key] = true
			out = append(out, a)
		}
		return out
	}
	to = add(add(nil, replyTo(orig)), orig.to)
	cc = add(nil, orig.cc)
	if len(to) == 0 { // answering one's own mail
		to = replyTo(orig)
	}
	return to, cc
}

// quote puts the new text above the original, in the format of the new text, or of the original when there is none.
func quote(msg *content, orig *view, body *node) {
	kind, text := "", ""
	if body != nil {
		kind, text = body.attr("BodyType"), body.text
	}
	if kind == "" {
		kind, _ = orig.body("Best")
	}
	if kind == "Text" {
		_, old := orig.body("Text")
		msg.built.hasText = true
		msg.built.text = text + "\r\n\r\n-----Original Message-----\r\n" + quotedHeader(orig, "%s: %s\r\n") + "\r\n" + old
		return
	}
	_, old := orig.body("HTML")
	msg.built.hasHTML = true
	head := "<hr tabindex=\"-1\"><div id=\"divRplyFwdMsg\">" + quotedHeader(orig, "<b>%s:</b> %s<br>\r\n") + "</div><br>\r\n"
	msg.built.html = text + head + old
}

func quotedHeader(v *view, format string) string {
	escape := func(s string) string {
		if strings.HasPrefix(format, "<") {
			return htmlEscaper.Replace(s)
		}
		return s
	}
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, format, name, escape(value))
		}
	}
	from := v.c.from.String()
	if v.c.from.name != "" && v.c.from.email != "" {
		from += " <" + v.c.from.email + ">"
	}
	line("From", from)
	line("Sent", v.sent().Format("Monday, January 2, 2006 3:04 PM"))
	line("To", displayList(v.c.to))
	line("Cc", displayList(v.c.cc))
	line("Subject", v.c.subject)
	return b.String()
}

// answered marks the original of a reply that has been sent.
func (c *call) answered(r *replyInfo) {
	for _, mb := range c.s.mailboxes {
		it := mb.items[r.original]
		if it == nil {
			continue
		}
		it.props = it.props.clone()
		if it.props == nil {
			it.props = extendedProps{}
		}
		icon := map[int]string{verbReply: "261", verbReplyAll: "261", verbForward: "262"}[r.verb]
		it.props["0x1080"] = extProp{"Integer", []string{icon}}
		it.props["0x1081"] = extProp{"Integer", []string{fmt.Sprint(r.verb)}}
		it.props["0x1082"] = extProp{"SystemTime", []string{formatTime(c.s.now())}}
		it.touch()
	}
}

// icon is what lists show beside a message: whether it was answered or sent on.
func (v *view) icon() string {
	if p := v.root.props["0x1080"]; len(p.values) == 1 { // PidTagIconIndex
		switch p.values[0] {
		case "261":
			return "MailReplied"
		case "262":
			return "MailForwarded"
		}
	}
	return "Default"
}
