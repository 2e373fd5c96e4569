package ews_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// strangeMail is a message that is unusual or broken in one way, and what a reader has to get of it.
type strangeMail struct {
	name string
	raw  string // with LF line ends; delivered with CRLF
	want seenMail
}

// seenMail is what a reader gets. A zero field of a want is compared too: what is not there must not appear.
type seenMail struct {
	Class         string // "": IPM.Note
	Subject, From string // From as name <address>
	To, Cc        []string
	MessageID     string
	Text          string // the body if it is plain text
	HTML          string // or this
	Files         []string
	Clip          bool // HasAttachments
	Kind          string
}

func person(a ews.Address) string {
	switch {
	case a.IsZero() || a == ews.Address{RoutingType: "SMTP"}:
		return ""
	case a.Name == "" || a.Name == a.Email:
		return a.Email
	}
	return a.Name + " <" + a.Email + ">"
}

func persons(list []ews.Address) (out []string) {
	for _, a := range list {
		out = append(out, person(a))
	}
	return out
}

// seen reads what a message's files hold: name|type|flags|content.
func seen(t *testing.T, m *ews.Mailbox, msg *ews.Message) seenMail {
	t.Helper()
	s := seenMail{Class: msg.Class, Kind: msg.Kind, Subject: msg.Subject, From: person(msg.From), To: persons(msg.To), Cc: persons(msg.Cc),
		MessageID: msg.InternetMessageID, Clip: msg.HasAttachments}
	if s.Class == "IPM.Note" {
		s.Class = ""
	}
	if s.Kind == "Message" {
		s.Kind = ""
	}
	if text := strings.ReplaceAll(msg.Body.Text, "\r\n", "\n"); msg.Body.HTML {
		s.HTML = text
	} else {
		s.Text = text
	}
	for _, a := range msg.Attachments {
		r, err := m.Attachment(t.Context(), a.ID)
		require.NoError(t, err, a.Name)
		b, err := io.ReadAll(r)
		require.NoError(t, err, a.Name)
		r.Close()
		flags := ""
		if a.Inline {
			flags = "inline " + a.ContentID
		}
		if a.Kind == ews.ItemAttachment {
			inner, err := m.AttachedMessage(t.Context(), a.ID, nil)
			require.NoError(t, err, a.Name)
			flags += "item " + inner.Subject
		} else {
			require.EqualValues(t, len(b), a.Size, "%s: the size told is that of the content", a.Name)
		}
		s.Files = append(s.Files, fmt.Sprintf("%s|%s|%s|%.40s", a.Name, a.ContentType, flags, strings.ReplaceAll(string(b), "\r\n", "\n")))
	}
	return s
}

