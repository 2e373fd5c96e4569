package ews

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// PropertyType is the type of a MAPI property. A property asked for with another type than it has is not found.
type PropertyType string

// Types of properties, with the Go types of their values.
const (
	MAPIString          PropertyType = "String"          // string
	MAPIBoolean         PropertyType = "Boolean"         // bool
	MAPIShort           PropertyType = "Short"           // int64, of 16 bits
	MAPIInteger         PropertyType = "Integer"         // int64, of 32 bits
	MAPILong            PropertyType = "Long"            // int64
	MAPIFloat           PropertyType = "Float"           // float64, of 32 bits
	MAPIDouble          PropertyType = "Double"          // float64
	MAPIApplicationTime PropertyType = "ApplicationTime" // float64: days since 30 December 1899
	MAPICurrency        PropertyType = "Currency"        // string: a decimal number, as the server writes it
	MAPISystemTime      PropertyType = "SystemTime"      // time.Time, in UTC, to the second
	MAPICLSID           PropertyType = "CLSID"           // string: a GUID
	MAPIBinary          PropertyType = "Binary"          // []byte

	MAPIStringArray          PropertyType = "StringArray" // []string; and so the others
	MAPIShortArray           PropertyType = "ShortArray"
	MAPIIntegerArray         PropertyType = "IntegerArray"
	MAPILongArray            PropertyType = "LongArray"
	MAPIFloatArray           PropertyType = "FloatArray"
	MAPIDoubleArray          PropertyType = "DoubleArray"
	MAPIApplicationTimeArray PropertyType = "ApplicationTimeArray"
	MAPICurrencyArray        PropertyType = "CurrencyArray"
	MAPISystemTimeArray      PropertyType = "SystemTimeArray"
	MAPICLSIDArray           PropertyType = "CLSIDArray"
	MAPIBinaryArray          PropertyType = "BinaryArray"
)

// PropertyValue is a property with its value.
type PropertyValue struct {
	Property Property

	// Value has the Go type that Property.Type says. In what is sent, an int stands for any of the whole numbers too. In what was
	// read, nil is a value that is none of its type.
	Value any
}

// propertyKind is how the values of a type are written and read.
type propertyKind struct {
	text  func(v any) (string, error)
	value func(text string) (any, error)
}

var errKind = errors.New("the value is of another type")

var propertyKinds = map[PropertyType]propertyKind{
	MAPIString:          {plainText, func(s string) (any, error) { return s, nil }},
	MAPIBoolean:         {boolText, func(s string) (any, error) { return parseBool(s) }},
	MAPIShort:           wholeNumber(16),
	MAPIInteger:         wholeNumber(32),
	MAPILong:            wholeNumber(64),
	MAPIFloat:           realNumber(32),
	MAPIDouble:          realNumber(64),
	MAPIApplicationTime: realNumber(64),
	MAPICurrency:        {plainText, func(s string) (any, error) { return strings.TrimSpace(s), nil }},
	MAPISystemTime:      {timeText, parseSystemTime},
	MAPICLSID:           {guidText, func(s string) (any, error) { return strings.TrimSpace(s), nil }},
	MAPIBinary: {binaryText, func(s string) (any, error) {
		return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	}},
}

// element is the type of an array's elements, or the type itself.
func (t PropertyType) element() PropertyType {
	element, array := strings.CutSuffix(string(t), "Array")
	if array && element == string(MAPIBoolean) {
		return "" // the one type without an array
	}
	return PropertyType(element)
}

func (t PropertyType) array() bool { return t.element() != t }

