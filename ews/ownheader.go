package ews

import (
	"fmt"
	"strings"
)

// property is the header field as a property of a draft, from which Exchange makes the field. [MS-OXCMAIL] 2.1.3.2.
func (h Header) property() PropertyValue {
	return PropertyValue{Property{Set: InternetHeaders, Name: h.Name, Type: MAPIString}.canonical(), h.Value}
}

// reservedHeaders are the fields that Exchange makes of the message itself, and those of its transport.
var reservedHeaders = map[string]string{
	"from": "From", "sender": "Sender", "to": "To", "cc": "Cc", "bcc": "Bcc", "reply-to": "ReplyTo", "subject": "Subject", "in-reply-to": "InReplyTo",
	"references": "References", "importance": "Importance", "x-priority": "Importance", "priority": "Importance", "sensitivity": "Sensitivity",
	"disposition-notification-to": "ReadReceipt", "return-receipt-to": "DeliveryReceipt",
	"date": "", "message-id": "", "mime-version": "", "received": "", "return-path": "", "thread-topic": "", "thread-index": "", "dkim-signature": "",
}

// maxHeader bounds a header field's value; Exchange refuses or cuts longer ones.
const maxHeader = 32 << 10

func badHeaders(list []Header) (wrong []string) {
	seen := map[string]bool{}
	for i, h := range list {
		if bad := h.bad(seen); bad != "" {
			wrong = append(wrong, fmt.Sprintf("Headers[%d]: %s", i, bad))
		}
		seen[strings.ToLower(h.Name)] = true
	}
	return wrong
}

func (h Header) bad(seen map[string]bool) string {
	name := strings.ToLower(h.Name)
	field, reserved := reservedHeaders[name]
	switch {
	case name == "" || strings.ContainsFunc(h.Name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }):
		return fmt.Sprintf("%.80q is no field name (RFC 5322 section 2.2)", h.Name)
	case reserved && field != "":
		return fmt.Sprintf("%s: use the field %s", h.Name, field)
	case reserved, strings.HasPrefix(name, "content-"):
		return fmt.Sprintf("%s: Exchange makes this field itself", h.Name)
	case seen[name]:
		return fmt.Sprintf("%s: is there already, and Exchange keeps one of a name", h.Name)
	case strings.ContainsAny(h.Value, "\r\n"):
		return fmt.Sprintf("%s: the value has a line break", h.Name)
	case !xmlText(h.Value):
		return fmt.Sprintf("%s: %s", h.Name, badText(h.Value))
	case len(h.Value) > maxHeader:
		return fmt.Sprintf("%s: the value has more than %d bytes", h.Name, maxHeader)
	}
	return ""
}
