package ews

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Characters that XML 1.0 does not know (section 2.2) are told to the caller rather than replaced: a marker, a folder's name or a
// property with another character in it would be another one, and what a person wrote would arrive changed without anybody knowing.

// badText says what keeps a text from being sent as it is, or "".
func badText(text string) string {
	for i, r := range text {
		switch {
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return fmt.Sprintf("byte %d (0x%02X) is not UTF-8", i, text[i])
			}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF:
			return fmt.Sprintf("byte %d is %U, which XML cannot carry: take it out", i, r)
		}
	}
	return ""
}

// xmlText reports whether a text comes through XML 1.0 as it is.
func xmlText(text string) bool { return badText(text) == "" }

// badTexts names the wrong ones of fields and their texts, given in turn.
func badTexts(fields ...string) (wrong []string) {
	for i := 0; i+1 < len(fields); i += 2 {
		if bad := badText(fields[i+1]); bad != "" {
			wrong = append(wrong, fields[i]+": "+bad)
		}
	}
	return wrong
}

// badList is badTexts for a field with several.
func badList(field string, list []string) (wrong []string) {
	for i, text := range list {
		if bad := badText(text); bad != "" {
			wrong = append(wrong, fmt.Sprintf("%s[%d]: %s", field, i, bad))
		}
	}
	return wrong
}

// unsendable is the error of a text that cannot be sent, or nil.
func unsendable(verb, what, text string) error {
	if bad := badText(text); bad != "" {
		return fmt.Errorf("ews: %s: the %s: %s", verb, what, bad)
	}
	return nil
}

// badChoice tells a value that is none of those that EWS's schema has.
func badChoice[T ~string](field string, value T, choices ...T) []string {
	if slices.Contains(choices, value) {
		return nil
	}
	var list []string
	for _, c := range choices {
		list = append(list, string(c))
	}
	return []string{fmt.Sprintf("%s: %.40q is none of %s", field, string(value), strings.Join(list, ", "))}
}

func badImportance(i Importance) []string {
	if i < NormalImportance || i > HighImportance {
		return []string{fmt.Sprintf("Importance: there is no %d", int(i))}
	}
	return nil
}
