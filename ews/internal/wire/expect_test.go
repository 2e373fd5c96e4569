package wire_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// TestExpectedTags reads a tag behind two others of its name, whose form the scanner has learned: nothing of that form may be taken for
// granted.
func TestExpectedTags(t *testing.T) {
	const usual, read = `<x a="1" c="2"/>`, "(0:x a=1)"
	tests := []struct{ name, in, want string }{
		{"as expected", `<x a="3" c="4"/>`, "(0:x a=3)"},
		{"long", `<x a="` + strings.Repeat("0123456789", 30) + `" c="4"/>`, "(0:x a=" + strings.Repeat("0123456789", 30) + ")"},
		{"no empty element", `<x a="3" c="4"><y/></x>`, "(0:x a=3(0:y))"},
		{"other quotes", `<x a='3' c="4"/>`, "(0:x a=3)"},
		{"the other quotes inside", `<x a="'3'" c='"'/>`, "(0:x a='3')"},
		{"another order", `<x c="4" a="3"/>`, "(0:x a=3)"},
		{"another name", `<x b="3" c="4"/>`, "(0:x)"},
		{"one attribute", `<x a="3"/>`, "(0:x a=3)"},
		{"three attributes", `<x a="3" c="4" d="5"/>`, "(0:x a=3)"},
		{"no attribute", `<x/><x></x>`, "(0:x)(0:x)"},
		{"empty values", `<x a="" c=""/>`, "(0:x a=)"},
		{"spaces", `<x  a = "3" c="4" />`, "(0:x a=3)"},
		{"an angle bracket", `<x a="3>" c="4"/>`, "(0:x a=3>)"},
		{"a reference", `<x a="&lt;3" c="&amp;"/>`, "(0:x a=<3)"},
		{"a character of two bytes", `<x a="é" c="4"/>`, "(0:x a=é)"},
		{"an illegal character", "<x a=\"3\x01\" c=\"4\"/>", "(0:x a=3\uFFFD)"},
		{"a namespace", `<x a="3" xmlns="http://schemas.xmlsoap.org/soap/envelope/"/>`, "(1:x a=3)"},
		{"a longer name", `<xx a="3" c="4"/>`, "(0:xx a=3)"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in, want := "<r>"+usual+usual+tc.in+usual+"</r>", "(0:r"+read+read+tc.want+read+")"
			for range 2 { // what one answer taught holds for the next
				s := wire.NewScanner(strings.NewReader(in), nil)
				got := tree(s)
				slow := wire.NewScanner(iotest.OneByteReader(strings.NewReader(in)), nil)
				if tree(slow); got != want || s.Err() != nil || s.Repaired() != slow.Repaired() {
					t.Errorf("got %s, %v, %d repaired; want %s, %d", got, s.Err(), s.Repaired(), want, slow.Repaired())
				}
				slow.Release()
				s.Release()
			}
		})
	}
	for _, bad := range []string{`<x a="<" c="2"/>`, `<x a="1" c="<"/>`, `<x a="1" c="2"`, `<x a="1" c="2`, `<x a="1"c`, `<x a="1" c="2"></y>`} {
		s := wire.NewScanner(strings.NewReader("<r>"+usual+usual+bad+"</r>"), nil)
		if tree(s); s.Err() == nil {
			t.Errorf("%s was read", bad)
		}
		s.Release()
	}
}

// TestLimitsOfExpectedTags reads what has been learned under wider limits.
func TestLimitsOfExpectedTags(t *testing.T) {
	in := `<r><q>` + strings.Repeat(`<z a="1" c="2"/>`, 3) + `</q></r>`
	for _, lim := range []*wire.Limits{nil, {Attributes: 1}, nil, {Depth: 2}} {
		s := wire.NewScanner(strings.NewReader(in), lim)
		tree(s)
		var limit *wire.LimitError
		if errors.As(s.Err(), &limit) != (lim != nil) {
			t.Errorf("%+v: %v", lim, s.Err())
		}
		s.Release()
	}
}
