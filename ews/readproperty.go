package ews

import (
	"slices"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Property returns the value of a property that was asked for with Query.Properties, in the Go type that its Type says, or nil if the
// message has none:
//
//	number, ok := msg.Property(ticket).(int64)
func (m *Message) Property(p Property) any {
	p = p.canonical()
	for i := range m.Properties {
		if m.Properties[i].Property == p {
			return m.Properties[i].Value
		}
	}
	return nil
}

// property reads an ExtendedProperty: those that every request asks for into their fields, and what the caller asked for.
func (r *messageReader) property(s *wire.Scanner, m *Message) {
	var to *string
	var name Property
	known := true
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ExtendedFieldURI":
			tag, _ := s.AttrBytes("PropertyTag")
			switch propertyTag(tag) {
			case tagSearchKey:
				to = &m.SearchKey
			case tagSenderSMTP:
				to = &r.sender
			case tagRepresentingSMTP:
				to = &r.representing
			default:
				known = false
			}
			if !known || len(r.asked) > 0 {
				name = readPropertyName(s)
			}
		case "Value":
			if known && len(r.asked) == 0 {
				if to != nil {
					r.put(s, to)
				}
				continue
			}
			text := s.TextBytes()
			if to != nil {
				*to = r.string(text)
			}
			r.value(m, name, string(text))
		case "Values":
			var texts []string
			for d := s.Depth(); s.Child(d) && !r.full(len(texts)); {
				texts = append(texts, s.Text())
			}
			r.value(m, name, texts...)
		}
	}
}

// value keeps a property's value.
func (r *messageReader) value(m *Message, name Property, texts ...string) {
	if r.full(len(m.Properties)) {
		return
	}
	v, _ := name.Type.parse(texts) // nil: none of its type
	if name.Tag == tagSuppress {
		n, _ := v.(int64)
		m.AutoResponseSuppress = uint32(n) // -1 is all of them
	}
	switch name.Tag {
	case tagSearchKey, tagSenderSMTP, tagRepresentingSMTP, tagSuppress: // read for fields of m, perhaps for those only
		if !slices.ContainsFunc(r.asked, func(p Property) bool { return p.Set == "" && p.Tag == name.Tag }) {
			return
		}
	}
	m.Properties = append(m.Properties, PropertyValue{name, v})
}
