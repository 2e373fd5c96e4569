package ewstest

import (
	"strconv"
	"strings"
	"time"
)

// field is one property of an item: how it is written and what it compares as. The table below is in schema order, which is the
// order servers write them in.
type field struct {
	uri   string
	flags int
	write func(c *call, v *view, sh *shape)
	value func(v *view) value // nil: neither searchable nor sortable
}

const (
	inDefault = 1 << iota // part of the Default shape of GetItem
	inFind                // FindItem and SyncFolderItems can return it
	findOnly              // part of their Default shape
	askFirst              // not part of AllProperties
)

// str, num, flagged and when make fields whose element is named like the property.
func str(uri string, flags int, get func(v *view) string) field {
	return field{uri, flags, func(c *call, v *view, _ *shape) { c.a.optional(element(uri), get(v)) },
		func(v *view) value { return stringValue(get(v)) }}
}

func num(uri string, flags int, get func(v *view) int64) field {
	return field{uri, flags, func(c *call, v *view, _ *shape) { c.a.int(element(uri), get(v)) },
		func(v *view) value { return value{kind: kindInt, n: get(v)} }}
}

func flagged(uri string, flags int, get func(v *view) bool) field {
	return field{uri, flags, func(c *call, v *view, _ *shape) { c.a.bool(element(uri), get(v)) },
		func(v *view) value { return boolValue(get(v)) }}
}

func when(uri string, flags int, get func(v *view) time.Time) field {
	return field{uri, flags, func(c *call, v *view, _ *shape) { c.a.time(element(uri), get(v)) },
		func(v *view) value { return timeValue(get(v)) }}
}

func people(uri string, flags int, get func(v *view) []address) field {
	return field{uri, flags, func(c *call, v *view, _ *shape) { c.recipients(element(uri), get(v)) },
		func(v *view) value { return stringValue(addressText(get(v))) }}
}

func person(uri string, flags int, get func(v *view) address) field {
	return field{uri, flags, func(c *call, v *view, sh *shape) { c.person(element(uri), get(v), sh.find) },
		func(v *view) value { return stringValue(addressText([]address{get(v)})) }}
}

func element(uri string) string { return "t:" + uri[strings.IndexByte(uri, ':')+1:] }

func own(get func(it *item) bool) func(v *view) bool {
	return func(v *view) bool { return v.it != nil && get(v.it) }
}

