package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// Extra names fields of Message that are read only when they are asked for, because each costs the server or the wire something. Several
// are joined with |. A Summary has none of them.
type Extra uint

const (
	// WithLoopMarks reads what Message.Automatic goes by: a few header fields (all of them are there with Query.Headers anyway)
	// and PidTagAutoResponseSuppress.
	WithLoopMarks Extra = 1 << iota
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
}
