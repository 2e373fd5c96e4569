package wire_test

import (
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

func TestRepeats(t *testing.T) {
	const ns = `xmlns:t="http://schemas.xmlsoap.org/soap/envelope/"`
	tests := []struct {
		name, in string
		want     bool
	}{
		{"the same", "<r><a><b>1</b></a><c><b>1</b></c><d/></r>", true},
		{"with attributes, reference and comment", `<r><a x="1"><b y="2">&lt;</b><!-- -->é</a><c z="3"><b y="2">&lt;</b><!-- -->é</c><d/></r>`, true},
		{"another text", "<r><a><b>1</b></a><c><b>2</b></c><d/></r>", false},
		{"more", "<r><a><b>1</b></a><c><b>1</b><b>2</b></c><d/></r>", false},
		{"less", "<r><a><b>1</b><b>2</b></a><c><b>1</b></c><d/></r>", false},
		{"another end", "<r><a><b>1</b></a><c><b>1</b></c ><d/></r>", false},
		{"nothing", "<r><a></a><c></c><d/></r>", false},
		{"empty elements", "<r><a/><c/><d/></r>", false},
		{"something repaired", "<r><a>\x01</a><c>\x01</c><d/></r>", false},
		{"longer than the window", "<r><a>" + strings.Repeat("long ", 20000) + "</a><c>" + strings.Repeat("long ", 20000) + "</c><d/></r>", false},
		{"another meaning of its prefixes", `<r><a><t:b>1</t:b></a><c ` + ns + `><t:b>1</t:b></c><d/></r>`, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := wire.NewScanner(strings.NewReader(tc.in), nil)
			s.Root()
			s.Child(1)
			var c wire.Content
			m := s.Mark()
			_ = s.Text()
			s.Keep(&c, m)
			s.Child(1)
			if got := s.Repeats(&c); got != tc.want {
				t.Fatalf("Repeats %v, want %v", got, tc.want)
			}
			if !s.Child(1) || s.Local() != "d" || s.Child(1) || s.Err() != nil {
				t.Errorf("lost the thread: at %q, %v", s.Local(), s.Err())
			}
			s.Release()
		})
	}
}

func TestRepeatsAtAnotherDepthOrCut(t *testing.T) {
	for _, in := range []string{"<r><a><b>1</b></a><c><c><b>1</b></c></c></r>", "<r><a><b>1</b></a><c><b>1</b>"} {
		s := wire.NewScanner(strings.NewReader(in), nil)
		s.Root()
		s.Child(1)
		var c wire.Content
		m := s.Mark()
		s.Skip()
		s.Keep(&c, m)
		s.Child(1)
		if strings.HasSuffix(in, "</r>") {
			s.Child(2)
		}
		if s.Repeats(&c) {
			t.Errorf("%s repeats", in)
		}
		s.Release()
	}
}
