package ews_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"

	"github.com/ewsmail/ewsmail/ews"
)

// node is an element of a document: its children are nodes and texts.
type node struct {
	name     xml.Name
	attrs    []xml.Attr
	children []any // *node or string
}

// elements says whether there are only elements, and white space, in n.
func (n *node) elements() bool {
	some := false
	for _, c := range n.children {
		if s, ok := c.(string); ok && strings.TrimSpace(s) != "" {
			return false
		} else if !ok {
			some = true
		}
	}
	return some
}

func parseNode(raw string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(raw))
	stack := []*node{{}}
	for {
		tok, err := d.Token()
		if err != nil {
			break
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{name: tok.Name}
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					n.attrs = append(n.attrs, a)
				}
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.children = append(top.children, string(tok))
		}
	}
	for _, c := range stack[0].children {
		if n, ok := c.(*node); ok && len(stack) == 1 {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no document")
}

// variation is another way to write the same document.
type variation struct {
	name   string
	before string // of the document
	tag    func(name xml.Name) (tag, declaration string)
	quote  string
	turned bool                               // attributes in reverse order
	equals string                             // between an attribute and its value
	value  func(escaped string) string        // of attributes
	text   func(escaped string) string        // of texts in leaves
	inside func(n *node) (first, last string) // of elements with elements
	empty  func(tag, attrs string) string
	whole  func(string) string
}

func escapeXML(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}

func (v *variation) write(b *strings.Builder, n *node) {
	tag, declaration := "q:"+n.name.Local, ` xmlns:q="`+n.name.Space+`"`
	if v.tag != nil {
		tag, declaration = v.tag(n.name)
	}
	quote := `"`
	if v.quote != "" {
		quote = v.quote
	}
	equals := "="
	if v.equals != "" {
		equals = v.equals
	}
	attrs := declaration
	list := slices.Clone(n.attrs)
	if v.turned {
		slices.Reverse(list)
	}
	for i, a := range list {
		name := a.Name.Local
		if a.Name.Space != "" {
			attrs += fmt.Sprintf(" xmlns:at%d=%s%s%s", i, quote, a.Name.Space, quote)
			name = fmt.Sprintf("at%d:%s", i, name)
		}
		value := escapeXML(a.Value)
		if v.value != nil {
			value = v.value(value)
		}
		attrs += " " + name + equals + quote + value + quote
	}
	if len(n.children) == 0 && v.empty != nil {
		b.WriteString(v.empty(tag, attrs))
		return
	}
	b.WriteString("<" + tag + attrs + ">")
	first, last := "", ""
	inner := n.elements()
	if inner && v.inside != nil {
		first, last = v.inside(n)
	}
	b.WriteString(first)
	for _, c := range n.children {
		switch c := c.(type) {
		case *node:
			v.write(b, c)
		case string:
			if v.text != nil && !inner {
				b.WriteString(v.text(escapeXML(c)))
			} else {
				b.WriteString(escapeXML(c))
			}
		}
	}
	b.WriteString(last)
	b.WriteString("</" + tag + ">")
}

// atByte is where in the answer something is wrong, which depends on how it is written.
var atByte = regexp.MustCompile(` at byte \d+`)

// unknownElements are what Exchange may come to say some day.
const unknownElements = `<z:Unknown xmlns:z="urn:other" Id="no">no</z:Unknown><z:Unheard xmlns:z="http://schemas.microsoft.com/exchange/services/2006/types" a="1">no<z:Deep>no</z:Deep></z:Unheard>`

// lists are elements whose children are all taken, whatever they are called: what Exchange adds there later is told of, too.
var lists = []string{"Envelope", "Body", "ResponseMessages", "Items", "Changes", "Create", "Update", "Folders", "Attachments", "Conversations", "ConversationNodes", "People",
	"InboxRules", "RoomLists", "Rooms", "Dictionary", "DictionaryEntry", "ItemIds",
	"UniqueRecipients", "UniqueSenders", "UniqueUnreadSenders", "GlobalItemIds", "ItemClasses", "ContainsSubjectStrings"}

func inUTF16(e unicode.Endianness, b unicode.BOMPolicy) func(string) string {
	return func(s string) string {
		out, err := unicode.UTF16(e, b).NewEncoder().String(s)
		if err != nil {
			panic(err)
		}
		return out
	}
}

// byNumber writes characters as references, decimal and hexadecimal ones in turn.
func byNumber(s string) string {
	if strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		fmt.Fprintf(&b, [...]string{"&#%d;", "&#x%X;", "&#x00%x;"}[i%3], r)
	}
	return b.String()
}

// plainValue is what is no text: XML Schema has white space around it not count.
var plainValue = regexp.MustCompile(`^(true|false|-?\d{1,9}|NoError|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$`)

