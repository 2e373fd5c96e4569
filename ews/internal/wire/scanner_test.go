package wire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// tree renders a document as nested text, reading it in the way decoders do.
func tree(s *wire.Scanner) string {
	var b strings.Builder
	var walk func()
	walk = func() {
		n := s.Name()
		b.WriteString("(" + string('0'+rune(n.Space)) + ":" + n.Local)
		if v, ok := s.Attr("a"); ok {
			b.WriteString(" a=" + v)
		}
		for d := s.Depth(); s.Child(d); {
			walk()
		}
		b.WriteString(")")
	}
	for s.Root() {
		walk()
	}
	return b.String()
}

const soapNS = `xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"`

func TestStructure(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"prefixes", `<s:Envelope ` + soapNS + `><s:Body><t:A/><B xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"><C/></B></s:Body></s:Envelope>`, "(1:Envelope(1:Body(2:A)(3:B(3:C))))"},
		{"default namespace", `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body/></Envelope>`, "(1:Envelope(1:Body))"},
		{"rebinding ends with its element", `<a xmlns:t="x"><t:b xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:c/></t:b><t:d/></a>`, "(0:a(2:b(2:c))(7:d))"},
		{"unbinding", `<a xmlns="http://schemas.xmlsoap.org/soap/envelope/"><b xmlns=""/></a>`, "(1:a(0:b))"},
		{"https as in the documentation", `<a xmlns="https://schemas.microsoft.com/exchange/services/2006/types"/>`, "(2:a)"},
		{"undeclared prefix", `<x:a/>`, "(7:a)"},
		{"attributes", `<r><b a = 'x>y"' /><b c="1" a="&lt;&#65;"></b ></r>`, `(0:r(0:b a=x>y")(0:b a=<A))`},
		{"comments, instructions, CDATA", "\ufeff \r\n<?xml version='1.0' encoding='utf-8'?><!-- <x> --><a><?p <y> ?><!-- - --><![CDATA[<z>]]></a><!-- e -->", "(0:a)"},
		{"documents in a row", "<a><b/></a>\r\n<?xml version=\"1.0\"?><c/>  <d/>", "(0:a(0:b))(0:c)(0:d)"},
		{"text is skipped", "<a>one<b>two</b>three</a>", "(0:a(0:b))"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"whole": strings.NewReader(tc.in), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.in)), "data with EOF": iotest.DataErrReader(strings.NewReader(tc.in))} {
				s := wire.NewScanner(r, nil)
				got := tree(s)
				if s.Err() != nil || got != tc.want {
					t.Errorf("%s: got %s, %v; want %s", name, got, s.Err(), tc.want)
				}
				s.Release()
			}
		})
	}
}

func TestText(t *testing.T) {
	long := strings.Repeat("lorem ipsum &amp; dolor \u00e9\u20ac\U0001F600 ", 20000)
	tests := []struct {
		name, in, want string
		repaired       int
	}{
		{"plain", "hello", "hello", 0},
		{"empty", "", "", 0},
		{"the five", "&lt;&gt;&amp;&quot;&apos;", `<>&"'`, 0},
		{"numeric", "&#65;&#x42;&#X43;&#xD;&#10;", "ABC\r\n", 0},
		{"line ends", "a\r\nb\rc\n", "a\nb\nc\n", 0},
		{"forbidden references", "a&#x1F;b&#0;c&#xFFFF;d&#x110000;e", "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe", 4},
		{"forbidden raw", "a\x0bb\x00c", "a\uFFFDb\uFFFDc", 2},
		{"illegal characters of three bytes", "a\uFFFEb\uFFFFc\uFFFD", "a\uFFFDb\uFFFDc\uFFFD", 2},
		{"broken UTF-8", "a\xffb\xe2\x82c", "a\uFFFDb\uFFFD\uFFFDc", 3},
		{"surrogate pair of references", "&#xD83D;&#xDE00;", "\U0001F600", 0},
		{"lone surrogates", "&#xD83D;x&#xDE00;&#55357;&#65;", "\uFFFDx\uFFFD\uFFFDA", 3},
		{"stray ampersands", "a & b &nbsp; &; &# &#x; & &amp", "a & b &nbsp; &; &# &#x; & &amp", 0},
		{"CDATA", "x<![CDATA[a < b & &amp; c]]>y<![CDATA[]]>z<![CDATA[]] >]]>", "xa < b & &amp; cyz]] >", 0},
		{"child, comment, instruction inside", "a<b>no<c/></b>b<!-- c -->c<?d?>d", "abcd", 0},
		{"long", long, strings.ReplaceAll(long, "&amp;", "&"), 0},
		{"long CDATA", "<![CDATA[" + strings.Repeat("\u20ac&]]\r\n", 30000) + "]]>", strings.Repeat("\u20ac&]]\n", 30000), 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			doc := "<a>" + tc.in + "</a>"
			readers := map[string]func() io.Reader{
				"whole":        func() io.Reader { return strings.NewReader(doc) },
				"byte by byte": func() io.Reader { return iotest.OneByteReader(strings.NewReader(doc)) },
				"halves":       func() io.Reader { return iotest.HalfReader(strings.NewReader(doc)) },
			}
			for name, r := range readers {
				s := wire.NewScanner(r(), nil)
				if !s.Root() {
					t.Fatal(s.Err())
				}
				if got := s.Text(); got != tc.want || s.Err() != nil || s.Repaired() != tc.repaired || s.Depth() != 0 {
					t.Errorf("%s: Text: %v, repaired %d (want %d), depth %d\n%.1000s", name, s.Err(), s.Repaired(), tc.repaired, s.Depth(), cmp.Diff(tc.want, got))
				}
				s = wire.NewScanner(r(), nil)
				s.Root()
				got, err := io.ReadAll(s.TextReader())
				if string(got) != tc.want || err != nil || s.Repaired() != tc.repaired {
					t.Errorf("%s: TextReader: %v, repaired %d\n%.1000s", name, err, s.Repaired(), cmp.Diff(tc.want, string(got)))
				}
			}
		})
	}
}

