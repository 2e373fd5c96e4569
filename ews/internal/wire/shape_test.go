package wire_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// shapes reads the children of a document's root with one Shape for all, or tag by tag: the texts of a, b and c, c's attributes x and y, and
// d's constant k. It returns what it found and how many were replayed.
func shapes(r io.Reader, lim *wire.Limits, learn bool) (found string, replayed, repaired int, err error) {
	s := wire.NewScanner(r, lim)
	defer s.Release()
	var out strings.Builder
	var sh wire.Shape
	names := map[string]wire.Label{"a": 1, "b": 2, "c": 3, "d": 5}
	set := func(l wire.Label, b []byte) { fmt.Fprintf(&out, " %d=%q", l, b) }
	var fields func()
	fields = func() {
		for d := s.Depth(); s.Child(d); {
			switch name := s.Local(); name {
			case "c":
				if b, ok := s.AttrAs("x", 4); ok {
					set(4, b)
				}
				if b, ok := s.AttrAs("y", 7); ok {
					set(7, b)
				}
				set(3, s.TextAs(3))
			case "a", "b":
				set(names[name], s.TextAs(names[name]))
			case "d":
				k, _ := s.ConstAttr("k")
				if string(k) == "b" {
					set(2, s.TextAs(2))
				} else {
					set(5, s.TextAs(5))
				}
			case "in", "im":
				fields()
			case "p": // v's meaning depends on what came before it
				l := wire.Label(5)
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "v" {
						set(l, s.TextAs(l))
					} else if k, _ := s.ConstAttr("k"); string(k) == "b" {
						l = 2
					}
				}
			case "list": // not learned
				b := s.TextBytes()
				set(6, b)
			}
		}
	}
	s.Root()
	for s.Child(1) {
		out.WriteString("\n" + s.Local())
		if learn && s.Replay(&sh) {
			replayed++
			n, _ := sh.Values(0)
			for i := range n {
				set(s.Replayed(&sh, i))
			}
			continue
		}
		if learn {
			s.Learn(&sh)
		}
		fields()
		s.Learned()
	}
	return out.String(), replayed, s.Repaired(), s.Err()
}

func TestShape(t *testing.T) {
	const first = `<m><a>1</a><c x="2">3</c><in><b>4</b></in></m>`
	tests := []struct {
		name, next string
		replayed   bool
	}{
		{"the same again", first, true},
		{"other values", `<m><a>one</a><c x="two">three</c><in><b>four</b></in></m>`, true},
		{"no values", `<m><a></a><c x=""></c><in><b></b></in></m>`, true},
		{"references", `<m><a>&lt;&#65;&bogus;&</a><c x="2">&amp;</c><in><b>4</b></in></m>`, true},
		{"characters that XML forbids", "<m><a>\x01</a><c x=\"2\">&#x1F;</c><in><b>\xff</b></in></m>", true},
		{"line ends", "<m><a>1\r\n2\r3\n</a><c x=\"2\">3</c><in><b>4</b></in></m>", true},
		{"a reference in an attribute", `<m><a>1</a><c x="&lt;">3</c><in><b>4</b></in></m>`, false},
		{"other quotes", `<m><a>1</a><c x='"'>3</c><in><b>4</b></in></m>`, false},
		{"a field less", `<m><a>1</a><in><b>4</b></in></m>`, false},
		{"a field more", `<m><a>1</a><c x="2">3</c><in><b>4</b></in><a>5</a></m>`, false},
		{"another order", `<m><c x="2">3</c><a>1</a><in><b>4</b></in></m>`, false},
		{"a field twice", `<m><a>1</a><a>2</a><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"an empty element", `<m><a/><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"a comment", `<m><a>1</a><!-- --><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"a comment in a value", `<m><a>1<!-- -->2</a><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"CDATA", `<m><a><![CDATA[<a>]]></a><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"a child in a value", `<m><a>1<b>9</b>2</a><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"spaces", `<m> <a>1</a> <c x="2">3</c><in><b>4</b></in> </m>`, false},
		{"what is not learned", `<m><a>1</a><list>7</list><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"a constant", `<m><d k="b">1</d></m>`, false},
		{"another element", `<n><a>1</a><c x="2">3</c><in><b>4</b></in></n>`, false},
		{"a declaration", `<m xmlns="http://example.com/"><a>1</a><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"a declaration inside", `<m><a>1</a><c x="2">3</c><in xmlns:t="http://example.com/"><b>4</b></in></m>`, false},
		{"another end", `<m><a>1</a><c x="2">3</c><in><b>4</b></in></m >`, false},
		{"nothing", `<m/>`, false},
		{"another element with this one's end", `<n><a>1</a><c x="2">3</c><in><b>4</b></in></m>`, false},
		{"the wrong end", `<m><a>1</a><c x="2">3</c><in><b>4</b></m>`, false},
		{"the end of the input", `<m><a>1</a><c x="2">3</c><in><b>4`, false},
		{"a value longer than the window", `<m><a>` + strings.Repeat("long ", 20_000) + `</a><c x="2">3</c><in><b>4</b></in></m>`, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			pads := []int{0, 1, 64<<10 - len(first) - 20, 64<<10 - len(first) - 40, 64<<10 - len(first) - 60}
			for _, pad := range pads { // where the window ends makes no difference
				in := "<r>" + strings.Repeat(" ", pad) + first + tc.next + tc.next + first + "</r>"
				want, _, wantRepaired, wantErr := shapes(strings.NewReader(in), nil, false)
				readers := []io.Reader{strings.NewReader(in), iotest.HalfReader(strings.NewReader(in))}
				if pad < 2 {
					readers = append(readers, iotest.OneByteReader(strings.NewReader(in)))
				}
				for _, r := range readers {
					got, n, repaired, err := shapes(r, nil, true)
					if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) || repaired != wantRepaired {
						t.Fatalf("behind %d: got%s\n%v, %d repaired; want%s\n%v, %d", pad, got, err, repaired, want, wantErr, wantRepaired)
					}
					if _, whole := r.(*strings.Reader); whole && tc.replayed != (n == 3) {
						t.Errorf("behind %d: %d of 3 were replayed", pad, n)
					}
				}
			}
		})
	}
}

// TestShapeTellsPlaces: what was seen at one place is not taken for known at another.
func TestShapeTellsPlaces(t *testing.T) {
	for _, in := range []string{
		`<r><m><b>1</b></m><m><d k="b">2</d></m><m><b>3</d></m></r>`,
		`<r><m><p><u k="b"/><v>1</v><v>2</v></p></m><m><p><u/><v>3</v></p></m><m><p><u/><v>4</v><v>5</v></p></m></r>`,
		`<r><m><in><a>1</a></in><b>2</b></m><m><a>3</a></m><m><a>4</a></in><b>5</b></m></r>`,
		`<r><m><c x="1">2</c></m><m><a>3</a></m><m><a>4">5</c></m></r>`,
		`<r><m><a>1</a></m><m><a/></m><m><a/></a></m></r>`,
		`<r><m><in><a>1</a></in></m><m><im><a>2</a></im></m><m><in><a>3</a></im></m></r>`,
		`<r><m><c x="1" y="2">3</c></m><m><c y="4" x="5">6</c></m><m><c y="7" x="8">9</c></m></r>`,
		`<r><m><a/><b>1</b></m><m><a>2</a></m><m><a><b>3</b></a></m></r>`,
	} {
		want, _, _, wantErr := shapes(strings.NewReader(in), nil, false)
		got, _, _, err := shapes(strings.NewReader(in), nil, true)
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: got%s\n%v; want%s\n%v", in, got, err, want, wantErr)
		}
	}
}

