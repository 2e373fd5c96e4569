package ewstest

import (
	"encoding/hex"
	"net/url"
	"strings"
	"unicode/utf8"
)

// shape is what a request wants to see of items.
type shape struct {
	find     bool // for FindItem and SyncFolderItems, which see less
	base     string
	fields   map[string]bool
	extended []extURI
	entries  map[string]map[string]bool // of dictionaries, by IndexedFieldURI; nil is all
	headers  []string                   // by name, IndexedFieldURI item:InternetMessageHeader
	mime     bool
	bodyType string
	unique   string
	normal   string
	maxBody  int
	filter   bool // FilterHtmlContent
}

// notInFind lists what FindItem refuses to return when it is asked for by name.
var notInFind = map[string]bool{
	"item:MimeContent": true, "item:Body": true, "item:UniqueBody": true, "item:NormalizedBody": true, "item:TextBody": true,
	"item:Attachments": true, "item:InternetMessageHeaders": true, "item:ResponseObjects": true, "message:ToRecipients": true,
	"message:CcRecipients": true, "message:BccRecipients": true, "message:ReplyTo": true,
}

// parseShape reads an ItemShape. FindItem refuses what it cannot return; SyncFolderItems, told by lenient, leaves it out.
func parseShape(n *node, find, lenient bool) (*shape, *opError) {
	sh := &shape{
		find: find, base: n.leaf("t:BaseShape"), fields: map[string]bool{},
		mime:     n.kid("t:IncludeMimeContent").isTrue(),
		bodyType: orDefault(n.leaf("t:BodyType"), "Best"),
	}
	sh.unique = orDefault(n.leaf("t:UniqueBodyType"), sh.bodyType)
	sh.normal = orDefault(n.leaf("t:NormalizedBodyType"), "HTML")
	sh.filter = n.kid("t:FilterHtmlContent").isTrue()
	sh.maxBody, _ = parseInt(n.leaf("t:MaximumBodySize"))
	for _, p := range n.kid("t:AdditionalProperties").all() {
		switch p.name {
		case "t:FieldURI":
			uri := p.attr("FieldURI")
			if find && notInFind[uri] {
				if lenient {
					continue
				}
				return sh, fail("ErrorInvalidPropertyRequest")
			}
			sh.fields[uri] = true
		case "t:ExtendedFieldURI":
			u, err := parseExtURI(p)
			if err != nil {
				return sh, err
			}
			sh.extended = append(sh.extended, u)
		case "t:IndexedFieldURI":
			if p.attr("FieldURI") == "item:InternetMessageHeader" {
				sh.headers = append(sh.headers, p.attr("FieldIndex"))
			} else {
				sh.askEntry(p.attr("FieldURI"), p.attr("FieldIndex"))
			}
		}
	}
	if sh.mime && !(find && lenient) {
		if find {
			return sh, fail("ErrorInvalidPropertyRequest")
		}
		sh.fields["item:MimeContent"] = true
	}
	if len(sh.headers) > 0 {
		sh.fields["item:InternetMessageHeaders"] = true
	}
	if len(sh.extended) > 0 {
		sh.fields["ExtendedProperty"] = true
	}
	return sh, nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (sh *shape) wants(f *field) bool {
	if sh.fields[f.uri] {
		return true
	}
	if f.uri == "item:ItemId" {
		return true
	}
	switch sh.base {
	case "Default":
		if sh.find {
			return f.flags&findOnly != 0
		}
		return f.flags&inDefault != 0 && f.flags&askFirst == 0 && !lateFields[f.uri]
	case "AllProperties":
		return f.flags&askFirst == 0 && (!sh.find || f.flags&inFind != 0)
	}
	return false
}

// lateFields are in AllProperties but not in Default.
var lateFields = map[string]bool{
	"item:ParentFolderId": true, "item:ItemClass": true, "item:InternetMessageHeaders": true, "item:IsSubmitted": true,
	"item:IsDraft": true, "item:IsFromMe": true, "item:IsResend": true, "item:IsUnmodified": true, "item:DisplayCc": true,
	"item:DisplayTo": true, "item:Culture": true, "item:EffectiveRights": true, "item:LastModifiedName": true,
	"item:LastModifiedTime": true, "item:IsAssociated": true, "item:WebClientReadFormQueryString": true, "item:Flag": true,
	"item:InstanceKey": true, "message:ReceivedBy": true, "message:ReceivedRepresenting": true, "item:Categories": true,
	"item:InReplyTo": true, "message:References": true, "message:ReplyTo": true, "message:Sender": true,
}

// writeView writes a message as the element of its class.
func (c *call) writeView(v *view, sh *shape) {
	name := elementOf(v.class())
	c.a.start(name)
	mail := typedByElement(name) == nil
	for i := range itemFields {
		if f := &itemFields[i]; sh.wants(f) && (mail || !strings.HasPrefix(f.uri, "message:")) {
			f.write(c, v, sh)
		}
	}
	for i := range ownFields[name] {
		if f := &ownFields[name][i]; sh.wants(f) {
			f.write(c, v, sh)
		}
	}
	c.a.end()
}

func writeMimeContent(c *call, v *view, _ *shape) {
	c.a.content("t:MimeContent", v.c.mime(), "CharacterSet", "UTF-8")
}

func writeBody(name string) func(c *call, v *view, sh *shape) {
	return func(c *call, v *view, sh *shape) {
		want := sh.bodyType
		switch name {
		case "t:UniqueBody":
			want = sh.unique
		case "t:NormalizedBody":
			want = sh.normal
		case "t:TextBody":
			want = "Text"
		}
		kind, text := v.body(want)
		if name == "t:UniqueBody" {
			text = uniqueBody(kind, text)
		}
		if kind == "HTML" && sh.filter {
			text = safeHTML(text)
		}
		attrs := []string{"BodyType", kind}
		if sh.maxBody > 0 && len(text) > sh.maxBody {
			cut := sh.maxBody
			for cut > 0 && !utf8.RuneStart(text[cut]) {
				cut--
			}
			text, attrs = text[:cut], append(attrs, "IsTruncated", "true")
		} else if name != "t:Body" {
			attrs = append(attrs, "IsTruncated", "false")
		}
		c.a.leaf(name, text, attrs...)
	}
}

func writeAttachments(c *call, v *view, _ *shape) {
	list := v.c.inside().attachments
	if len(list) == 0 {
		return
	}
	c.a.start("t:Attachments")
	for _, a := range list {
		c.attachmentMeta(v, a, nil)
	}
	c.a.end()
}

// attachmentMeta writes an attachment element; inner adds its content.
func (c *call) attachmentMeta(v *view, a *attachment, inner func()) {
	c.a.start(a.element())
	c.a.empty("t:AttachmentId", "Id", v.attachmentID(a))
	c.a.leaf("t:Name", a.name)
	c.a.optional("t:ContentType", a.contentType)
	c.a.optional("t:ContentId", a.contentID)
	c.a.optional("t:ContentLocation", a.location)
	c.a.int("t:Size", a.size())
	c.a.time("t:LastModifiedTime", a.modified)
	c.a.bool("t:IsInline", a.inline)
	switch a.element() {
	case "t:FileAttachment":
		c.a.bool("t:IsContactPhoto", false)
	case "t:ReferenceAttachment":
		c.a.leaf("t:AttachLongPathName", a.url)
		c.a.optional("t:ProviderType", a.provider)
		c.a.end()
		return // there is no content
	}
	if inner != nil {
		inner()
	}
	c.a.end()
}

func writeHeaders(c *call, v *view, sh *shape) {
	all := sh.fields["item:InternetMessageHeaders"] && len(sh.headers) == 0 || sh.base == "AllProperties"
	var out headerBlock
	for _, h := range v.c.internetHeaders() {
		if all || containsFold(sh.headers, h.name) {
			out = append(out, h)
		}
	}
	if len(out) == 0 || v.draft() {
		return
	}
	c.a.start("t:InternetMessageHeaders")
	for _, h := range out {
		c.a.leaf("t:InternetMessageHeader", decodeWords(h.value), "HeaderName", h.name)
	}
	c.a.end()
}

func writeResponseObjects(c *call, v *view, _ *shape) {
	if v.it == nil {
		return
	}
	c.a.start("t:ResponseObjects")
	if !v.it.draft {
		c.a.empty("t:ReplyToItem")
		c.a.empty("t:ReplyAllToItem")
	}
	c.a.empty("t:ForwardItem")
	c.a.end()
}

func writeExtended(c *call, v *view, sh *shape) {
	for _, u := range sh.extended {
		if p, ok := v.extended(u); ok {
			c.extended(u, p)
		}
	}
}

func (c *call) recipients(name string, list []address) {
	if len(list) == 0 {
		return
	}
	c.a.start(name)
	for _, ad := range list {
		c.a.mailbox(ad, "SMTP")
	}
	c.a.end()
}

// person writes a single address. In lists, users of this server show their X.500 address, as Exchange shows them.
func (c *call) person(name string, ad address, list bool) {
	if ad.isZero() {
		return
	}
	c.a.start(name)
	if dn := c.s.legacyDN(ad.email); list && dn != "" {
		c.a.mailbox(address{ad.String(), dn}, "EX")
	} else {
		c.a.mailbox(ad, "SMTP")
	}
	c.a.end()
}

func (c *call) strings(name string, list []string) {
	if len(list) == 0 {
		return
	}
	c.a.start(name)
	for _, s := range list {
		c.a.leaf("t:String", s)
	}
	c.a.end()
}

func (c *call) rights(folder bool) {
	c.a.start("t:EffectiveRights")
	c.a.bool("t:CreateAssociated", folder)
	c.a.bool("t:CreateContents", folder)
	c.a.bool("t:CreateHierarchy", folder)
	c.a.bool("t:Delete", true)
	c.a.bool("t:Modify", true)
	c.a.bool("t:Read", true)
	c.a.bool("t:ViewPrivateItems", true)
	c.a.end()
}

func (c *call) flag(v *view) {
	f := flag{status: "NotFlagged"}
	if v.it != nil {
		f = v.it.flag
	}
	c.a.start("t:Flag")
	c.a.leaf("t:FlagStatus", f.status)
	c.a.time("t:StartDate", f.start)
	c.a.time("t:DueDate", f.due)
	c.a.time("t:CompleteDate", f.completed)
	c.a.end()
}

func containsFold(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}

func queryEscape(s string) string { return url.QueryEscape(s) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }
