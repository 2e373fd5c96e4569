package wire_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// events renders tokens, adjacent text joined.
func events(tr xml.TokenReader) (string, error) {
	var b strings.Builder
	name := func(n xml.Name) string { return "{" + n.Space + "}" + n.Local }
	for {
		tok, err := tr.Token()
		switch tok := tok.(type) {
		case xml.StartElement:
			b.WriteString("<" + name(tok.Name))
			for _, a := range tok.Attr {
				b.WriteString(" " + name(a.Name) + "=" + a.Value)
			}
			b.WriteString(">")
		case xml.EndElement:
			b.WriteString("</" + name(tok.Name) + ">")
		case xml.CharData:
			b.Write(tok)
		}
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
	}
}

func TestTokensAgreeWithEncodingXML(t *testing.T) {
	for _, doc := range []string{
		`<a>x<b c="1&amp;2" xmlns:t="u" t:d="e"/>y<t:z/><![CDATA[<q>&]]><![CDATA[]]><!-- c -->&lt;</a>`,
		`<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:A>` + strings.Repeat("long &gt; ", 20000) + `</t:A><B xmlns=""/></Envelope>`,
	} {
		want, err := events(xml.NewDecoder(strings.NewReader(doc)))
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(doc), "byte by byte": iotest.OneByteReader(strings.NewReader(doc))} {
			s := wire.NewScanner(r, nil)
			s.Root()
			got, err := events(s.Tokens())
			if err != nil || got != want {
				t.Errorf("%s: %v\n%.2000s", name, err, cmp.Diff(want, got))
			}
		}
	}
}

func TestTokensOfAnInnerElement(t *testing.T) {
	s := wire.NewScanner(strings.NewReader("<a><b><c/>x</b><d/></a>"), nil)
	s.Root()
	d := s.Depth()
	s.Child(d)
	var v struct {
		C    *struct{} `xml:"c"`
		Text string    `xml:",chardata"`
	}
	if err := xml.NewTokenDecoder(s.Tokens()).Decode(&v); err != nil || v.C == nil || v.Text != "x" {
		t.Errorf("decoded %+v, %v", v, err)
	}
	if !s.Child(d) || s.Local() != "d" || s.Err() != nil {
		t.Errorf("the scanner does not stand behind the element: %v", s.Err())
	}
}

func TestTokensReportErrors(t *testing.T) {
	s := wire.NewScanner(strings.NewReader("<a><b>"), nil)
	s.Root()
	if _, err := events(s.Tokens()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut input: %v", err)
	}
}

// FuzzTokens compares with encoding/xml whatever both accept and nothing had to be repaired in.
func FuzzTokens(f *testing.F) {
	f.Add([]byte(`<a x="1">t<b/>&amp;<![CDATA[x]]></a>`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := wire.NewScanner(iotest.HalfReader(strings.NewReader(string(in))), nil)
		s.Root()
		got, err := events(s.Tokens())
		if err != nil || s.Repaired() > 0 {
			return
		}
		d := xml.NewDecoder(strings.NewReader(string(in)))
		var want strings.Builder
		depth := 0
		for {
			tok, err := d.Token()
			if err != nil {
				return // refused there
			}
			one, _ := events(&oneToken{tok})
			if _, ok := tok.(xml.StartElement); ok {
				depth++
			}
			if depth > 0 {
				want.WriteString(one)
			}
			if _, ok := tok.(xml.EndElement); ok {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if got != want.String() {
			t.Fatalf("%q\ngot  %q\nwant %q", in, got, want.String())
		}
	})
}

type oneToken struct{ tok xml.Token }

func (o *oneToken) Token() (xml.Token, error) { return o.tok, io.EOF }