func TestLeavingTextInTheMiddle(t *testing.T) {
	for _, text := range []string{"<![CDATA[ </b> ]]>", strings.Repeat("x", 200000), "a<c>d</c>"} {
		s := wire.NewScanner(strings.NewReader("<a><b>"+text+"</b><c>after</c></a>"), nil)
		s.Root()
		d := s.Depth()
		s.Child(d)
		if _, err := io.ReadFull(s.TextReader(), make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if !s.Child(d) || s.Local() != "c" || s.Text() != "after" || s.Child(d) || s.Err() != nil {
			t.Errorf("lost the thread after leaving %.20q: %v", text, s.Err())
		}
	}
}

func TestBase64(t *testing.T) {
	data := make([]byte, 300000)
	for i := range data {
		data[i] = byte(i*i>>3 ^ i)
	}
	lines := func(s, sep string) string {
		var b strings.Builder
		for len(s) > 76 {
			b.WriteString(s[:76] + sep)
			s = s[76:]
		}
		return b.String() + s
	}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 100, 65535, 65536, 300000} {
		enc := base64.StdEncoding.EncodeToString(data[:n])
		for name, text := range map[string]string{"one line": enc, "lines": lines(enc, "\r\n"), "references": lines(enc, "&#xD;\n"), "spaces around": " \n" + enc + "\n\t", "CDATA": "<![CDATA[" + enc + "]]>", "comment": enc[:len(enc)/2] + "<!-- -->" + enc[len(enc)/2:]} {
			doc := "<a>" + text + "</a>"
			for rname, r := range map[string]io.Reader{"whole": strings.NewReader(doc), "halves": iotest.HalfReader(strings.NewReader(doc)), "byte by byte": iotest.OneByteReader(strings.NewReader(doc))} {
				if n > 70000 && rname == "byte by byte" {
					continue
				}
				s := wire.NewScanner(r, nil)
				s.Root()
				got, err := io.ReadAll(s.Base64Reader())
				if err != nil || !bytes.Equal(got, data[:n]) || s.Depth() != 0 || s.Err() != nil {
					t.Fatalf("%d bytes, %s, %s: got %d bytes, %v", n, name, rname, len(got), err)
				}
			}
		}
	}
	for _, bad := range []string{"QQ", "QQ=", "Q", "Q===", "QQ==QQ==", "QQ=A", "QUJD!", "QU&lt;D", "Q\x00==", "QUJDé", "=", "QUJD===="} {
		s := wire.NewScanner(strings.NewReader("<a>"+bad+"</a>"), nil)
		s.Root()
		if _, err := io.ReadAll(s.Base64Reader()); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	s := wire.NewScanner(strings.NewReader("<a>QUJDQUJD"), nil)
	s.Root()
	if _, err := io.ReadAll(s.Base64Reader()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut text: %v", err)
	}
}

func TestRefused(t *testing.T) {
	syntax := new(wire.SyntaxError)
	limit := new(wire.LimitError)
	tests := []struct {
		name, in string
		want     any
	}{
		{"nothing", "", io.ErrUnexpectedEOF},
		{"white space", "  \n", io.ErrUnexpectedEOF},
		{"no XML", "Service Unavailable", syntax},
		{"cut in a tag", "<a><b c='1", io.ErrUnexpectedEOF},
		{"cut in text", "<a>text", io.ErrUnexpectedEOF},
		{"cut in an end tag", "<a></a", io.ErrUnexpectedEOF},
		{"cut in a comment", "<a><!-- ", io.ErrUnexpectedEOF},
		{"wrong end", "<a><b></a></b>", syntax},
		{"end without start", "</a>", syntax},
		{"two roots glued with text", "<a/>x", syntax},
		{"DTD", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, wire.ErrDTD},
		{"DTD inside", `<a><!ENTITY b "c"></a>`, wire.ErrDTD},
		{"Latin-1", `<?xml version="1.0" encoding="iso-8859-1"?><a/>`, wire.ErrCharset},
		{"half of UTF-16", "<\x00a\x00", io.ErrUnexpectedEOF},
		{"attribute without quotes", "<a b=c/>", syntax},
		{"attribute without value", "<a b/>", syntax},
		{"< in an attribute", "<a b='<'/>", syntax},
		{"no name", "<a>< b/></a>", syntax},
		{"bad name", "<a><b&c/></a>", syntax},
		{"nesting", strings.Repeat("<a>", 200), limit},
		{"attributes", "<a " + strings.Repeat("b='1' ", 100) + "/>", limit},
		{"namespaces", "<a " + strings.Repeat("xmlns:b='1' ", 100) + "/>", limit},
		{"tag of a megabyte", "<a b='" + strings.Repeat(">", 1<<20) + "'/>", limit},
		{"name of a megabyte", "<" + strings.Repeat("a", 1<<20) + "/>", limit},
		{"end tag of a megabyte", "<a></a" + strings.Repeat(" ", 1<<20) + ">", limit},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := wire.NewScanner(strings.NewReader(tc.in), nil)
			tree(s)
			err := s.Err()
			ok := false
			switch want := tc.want.(type) {
			case *wire.SyntaxError:
				ok = errors.As(err, &want)
			case *wire.LimitError:
				ok = errors.As(err, &want)
			case error:
				ok = errors.Is(err, want)
			}
			if !ok {
				t.Errorf("got %v, want %T %v", err, tc.want, tc.want)
			}
			if s.Child(0) || s.Root() || s.Text() != "" || s.Local() != s.Name().Local {
				t.Error("an error does not stick")
			}
		})
	}
}

