package ewstest

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jhillyerd/enmime/v2"
)

// partName is the file name of a part where enmime gives none or half of one: in a charset that mime.ParseMediaType does not decode (RFC 2231
// knows all, it knows UTF-8), or in unlabelled 8-bit characters. "": enmime's is right.
func partName(p *enmime.Part) string {
	for _, f := range [][2]string{{"Content-Disposition", "filename"}, {"Content-Type", "name"}} {
		field := p.Header.Get(f[0])
		if !strings.Contains(field, "*") && utf8.ValidString(field) {
			continue
		}
		if name := parameter(text8([]byte(field)), f[1]); name != "" {
			return name
		}
	}
	return ""
}

// parameter returns a parameter of a field's value: its extended form (RFC 2231), put together and decoded, or else the plain one.
func parameter(field, name string) string {
	parts := map[string]string{}
	for _, p := range splitParameters(field) {
		key, value, ok := strings.Cut(p, "=")
		if key = strings.ToLower(strings.TrimSpace(key)); ok && parts[key] == "" {
			parts[key] = unquoted(strings.TrimSpace(value))
		}
	}
	if v, ok := parts[name+"*"]; ok {
		charset, text := extendedValue(v)
		return decodeCharset(charset, text)
	}
	var whole []byte
	charset := ""
	for i := range len(parts) {
		key := name + "*" + strconv.Itoa(i)
		if v, ok := parts[key+"*"]; ok && i == 0 {
			charset, whole = extendedValue(v)
		} else if ok {
			whole = append(whole, unescaped(v)...)
		} else if v, ok := parts[key]; ok {
			whole = append(whole, v...)
		} else {
			break
		}
	}
	if whole != nil {
		return decodeCharset(charset, whole)
	}
	return parts[name]
}

// extendedValue takes charset'language'text apart.
func extendedValue(v string) (charset string, text []byte) {
	charset, rest, ok := strings.Cut(v, "'")
	_, rest, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 {
		return "", unescaped(v)
	}
	return charset, unescaped(rest)
}

func unescaped(v string) []byte {
	if s, err := url.PathUnescape(v); err == nil {
		return []byte(s)
	}
	return []byte(v)
}

func unquoted(v string) string {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return v
	}
	var b strings.Builder
	for i := 1; i < len(v)-1; i++ {
		if v[i] == '\\' && i < len(v)-2 {
			i++
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// splitParameters cuts at semicolons outside of quotes.
func splitParameters(s string) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// uudecode decodes the first file in a uuencoded text (POSIX uuencode); nil where there is none.
func uudecode(text []byte) []byte {
	inside := false
	out := []byte{}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case !inside:
			inside = bytes.HasPrefix(line, []byte("begin "))
			continue
		case bytes.Equal(line, []byte("end")):
			return out
		case len(line) == 0:
			continue
		}
		six := func(i int) byte { // the blanks at a line's end get lost on the way
			if i >= len(line) {
				return 0
			}
			return (line[i] - ' ') & 0x3f
		}
		n := int(six(0))
		for i := 1; n > 0; i += 4 {
			three := []byte{six(i)<<2 | six(i+1)>>4, six(i+1)<<4 | six(i+2)>>2, six(i+2)<<6 | six(i+3)}
			out = append(out, three[:min(n, 3)]...)
			n -= 3
		}
	}
	if !inside {
		return nil
	}
	return out
}
