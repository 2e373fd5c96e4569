package wire_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// patterned reads a document, at once if it fits p, and tag by tag otherwise: the attributes x and y of the elements i, which are kept, and all names,
// other attributes c and texts. next is how it was written if it was read tag by tag.
func patterned(r io.Reader, p *wire.Pattern) (kept, rest string, offset int64, fits bool, next *wire.Pattern, err error) {
	s := wire.NewScanner(r, nil)
	defer s.Release()
	var keep, all strings.Builder
	if fits = s.Fits(p); fits {
		for i := range s.Gaps() {
			label, value := s.Gap(i)
			fmt.Fprintf(&keep, " %d=%q", label, value)
		}
	} else {
		s.Note()
		if s.Root() {
			patternedElement(s, &keep, &all)
		}
	}
	for s.Child(1) {
	}
	return keep.String(), fmt.Sprint(all.String(), s.Repaired()), s.Offset(), fits, s.Pattern(), s.Err()
}

func patternedElement(s *wire.Scanner, keep, all *strings.Builder) {
	fmt.Fprintf(all, "<%v", s.Name())
	if c, ok := s.AttrBytes("c"); ok {
		fmt.Fprintf(all, " %q", c)
	}
	switch s.Local() {
	case "i":
		for label, name := range []string{"x", "y"} {
			if value, ok := s.AttrAs(name, wire.Label(label)); ok {
				fmt.Fprintf(keep, " %d=%q", label, value)
			}
		}
	case "t":
		fmt.Fprintf(all, "%q", s.TextBytes())
		return
	}
	for d := s.Depth(); s.Child(d); {
		patternedElement(s, keep, all)
	}
	all.WriteString(">")
}

const patternDocument = `<?xml version="1.0" encoding="utf-8"?><s:e xmlns:s="u"><s:h c="15"/><t>NoError</t><i x="AAMk" y="CQ"/><i x="AAMl"></i></s:e>`

func TestPattern(t *testing.T) {
	replace := func(old, new string) string { return strings.Replace(patternDocument, old, new, 1) }
	tests := []struct {
		name, next string
		fits       bool
	}{
		{"the same again", patternDocument, true},
		{"other values", replace("AAMk", "longer than before =/+>"), true},
		{"no value", replace("AAMk", ""), true},
		{"a tail that nobody reads", patternDocument + "\r\n<", true},
		{"a long value", replace("AAMk", strings.Repeat("A", 2000)), true},
		{"a value longer than the window", replace("AAMk", strings.Repeat("A", 70<<10)), false},
		{"a reference in a value", replace("AAMk", "A&amp;"), false},
		{"an illegal character in a value", replace("AAMk", "A\x01"), false},
		{"broken UTF-8 in a value", replace("AAMk", "A\xff"), false},
		{"a tag in a value", replace("AAMk", `A"/><i x="B`), false},
		{"markup in a value", replace("AAMk", `A<`), false},
		{"other quotes", replace(`"AAMk"`, `'AAMk'`), false},
		{"another text", replace("NoError", "NoErrors"), false},
		{"another constant", replace("15", "16"), false},
		{"one more element", replace("<t>", "<t/><t>"), false},
		{"another encoding", replace("utf-8", "latin1"), false},
		{"a byte order mark", "\uFEFF" + patternDocument, false},
		{"another end", replace("</s:e>", "</s:f>"), false},
		{"no end", replace("</s:e>", ""), false},
		{"no end of a value", patternDocument[:strings.Index(patternDocument, "AAMl")+2], false},
		{"nothing", "", false},
	}
	_, _, _, _, p, err := patterned(strings.NewReader(patternDocument), nil)
	if p == nil || err != nil {
		t.Fatalf("the document makes no pattern: %v", err)
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			want, _, wantOffset, _, _, wantErr := patterned(strings.NewReader(tc.next), nil)
			small := iotest.OneByteReader(strings.NewReader(tc.next))
			for _, r := range []io.Reader{strings.NewReader(tc.next), iotest.DataErrReader(strings.NewReader(tc.next)), iotest.HalfReader(strings.NewReader(tc.next)), small} {
				got, _, offset, fits, _, err := patterned(r, p)
				if got != want || offset != wantOffset || fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Errorf("%T: got%s, %d bytes, %v; tag by tag%s, %d bytes, %v", r, got, offset, err, want, wantOffset, wantErr)
				}
				if fits != tc.fits && r != small { // a value that ends with the window is read tag by tag
					t.Errorf("%T: fits %v", r, fits)
				}
			}
		})
	}
}

