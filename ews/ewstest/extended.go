package ewstest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// extURI names an extended property. key is the same for every way to write the same property.
type extURI struct {
	attrs []string // as the client wrote them, returned that way
	key   string
	typ   string
	tag   uint16 // of a tagged property
	set   string // distinguished set or GUID
	name  string // of a named property
}

// extProp is a stored extended property.
type extProp struct {
	typ    string
	values []string
}

type extendedProps map[string]extProp

func (p extendedProps) clone() extendedProps { return maps.Clone(p) }

// parseExtURI checks the combination of attributes as Exchange does (ErrorInvalidExtendedProperty).
func parseExtURI(n *node) (extURI, *opError) {
	u := extURI{attrs: n.attrs, typ: n.attr("PropertyType")}
	dist, set, tag, name, id := n.attr("DistinguishedPropertySetId"), n.attr("PropertySetId"), n.attr("PropertyTag"), n.attr("PropertyName"), n.attr("PropertyId")
	bad := func() (extURI, *opError) { return u, fail("ErrorInvalidExtendedProperty") }
	if tag != "" {
		v, err := strconv.ParseUint(tag, 0, 16)
		if err != nil || dist != "" || set != "" || name != "" || id != "" {
			return bad()
		}
		u.tag = uint16(v)
		u.key = fmt.Sprintf("%#04x", v)
		return u, nil
	}
	if (dist == "") == (set == "") || (name == "") == (id == "") {
		return bad()
	}
	u.set, u.name = orDefault(dist, strings.ToLower(set)), name
	if guid, ok := distinguishedSets[dist]; ok {
		u.set = guid
	} else if dist != "" {
		return bad()
	}
	u.key = u.set + "/" + id + "/" + strings.ToLower(name)
	return u, nil
}

// distinguishedSets are the property sets that have a name in the schema.
var distinguishedSets = map[string]string{
	"Meeting":           "6ed8da90-450b-101b-98da-00aa003f1305",
	"Appointment":       "00062002-0000-0000-c000-000000000046",
	"Common":            "00062008-0000-0000-c000-000000000046",
	"PublicStrings":     "00020329-0000-0000-c000-000000000046",
	"Address":           "00062004-0000-0000-c000-000000000046",
	"InternetHeaders":   internetHeadersSet,
	"CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
	"UnifiedMessaging":  "4442858e-a9e3-4e80-b900-317a210cc15b",
	"Task":              "00062003-0000-0000-c000-000000000046",
	"Sharing":           "00062040-0000-0000-c000-000000000046",
}

const internetHeadersSet = "00020386-0000-0000-c000-000000000046"

// storedProperty reads an ExtendedProperty element.
func storedProperty(n *node) (extURI, extProp, *opError) {
	u, err := parseExtURI(n.kid("t:ExtendedFieldURI"))
	if err != nil {
		return u, extProp{}, err
	}
	p := extProp{typ: u.typ}
	if vs := n.kid("t:Values"); vs != nil {
		if !strings.HasSuffix(u.typ, "Array") {
			return u, p, fail("ErrorInvalidExtendedPropertyValue")
		}
		for _, v := range vs.kids {
			p.values = append(p.values, v.text)
		}
	} else {
		if strings.HasSuffix(u.typ, "Array") {
			return u, p, fail("ErrorInvalidExtendedPropertyValue")
		}
		p.values = []string{n.kid("t:Value").text}
	}
	for i, v := range p.values {
		clean, ok := canonicalValue(strings.TrimSuffix(u.typ, "Array"), v)
		if !ok {
			return u, p, fail("ErrorInvalidExtendedPropertyValue")
		}
		p.values[i] = clean
	}
	return u, p, nil
}

func canonicalValue(typ, v string) (string, bool) {
	switch typ {
	case "Integer", "Short", "Long", "Currency", "Error":
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return strconv.FormatInt(n, 10), err == nil
	case "Double", "Float", "ApplicationTime":
		_, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return strings.TrimSpace(v), err == nil
	case "Boolean":
		v = strings.TrimSpace(v)
		return strconv.FormatBool(v == "true" || v == "1"), v == "true" || v == "false" || v == "0" || v == "1"
	case "Binary":
		_, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v))
		return strings.TrimSpace(v), err == nil
	case "SystemTime":
		t, err := parseTime(v)
		return formatTime(t), err == nil
	}
	return v, true
}

// parseTime reads an xs:dateTime; one without a zone is UTC.
func parseTime(v string) (time.Time, error) {
	v = strings.TrimSpace(v)
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t.UTC(), nil
	}
	t, err := time.Parse("2006-01-02T15:04:05.999999999", v)
	if err != nil {
		t, err = time.Parse(time.DateOnly, v)
	}
	return t, err
}

// extended returns a property as clients see it: a stored one, else one computed from the message.
func (v *view) extended(u extURI) (extProp, bool) {
	if v.it != nil {
		if p, ok := v.it.props[u.key]; ok && p.typ == u.typ {
			return p, true
		}
	}
	if u.set == internetHeadersSet && u.name != "" && u.typ == "String" {
		if h := v.c.internetHeaders().get(u.name); h != "" {
			return extProp{"String", []string{decodeWords(h)}}, true
		}
		return extProp{}, false
	}
	get, ok := taggedProperties[u.tag]
	if !ok || u.tag == 0 {
		return extProp{}, false
	}
	val := get(v)
	s, ok := val.as(u.typ)
	return extProp{u.typ, []string{s}}, ok
}

