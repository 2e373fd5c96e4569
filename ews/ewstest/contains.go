package ewstest

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// contains evaluates a Contains expression.
func contains(have value, want, mode, comparison string) bool {
	fold := folding(comparison)
	text := fold(have.text())
	want = fold(want)
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

// folding returns what makes two texts equal under a ContainmentComparison. Without one it is Exact.
func folding(comparison string) func(string) string {
	ignoreCase := strings.Contains(comparison, "IgnoreCase")
	ignoreMarks := strings.Contains(comparison, "NonSpac")
	loose := strings.HasPrefix(comparison, "Loose")
	return func(s string) string {
		if loose { // half and full width, ligatures
			s = norm.NFKC.String(s)
		}
		if ignoreMarks {
			if out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s); err == nil {
				s = out
			}
		}
		if ignoreCase {
			s = strings.ToLower(s)
		}
		return s
	}
}
