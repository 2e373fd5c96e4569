package ews_test

import (
	"context"
	"encoding/xml"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
)

// anyElement is any XML, for Do.
type anyElement struct {
	XMLName  xml.Name
	Attrs    []xml.Attr    `xml:",any,attr"`
	Text     string        `xml:",chardata"`
	Children []*anyElement `xml:",any"`
}

// plain takes out of an element what is not its sense: prefixes, and white space around values and between elements.
func (e *anyElement) plain() {
	e.XMLName.Space = ""
	e.Text = strings.TrimSpace(e.Text)
	e.Attrs = slices.DeleteFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Space == "xmlns" || a.Name.Local == "xmlns" })
	if len(e.Attrs) == 0 {
		e.Attrs = nil
	}
	for i := range e.Attrs {
		e.Attrs[i].Name.Space = ""
		e.Attrs[i].Value = strings.TrimSpace(e.Attrs[i].Value)
	}
	slices.SortFunc(e.Attrs, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) })
	for _, c := range e.Children {
		c.plain()
	}
}

// anyCall makes any operation.
func anyCall(op string) func(ctx context.Context, m *ews.Mailbox, n int) (any, error) {
	return func(ctx context.Context, m *ews.Mailbox, _ int) (any, error) {
		var e anyElement
		err := m.Do(ctx, ews.Raw{Op: op, XML: "<m:" + op + "/>"}, &e)
		e.plain()
		return e, err
	}
}

// answerOf returns the operation that a document answers: "" if it is a fault, false if it is no answer.
func answerOf(root *node) (op string, ok bool) {
	if root.name.Local != "Envelope" {
		return "", false
	}
	for _, c := range root.children {
		body, isElement := c.(*node)
		if !isElement || body.name.Local != "Body" {
			continue
		}
		for _, c := range body.children {
			n, isElement := c.(*node)
			if !isElement {
				continue
			}
			if n.name.Local == "Fault" {
				return "", true
			}
			for _, end := range []string{"ResponseMessage", "Response"} {
				if op, ok := strings.CutSuffix(n.name.Local, end); ok {
					return op, true
				}
			}
		}
	}
	return "", false
}

// TestVariationsOfRecordings: TestVariations, of the answers and faults that were recorded, as answers of the statuses that they may come
// with, and of the samples of operations that only Do makes.
func TestVariationsOfRecordings(t *testing.T) {
	var files []string
	for _, pattern := range []string{"recorded-*/*.xml", "recorded-*/*.response.http", "constructed/*.xml", "../samples/*.response.xml"} {
		f, err := filepath.Glob(filepath.Join(shared(t, "fixtures"), pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f...)
	}
	answers, faults := 0, 0
	for _, file := range files {
		raw := readFile(t, file)
		if strings.HasSuffix(file, ".http") {
			_, raw, _ = strings.Cut(strings.ReplaceAll(raw, "\r\n", "\n"), "\n\n")
		}
		if strings.Contains(file, "deserialize_") && !strings.Contains(raw, "Envelope>") {
			raw = envelope(raw)
		}
		root, err := parseNode(raw)
		if err != nil || strings.Contains(raw, "&#xD8") { // half a character: encoding/xml reads it as two wrong ones
			continue
		}
		op, ok := answerOf(root)
		sampled := strings.HasSuffix(file, ".response.xml")
		if !ok || sampled && op != "" && sampleCalls[op] != nil { // TestVariations has it
			continue
		}
		call, n, statuses := sampleCalls[op], max(1, len(responseMessage.FindAllString(raw, -1))), []int{200}
		if op == "" {
			call, statuses = sampleCalls["GetItem"], []int{200, 500}
			faults++
		}
		generic := call == nil
		if generic {
			call = anyCall(op)
		}
		answers++
		for _, status := range statuses {
			want := variationOutcome(t, call, reply(status, raw), n)
			for _, v := range variations {
				if v.name == "byte by byte" || generic && v.name == "unknown elements" {
					continue
				}
				if d := cmp.Diff(want, variationOutcome(t, call, reply(status, v.of(root)), n)); d != "" {
					t.Errorf("%s, %d, %s:\n%s", filepath.Base(file), status, v.name, d)
				}
			}
		}
	}
	if answers < 80 || faults < 5 {
		t.Errorf("only %d answers, of them %d faults", answers, faults)
	}
}
