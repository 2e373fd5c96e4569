package ewstest

import (
	"net/mail"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// address is one mailbox of a header field or a recipient. An entry that no parser understands is kept as a name
// without an address: a message is never refused for it.
type address struct{ name, email string }

func (a address) isZero() bool { return a == address{} }

// String is the display form used in DisplayTo: the name, else the address.
func (a address) String() string {
	if a.name != "" {
		return a.name
	}
	return a.email
}

// header is the form written into generated messages.
func (a address) header() string {
	if a.email == "" {
		return (&mail.Address{Name: a.name, Address: "invalid@invalid"}).String()
	}
	return (&mail.Address{Name: a.name, Address: a.email}).String()
}

func displayList(list []address) string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.String()
	}
	return strings.Join(names, "; ")
}

func emails(list []address) []string {
	out := make([]string, 0, len(list))
	for _, a := range list {
		if a.email != "" {
			out = append(out, a.email)
		} else {
			out = append(out, a.name)
		}
	}
	return out
}

// parseAddresses reads an address list; the strict parser first, then each entry by itself.
func parseAddresses(value string) []address {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil
	}
	if list, err := enmime.ParseAddressList(value); err == nil {
		return fromMail(list)
	}
	var out []address
	for _, part := range splitAddresses(value) {
		if list, err := enmime.ParseAddressList(part); err == nil {
			out = append(out, fromMail(list)...)
			continue
		}
		if a := looseAddress(part); !a.isZero() {
			out = append(out, a)
		}
	}
	return out
}

func fromMail(list []*mail.Address) []address {
	out := make([]address, 0, len(list))
	for _, a := range list {
		out = append(out, address{strings.TrimSpace(decodeWords(a.Name)), a.Address})
	}
	return out
}

// splitAddresses cuts at commas and semicolons that stand outside quotes, comments and angle brackets.
func splitAddresses(s string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	cut := func(end int) {
		if p := strings.TrimSpace(s[start:end]); p != "" {
			out = append(out, p)
		}
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<' || c == '(':
			depth++
		case c == '>' || c == ')':
			depth = max(depth-1, 0)
		case (c == ',' || c == ';') && depth == 0:
			cut(i)
		}
	}
	cut(len(s))
	return out
}

// looseAddress takes what it can from an entry that is no address: the part in angle brackets if it has an @,
// a bare word with an @, and everything else as a display name.
func looseAddress(s string) address {
	s = strings.TrimSpace(decodeWords(s))
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		inner, _, _ := strings.Cut(s[open+1:], ">")
		inner = strings.TrimSpace(inner)
		if strings.ContainsRune(inner, '@') && !strings.ContainsAny(inner, " \t") {
			return address{strings.Trim(strings.TrimSpace(s[:open]), `"'`), inner}
		}
		return address{name: s}
	}
	if strings.Count(s, "@") == 1 && !strings.ContainsAny(s, " \t\"()") {
		return address{email: s}
	}
	return address{name: s}
}
