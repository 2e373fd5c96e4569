package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

func content(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

func TestWriter(t *testing.T) {
	var w wire.Writer
	w.StartEnvelope()
	w.Start("soap:Body")
	w.Empty("t:ItemId", "Id", `a"<>&`+"\r\n\t", "ChangeKey", "\x00é\xff")
	w.Leaf("t:Subject", "a<b>&c\r\nd\te\"\x1f\uFFFE")
	w.EndAll()
	got, err := w.Lines()
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
<soap:Body>
<t:ItemId Id="a&quot;&lt;&gt;&amp;&#xD;&#xA;&#x9;" ChangeKey="` + "\uFFFDé\uFFFD" + `"/>
<t:Subject>a&lt;b&gt;&amp;c&#xD;
d	e"` + "\uFFFD\uFFFD" + `</t:Subject>
</soap:Body>
</soap:Envelope>`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	w = wire.Writer{KeepIllegal: true}
	w.Leaf("a", "\x1f\x00\uFFFF")
	if got := string(w.Bytes()); got != "<a>&#x1F;&#x0;&#xFFFF;</a>" {
		t.Errorf("KeepIllegal: %s", got)
	}
}

// TestWriterAnyPlace: what becomes of a byte does not depend on where in a text it stands, nor on what stands around it.
func TestWriterAnyPlace(t *testing.T) {
	write := func(text string, attr bool) string {
		var w wire.Writer
		if attr {
			w.Empty("a", "b", text)
		} else {
			w.Leaf("a", text)
		}
		got := strings.NewReplacer(`<a b="`, "", `"/>`, "", "<a>", "", "</a>", "").Replace(string(w.Bytes()))
		return got
	}
	for _, attr := range []bool{false, true} {
		for b := range 256 {
			one := string([]byte{byte(b)})
			alone := write(one, attr) // too short to be looked at eight bytes at a time
			for _, around := range []string{"a", "&", "<", "\"", "\xff", "\x1f", "'"} {
				beside := write(around, attr)
				for at := range 17 {
					got := write(strings.Repeat(around, at)+one+strings.Repeat(around, 16-at), attr)
					if want := strings.Repeat(beside, at) + alone + strings.Repeat(beside, 16-at); got != want {
						t.Fatalf("%q at %d among %q, attribute %v: %s, want %s", one, at, around, attr, got, want)
					}
				}
			}
		}
	}
}

// TestStrictWriter: what XML cannot carry is told, by the element that it is for, and not replaced by anything in silence.
func TestStrictWriter(t *testing.T) {
	for want, write := range map[string]func(w *wire.Writer){
		"": func(w *wire.Writer) { w.Leaf("t:A", "ä\r\n\t<&>\"\U0001F600\uFFFD", "B", "ä\r\n\t<&>\"\uFFFD") },
		"t:A: byte 1 is U+0001, which XML cannot carry": func(w *wire.Writer) { w.Leaf("t:A", "a\x01\x02") },
		"t:B: byte 0 is U+FFFE, which XML cannot carry": func(w *wire.Writer) { w.Leaf("t:A", "a"); w.Empty("t:B", "C", "\uFFFE") },
		"t:A: byte 2 (0xFF) is not UTF-8":               func(w *wire.Writer) { w.Start("t:A", "B", "c"); w.Text("ä\xff"); w.End() },
		"t:A: byte 0 (0xED) is not UTF-8":               func(w *wire.Writer) { w.Leaf("t:A", "\xed\xa0\x80") }, // a surrogate
	} {
		w := wire.Writer{Strict: true}
		write(&w)
		got := ""
		if err := w.Err(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWriterSegments(t *testing.T) {
	big := strings.Repeat("0123456789", 10001)
	for _, text := range []string{"", "a", "ab", "abc", big} {
		var w wire.Writer
		w.Start("a")
		w.Start("b")
		w.Base64(int64(len(text)), content(text))
		w.End()
		w.Start("c")
		w.Base64(3, content("xyz"))
		w.End()
		w.End()
		for range 2 { // a retry reads again
			r := w.NewReader()
			got, err := io.ReadAll(r)
			if err != nil || int64(len(got)) != w.Len() {
				t.Fatalf("%d bytes read, Len %d, %v", len(got), w.Len(), err)
			}
			s := wire.NewScanner(bytes.NewReader(got), nil)
			s.Root()
			d := s.Depth()
			s.Child(d)
			back, err := io.ReadAll(s.Base64Reader())
			if err != nil || string(back) != text || !s.Child(d) || s.Text() != "eHl6" {
				t.Fatalf("%d bytes came back as %d: %v", len(text), len(back), err)
			}
		}
	}
}

func TestWriterContentOfWrongSize(t *testing.T) {
	for _, size := range []int64{0, 2, 4, 5000} {
		var w wire.Writer
		w.Base64(size, content("abc"))
		if _, err := io.ReadAll(w.NewReader()); !errors.Is(err, wire.ErrContentSize) {
			t.Errorf("3 bytes announced as %d: %v", size, err)
		}
	}
	boom := errors.New("boom")
	var w wire.Writer
	w.Base64(1, func() (io.ReadCloser, error) { return nil, boom })
	if _, err := io.ReadAll(w.NewReader()); !errors.Is(err, boom) {
		t.Errorf("open failed: %v", err)
	}
}

// FuzzRoundTrip checks that what Writer writes, Scanner reads back.
func FuzzRoundTrip(f *testing.F) {
	f.Add("text", "attr")
	f.Add("a\r\n<&>]]>\x00\uFFFD", "\"'\t\xff")
	f.Fuzz(func(t *testing.T, text, attr string) {
		var w wire.Writer
		w.Leaf("a", text, "b", attr)
		s := wire.NewScanner(bytes.NewReader(w.Bytes()), nil)
		s.Root()
		gotAttr, _ := s.Attr("b")
		got := s.Text()
		if len(attr) > 40000 {
			return // longer than a tag may be
		}
		want := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
					return 0xFFFD
				}
				return r
			}, s) // also maps each broken byte to U+FFFD
		}
		if s.Err() != nil || got != want(text) || gotAttr != want(attr) || s.Repaired() != 0 {
			t.Fatalf("%q, %q came back as %q, %q: %v", text, attr, got, gotAttr, s.Err())
		}
	})
}
