package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// Extra names fields of Message that are read only when they are asked for, because each costs the server or the wire something. Several
// are joined with |. A Summary has none of them.
type Extra uint

const (
	// WithLoopMarks reads what Message.Automatic goes by: a few header fields (all of them are there with Query.Headers anyway)
	// and PidTagAutoResponseSuppress.
	WithLoopMarks Extra = 1 << iota

	// WithClientFields reads Message.Client: the flag, receipts asked for, reminders and what else mail programs show.
	WithClientFields

	// WithUniqueBody reads Message.UniqueBody: what this message adds to its conversation, without the quoted ones.
	WithUniqueBody

	// WithNormalizedBody reads Message.NormalizedBody: the body as HTML that is fit to be shown, whatever it was written in.
	WithNormalizedBody

	// WithTextBody reads Message.TextBody: the body as plain text, besides the one of Query.Body.
	WithTextBody
)

// writeFields writes the paths of the extra fields within t:AdditionalProperties.
func (e Extra) writeFields(w *wire.Writer, headers bool) {
	if e&WithLoopMarks != 0 {
		if !headers {
			for _, name := range loopHeaders {
				w.Empty("t:IndexedFieldURI", "FieldURI", "item:InternetMessageHeader", "FieldIndex", name)
			}
		}
		w.Empty("t:ExtendedFieldURI", "PropertyTag", suppressProperty, "PropertyType", "Integer")
	}
	if e&WithClientFields != 0 {
		for _, f := range clientFields {
			writeURI(w, f)
		}
	}
	for _, f := range [...]struct {
		bit Extra
		uri string
	}{{WithUniqueBody, "item:UniqueBody"}, {WithNormalizedBody, "item:NormalizedBody"}, {WithTextBody, "item:TextBody"}} {
		if e&f.bit != 0 {
			writeURI(w, f.uri)
		}
	}
}

// extraBody reads a further body.
func (r *messageReader) extraBody(s *wire.Scanner, to **Body) {
	b := new(Body)
	r.body(s, b)
	*to = b
}
