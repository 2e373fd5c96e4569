// Package challenge reads what a 401 answer of Exchange says: the WWW-Authenticate challenges and the x-ms-diagnostics
// header.
package challenge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Limits of what is looked at. Exchange's header has some 400 bytes; a claims challenge may add two KiB.
const (
	maxHeader     = 64 << 10 // per header line; what is longer is cut
	maxChallenges = 32
	maxParams     = 32
	maxClaims     = 16 << 10 // of decoded JSON
)

// Challenge is one scheme that a server offers. RFC 9110 section 11.6.1.
type Challenge struct {
	Scheme  string            // as written: "Bearer"
	Token68 string            // "TlRMTVNTUAAC..." after NTLM and Negotiate; else ""
	Params  map[string]string // names in lower case; nil if none. Of repeated ones the first counts.
}

// Parse reads the WWW-Authenticate lines of an answer: several challenges in one line, in several lines, or both, as proxies
// join them. It never fails: what breaks the grammar is skipped up to the next comma.
func Parse(lines []string) []Challenge {
	var all []Challenge
	for _, l := range lines {
		p := parser{s: l[:min(len(l), maxHeader)]}
		all = p.challenges(all)
	}
	return all
}

type parser struct {
	s string
	i int
}

func (p *parser) challenges(all []Challenge) []Challenge {
	inside := false // a challenge of this line is open
	for p.i < len(p.s) {
		p.blanks(", \t")
		name := p.token()
		if name == "" {
			if p.i < len(p.s) {
				p.resync()
			}
			continue
		}
		end := p.i
		p.blanks(" \t")
		if p.at('=') && inside {
			p.i++
			p.blanks(" \t")
			value := p.value()
			c := &all[len(all)-1]
			key := strings.ToLower(name)
			if _, dup := c.Params[key]; !dup && len(c.Params) < maxParams {
				if c.Params == nil {
					c.Params = map[string]string{}
				}
				c.Params[key] = value
			}
			p.next()
			continue
		}
		if p.at('=') { // a parameter without a scheme before it
			p.resync()
			continue
		}
		if len(all) == maxChallenges {
			return all
		}
		all = append(all, Challenge{Scheme: name})
		inside = true
		if p.i > end { // blanks after the scheme: a token68 or the first parameter follows
			all[len(all)-1].Token68 = p.token68()
		}
	}
	return all
}

func (p *parser) at(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }

func (p *parser) blanks(set string) {
	for p.i < len(p.s) && strings.IndexByte(set, p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *parser) token() string {
	start := p.i
	for p.i < len(p.s) && isToken(p.s[p.i]) {
		p.i++
	}
	return p.s[start:p.i]
}

// token68 takes one if it is what stands here alone, up to a comma or the end; otherwise nothing is consumed.
func (p *parser) token68() string {
	i := p.i
	for i < len(p.s) && isToken68(p.s[i]) {
		i++
	}
	if i == p.i {
		return ""
	}
	end := i
	for end < len(p.s) && p.s[end] == '=' {
		end++
	}
	rest := strings.TrimLeft(p.s[end:], " \t")
	if rest != "" && rest[0] != ',' {
		return ""
	}
	v := p.s[p.i:end]
	p.i = end
	return v
}

// value reads a quoted string or a token; a quote that is not closed ends with the line.
func (p *parser) value() string {
	if !p.at('"') {
		return p.token()
	}
	p.i++
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == '"':
			return b.String()
		case c == '\\' && p.i < len(p.s):
			b.WriteByte(p.s[p.i])
			p.i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// next goes to the comma that follows a parameter.
func (p *parser) next() {
	p.blanks(" \t")
	if p.i < len(p.s) && p.s[p.i] != ',' && !isToken(p.s[p.i]) {
		p.resync()
	}
}

// resync skips to the next comma outside quotes.
func (p *parser) resync() {
	for p.i < len(p.s) && p.s[p.i] != ',' {
		if p.s[p.i] == '"' {
			p.value()
			continue
		}
		p.i++
	}
}

func isToken(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(c))
}

func isToken68(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-._~+/", c) >= 0
}

var errClaims = errors.New("claims are no base64 of a JSON object")

// Claims decodes the claims parameter of an insufficient_claims challenge to its JSON. Both base64 alphabets occur, padded or
// not.
func Claims(param string) (string, error) {
	s := strings.TrimRight(strings.TrimSpace(param), "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	if s == "" || len(s) > base64.RawStdEncoding.EncodedLen(maxClaims) {
		return "", errClaims
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return "", errClaims
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil || object == nil {
		return "", errClaims
	}
	return string(b), nil
}

// Diagnostics reads an x-ms-diagnostics header:
//
//	2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"
//
// Microsoft's documentation names the last field error_type; servers send error_category. ok is false when there is no
// number in front.
func Diagnostics(header string) (id int, reason, category string, ok bool) {
	p := parser{s: header[:min(len(header), maxHeader)]}
	p.blanks(" \t")
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	id, err := strconv.Atoi(p.s[start:p.i])
	if err != nil {
		return 0, "", "", false
	}
	for p.i < len(p.s) {
		p.blanks("; \t")
		name := strings.ToLower(p.token())
		p.blanks(" \t")
		if name == "" || !p.at('=') {
			for p.i < len(p.s) && p.s[p.i] != ';' {
				p.i++
			}
			continue
		}
		p.i++
		p.blanks(" \t")
		value := p.value()
		switch {
		case name == "reason" && reason == "":
			reason = value
		case (name == "error_category" || name == "error_type") && category == "":
			category = value
		}
	}
	return id, reason, category, true
}
