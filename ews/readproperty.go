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
	const none = lastText
	to := none
	var name Property
	keep := len(r.asked) > 0
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ExtendedFieldURI":
			tag, _ := s.ConstAttr("PropertyTag")
			switch propertyTag(tag) {
			case tagSearchKey:
				to = fieldSearchKey
			case tagSenderSMTP:
				to = fieldSenderSMTP
			case tagRepresentingSMTP:
				to = fieldRepresentingSMTP
			default:
				keep = true
			}
			if keep {
				name = readPropertyName(s)
			}
		case "Value":
			if !keep {
				if to != none {
					r.field(s, m, to)
				}
				continue
			}
			text := s.TextBytes()
			if to != none {
				r.set(m, to, text)
			}
			r.value(m, name, string(text))
		case "Values":
			s.Unlearn()
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
