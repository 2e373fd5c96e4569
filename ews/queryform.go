package ews

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// SortField is one field of an order.
type SortField struct {
	Field      Field
	Descending bool
}

// onlyGetItem are the fields that FindItem refuses to return.
var onlyGetItem = []string{
	"item:MimeContent", "item:MimeContentUTF8", "item:Body", "item:UniqueBody", "item:NormalizedBody", "item:TextBody", "item:FirstBody", "item:Attachments",
	"item:InternetMessageHeaders", "item:ResponseObjects", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients", "message:ReplyTo",
}

// bad says what is wrong with the query; "": nothing.
func (q *Query) bad() string {
	if q.Where != nil {
		if bad := badRestriction(q.Where); bad != "" {
			return "Query.Where: " + bad
		}
	}
	if q.Search != "" {
		switch {
		case q.UnreadOnly || !q.Since.IsZero() || !q.Before.IsZero() || !restrictsNothing(q.Where):
			return "Query.Search: Exchange does not take it together with UnreadOnly, Since, Before or Where; say it in the text (read:false, received>=2026-11-01)"
		case !xmlText(q.Search):
			return "Query.Search: it holds a character that XML cannot carry"
		}
	}
	if bad := badTimes("Query.Since", q.Since, "Query.Before", q.Before); bad != "" {
		return bad
	}
	switch {
	case q.Detail < Full || q.Detail > Summary:
		return fmt.Sprintf("Query.Detail: there is no %d", int(q.Detail))
	case q.Body < BestBody || q.Body > HTMLBody:
		return fmt.Sprintf("Query.Body: there is no %d", int(q.Body))
	}
	for _, s := range q.Sort {
		switch {
		case s.Field == nil:
			return "Query.Sort: an entry has no Field"
		case s.Field.bad() != "":
			return "Query.Sort: " + s.Field.bad()
		case s.Field.kind() == kindOther:
			return fmt.Sprintf("Query.Sort: Exchange does not sort by %v", s.Field)
		}
	}
	if len(q.Sort) > 0 && q.OldestFirst {
		return "Query.Sort: it says the order; leave OldestFirst out"
	}
	for _, p := range q.Properties {
		if bad := p.bad(); bad != "" {
			return "Query.Properties: " + bad
		}
	}
	for _, f := range q.Fields {
		switch {
		case f == nil:
			return "Query.Fields: an entry is nil"
		case f.bad() != "":
			return "Query.Fields: " + f.bad()
		case q.Detail == Summary && slices.Contains(onlyGetItem, uriOf(f)):
			return fmt.Sprintf("Query.Fields: %v is in no Summary: use another Detail", f)
		}
	}
	return ""
}

// invalid is the error of a request that is wrong before it is sent.
func (m *Mailbox) invalid(op, what string) *Error {
	return &Error{Op: op, Mailbox: m.Address(), kind: ErrInvalidRequest, untouched: true, what: what}
}

// uriOf returns a field's name in EWS, "" for a Property.
func uriOf(f Field) string {
	if _, ok := f.(Property); ok {
		return ""
	}
	return fmt.Sprint(f)
}

// writeBodyShape writes the forms that bodies are wanted in, within m:ItemShape.
func (q *Query) writeBodyShape(w *wire.Writer, detail Detail) {
	if detail == Full {
		w.Leaf("t:BodyType", q.Body.element())
	}
	if q.Extra&WithUniqueBody != 0 {
		w.Leaf("t:UniqueBodyType", q.Body.element())
	}
	if q.Extra&WithNormalizedBody != 0 {
		w.Leaf("t:NormalizedBodyType", q.Body.element())
	}
	if q.SafeHTML {
		w.Leaf("t:FilterHtmlContent", "true")
	}
	if q.MaxBodySize > 0 {
		w.Leaf("t:MaximumBodySize", itoa(min(q.MaxBodySize, math.MaxInt32)))
	}
}

// writeSelection writes the fields asked for, and those that a listing needs itself.
func (q *Query) writeSelection(w *wire.Writer, detail Detail) {
	w.Empty("t:FieldURI", "FieldURI", received)
	w.Empty("t:FieldURI", "FieldURI", string(FieldSize))
	done := []string{received, string(FieldSize)}
	for _, f := range q.Fields {
		uri := uriOf(f)
		if uri != "" && slices.Contains(done, uri) || detail == Summary && slices.Contains(onlyGetItem, uri) {
			continue
		}
		done = append(done, uri)
		f.writeTo(w)
	}
	for _, p := range q.Properties {
		p.writeTo(w)
	}
	if detail != Summary {
		q.Extra.writeFields(w, q.Headers)
	}
}

// byNumber reports whether pages are found by their number: the time of receipt is not the order, or cannot be asked for.
func (q *Query) byNumber() bool { return len(q.Sort) > 0 || strings.TrimSpace(q.Search) != "" }

// writeSortOrder writes m:SortOrder.
func (q *Query) writeSortOrder(w *wire.Writer) {
	order := q.Sort
	if len(order) == 0 {
		order = []SortField{{FieldReceived, !q.OldestFirst}}
	}
	w.Start("m:SortOrder")
	for _, s := range order {
		direction := "Ascending"
		if s.Descending {
			direction = "Descending"
		}
		w.Start("t:FieldOrder", "Order", direction)
		s.Field.writeTo(w)
		w.End()
	}
	w.End()
}

// writeProperties writes the properties asked for, but those that are in every request.
func (q *Query) writeProperties(w *wire.Writer) {
	for _, p := range q.Properties {
		switch p {
		case Property{Tag: tagSearchKey, Type: MAPIBinary}, Property{Tag: tagSenderSMTP, Type: MAPIString}, Property{Tag: tagRepresentingSMTP, Type: MAPIString}:
		default:
			p.writeTo(w)
		}
	}
}
