package ewstest

import (
	"regexp"
	"strings"
)

// Where the quoted original begins, as mail programs write it. Exchange compares with the messages of the conversation it knows;
// what it finds is the same for what these programs made.
var (
	quotedText = regexp.MustCompile(`(?m)^-----\s?Original Message\s?-----|^_{20,}\s*$|^On [^\n]{5,200}wrote:\s*$|^Am [^\n]{5,200}schrieb [^\n]*:\s*$`)
	quotedHTML = regexp.MustCompile(`(?i)<hr[^>]*><div id="divRplyFwdMsg"|<div class="gmail_quote|<blockquote\b[^>]*type="?cite`)
	scripts    = regexp.MustCompile(`(?is)<script\b.*?</script\s*>|<iframe\b.*?</iframe\s*>|\son[a-z]+\s*=\s*("[^"]*"|'[^']*')`)
)

// uniqueBody leaves the quoted original of a reply out.
func uniqueBody(kind, text string) string {
	if kind == "HTML" {
		if at := quotedHTML.FindStringIndex(text); at != nil {
			text = text[:at[0]]
		}
		return "<html><body>" + text + "</body></html>"
	}
	if at := quotedText.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, ">") {
			kept = append(kept, line)
		}
	}
	return strings.TrimRight(strings.Join(kept, ""), "\r\n\t ")
}

// safeHTML leaves out what runs.
func safeHTML(text string) string { return scripts.ReplaceAllString(text, "") }
