package ews

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// knownFields are the Field constants by their names in EWS: the type of a field that a server names.
var knownFields = func() map[string]Field {
	m := map[string]Field{}
	for _, f := range []Field{FieldSubject, FieldClass, FieldSensitivity, FieldCategories, FieldInReplyTo, FieldDisplayTo, FieldDisplayCc,
		FieldLastModifiedName, FieldBody, FieldAttachments, FieldFrom, FieldSender, FieldTo, FieldCc, FieldBcc, FieldInternetMessageID,
		FieldReferences, FieldConversationTopic, FieldConversationID, FieldReceived, FieldSent, FieldCreated, FieldModified, FieldReminderDueBy,
		FieldSize, FieldReminderMinutes, FieldRead, FieldHasAttachments, FieldDraft, FieldFromMe, FieldReminderSet, FieldReadReceiptRequested,
		FieldDeliveryReceiptRequested, FieldImportance} {
		m[uriOf(f)] = f
	}
	return m
}()

// indexedURI is one entry of a field that holds several, such as a header field. It is only read, and sent back as it came.
type indexedURI struct{ uri, index string }

func (f indexedURI) bad() string                    { return badForm(f.uri) }
func (f indexedURI) kind() fieldKind                { return kindText }
func (f indexedURI) constant(v any) (string, error) { return TextField(f.uri).constant(v) }
func (f indexedURI) writeTo(w *wire.Writer) {
	w.Empty("t:IndexedFieldURI", "FieldURI", f.uri, "FieldIndex", f.index)
}

// maxReadParts bounds a condition that is read. Exchange takes 255 parts; what is beyond is a server gone mad.
const maxReadParts = 1000

// restrictionReader reads conditions, the other way of writeExpression.
type restrictionReader struct {
	parts   int
	unknown string // the first thing that this package has no word for
}

func (r *restrictionReader) fail(what string) Restriction {
	if r.unknown == "" {
		r.unknown = what
	}
	return nil
}

// read reads the expression that the scanner stands on; nil for one that it does not know.
func (r *restrictionReader) read(s *wire.Scanner) Restriction {
	if r.parts++; r.parts > maxReadParts {
		s.Fail(&wire.LimitError{What: "parts of a restriction", Limit: maxReadParts})
		return nil
	}
	switch op := s.Local(); op {
	case "And":
		return And(r.list(s))
	case "Or":
		return Or(r.list(s))
	case "Not":
		if parts := r.list(s); len(parts) == 1 {
			return Not{parts[0]}
		}
		return r.fail("a Not of no part, or of several")
	case "Exists":
		field, _, _ := r.operands(s)
		return Exists{field}
	case "Excludes":
		field, _, mask := r.operands(s)
		bits, err := strconv.ParseUint(mask, 0, 32)
		if err != nil {
			return r.fail("a bit mask that is no number")
		}
		if f, ok := field.(TextField); ok {
			field = NumberField(f)
		}
		return Excludes{field, uint32(bits)}
	case "Contains":
		mode, _ := s.Attr("ContainmentMode")
		comparison, _ := s.Attr("ContainmentComparison")
		field, _, text := r.operands(s)
		return Contains{field, text, ContainmentMode(mode), ContainmentComparison(comparison)}
	case "IsEqualTo", "IsNotEqualTo", "IsGreaterThan", "IsGreaterThanOrEqualTo", "IsLessThan", "IsLessThanOrEqualTo":
		field, other, text := r.operands(s)
		if field == nil {
			return r.fail("a comparison of nothing")
		}
		if other != nil {
			return Compare{field, Operator(op), other}
		}
		return r.compare(field, Operator(op), text)
	default:
		return r.fail(line(op))
	}
}

func (r *restrictionReader) list(s *wire.Scanner) (parts []Restriction) {
	for d := s.Depth(); s.Child(d); {
		if part := r.read(s); part != nil {
			parts = append(parts, part)
		}
	}
	return parts
}

// operands reads what a condition is about: a field, and another one or a constant's text.
func (r *restrictionReader) operands(s *wire.Scanner) (field, other Field, text string) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Constant", "Bitmask":
			text, _ = s.Attr("Value")
		case "FieldURIOrConstant":
			for d := s.Depth(); s.Child(d); {
				if s.Local() == "Constant" {
					text, _ = s.Attr("Value")
				} else {
					other = r.field(s)
				}
			}
		default:
			field = r.field(s)
		}
	}
	if field == nil {
		r.fail("a condition about no field")
	}
	return field, other, text
}

func (r *restrictionReader) field(s *wire.Scanner) Field {
	uri, _ := s.Attr("FieldURI")
	switch s.Local() {
	case "FieldURI":
		if f := knownFields[uri]; f != nil {
			return f
		}
		return TextField(uri)
	case "IndexedFieldURI":
		index, _ := s.Attr("FieldIndex")
		return indexedURI{uri, index}
	case "ExtendedFieldURI":
		return readPropertyName(s)
	}
	r.fail(line(s.Local()))
	return nil
}

// compare makes a comparison with a constant, of the type that the field's says. A text that is none of its type stays one.
func (r *restrictionReader) compare(f Field, op Operator, text string) Restriction {
	if p, ok := f.(Property); ok {
		v, err := p.Type.element().parse([]string{text})
		if err != nil {
			return r.fail("a comparison of " + p.String() + " with something else")
		}
		return Compare{p, op, v}
	}
	trimmed := strings.TrimSpace(text)
	switch f.kind() {
	case kindTime:
		if t, err := time.Parse(time.RFC3339Nano, trimmed); err == nil {
			return Compare{f, op, t.UTC()}
		}
	case kindNumber:
		if n, err := strconv.ParseInt(trimmed, 10, 64); err == nil {
			return Compare{f, op, n}
		}
	case kindBool:
		if b, err := parseBool(trimmed); err == nil {
			return Compare{f, op, b}
		}
	case kindImportance:
		if i := importance([]byte(trimmed)); i.String() == trimmed {
			return Compare{f, op, i}
		}
	case kindBinary:
		if b, err := base64.StdEncoding.DecodeString(trimmed); err == nil {
			return Compare{f, op, b}
		}
	default:
		return Compare{f, op, text}
	}
	return Compare{TextField(uriOf(f)), op, text}
}
