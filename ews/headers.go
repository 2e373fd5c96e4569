package ews

import (
	"net/textproto"
	"strings"
)

// Header is one internet header field, unfolded and decoded as the server does it.
type Header struct{ Name, Value string }

// Headers are a message's internet header fields in the order of the message: a field that occurs several times (Received) is
// there several times. Names compare without regard to case (RFC 5322 section 1.2.2).
type Headers []Header

// Get returns the value of the first field of that name, "" if there is none. See Values for telling an empty field from none.
func (h Headers) Get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// Values returns the values of all fields of that name, in their order.
func (h Headers) Values(name string) []string {
	var values []string
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			values = append(values, h[i].Value)
		}
	}
	return values
}

// MIMEHeader returns the fields as the standard library keeps them: the order among different names is lost, that of one name's values is
// not.
func (h Headers) MIMEHeader() textproto.MIMEHeader {
	out := make(textproto.MIMEHeader, len(h))
	for i := range h {
		out.Add(h[i].Name, h[i].Value)
	}
	return out
}