var itemFields = []field{
	{uri: "item:MimeContent", flags: askFirst, write: writeMimeContent},
	{uri: "item:ItemId", flags: inDefault | inFind | findOnly, write: func(c *call, v *view, _ *shape) {
		if v.it != nil {
			c.a.itemID(v.it)
		}
	}},
	{uri: "item:ParentFolderId", flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) {
		if v.it != nil {
			c.a.empty("t:ParentFolderId", "Id", v.it.folder.id, "ChangeKey", v.it.folder.changeKey())
		}
	}, value: func(v *view) value { return stringValue(v.root.folder.id) }},
	str("item:ItemClass", inDefault|inFind, (*view).class),
	{uri: "item:Subject", flags: inDefault | inFind | findOnly, write: func(c *call, v *view, sh *shape) {
		subject := v.c.subject
		if r := []rune(subject); sh.find && len(r) > 255 {
			subject = string(r[:255])
		}
		c.a.optional("t:Subject", subject)
	}, value: func(v *view) value { return stringValue(v.c.subject) }},
	str("item:Sensitivity", inDefault|inFind|findOnly, (*view).sensitivity),
	{uri: "item:Body", flags: inDefault, write: writeBody("t:Body"), value: func(v *view) value {
		return stringValue(v.c.inside().asText())
	}},
	{uri: "item:Attachments", flags: inDefault, write: writeAttachments, value: attachmentNames},
	when("item:DateTimeReceived", inDefault|inFind|findOnly, (*view).received),
	num("item:Size", inDefault|inFind|findOnly, (*view).size),
	{uri: "item:Categories", flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) {
		c.strings("t:Categories", v.categories())
	}, value: func(v *view) value { return value{kind: kindList, list: v.categories()} }},
	{uri: "item:Importance", flags: inDefault | inFind | findOnly, write: func(c *call, v *view, _ *shape) {
		c.a.leaf("t:Importance", v.importance())
	}, value: func(v *view) value { return enumValue(v.importance(), "Low", "Normal", "High") }},
	str("item:InReplyTo", inDefault|inFind, func(v *view) string { return v.c.inReplyTo }),
	flagged("item:IsSubmitted", inDefault|inFind, own(func(it *item) bool { return it.submitted })),
	flagged("item:IsDraft", inDefault|inFind, own(func(it *item) bool { return it.draft })),
	flagged("item:IsFromMe", inDefault|inFind, own(func(it *item) bool { return it.fromMe })),
	flagged("item:IsResend", inDefault|inFind, own(func(*item) bool { return false })),
	flagged("item:IsUnmodified", inDefault|inFind, own(func(it *item) bool { return it.unmodified })),
	{uri: "item:InternetMessageHeaders", flags: inDefault, write: writeHeaders},
	when("item:DateTimeSent", inDefault|inFind|findOnly, (*view).sent),
	when("item:DateTimeCreated", inDefault|inFind|findOnly, func(v *view) time.Time { return v.root.created }),
	{uri: "item:ResponseObjects", flags: inDefault, write: writeResponseObjects},
	when("item:ReminderDueBy", inFind, func(v *view) time.Time { return v.root.reminder.due }),
	flagged("item:ReminderIsSet", inFind, own(func(it *item) bool { return it.reminder.set })),
	num("item:ReminderMinutesBeforeStart", inFind, func(v *view) int64 { return int64(v.root.reminder.minutes) }),
	str("item:DisplayCc", inDefault|inFind, func(v *view) string { return displayList(v.c.cc) }),
	str("item:DisplayTo", inDefault|inFind, func(v *view) string { return displayList(v.c.to) }),
	str("item:DisplayBcc", inFind|askFirst, func(v *view) string { return displayList(v.c.bcc) }),
	flagged("item:HasAttachments", inDefault|inFind|findOnly, func(v *view) bool { return v.c.hasAttachments() }),
	{uri: "ExtendedProperty", flags: askFirst | inFind, write: writeExtended},
	str("item:Culture", inDefault|inFind, func(*view) string { return "en-US" }),
	{uri: "item:EffectiveRights", flags: inDefault | inFind, write: func(c *call, _ *view, _ *shape) { c.rights(false) }},
	str("item:LastModifiedName", inDefault|inFind, func(v *view) string { return v.root.mb.name }),
	when("item:LastModifiedTime", inDefault|inFind, func(v *view) time.Time { return v.root.modified }),
	flagged("item:IsAssociated", inDefault|inFind, own(func(it *item) bool { return it.associated })),
	str("item:WebClientReadFormQueryString", inDefault|inFind, func(v *view) string {
		if v.it == nil {
			return ""
		}
		return "https://outlook.office365.com/owa/?ItemID=" + queryEscape(v.it.id) + "&exvsurl=1&viewmodel=ReadMessageItem"
	}),
	{uri: "item:ConversationId", flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) {
		if v.it != nil && v.it.conversationID() != "" {
			c.a.empty("t:ConversationId", "Id", v.it.conversationID())
		}
	}, value: func(v *view) value { return stringValue(v.root.conversationID()) }},
	{uri: "item:UniqueBody", flags: askFirst, write: writeBody("t:UniqueBody")},
	{uri: "item:Flag", flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) { c.flag(v) },
		value: func(v *view) value { return stringValue(v.root.flag.status) }},
	{uri: "item:StoreEntryId", flags: inFind | askFirst, write: func(c *call, v *view, _ *shape) { c.a.binary("t:StoreEntryId", v.root.entryID()) }},
	{uri: "item:InstanceKey", flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) { c.a.binary("t:InstanceKey", v.root.entryID()[:20]) }},
	{uri: "item:NormalizedBody", flags: askFirst, write: writeBody("t:NormalizedBody")},
	str("item:Preview", inFind|askFirst, (*view).preview),
	{uri: "item:TextBody", flags: askFirst, write: writeBody("t:TextBody")},
	str("item:IconIndex", inFind|askFirst, (*view).icon),

	person("message:Sender", inDefault|inFind, func(v *view) address { return v.c.sender }),
	people("message:ToRecipients", inDefault, func(v *view) []address { return v.c.to }),
	people("message:CcRecipients", inDefault, func(v *view) []address { return v.c.cc }),
	people("message:BccRecipients", inDefault, func(v *view) []address { return v.c.bcc }),
	flagged("message:IsReadReceiptRequested", inDefault|inFind, func(v *view) bool { return v.c.readReceipt }),
	flagged("message:IsDeliveryReceiptRequested", inDefault|inFind, func(v *view) bool { return v.c.delivReceipt }),
	{uri: "message:ConversationIndex", flags: inDefault | inFind, write: func(c *call, v *view, _ *shape) {
		if v.it != nil && len(v.it.index) > 0 {
			c.a.binary("t:ConversationIndex", v.it.index)
		}
	}},
	str("message:ConversationTopic", inDefault|inFind, func(v *view) string { return v.c.topic }),
	person("message:From", inDefault|inFind|findOnly, func(v *view) address { return v.c.from }),
	str("message:InternetMessageId", inDefault|inFind|findOnly, func(v *view) string { return v.c.messageID }),
	flagged("message:IsRead", inDefault|inFind|findOnly, func(v *view) bool { return v.it == nil || v.it.read }),
	flagged("message:IsResponseRequested", inDefault|inFind, func(*view) bool { return false }),
	str("message:References", inDefault|inFind, func(v *view) string { return v.c.references }),
	people("message:ReplyTo", inDefault, func(v *view) []address { return v.c.replyTo }),
	person("message:ReceivedBy", inDefault|inFind, receivedBy),
	person("message:ReceivedRepresenting", inDefault|inFind, receivedBy),
}

var fieldByURI = func() map[string]*field {
	m := make(map[string]*field, len(itemFields))
	for _, list := range ownFields {
		for i := range list {
			m[list[i].uri] = &list[i]
		}
	}
	for i := range itemFields {
		m[itemFields[i].uri] = &itemFields[i]
	}
	return m
}()

func receivedBy(v *view) address {
	if v.it == nil || v.it.draft || v.it.fromMe {
		return address{}
	}
	return v.it.mb.self()
}

func addressText(list []address) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(a.name)
		b.WriteByte(' ')
		b.WriteString(a.email)
		b.WriteByte(';')
	}
	return b.String()
}

func attachmentNames(v *view) value {
	var names []string
	for _, a := range v.c.inside().attachments {
		names = append(names, a.name)
	}
	return value{kind: kindList, list: names}
}

func (it *item) entryID() []byte {
	b := make([]byte, 0, 46)
	b = append(b, 0, 0, 0, 0)
	b = append(b, it.mb.guid[:]...)
	b = append(b, 7, 0)
	b = append(b, it.mb.guid[:]...)
	return append(b, []byte(strconv.FormatUint(1<<31+it.sortOrder, 16))...)
}
