// Package secret takes the access token of a request out of what others say about that request: servers, proxies and transports that
// repeat what they were sent, in an error page, a fault or an error of their own.
package secret

import "encoding/base64"

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

const (
	// minLength is the length of the shortest token that is looked for. What is shorter is none, and would hide parts of words.
	minLength = 6

	// minPart is how much of a token is cut out wherever it stands: texts are cut short, and mostly within the token.
	minPart = 24
)

// Forms are the ways in which a token may show: itself, and within what was written in base64, at each of the three places it may have
// there. Both alphabets of base64 are found, and percent-encoding in all of them. nil hides nothing.
type Forms []string

// Of returns the forms of a token. They are the token: keep them as close.
func Of(token string) Forms {
	if len(token) < minLength {
		return nil
	}
	f := Forms{token}
	for before := range 3 {
		b := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), token...))
		// The characters at the ends also hold bits of what stands beside the token.
		from, to := (before*8+5)/6, (before+len(token))*8/6
		f = append(f, b[from:to])
	}
	return f
}

// Cut returns s without the token.
func (f Forms) Cut(s string) string {
	for i := 0; i < len(s); {
		n := f.at(s[i:])
		if n == 0 {
			i++
			continue
		}
		s = s[:i] + Redacted + s[i+n:]
		i += len(Redacted)
	}
	return s
}

// at returns how many bytes at the beginning of s are the token or enough of it.
func (f Forms) at(s string) int {
	longest := 0
	for _, form := range f {
		longest = max(longest, spelt(s, form))
	}
	return longest
}

// spelt returns how many bytes at the beginning of s spell form, or a part of it that is long enough; 0 if none.
func spelt(s, form string) int {
	n, matched := 0, 0
	for matched < len(form) && n < len(s) {
		c, width := s[n], 1
		if c != form[matched] && c == '%' && n+2 < len(s) {
			c, width = unhex(s[n+1])<<4|unhex(s[n+2]), 3
		}
		if standard(c) != standard(form[matched]) {
			break
		}
		n += width
		matched++
	}
	if matched < min(minPart, len(form)) {
		return 0
	}
	return n
}

// standard is a character of base64's alphabet for URLs in the other one. RFC 4648 section 5.
func standard(c byte) byte {
	switch c {
	case '-':
		return '+'
	case '_':
		return '/'
	}
	return c
}

// unhex is the value of a hexadecimal digit; 0 for what is none, and no token holds control characters.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0
}

// Error returns err itself if its text is without the token, otherwise an error that says the same without it. errors.Is and errors.As look
// through it; who prints what they find sees what that error shows.
func (f Forms) Error(err error) error {
	if err == nil || f == nil {
		return err
	}
	said := err.Error()
	text := f.Cut(said)
	if text == said {
		return err
	}
	return &hidden{text: text, err: err}
}

type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }

func (h *hidden) Unwrap() error { return h.err }