func TestLimits(t *testing.T) {
	s := wire.NewScanner(strings.NewReader("<a>"+strings.Repeat("x", 1000)+"</a>"), &wire.Limits{TextBytes: 999})
	s.Root()
	var limit *wire.LimitError
	if got := s.Text(); got != "" || !errors.As(s.Err(), &limit) || limit.Limit != 999 {
		t.Errorf("text limit: %d bytes, %v", len(got), s.Err())
	}
	s = wire.NewScanner(strings.NewReader("<a>"+strings.Repeat("x", 300000)+"</a>"), &wire.Limits{TotalBytes: 100000})
	s.Root()
	if _, err := io.Copy(io.Discard, s.TextReader()); !errors.As(err, &limit) || limit.Limit != 100000 {
		t.Errorf("total limit: %v", err)
	}
	s = wire.NewScanner(strings.NewReader(strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)), &wire.Limits{Depth: -1})
	if tree(s); s.Err() != nil {
		t.Errorf("no depth limit: %v", s.Err())
	}
}

func TestReadErrorIsReported(t *testing.T) {
	boom := errors.New("boom")
	s := wire.NewScanner(io.MultiReader(strings.NewReader("<a><b>"), iotest.ErrReader(boom)), nil)
	if tree(s); !errors.Is(s.Err(), boom) {
		t.Errorf("got %v", s.Err())
	}
}

func scanTree(r io.Reader) (string, error) {
	s := wire.NewScanner(r, nil)
	return tree(s), s.Err()
}

// FuzzScanner checks that no input makes the scanner panic, hang or disagree with itself under another chunking, and that whatever
// encoding/xml accepts is read the same.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(`<s:Envelope ` + soapNS + `><s:Body><t:A a="1">text &amp; more</t:A><!-- c --><t:B/></s:Body></s:Envelope>`))
	f.Add([]byte("<a>&#x1F;\x00&#xD83D;&#xDE00;<![CDATA[<]]>\r\n</a>"))
	f.Add([]byte("\ufeff<?xml version=\"1.0\"?><a b='>'><c/></a>"))
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err1 := scanTree(bytes.NewReader(in))
		pieces, err2 := scanTree(iotest.OneByteReader(bytes.NewReader(in)))
		if whole != pieces || (err1 == nil) != (err2 == nil) {
			t.Fatalf("chunking matters: %q %v, %q %v", whole, err1, pieces, err2)
		}
		text := func(r io.Reader) (string, int, error) {
			s := wire.NewScanner(r, nil)
			s.Root()
			v := s.Text()
			return v, s.Repaired(), s.Err()
		}
		t1, n1, err1 := text(bytes.NewReader(in))
		t2, n2, err2 := text(iotest.OneByteReader(bytes.NewReader(in)))
		if t1 != t2 || n1 != n2 || (err1 == nil) != (err2 == nil) {
			t.Fatalf("chunking matters for text: %q %d %v, %q %d %v", t1, n1, err1, t2, n2, err2)
		}
		s := wire.NewScanner(bytes.NewReader(in), nil)
		s.Root()
		_, _ = io.Copy(io.Discard, s.Base64Reader())

		var v struct {
			Text string `xml:",chardata"`
		}
		d := xml.NewDecoder(bytes.NewReader(in))
		if d.Decode(&v) == nil && err1 == nil && n1 == 0 && v.Text != t1 {
			t.Fatalf("text: encoding/xml %q, scanner %q", v.Text, t1)
		}
	})
}

// FuzzBase64 compares with the standard library.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("hello"), 3)
	f.Add(bytes.Repeat([]byte{0xff}, 100), 76)
	f.Fuzz(func(t *testing.T, data []byte, line int) {
		if enc := string(data); !strings.ContainsAny(enc, "<&\x00") {
			want, wantErr := base64.StdEncoding.DecodeString(strings.NewReplacer(" ", "", "\t", "").Replace(enc))
			s := wire.NewScanner(strings.NewReader("<a>"+enc+"</a>"), nil)
			s.Root()
			got, err := io.ReadAll(s.Base64Reader())
			if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%q: got %q %v, standard library %q %v", enc, got, err, want, wantErr)
			}
		}
		enc := base64.StdEncoding.EncodeToString(data)
		if line > 0 && line < len(enc) {
			enc = enc[:line] + "\r\n" + enc[line:]
		}
		s := wire.NewScanner(strings.NewReader("<a>"+enc+"</a>"), nil)
		s.Root()
		if got, err := io.ReadAll(s.Base64Reader()); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q: %v", enc, err)
		}
	})
}