func spaced(s string) string {
	if plainValue.MatchString(s) {
		return "\r\n " + s + "\t"
	}
	return s
}

// variations are ways to write an answer that mean the same.
var variations = []variation{
	{name: "one prefix for every namespace"},
	{name: "default namespaces", tag: func(n xml.Name) (string, string) { return n.Local, ` xmlns="` + n.Space + `"` }},
	{name: "strange prefixes", tag: func(n xml.Name) (string, string) { return "_é-1.x:" + n.Local, ` xmlns:_é-1.x='` + n.Space + `'` }},
	{name: "single quotes, attributes turned round", quote: "'", turned: true},
	{name: "CDATA", text: func(s string) string {
		if strings.Contains(s, "&") {
			return s
		}
		return "<![CDATA[" + s + "]]>"
	}},
	{name: "text in parts", text: func(s string) string {
		if len(s) < 4 || strings.Contains(s, "&") || s[1] > 127 || s[2] > 127 || s[3] > 127 {
			return s
		}
		return s[:1] + "<!-- ]]> & <no> -->" + s[1:2] + "<?pi no?>" + s[2:3] + "<![CDATA[" + s[3:] + "]]>"
	}},
	{name: "comments and instructions", before: "<?xml version='1.0' encoding='UTF-8' standalone='yes'?><!-- a --><?pi b?>\r\n", inside: func(*node) (string, string) {
		return "<!--<t:Subject>no</t:Subject>--><?pi <no> ?>", "<!-- - -->"
	}},
	{name: "white space", inside: func(*node) (string, string) { return "\r\n\t  ", "  \n" }},
	{name: "byte order mark", before: "\ufeff"},
	{name: "white space before the declaration", before: "\r\n <?xml version=\"1.0\"?>"},
	{name: "empty elements in short", empty: func(tag, attrs string) string { return "<" + tag + attrs + " />" }},
	{name: "empty elements at length", empty: func(tag, attrs string) string { return "<" + tag + attrs + "\n></" + tag + " >" }},
	{name: "unknown elements", inside: func(n *node) (string, string) {
		if slices.Contains(lists, n.name.Local) {
			return "", ""
		}
		return unknownElements, unknownElements
	}},
	{name: "UTF-16", before: `<?xml version="1.0" encoding="utf-16"?>`, whole: inUTF16(unicode.LittleEndian, unicode.UseBOM)},
	{name: "UTF-16, the other way round, unmarked", before: `<?xml version="1.0"?>`, whole: inUTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	{name: "characters by number", text: byNumber, value: byNumber},
	{name: "line ends within tags", equals: "\r\n=\t"},
	{name: "white space around values", text: spaced, value: spaced},
	{name: "byte by byte"},
	{name: "SOAP 1.2", whole: func(s string) string {
		return strings.ReplaceAll(s, `="http://schemas.xmlsoap.org/soap/envelope/"`, `="http://www.w3.org/2003/05/soap-envelope"`)
	}},
}

// TestVariations: what an answer says does not depend on how its XML is written.
func TestVariations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "samples"), "*.response.xml"))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, file := range files {
		op, _, _ := strings.Cut(filepath.Base(file), "-")
		call := sampleCalls[op]
		raw := readFile(t, file)
		root, err := parseNode(raw)
		if call == nil || err != nil {
			continue
		}
		n := max(1, len(responseMessage.FindAllString(raw, -1)))
		want := variationOutcome(t, call, reply(200, raw), n)
		for _, v := range variations {
			answer := reply(200, v.of(root))
			if v.name == "byte by byte" {
				answer = bytewise(v.of(root))
			}
			if d := cmp.Diff(want, variationOutcome(t, call, answer, n)); d != "" {
				t.Errorf("%s, %s:\n%s", filepath.Base(file), v.name, d)
			}
			tried++
		}
	}
	if tried < 90*len(variations) {
		t.Errorf("only %d variations", tried)
	}
}

// of is the document written this way.
func (v *variation) of(root *node) string {
	var b strings.Builder
	b.WriteString(v.before)
	v.write(&b, root)
	if v.whole != nil {
		return v.whole(b.String())
	}
	return b.String()
}

// variationOutcome is what a call makes of an answer, as text.
func variationOutcome(t *testing.T, call func(ctx context.Context, m *ews.Mailbox, n int) (any, error), first answer, n int) string {
	t.Helper()
	rt := &script{answers: []answer{first, failing(errSecond)}}
	m := newClient(t, rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }).Own()
	v, err := call(t.Context(), m, n)
	if err != nil {
		return atByte.ReplaceAllString(requestID.ReplaceAllString(err.Error(), ""), "")
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
