package ewstest

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// value is what a property compares as in restrictions and sort orders. The zero value is a property that is not there.
type value struct {
	kind valueKind
	s    string // strings as they are, binaries in base64
	n    int64  // integers, booleans, times in nanoseconds
	list []string
}

type valueKind uint8

const (
	kindNone valueKind = iota
	kindString
	kindInt
	kindBool
	kindTime
	kindList
	kindBinary
)

func stringValue(s string) value {
	if s == "" {
		return value{}
	}
	return value{kind: kindString, s: s}
}

func boolValue(b bool) value {
	v := value{kind: kindBool}
	if b {
		v.n = 1
	}
	return v
}

func timeValue(t time.Time) value {
	if t.IsZero() {
		return value{}
	}
	return value{kind: kindTime, n: t.Unix()*1e9 + int64(t.Nanosecond())}
}

func binaryValue(b []byte) value {
	if len(b) == 0 {
		return value{}
	}
	return value{kind: kindBinary, s: base64.StdEncoding.EncodeToString(b)}
}

// enumValue sorts an enumeration in its own order, not the alphabet's.
func enumValue(s string, order ...string) value {
	for i, o := range order {
		if s == o {
			return value{kind: kindInt, n: int64(i), s: s}
		}
	}
	return stringValue(s)
}

// as returns the value in the form of a MAPI property type; false when it has no such form or is not there.
func (v value) as(typ string) (string, bool) {
	switch {
	case v.kind == kindString && typ == "String", v.kind == kindBinary && typ == "Binary":
		return v.s, true
	case v.kind == kindInt && (typ == "Integer" || typ == "Long" || typ == "Short"):
		return strconv.FormatInt(v.n, 10), true
	case v.kind == kindBool && typ == "Boolean":
		return strconv.FormatBool(v.n == 1), true
	case v.kind == kindTime && typ == "SystemTime":
		return formatTime(time.Unix(0, v.n)), true
	}
	return "", false
}

// parse reads a constant of a restriction as the kind of v, so that the two can be compared.
func (v value) parse(text string) (value, bool) {
	switch v.kind {
	case kindInt:
		if v.s != "" { // an enumeration
			return enumValue(text, "Low", "Normal", "High"), true
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 64)
		return value{kind: kindInt, n: n}, err == nil
	case kindBool:
		t := strings.ToLower(strings.TrimSpace(text))
		return boolValue(t == "true" || t == "1"), t == "true" || t == "1" || t == "false" || t == "0"
	case kindTime:
		t, err := parseTime(text)
		return timeValue(t), err == nil
	case kindBinary:
		return value{kind: kindBinary, s: strings.TrimSpace(text)}, true
	}
	return value{kind: kindString, s: text}, true
}

// compare orders two values of one kind; what is not there sorts first.
func (v value) compare(w value) int {
	if v.kind == kindNone || w.kind == kindNone {
		return cmp.Compare(min(v.kind, 1), min(w.kind, 1))
	}
	switch v.kind {
	case kindString:
		return foldCompare(v.s, w.s)
	case kindBinary:
		return cmp.Compare(v.s, w.s)
	case kindList:
		return foldCompare(strings.Join(v.list, ";"), strings.Join(w.list, ";"))
	}
	return cmp.Compare(v.n, w.n)
}

func foldCompare(a, b string) int {
	if strings.EqualFold(a, b) {
		return 0
	}
	return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
}

// text is what Contains and the query string look into.
func (v value) text() string {
	switch v.kind {
	case kindString, kindBinary:
		return v.s
	case kindList:
		return strings.Join(v.list, "\n")
	case kindBool:
		return strconv.FormatBool(v.n == 1)
	case kindTime:
		return formatTime(time.Unix(0, v.n))
	case kindInt:
		if v.s != "" {
			return v.s
		}
		return strconv.FormatInt(v.n, 10)
	}
	return ""
}
