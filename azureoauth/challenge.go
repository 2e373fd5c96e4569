package azureoauth

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Challenge is one authentication scheme that a server offers, RFC 9110 section 11.6.1.
type Challenge struct {
	Scheme string            // as written
	Params map[string]string // names in lower case; nil if there are none
}

const (
	maxChallengeHeader = 64 << 10
	maxChallenges      = 64
)

// ParseChallenges reads WWW-Authenticate headers. Exchange puts several schemes into one line, with commas inside quoted
// strings and a quoted realm missing its end; what cannot be read is skipped, and nothing makes it fail. The first of equal
// names in one scheme counts.
func ParseChallenges(h http.Header) []Challenge {
	var out []Challenge
	for _, line := range h.Values("WWW-Authenticate") {
		if len(line) > maxChallengeHeader {
			line = line[:maxChallengeHeader]
		}
		out = parseChallengeLine(out, line)
		if len(out) >= maxChallenges {
			return out[:maxChallenges]
		}
	}
	return out
}

func parseChallengeLine(out []Challenge, s string) []Challenge {
	for len(out) < maxChallenges {
		s = strings.TrimLeft(s, " \t,")
		word := leadingToken(s)
		if word == "" {
			if s == "" {
				return out
			}
			s = s[1:] // not a token: skip a character and look on
			continue
		}
		rest := strings.TrimLeft(s[len(word):], " \t")
		if strings.HasPrefix(rest, "=") && len(out) > 0 && !strings.HasPrefix(rest, "==") {
			value, after := paramValue(rest[1:])
			last := &out[len(out)-1]
			if last.Params == nil {
				last.Params = map[string]string{}
			}
			name := strings.ToLower(word)
			if _, twice := last.Params[name]; !twice {
				last.Params[name] = value
			}
			s = after
			continue
		}
		out = append(out, Challenge{Scheme: word})
		s = s[len(word):]
		// A token68 (NTLM's and Negotiate's blobs) follows the scheme after blanks; a parameter has a name and "=" in it.
		blob := strings.TrimLeft(s, " \t")
		end := strings.IndexAny(blob+",", " \t,")
		if len(blob) < len(s) && token68(blob[:end]) && !strings.Contains(strings.TrimRight(blob[:end], "="), "=") &&
			strings.ContainsAny(blob[:end], "=/+") && !strings.HasPrefix(strings.TrimLeft(blob[end:], " \t"), `"`) {
			s = blob[end:]
		}
	}
	return out
}

// leadingToken is RFC 9110 section 5.6.2's token at the start of s.
func leadingToken(s string) string {
	i := 0
	for i < len(s) {
		b := s[i]
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 {
			i++
			continue
		}
		break
	}
	return s[:i]
}

// paramValue reads a token or a quoted string after "=".
func paramValue(s string) (value, rest string) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), "" // the quote never ends
}

// ClaimsChallenge returns the claims that a resource demands (error "insufficient_claims"), decoded to JSON for
// RefreshWithClaims; "" if there is no such challenge or it is not proper JSON. Base64 may be standard or URL-safe, padded or not.
func ClaimsChallenge(h http.Header) string {
	for _, c := range ParseChallenges(h) {
		if !strings.EqualFold(c.Scheme, "Bearer") || c.Params["claims"] == "" || c.Params["error"] != "insufficient_claims" {
			continue
		}
		raw := strings.TrimRight(c.Params["claims"], "=")
		if len(raw) > 2*maxClaims {
			continue
		}
		raw = strings.NewReplacer("+", "-", "/", "_").Replace(raw)
		b, err := base64.RawURLEncoding.DecodeString(raw)
		if err != nil || len(b) > maxClaims || !validClaims(string(b)) {
			continue
		}
		return string(b)
	}
	return ""
}
