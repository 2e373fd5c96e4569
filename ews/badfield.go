package ews

import (
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// badURI says what is wrong with a field's name, and which one may be meant; "": EWS has it.
func badURI(uri string) string {
	if wire.FieldURIs()[uri] {
		return ""
	}
	if bad := badForm(uri); bad != "" {
		return bad
	}
	meant := "EWS's reference lists them as FieldURI"
	if near := nearestURI(uri); near != "" {
		meant = "did you mean " + near + "?"
	}
	return fmt.Sprintf("%.80q is no field of EWS: %s (what the schema does not name can be had as a Property, or with Do)", uri, meant)
}

// badForm says that a text is no field's name by its looks.
func badForm(uri string) string {
	set, name, ok := strings.Cut(uri, ":")
	if !ok || set == "" || name == "" || strings.ContainsAny(uri, " <>&\"'") || !xmlText(uri) {
		return fmt.Sprintf("%.80q is no field of EWS: it needs a form such as item:Subject", uri)
	}
	return ""
}

// nearestURI is the field whose name is most like uri, if one is alike: in other letters, in another set, with some letters wrong.
func nearestURI(uri string) string {
	if len(uri) > 80 {
		return ""
	}
	of, name, _ := strings.Cut(strings.ToLower(uri), ":")
	best, least := "", 3*max(1, len(name)/3)+3
	for known := range wire.FieldURIs() {
		set, local, _ := strings.Cut(strings.ToLower(known), ":")
		score := 3 * distance(name, local)
		if set != of { // the same set rather than another, what messages have rather than the rest
			score += 2
			if set != "item" && set != "message" {
				score += 5
			}
		}
		if score < least || score == least && known < best {
			best, least = known, score
		}
	}
	return best
}

// distance is the number of letters to change, add or take away to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