// texts are the texts of a value in XML.
func (t PropertyType) texts(v any) ([]string, error) {
	kind, ok := propertyKinds[t.element()]
	if !ok {
		return nil, errKind
	}
	values := []any{v}
	if t.array() {
		switch list := v.(type) {
		case []string:
			values = anys(list)
		case []int64:
			values = anys(list)
		case []int:
			values = anys(list)
		case []float64:
			values = anys(list)
		case []time.Time:
			values = anys(list)
		case [][]byte:
			values = anys(list)
		default:
			return nil, errKind
		}
		if len(values) == 0 {
			return nil, errors.New("an array needs at least one value; delete the property instead")
		}
	}
	texts := make([]string, len(values))
	for i, v := range values {
		var err error
		if texts[i], err = kind.text(v); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// parse makes a value of its texts: nil and an error if they are none of that type.
func (t PropertyType) parse(texts []string) (any, error) {
	kind, ok := propertyKinds[t.element()]
	if !ok || !t.array() && len(texts) != 1 {
		return nil, errKind
	}
	if !t.array() {
		return orNil(kind.value(texts[0]))
	}
	values := make([]any, len(texts))
	for i, text := range texts {
		var err error
		if values[i], err = kind.value(text); err != nil {
			return nil, err
		}
	}
	switch t.element() {
	case MAPIShort, MAPIInteger, MAPILong:
		return typed[int64](values), nil
	case MAPIFloat, MAPIDouble, MAPIApplicationTime:
		return typed[float64](values), nil
	case MAPISystemTime:
		return typed[time.Time](values), nil
	case MAPIBinary:
		return typed[[]byte](values), nil
	}
	return typed[string](values), nil
}

func orNil(v any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

func typed[T any](list []any) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = v.(T)
	}
	return out
}

// bad says what is wrong with the property or its value; "": nothing.
func (v PropertyValue) bad() string {
	if bad := v.Property.bad(); bad != "" {
		return bad
	}
	texts, err := v.Property.Type.texts(v.Value)
	if err != nil {
		return fmt.Sprintf("%s: %T: %v", v.Property, v.Value, err)
	}
	for _, text := range texts {
		if bad := badText(text); bad != "" {
			return fmt.Sprintf("%s: %s", v.Property, bad)
		}
	}
	return ""
}

// writeTo writes the ExtendedProperty element.
func (v PropertyValue) writeTo(w *wire.Writer) {
	texts, _ := v.Property.Type.texts(v.Value) // checked before
	w.Start("t:ExtendedProperty")
	v.Property.writeTo(w)
	if v.Property.Type.array() {
		w.Start("t:Values")
	}
	for _, text := range texts {
		w.Leaf("t:Value", text)
	}
	if v.Property.Type.array() {
		w.End()
	}
	w.End()
}

func plainText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errKind
	}
	return s, nil
}

func boolText(v any) (string, error) {
	b, ok := v.(bool)
	if !ok {
		return "", errKind
	}
	return strconv.FormatBool(b), nil
}

func parseBool(s string) (any, error) {
	switch strings.TrimSpace(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return nil, errKind
}

func wholeNumber(bits int) propertyKind {
	return propertyKind{
		func(v any) (string, error) {
			n, ok := v.(int64)
			if i, is := v.(int); is {
				n, ok = int64(i), true
			}
			if !ok {
				return "", errKind
			}
			if n < -1<<(bits-1) || n > 1<<(bits-1)-1 {
				return "", fmt.Errorf("%d has more than %d bits", n, bits)
			}
			return strconv.FormatInt(n, 10), nil
		},
		func(s string) (any, error) { return strconv.ParseInt(strings.TrimSpace(s), 10, 64) },
	}
}

func realNumber(bits int) propertyKind {
	return propertyKind{
		func(v any) (string, error) {
			f, ok := v.(float64)
			if !ok {
				return "", errKind
			}
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return "", errors.New("not a finite number")
			}
			return strconv.FormatFloat(f, 'g', -1, bits), nil
		},
		func(s string) (any, error) { return strconv.ParseFloat(strings.TrimSpace(s), 64) },
	}
}

func timeText(v any) (string, error) {
	t, ok := v.(time.Time)
	switch {
	case !ok:
		return "", errKind
	case t.IsZero():
		return "", errors.New("the zero time is no value; delete the property instead")
	}
	if bad := badTime("the value", t); len(bad) > 0 {
		return "", errors.New(bad[0])
	}
	return t.UTC().Format(time.RFC3339), nil
}

func parseSystemTime(s string) (any, error) {
	t := dateTime([]byte(s))
	if t.IsZero() {
		return nil, errKind
	}
	return t, nil
}

func guidText(v any) (string, error) {
	s, ok := v.(string)
	if !ok || !guid.MatchString(s) {
		return "", errKind
	}
	return s, nil
}

func binaryText(v any) (string, error) {
	b, ok := v.([]byte)
	if !ok {
		return "", errKind
	}
	return base64.StdEncoding.EncodeToString(b), nil
}