// taggedProperties are MAPI properties computed from the message ([MS-OXPROPS]).
var taggedProperties = map[uint16]func(v *view) value{
	0x001A: func(v *view) value { return stringValue(v.class()) },
	0x0017: func(v *view) value { return value{kind: kindInt, n: importanceNumber(v.importance())} },
	0x0037: func(v *view) value { return stringValue(v.c.subject) },
	0x0039: func(v *view) value { return timeValue(v.sent()) },
	0x0042: func(v *view) value { return stringValue(v.c.from.String()) },
	0x0064: func(v *view) value { return stringValue(routingOf(v.c.from)) },
	0x0065: func(v *view) value { return stringValue(v.c.from.email) },
	0x0070: func(v *view) value { return stringValue(v.c.topic) },
	0x0071: func(v *view) value { return binaryValue(v.root.index) },
	0x007D: func(v *view) value { return stringValue(v.transportHeaders()) },
	0x0C1A: func(v *view) value { return stringValue(v.c.sender.String()) },
	0x0C1E: func(v *view) value { return stringValue(routingOf(v.c.sender)) },
	0x0C1F: func(v *view) value { return stringValue(v.c.sender.email) },
	0x0E02: func(v *view) value { return stringValue(displayList(v.c.bcc)) },
	0x0E03: func(v *view) value { return stringValue(displayList(v.c.cc)) },
	0x0E04: func(v *view) value { return stringValue(displayList(v.c.to)) },
	0x0E06: func(v *view) value { return timeValue(v.received()) },
	0x0E07: func(v *view) value { return value{kind: kindInt, n: v.messageFlags()} },
	0x0E08: func(v *view) value { return value{kind: kindInt, n: v.size()} },
	0x0E1B: func(v *view) value { return boolValue(v.c.hasAttachments()) },
	0x0E1D: func(v *view) value { return stringValue(normalizedSubject(v.c.subject)) },
	0x0E23: func(v *view) value { return value{kind: kindInt, n: int64(v.root.filed)} }, // PidTagInternetArticleNumber: IMAP's UID
	0x0E69: func(v *view) value { return boolValue(v.it == nil || v.it.read) },
	0x0FFF: func(v *view) value { return binaryValue(v.root.entryID()) },
	0x1000: func(v *view) value { return stringValue(v.c.inside().asText()) },
	0x1035: func(v *view) value { return stringValue(v.c.messageID) },
	0x1039: func(v *view) value { return stringValue(v.c.references) },
	0x1042: func(v *view) value { return stringValue(v.c.inReplyTo) },
	0x1090: func(v *view) value { return value{kind: kindInt, n: flagNumber(v.root.flag.status)} },
	0x3007: func(v *view) value { return timeValue(v.root.created) },
	0x3008: func(v *view) value { return timeValue(v.root.modified) },
	0x300B: func(v *view) value { return binaryValue(v.root.searchKey) },
	0x3013: func(v *view) value {
		if len(v.root.index) < 22 {
			return value{}
		}
		return binaryValue(v.root.index[6:22])
	},
	0x3FDF: autoResponseSuppress,
	0x5D01: func(v *view) value { return stringValue(v.c.sender.email) },
	0x5D02: func(v *view) value { return stringValue(v.c.from.email) },
}

func routingOf(a address) string {
	if a.email == "" {
		return ""
	}
	return "SMTP"
}

func importanceNumber(s string) int64 {
	switch s {
	case "Low":
		return 0
	case "High":
		return 2
	}
	return 1
}

func flagNumber(s string) int64 {
	switch s {
	case "Complete":
		return 1
	case "Flagged":
		return 2
	}
	return 0
}

// messageFlags is PidTagMessageFlags: read, unmodified, submitted, unsent, has attachments, from me.
func (v *view) messageFlags() int64 {
	var n int64
	if it := v.it; it != nil {
		for bit, set := range map[int64]bool{1: it.read, 2: it.unmodified, 4: it.submitted, 8: it.draft, 0x20: it.fromMe} {
			if set {
				n |= bit
			}
		}
	}
	if v.c.hasAttachments() {
		n |= 0x10
	}
	return n
}

func (v *view) transportHeaders() string {
	if v.draft() || v.c.raw == nil {
		return ""
	}
	return text8(v.c.raw[:min(v.c.bodyOffset, len(v.c.raw))])
}

// extended writes an ExtendedProperty element.
func (c *call) extended(u extURI, p extProp) {
	c.a.start("t:ExtendedProperty")
	c.a.empty("t:ExtendedFieldURI", u.attrs...)
	if strings.HasSuffix(p.typ, "Array") {
		c.a.start("t:Values")
		for _, v := range p.values {
			c.a.leaf("t:Value", v)
		}
		c.a.end()
	} else {
		c.a.leaf("t:Value", first(p.values))
	}
	c.a.end()
}
