package ewstest

import (
	"slices"
	"strconv"
	"strings"
)

// A subject is what a restriction is asked about: an item or a folder.
type subject interface {
	property(path *node) (value, *opError)
}

func (v *view) property(path *node) (value, *opError) {
	switch path.name {
	case "t:ExtendedFieldURI":
		u, err := parseExtURI(path)
		if err != nil {
			return value{}, err
		}
		p, ok := v.extended(u)
		if !ok {
			return value{}, nil
		}
		return p.value(), nil
	case "t:IndexedFieldURI":
		if path.attr("FieldURI") != "item:InternetMessageHeader" {
			return value{}, fail("ErrorUnsupportedPathForQuery")
		}
		return stringValue(decodeWords(v.c.internetHeaders().get(path.attr("FieldIndex")))), nil
	}
	f := fieldByURI[path.attr("FieldURI")]
	if f == nil || f.value == nil {
		return value{}, fail("ErrorUnsupportedPathForQuery")
	}
	return f.value(v), nil
}

// value is a stored property as restrictions compare it.
func (p extProp) value() value {
	text := first(p.values)
	switch p.typ {
	case "Integer", "Short", "Long":
		n, _ := strconv.ParseInt(text, 10, 64)
		return value{kind: kindInt, n: n}
	case "Boolean":
		return boolValue(text == "true")
	case "SystemTime":
		t, _ := parseTime(text)
		return timeValue(t)
	case "Binary":
		return value{kind: kindBinary, s: text}
	}
	if strings.HasSuffix(p.typ, "Array") {
		return value{kind: kindList, list: p.values}
	}
	return value{kind: kindString, s: text}
}

// matches evaluates a search expression.
func matches(n *node, s subject) (bool, *opError) {
	switch n.name {
	case "t:And", "t:Or":
		for _, k := range n.kids {
			ok, err := matches(k, s)
			if err != nil || ok == (n.name == "t:Or") {
				return ok, err
			}
		}
		return n.name == "t:And", nil
	case "t:Not":
		ok, err := matches(n.first(), s)
		return !ok, err
	}
	have, err := s.property(n.first())
	if err != nil {
		return false, err
	}
	switch n.name {
	case "t:Exists":
		return have.kind != kindNone, nil
	case "t:Excludes":
		mask, perr := strconv.ParseInt(n.kid("t:Bitmask").attr("Value"), 0, 64)
		if perr != nil {
			return false, fail("ErrorInvalidExcludesRestriction")
		}
		return have.n&mask == 0, nil
	case "t:Contains":
		return contains(have, n.kid("t:Constant").attr("Value"), n.attr("ContainmentMode"), n.attr("ContainmentComparison")), nil
	}
	return compares(n, have, s)
}

func compares(n *node, have value, s subject) (bool, *opError) {
	var want value
	operand := n.kid("t:FieldURIOrConstant").first()
	if operand.name == "t:Constant" {
		text := operand.attr("Value")
		if have.kind == kindNone { // nothing equals a constant but by not being there
			return n.name == "t:IsNotEqualTo" || n.name == "t:IsEqualTo" && text == "", nil
		}
		if have.kind == kindList {
			found := slices.ContainsFunc(have.list, func(e string) bool { return strings.EqualFold(e, text) })
			return found == (n.name == "t:IsEqualTo"), nil
		}
		var ok bool
		if want, ok = have.parse(text); !ok {
			return false, fail("ErrorInvalidValueForProperty")
		}
	} else {
		var err *opError
		if want, err = s.property(operand); err != nil {
			return false, err
		}
		if have.kind == kindNone || want.kind == kindNone { // nothing compares with what is not there
			return n.name == "t:IsNotEqualTo", nil
		}
	}
	c := have.compare(want)
	switch n.name {
	case "t:IsEqualTo":
		return c == 0, nil
	case "t:IsNotEqualTo":
		return c != 0, nil
	case "t:IsGreaterThan":
		return c > 0, nil
	case "t:IsGreaterThanOrEqualTo":
		return c >= 0, nil
	case "t:IsLessThan":
		return c < 0, nil
	}
	return c <= 0, nil
}