func readStrange(t *testing.T, mails []strangeMail) {
	_, box, m := newMailbox(t, &ewstest.Options{IllegalCharacters: true})
	agreed := 0
	for _, tc := range mails {
		t.Run(tc.name, func(t *testing.T) {
			raw := []byte(strings.ReplaceAll(tc.raw, "\n", "\r\n"))
			id, err := box.Deliver(raw, &ewstest.DeliverOptions{Received: time.Unix(1.7e9, 0)})
			require.NoError(t, err)
			msg, err := m.Message(t.Context(), ews.ItemID{ID: id.ID}, &ews.Query{Headers: true, Extra: ews.WithTextBody | ews.WithLoopMarks | ews.WithClientFields})
			require.NoError(t, err)
			have := seen(t, m, msg)
			if d := cmp.Diff(tc.want, have, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
			r, err := m.MIME(t.Context(), msg.ID)
			require.NoError(t, err)
			mime, err := io.ReadAll(r)
			require.NoError(t, err)
			r.Close()
			require.True(t, bytes.Equal(raw, mime), "the MIME is the message as it came")
			agreed += agrees(t, raw, msg, m)
		})
	}
	t.Logf("the standard library agrees in %d fields and contents", agreed)
}

func b64(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }

func inCharset(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	require.NoError(t, err)
	return out
}

// TestStrangeTexts: charsets and encodings of bodies and headers.
func TestStrangeTexts(t *testing.T) {
	const head = "From: a@b.example\nSubject: s\nMIME-Version: 1.0\n"
	text := func(s string) seenMail { return seenMail{Subject: "s", From: "a@b.example", Text: s} }
	utf16 := inCharset(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "Zürich ✓\n")
	jis := inCharset(t, japanese.ISO2022JP, "こんにちは")
	readStrange(t, []strangeMail{
		{"windows-1251 in base64", head + "Content-Type: text/plain; charset=windows-1251\nContent-Transfer-Encoding: base64\n\nz/Do4uXy\n", text("Привет")},
		{"koi8-r in quoted-printable", head + "Content-Type: text/plain; charset=\"KOI8-R\"\nContent-Transfer-Encoding: Quoted-Printable\n\n=F0=D2=C9=D7=C5=D4\n", text("Привет\n")},
		{"iso-2022-jp", "From: =?iso-2022-jp?B?" + b64(inCharset(t, japanese.ISO2022JP, "山田")) + "?= <y@b.example>\nSubject: =?ISO-2022-JP?B?" + b64(jis) + "?=\nContent-Type: text/plain; charset=iso-2022-jp\n\n" + jis,
			seenMail{Subject: "こんにちは", From: "山田 <y@b.example>", Text: "こんにちは"}},
		{"shift_jis 8 bit", head + "Content-Type: text/plain; charset=Shift_JIS\nContent-Transfer-Encoding: 8bit\n\n" + inCharset(t, japanese.ShiftJIS, "テスト"), text("テスト")},
		{"gb2312 subject, gbk body", "From: a@b.example\nSubject: =?gb2312?B?" + b64(inCharset(t, simplifiedchinese.GBK, "你好")) + "?=\nContent-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n\n" + b64(inCharset(t, simplifiedchinese.GBK, "世界")),
			seenMail{Subject: "你好", From: "a@b.example", Text: "世界"}},
		{"utf-16 with byte order mark", head + "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n" + b64(utf16), text("Zürich ✓\n")},
		{"utf-8 without a charset", head + "Content-Type: text/plain\n\nZürich ✓\n", text("Zürich ✓\n")},
		{"latin-1 without a charset", head + "\nZ\xfcrich\n", text("Zürich\n")},
		{"a charset that nobody knows", head + "Content-Type: text/plain; charset=x-unheard-of\n\nplain enough\n", text("plain enough\n")},
		{"a body that is not in its charset", head + "Content-Type: text/plain; charset=us-ascii\n\nZ\xfcrich", text("Zürich")},
		{"format=flowed", head + "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=no\n\nA paragraph that \ngoes on.\n> quoted \n> words\n-- \nSig\n",
			text("A paragraph that \ngoes on.\n> quoted \n> words\n-- \nSig\n")},
		{"soft line breaks", head + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\none=\n two =E2=9C=\n=93 100%=20\n= 3\n", text("one two ✓ 100% \n= 3\n")},
		{"html, charset in its meta tag", head + "Content-Type: text/html\n\n<meta charset=\"iso-8859-1\"><p>Z\xfcrich</p>", seenMail{Subject: "s", From: "a@b.example", HTML: "<meta charset=\"iso-8859-1\"><p>Zürich</p>"}},
		{"encoded words cut within a character, folded", "From: a@b.example\nSubject: =?utf-8?B?4p8=?=\n =?utf-8?B?k8Okw7w=?= and\n\tplain =?utf-8?q?=C3=A4_b?=\n\n.", seenMail{Subject: "\u27d3äü and plain ä b", From: "a@b.example", Text: "."}},
		{"encoded word of a language (RFC 2231)", "From: a@b.example\nSubject: =?us-ascii*en?Q?hello_there?=\n\n.", seenMail{Subject: "hello there", From: "a@b.example", Text: "."}},
		{"utf-8 in the header (RFC 6532)", "From: \"Jörg Müller\" <jörg@müller.example>\nTo: <ö@ü.example>\nSubject: Grüße ✓\n\n.", seenMail{Subject: "Grüße ✓", From: "Jörg Müller <jörg@müller.example>", To: []string{"ö@ü.example"}, Text: "."}},
		{"latin-1 in the header", "From: J\xf6rg <j@b.example>\nSubject: Gr\xfc\xdfe\n\n.", seenMail{Subject: "Grüße", From: "Jörg <j@b.example>", Text: "."}},
		{"control characters", "From: a@b.example\nSubject: bell \x07 and escape \x1b\n\nform \x0c feed \x00 nul\n", seenMail{Subject: "bell \ufffd and escape \ufffd", From: "a@b.example", Text: "form \ufffd feed \ufffd nul\n"}},
	})
}

// TestStrangeHeaders: fields that are missing, doubled, broken, or many.
func TestStrangeHeaders(t *testing.T) {
	var many, received strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, "X-Number-%d: %d\n", i%7, i)
	}
	for i := range 40 {
		fmt.Fprintf(&received, "Received: from h%d by h%d; Mon, 23 Nov 2026 08:00:%02d +0000\n", i, i+1, i)
	}
	refs := strings.Repeat("<0123456789@b.example>\n ", 2000)
	to := func(s ...string) seenMail { return seenMail{From: "a@b.example", To: s, Text: "."} }
	readStrange(t, []strangeMail{
		{"no From", "To: c@d.example\nSubject: s\n\nx", seenMail{Subject: "s", To: []string{"c@d.example"}, Text: "x"}},
		{"one field only", "Subject: alone\n\n", seenMail{Subject: "alone"}},
		{"no Subject, no body", "From: a@b.example\n\n", seenMail{From: "a@b.example"}},
		{"no empty line", "From: a@b.example\nSubject: s", seenMail{From: "a@b.example", Subject: "s"}},
		{"an empty Subject", "From: a@b.example\nSubject:\n\nx", seenMail{From: "a@b.example", Text: "x"}},
		{"nobody named", "From: a@b.example\nTo: undisclosed-recipients:;\n\n.", to()},
		{"a group", "From: a@b.example\nTo: Team: Ann <a@d.example>, b@d.example;, c@d.example\n\n.", to("Ann <a@d.example>", "b@d.example", "c@d.example")},
		{"quotes and comments", "From: a@b.example\nTo: \"O'Neil, \\\"Jim\\\" (x)\" <jim@d.example> (office), c@d.example (C C)\n\n.", to("O'Neil, \"Jim\" (x) <jim@d.example>", "C C <c@d.example>")},
		{"a comma in an encoded name", "From: a@b.example\nTo: =?utf-8?Q?M=C3=BCller=2C_Eva?= <eva@d.example>, x@d.example\n\n.", to("Müller, Eva <eva@d.example>", "x@d.example")},
		{"two fields of recipients", "From: a@b.example\nTo: c@d.example\nTo: e@d.example\n\n.", to("c@d.example", "e@d.example")},
		{"semicolons", "From: a@b.example\nTo: c@d.example; Dee <d@d.example>;\n\n.", to("c@d.example", "Dee <d@d.example>")},
		{"two subjects", "From: a@b.example\nSubject: first\nSubject: second\n\n.", seenMail{From: "a@b.example", Subject: "first", Text: "."}},
		{"ids without brackets", "From: a@b.example\nMessage-ID: id@b.example\nIn-Reply-To: your mail of Monday <x@y>\n\n.", seenMail{From: "a@b.example", MessageID: "id@b.example", Text: "."}},
		{"3,000 fields", "From: a@b.example\n" + received.String() + many.String() + "Subject: s\n\nx", seenMail{From: "a@b.example", Subject: "s", Text: "x"}},
		{"a field of 46 KB", "From: a@b.example\nReferences: " + refs + "\nSubject: s\n\nx", seenMail{From: "a@b.example", Subject: "s", Text: "x"}},
		{"an mbox separator and a stray line", "From a@b.example Mon Nov 23 08:00:00 2026\nFrom: a@b.example\nSubject: s\n\nx", seenMail{From: "a@b.example", Subject: "s", Text: "x"}},
		{"a date that is none", "From: a@b.example\nDate: the day before\nSubject: s\n\nx", seenMail{From: "a@b.example", Subject: "s", Text: "x"}},
		{"a sender of another name", "From: Boss <boss@b.example>\nSender: Office <office@b.example>\n\n.", seenMail{From: "Boss <boss@b.example>", Text: "."}},
	})
}
