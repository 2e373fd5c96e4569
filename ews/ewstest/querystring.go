package ewstest

import (
	"slices"
	"strings"
	"time"
)

// query is a parsed QueryString: the part of Advanced Query Syntax that mail programs use, without brackets. key:value looks into one
// property, a bare word into subject, body and people; AND, OR and NOT join as they are written, AND before OR.
type query [][]queryTerm

type queryTerm struct {
	key, op, text string
	not           bool
}

func parseQuery(s string) query {
	var out query
	var and []queryTerm
	not := false
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		t := queryTerm{not: not}
		not = false
		if s[0] == '-' && len(s) > 1 {
			t.not, s = !t.not, s[1:]
		}
		if i := strings.IndexAny(s, ":<>= \""); i > 0 && s[i] != ' ' && s[i] != '"' {
			t.key = strings.ToLower(s[:i])
			n := i
			for n < len(s) && strings.IndexByte(":<>=", s[n]) >= 0 {
				n++
			}
			t.op, s = strings.TrimPrefix(s[i:n], ":"), s[n:]
		}
		if strings.HasPrefix(s, `"`) {
			t.text, s, _ = strings.Cut(s[1:], `"`)
		} else if i := strings.IndexByte(s, ' '); i >= 0 {
			t.text, s = s[:i], s[i:]
		} else {
			t.text, s = s, ""
		}
		if t.key == "" {
			switch t.text {
			case "AND":
				continue
			case "OR":
				out, and = append(out, and), nil
				continue
			case "NOT":
				not = true
				continue
			}
		}
		and = append(and, t)
	}
	return append(out, and)
}

func (q query) matches(v *view) bool {
	return slices.ContainsFunc(q, func(and []queryTerm) bool {
		return !slices.ContainsFunc(and, func(t queryTerm) bool {
			return v.mentions(t.key, t.op, strings.ToLower(strings.TrimSuffix(t.text, "*"))) == t.not
		})
	})
}

func (v *view) mentions(key, op, want string) bool {
	in := func(list ...string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(strings.ToLower(s), want) })
	}
	yes := want == "true" || want == "yes"
	switch key {
	case "subject":
		return in(v.c.subject)
	case "from":
		return in(addressText([]address{v.c.from}))
	case "to":
		return in(addressText(v.c.to))
	case "cc":
		return in(addressText(v.c.cc))
	case "bcc":
		return in(addressText(v.c.bcc))
	case "participants":
		return in(addressText([]address{v.c.from}), addressText(v.c.to), addressText(v.c.cc))
	case "body":
		return in(v.c.inside().asText())
	case "category":
		return in(v.categories()...)
	case "importance":
		return strings.EqualFold(v.importance(), want)
	case "kind":
		return want == "email"
	case "hasattachment", "hasattachments":
		return v.c.hasAttachments() == yes
	case "isread", "read":
		return v.it.read == yes
	case "attachment":
		return in(attachmentNames(v).list...)
	case "received":
		return dayMatches(v.received(), op, want)
	case "sent":
		return dayMatches(v.sent(), op, want)
	case "size":
		n, ok := parseInt(want)
		return ok && ordered(int(v.size()-int64(n)), op)
	}
	return in(v.c.subject, addressText([]address{v.c.from}), addressText(v.c.to), v.c.inside().asText())
}

// dayMatches compares the day, which is all that the syntax knows of a time.
func dayMatches(t time.Time, op, want string) bool {
	first, last, span := strings.Cut(want, "..")
	from, err := time.Parse(time.DateOnly, first)
	to, errTo := from, error(nil)
	if span {
		to, errTo = time.Parse(time.DateOnly, last)
	}
	if err != nil || errTo != nil {
		return false
	}
	day := t.UTC().Truncate(24 * time.Hour)
	if span {
		return !day.Before(from) && !day.After(to)
	}
	return ordered(day.Compare(from), op)
}

// ordered reports whether a difference agrees with an operator.
func ordered(diff int, op string) bool {
	switch op {
	case ">":
		return diff > 0
	case ">=":
		return diff >= 0
	case "<":
		return diff < 0
	case "<=":
		return diff <= 0
	case "<>":
		return diff != 0
	}
	return diff == 0
}
