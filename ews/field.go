package ews

import (
	"errors"
	"fmt"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Field is a property of messages by which they are found, sorted and selected: one of the Field constants, another of EWS's
// fields by its name, such as TextField("item:Culture"), or a Property. A name that EWS's schema does not have is refused before anything is
// sent; should Exchange come to have fields beyond the schema, their property (Property) and Mailbox.Do reach them. EWS: FieldURI,
// ExtendedFieldURI.
type Field interface {
	bad() string
	kind() fieldKind
	constant(v any) (string, error)
	writeTo(w *wire.Writer)
}

// fieldKind is the type of a field's values, as far as comparisons go.
type fieldKind int

const (
	kindText fieldKind = iota
	kindTime
	kindNumber
	kindBool
	kindImportance
	kindBinary
	kindOther // neither found nor sorted by
)

// TextField holds a text, or a list of texts, one of which must match.
type TextField string

// TimeField holds a time. The methods go by what Message shows, to the second; Exchange itself keeps fractions.
type TimeField string

// NumberField holds a whole number.
type NumberField string

// BoolField holds true or false.
type BoolField string

// ImportanceField holds an Importance, ordered as it is named: low, normal, high.
type ImportanceField string

// OtherField can be selected, but not searched or sorted by.
type OtherField string

// Fields to find and sort by. What FindItem can return of them is in every Summary.
const (
	FieldSubject           TextField = "item:Subject"
	FieldClass             TextField = "item:ItemClass"
	FieldSensitivity       TextField = "item:Sensitivity" // "Normal", "Personal", "Private", "Confidential"
	FieldCategories        TextField = "item:Categories"
	FieldInReplyTo         TextField = "item:InReplyTo"
	FieldDisplayTo         TextField = "item:DisplayTo"
	FieldDisplayCc         TextField = "item:DisplayCc"
	FieldLastModifiedName  TextField = "item:LastModifiedName"
	FieldBody              TextField = "item:Body"        // found by its words; slow without an index
	FieldAttachments       TextField = "item:Attachments" // by their names
	FieldFrom              TextField = "message:From"     // by name or address
	FieldSender            TextField = "message:Sender"
	FieldTo                TextField = "message:ToRecipients"
	FieldCc                TextField = "message:CcRecipients"
	FieldBcc               TextField = "message:BccRecipients"
	FieldInternetMessageID TextField = "message:InternetMessageId"
	FieldReferences        TextField = "message:References"
	FieldConversationTopic TextField = "message:ConversationTopic"
	FieldConversationID    TextField = "item:ConversationId"

	FieldReceived      TimeField = "item:DateTimeReceived"
	FieldSent          TimeField = "item:DateTimeSent"
	FieldCreated       TimeField = "item:DateTimeCreated"
	FieldModified      TimeField = "item:LastModifiedTime"
	FieldReminderDueBy TimeField = "item:ReminderDueBy"

	FieldSize            NumberField = "item:Size"
	FieldReminderMinutes NumberField = "item:ReminderMinutesBeforeStart"

	FieldRead                     BoolField = "message:IsRead"
	FieldHasAttachments           BoolField = "item:HasAttachments"
	FieldDraft                    BoolField = "item:IsDraft"
	FieldFromMe                   BoolField = "item:IsFromMe"
	FieldReminderSet              BoolField = "item:ReminderIsSet"
	FieldReadReceiptRequested     BoolField = "message:IsReadReceiptRequested"
	FieldDeliveryReceiptRequested BoolField = "message:IsDeliveryReceiptRequested"

	FieldImportance ImportanceField = "item:Importance"
)

// Properties to find by that EWS has no searchable field for.
var (
	PropertyFlagStatus = Property{Tag: 0x1090, Type: MAPIInteger} // PidTagFlagStatus: 0 or missing, 1 complete, 2 flagged
	PropertySearchKey  = Property{Tag: 0x300B, Type: MAPIBinary}  // PidTagSearchKey: Message.SearchKey, decoded
	PropertySenderSMTP = Property{Tag: 0x5D01, Type: MAPIString}  // PidTagSenderSmtpAddress
)

var errFieldType = errors.New("the value is not of the field's type")

func writeURI(w *wire.Writer, uri string) { w.Empty("t:FieldURI", "FieldURI", uri) }

func (f TextField) bad() string            { return badURI(string(f)) }
func (f TextField) kind() fieldKind        { return kindText }
func (f TextField) writeTo(w *wire.Writer) { writeURI(w, string(f)) }
func (f TextField) constant(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errFieldType
	}
	return s, nil
}

func (f TimeField) bad() string            { return badURI(string(f)) }
func (f TimeField) kind() fieldKind        { return kindTime }
func (f TimeField) writeTo(w *wire.Writer) { writeURI(w, string(f)) }
func (f TimeField) constant(v any) (string, error) {
	t, ok := v.(time.Time)
	switch {
	case !ok:
		return "", errFieldType
	case t.IsZero():
		return "", errors.New("the zero time: a time that Exchange cannot hold")
	}
	if bad := badTime("the value", t); len(bad) > 0 {
		return "", errors.New(bad[0])
	}
	return t.UTC().Format(time.RFC3339Nano), nil
}

func (f NumberField) bad() string            { return badURI(string(f)) }
func (f NumberField) kind() fieldKind        { return kindNumber }
func (f NumberField) writeTo(w *wire.Writer) { writeURI(w, string(f)) }
func (f NumberField) constant(v any) (string, error) {
	switch v.(type) {
	case int, int64:
		return fmt.Sprint(v), nil
	}
	return "", errFieldType
}

func (f BoolField) bad() string            { return badURI(string(f)) }
func (f BoolField) kind() fieldKind        { return kindBool }
func (f BoolField) writeTo(w *wire.Writer) { writeURI(w, string(f)) }
func (f BoolField) constant(v any) (string, error) {
	if _, ok := v.(bool); !ok {
		return "", errFieldType
	}
	return fmt.Sprint(v), nil
}

func (f ImportanceField) bad() string            { return badURI(string(f)) }
func (f ImportanceField) kind() fieldKind        { return kindImportance }
func (f ImportanceField) writeTo(w *wire.Writer) { writeURI(w, string(f)) }
func (f ImportanceField) constant(v any) (string, error) {
	if _, ok := v.(Importance); !ok {
		return "", errFieldType
	}
	return fmt.Sprint(v), nil
}

func (f OtherField) bad() string            { return badURI(string(f)) }
func (f OtherField) kind() fieldKind        { return kindOther }
func (f OtherField) writeTo(w *wire.Writer) { writeURI(w, string(f)) }
func (f OtherField) constant(any) (string, error) {
	return "", errors.New("this field cannot be compared")
}

func (p Property) kind() fieldKind {
	switch p.Type.element() {
	case MAPIBoolean:
		return kindBool
	case MAPIShort, MAPIInteger, MAPILong:
		return kindNumber
	case MAPISystemTime:
		return kindTime
	case MAPIBinary:
		return kindBinary
	case MAPIString, MAPICLSID, MAPICurrency:
		return kindText
	}
	return kindOther
}

// constant writes the value of one element: lists compare by their elements.
func (p Property) constant(v any) (string, error) {
	texts, err := p.Type.element().texts(v)
	if err != nil {
		return "", err
	}
	return texts[0], nil
}