// TestShapeOfMixtures: after each field was seen with and without the others, all mixtures are known.
func TestShapeOfMixtures(t *testing.T) {
	var in strings.Builder
	in.WriteString("<r>")
	for n := range 512 {
		in.WriteString("<m>")
		for i, f := range []string{"<a>1</a>", `<c x="2">3</c>`, "<in><b>4</b></in>", `<d k="b">5</d>`, `<d k="c">6</d>`, `<a/>`} {
			if n>>i&1 == 1 {
				in.WriteString(f)
			}
		}
		in.WriteString("</m>")
	}
	in.WriteString("</r>")
	want, _, _, _ := shapes(strings.NewReader(in.String()), nil, false)
	got, n, _, err := shapes(strings.NewReader(in.String()), nil, true)
	if got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if n < 470 {
		t.Errorf("only %d of 512 were replayed", n)
	}
}

// TestShapeOfStrangers: where all elements differ, the trying ends.
func TestShapeOfStrangers(t *testing.T) {
	var in strings.Builder
	in.WriteString("<r>")
	for i := range 500 {
		fmt.Fprintf(&in, `<m><a>1</a><other n="%d"/><in><b>4</b></in></m>`, i)
	}
	in.WriteString("<m><a>1</a></m><m><a>1</a></m></r>")
	if _, n, _, err := shapes(strings.NewReader(in.String()), nil, true); n != 0 || err != nil {
		t.Errorf("%d were replayed, %v", n, err)
	}
}

// TestLimitsOfShapes: what is replayed keeps to the limits.
func TestLimitsOfShapes(t *testing.T) {
	const first = `<m><a>1</a><c x="2">3</c></m>`
	for _, next := range []string{"<m><a>" + strings.Repeat("1", 20) + `</a><c x="2">3</c></m>`, "<m><a>1</a><c x=\"2\">" + strings.Repeat("1", 20) + "</c></m>"} {
		_, _, _, err := shapes(strings.NewReader("<r>"+first+next+"</r>"), &wire.Limits{TextBytes: 10}, true)
		if _, ok := err.(*wire.LimitError); !ok {
			t.Errorf("%s: %v", next, err)
		}
	}
	in := "<r>" + strings.Repeat(first, 100) + "</r>"
	if _, _, _, err := shapes(strings.NewReader(in), &wire.Limits{TotalBytes: 1000}, true); err == nil {
		t.Error("more bytes than allowed were read")
	}
}

func FuzzShape(f *testing.F) {
	f.Add(`<r><m><a>1</a><c x="2">3</c></m><m><a>2</a><c x="3">4</c></m></r>`)
	f.Add(`<r><m><in><b>4</b></in><a/></m><m><in><b>4</b></in><a></a></m><m><list>1</list></m></r>`)
	f.Add(`<r><m><d k="b">1</d><d k="c">2</d></m><m><d k="c">1</d><d k="b">2</d></m></r>`)
	f.Add(`<n><m><a>1</a></m><n><a>2</a></m></n>`)
	f.Add(`<r><m><p><u k="b"/><v>1</v><v>2</v></p></m><m><p><u/><v>3</v></p></m><m><p><u/><v>4</v><v>5</v></p></m></r>`)
	f.Add("<r><m><d k=\"\x06\"></d></m></r>")
	f.Add(`<r xmlns="http://example.com/"><m xmlns:t="u"><t:a>&lt;</t:a></m><m xmlns:t="v"><t:a>1</t:a></m></r>`)
	f.Fuzz(func(t *testing.T, in string) {
		in += in // what was learned comes again
		in = strings.ReplaceAll(in, "</r><r>", "")
		want, _, wantRepaired, wantErr := shapes(strings.NewReader(in), nil, false)
		got, _, repaired, err := shapes(strings.NewReader(in), nil, true)
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) || repaired != wantRepaired {
			t.Errorf("got%s\n%v, %d repaired; tag by tag%s\n%v, %d", got, err, repaired, want, wantErr, wantRepaired)
		}
	})
}