// TestPatternWaitsForNothing: a document that is complete is not kept waiting by what a server may yet add, whether it fits or not.
func TestPatternWaitsForNothing(t *testing.T) {
	_, _, _, _, p, _ := patterned(strings.NewReader(patternDocument), nil)
	wait := errors.New("read on")
	for _, next := range []string{patternDocument, strings.Replace(patternDocument, "AAMl", "A&amp;B", 1), strings.Replace(patternDocument, "NoError", "Error", 1)} {
		if _, _, _, _, _, err := patterned(io.MultiReader(strings.NewReader(next), iotest.ErrReader(wait)), p); err != nil {
			t.Errorf("%s: %v", next, err)
		}
	}
}

// TestNoPattern: what is not remembered, as its like could mean something else.
func TestNoPattern(t *testing.T) {
	for name, in := range map[string]string{
		"a reference in a value":         `<i x="&lt;"/>`,
		"single quotes":                  `<r><i x='1'/><t>"</t></r>`,
		"values in another order":        `<i y="1" x="2"/>`,
		"a repaired character":           "<r><t>\x01</t></r>",
		"more values than anybody needs": "<r>" + strings.Repeat(`<i x="1"/>`, 20) + "</r>",
		"a large document":               "<r>" + strings.Repeat(" ", 9<<10) + "</r>",
		"a document that is no XML":      "<r><i></r>",
		"UTF-16":                         "<\x00r\x00/\x00>\x00",
	} {
		if _, _, _, _, p, _ := patterned(strings.NewReader(in), nil); p != nil {
			t.Errorf("%s is remembered", name)
		}
	}
	// In pieces, the window may have moved.
	in := "<r><t>1</t>" + strings.Repeat(" ", 4<<10) + `<i x="1"/></r>`
	_, _, _, _, p, _ := patterned(iotest.OneByteReader(strings.NewReader(in)), nil)
	if got, _, _, fits, _, err := patterned(strings.NewReader(in), p); got != ` 0="1"` || err != nil {
		t.Errorf("got %s, %v, %v", got, fits, err)
	}
}

// FuzzPattern: what fits a document means the same but for the values that are kept.
func FuzzPattern(f *testing.F) {
	f.Add(patternDocument, strings.Replace(patternDocument, "AAMk", "B", 1))
	f.Add(patternDocument, strings.Replace(patternDocument, "AAMk", "&quot;", 1))
	f.Add(`<i x="1"/>`, `<i x="2"/>`)
	f.Add(`<r><i x="1" c="2"/></r>`, `<r><i x="1" c="3"/></r>`)
	f.Add(`<r><i x="1"/><!-- > --><t><![CDATA[<]]></t></r>`, `<r><i x="12345678"/><!-- > --><t><![CDATA[<]]></t></r> `)
	f.Fuzz(func(t *testing.T, first, second string) {
		_, rest, _, _, p, err := patterned(strings.NewReader(first), nil)
		if p == nil || err != nil {
			return
		}
		for _, next := range []string{first, second} {
			want, wantRest, wantOffset, _, _, wantErr := patterned(strings.NewReader(next), nil)
			got, _, offset, fits, _, err := patterned(strings.NewReader(next), p)
			if got != want || offset != wantOffset || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%q: got%s, %d bytes, %v; tag by tag%s, %d bytes, %v", next, got, offset, err, want, wantOffset, wantErr)
			}
			if fits && wantRest != rest {
				t.Errorf("%q fits but is %s instead of %s", next, wantRest, rest)
			}
		}
	})
}
