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

func contains(have value, want, mode, comparison string) bool {
	text := have.text()
	if comparison != "" && comparison != "Exact" {
		text, want = strings.ToLower(text), strings.ToLower(want)
	}
	if have.kind == kindNone {
		return false
	}
	switch mode {
	case "FullString", "":
		if have.kind == kindList {
			return slices.Contains(strings.Split(text, "\n"), want)
		}
		return text == want
	case "Prefixed":
		return strings.HasPrefix(text, want)
	case "PrefixOnWords", "ExactPhrase":
		for i := 0; ; {
			j := strings.Index(text[i:], want)
			if j < 0 {
				return false
			}
			start, end := i+j, i+j+len(want)
			if wordEdge(text, start) && (mode == "PrefixOnWords" || wordEdge(text, end)) {
				return true
			}
			i = start + 1
		}
	}
	return strings.Contains(text, want)
}

// wordEdge reports whether a word begins or ends at i.
func wordEdge(s string, i int) bool {
	letter := func(b byte) bool {
		return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80
	}
	return i == 0 || i == len(s) || letter(s[i-1]) != letter(s[i])
}

// query is a parsed QueryString: a small part of AQS, terms that must all be found. key:value looks into one property, a bare
// word into subject, body, and people.
type query []struct{ key, text string }

func parseQuery(s string) query {
	var out query
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var term struct{ key, text string }
		if i := strings.IndexAny(s, ": \""); i > 0 && s[i] == ':' {
			term.key, s = strings.ToLower(s[:i]), s[i+1:]
		}
		if strings.HasPrefix(s, `"`) {
			term.text, s, _ = strings.Cut(s[1:], `"`)
		} else if i := strings.IndexByte(s, ' '); i >= 0 {
			term.text, s = s[:i], s[i:]
		} else {
			term.text, s = s, ""
		}
		if !strings.EqualFold(term.text, "AND") || term.key != "" {
			out = append(out, term)
		}
	}
	return out
}

func (q query) matches(v *view) bool {
	for _, t := range q {
		if !v.mentions(t.key, strings.ToLower(strings.TrimSuffix(t.text, "*"))) {
			return false
		}
	}
	return true
}

func (v *view) mentions(key, want string) bool {
	in := func(list ...string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(strings.ToLower(s), want) })
	}
	switch key {
	case "subject":
		return in(v.c.subject)
	case "from":
		return in(addressText([]address{v.c.from}))
	case "to":
		return in(addressText(v.c.to))
	case "cc":
		return in(addressText(v.c.cc))
	case "participants":
		return in(addressText([]address{v.c.from}), addressText(v.c.to), addressText(v.c.cc))
	case "body":
		return in(v.c.inside().asText())
	case "category":
		return in(v.categories()...)
	case "kind":
		return want == "email"
	case "hasattachment", "hasattachments":
		return v.c.hasAttachments() == (want == "true" || want == "yes")
	case "isread", "read":
		return v.it.read == (want == "true" || want == "yes")
	case "attachment":
		return in(attachmentNames(v).list...)
	}
	return in(v.c.subject, addressText([]address{v.c.from}), addressText(v.c.to), v.c.inside().asText())
}
