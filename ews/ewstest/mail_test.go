package ewstest_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// want is what a mail must look like once delivered.
type want struct {
	Subject, From, Class string
	To                   []string
	Text, HTML           string
	Attachments          []string // name|type|inline|content
	HasAttachments       bool
}

func got(it ewstest.Item) want {
	w := want{Subject: it.Subject, From: it.From, Class: it.Class, To: it.To, Text: it.Text, HTML: it.HTML, HasAttachments: it.HasAttachments}
	for _, a := range it.Attachments {
		data := string(a.Data)
		if len(data) > 40 {
			data = data[:40]
		}
		w.Attachments = append(w.Attachments, fmt.Sprintf("%s|%s|%v|%s", a.Name, a.ContentType, a.Inline, data))
	}
	return w
}

func TestDeliverDerivesFields(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      want
	}{
		{"plain", "From: Ann <ann@example.org>\nTo: support@example.com, Bob <bob@example.org>\nSubject: Help\n\nPlease.\n",
			want{Subject: "Help", From: "ann@example.org", Class: "IPM.Note", To: []string{"support@example.com", "bob@example.org"}, Text: "Please.\r\n"}},
		{"encoded word cut inside a character", "Subject: =?utf-8?B?0J/RgNA=?= =?utf-8?B?uNCy0LXRgg==?=\nFrom: =?koi8-r?B?98HT0Q==?= <v@example.ru>\n\nx",
			want{Subject: "Привет", From: "v@example.ru", Class: "IPM.Note", Text: "x"}},
		{"raw 8-bit header and body", "Subject: Gr\xfc\xdfe\nFrom: x@y.z\n\nB\xfccher",
			want{Subject: "Grüße", From: "x@y.z", Class: "IPM.Note", Text: "Bücher"}},
		{"alternative with inline image", `From: a@b.c
Subject: =?iso-8859-1?Q?Caf=E9?=
MIME-Version: 1.0
Content-Type: multipart/related; boundary=R

--R
Content-Type: multipart/alternative; boundary=A

--A
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Caf=E9
--A
Content-Type: text/html; charset=utf-8

<p>Café <img src="cid:logo@x"></p>
--A--
--R
Content-Type: image/png; name=logo.png
Content-ID: <logo@x>
Content-Disposition: inline
Content-Transfer-Encoding: base64

UE5HIQ==
--R--
`, want{Subject: "Café", From: "a@b.c", Class: "IPM.Note", Text: "Café", HTML: `<p>Café <img src="cid:logo@x"></p>`,
			Attachments: []string{"logo.png|image/png|true|PNG!"}}},
		{"mixed with a message and an unnamed text", `From: a@b.c
Subject: Fwd
Content-Type: multipart/mixed; boundary=M

--M
Content-Type: text/plain

See below.
--M
Content-Type: message/rfc822

From: z@z.z
Subject: Inner

Hello
--M
Content-Type: application/pdf; name="=?utf-8?Q?=C3=BCbersicht.pdf?="
Content-Disposition: attachment
Content-Transfer-Encoding: base64

JVBERg==
--M
Content-Type: text/plain

list footer
--M--
`, want{Subject: "Fwd", From: "a@b.c", Class: "IPM.Note", Text: "See below.", HasAttachments: true, Attachments: []string{
			"Inner|message/rfc822|false|From: z@z.z\r\nSubject: Inner\r\n\r\nHello",
			"übersicht.pdf|application/pdf|false|%PDF", "ATT00001.txt|text/plain|false|list footer"}}},
		{"RFC 2231 file name", "From: a@b.c\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename*0*=utf-8''%e2%82%ac%20; filename*1=rates.csv\n\n1,2",
			want{From: "a@b.c", Class: "IPM.Note", HasAttachments: true, Attachments: []string{"€ rates.csv|application/octet-stream|false|1,2"}}},
		{"bounce", "From: MAILER-DAEMON@x\nSubject: Undeliverable\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\n\nSorry\n--B\nContent-Type: message/delivery-status\n\nAction: failed\n--B--\n",
			want{Subject: "Undeliverable", From: "MAILER-DAEMON@x", Class: "REPORT.IPM.Note.NDR", Text: "Sorry", HasAttachments: true,
				Attachments: []string{"ATT00001.txt|message/delivery-status|false|Action: failed"}}},
		{"meeting request", "From: o@x.y\nSubject: Meet\nContent-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\nMeet me\n--B\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n--B--\n",
			want{Subject: "Meet", From: "o@x.y", Class: "IPM.Schedule.Meeting.Request", Text: "Meet me"}},
		{"signed", "From: s@x.y\nSubject: Signed\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=B\n\n--B\nContent-Type: text/plain\n\nTrust me\n--B\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nMAA=\n--B--\n",
			want{Subject: "Signed", From: "s@x.y", Class: "IPM.Note.SMIME.MultipartSigned", Text: "Trust me", HasAttachments: true,
				Attachments: []string{"smime.p7s|application/pkcs7-signature|false|0\x00"}}},
		{"addresses nobody can parse", "From: undisclosed sender\nTo: a@b.c; \"Semi\" <d@e.f>; broken <no at sign>\nSubject: x\n\n",
			want{Subject: "x", From: "undisclosed sender", Class: "IPM.Note", To: []string{"a@b.c", "d@e.f", "broken <no at sign>"}}},
		{"no mail at all", "\x89PNG\r\n\x1a\n\x00\x00", want{Class: "IPM.Note", Text: "‰PNG\r\r\n\x1a\r\n\x00\x00"}},
		{"empty", "", want{Class: "IPM.Note"}},
		{"boundary missing", "From: a@b.c\nContent-Type: multipart/mixed\n\nstill readable", want{From: "a@b.c", Class: "IPM.Note", Text: "still readable"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, nil)
			it, ok := f.mb.Item(f.deliver(t, tt.raw))
			require.True(t, ok)
			if d := cmp.Diff(tt.want, got(it), cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
			require.Equal(t, strings.ReplaceAll(tt.raw, "\n", "\r\n"), string(it.MIME))
			e := f.do(t, getItem(allProperties, it.ID))
			require.Equal(t, []string{"NoError"}, e.codes())
		})
	}
}

func TestMissingDateIsTheReceivedTime(t *testing.T) {
	f := start(t, nil)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, raw := range []string{"Subject: none\r\n\r\n", "Date: yesterday at noon\r\n\r\n"} {
		id, err := f.mb.Deliver([]byte(raw), &ewstest.DeliverOptions{Received: at})
		require.NoError(t, err)
		e := f.do(t, getItem(allProperties, id.ID))
		require.Equal(t, "2026-03-04T05:06:07Z", e.text("DateTimeSent"))
		require.Equal(t, "2026-03-04T05:06:07Z", e.text("DateTimeReceived"))
	}
}

func TestConversations(t *testing.T) {
	f := start(t, nil)
	conv := func(raw string) string {
		it, _ := f.mb.Item(f.deliver(t, raw))
		require.NotEmpty(t, it.ConversationID)
		return it.ConversationID
	}
	first := conv("Message-ID: <1@x>\nSubject: Printer\n\n")
	require.Equal(t, first, conv("Message-ID: <2@x>\nIn-Reply-To: <1@x>\nSubject: it smokes\n\n"), "by In-Reply-To")
	require.Equal(t, first, conv("Message-ID: <3@x>\nReferences: <1@x> <2@x>\nSubject: something else\n\n"), "by References")
	require.Equal(t, first, conv("Message-ID: <4@x>\nSubject: AW: Printer\n\n"), "a reply by topic")
	require.NotEqual(t, first, conv("Message-ID: <5@x>\nSubject: Printer\n\n"), "a new message of the same subject")
	lost := conv("Message-ID: <7@x>\nReferences: <6@x>\nSubject: Re: a\n\n")
	require.Equal(t, lost, conv("Message-ID: <8@x>\nReferences: <6@x>\nSubject: Re: b\n\n"), "siblings of a message that never came")
}

// TestRealMail delivers real and broken messages. Each must come out byte for byte and be readable in every way.
func TestRealMail(t *testing.T) {
	dir := shared("mail")
	if dir == "" {
		t.Skip("no folder of real mail beside the project")
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 54)
	f := start(t, nil)
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Join(dir, file.Name()))
		require.NoError(t, err)
		id, err := f.mb.Deliver(raw, nil)
		require.NoError(t, err, file.Name())
		e := f.do(t, getItem(allProperties+`<t:IncludeMimeContent>true</t:IncludeMimeContent>`, id.ID))
		require.Equal(t, []string{"NoError"}, e.codes(), file.Name())
		out, err := base64.StdEncoding.DecodeString(e.text("MimeContent"))
		require.NoError(t, err)
		require.Equal(t, raw, out, file.Name())
		for _, a := range e.all("AttachmentId") {
			e := f.do(t, `<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="`+a.attr("Id")+`"/></m:AttachmentIds></m:GetAttachment>`)
			require.Equal(t, []string{"NoError"}, e.codes(), file.Name())
		}
	}
	require.Len(t, f.mb.Items("inbox"), len(files))
}

// TestRealMailFields pins what some of the messages must show.
func TestRealMailFields(t *testing.T) {
	if shared("mail") == "" {
		t.Skip("no folder of real mail beside the project")
	}
	const png = "favicon.png|image/png|true|\x89PNG\r\n\x1a\n"
	for name, want := range map[string]want{
		"attachment.eml":                      {Subject: "Attachment", Text: "A text section", HasAttachments: true, Attachments: []string{"test.html|text/html|false|<html>\n"}},
		"attachment-only-text-attachment.eml": {Subject: "Test", HasAttachments: true, Attachments: []string{"test.csv|text/plain|false|Test;Test\n"}},
		"bad-final-boundary.eml":              {Subject: "Attachment", Text: "A text section", HasAttachments: true, Attachments: []string{"foo_9E5D72.zip|application/x-zip-compressed|false|<html>\n"}},
		"bad-header-start.eml":                {Subject: "plain text", Text: "A text section"},
		"bad-header-wrap.eml":                 {Subject: "Attachment", Text: "A text section", HasAttachments: true, Attachments: []string{"7DDA4_foo_9E5D72.zip|application/x-zip-compressed|false|<html>\n"}},
		"html-mime-inline.eml":                {Subject: "MIME test 1", Text: "Test of text section", Attachments: []string{png}},
		"malformed-base64-attach.eml":         {Subject: "Attachment", Text: "A text section", HasAttachments: true, Attachments: []string{"some.doc|application/msword|false|<html>\n"}},
		"mime-bad-8bit-filename.eml":          {Subject: "Malformed test", Text: "Text part\r\n", HasAttachments: true, Attachments: []string{"管理.doc|application/msword|false|<html>\n"}},
		"qp-utf8-header-no-break.eml":         {Subject: "MIME UTF8 Test ¢ More Text"},
		"unk-charset-html-only.eml":           {Subject: "Attachment", HTML: "<meta charset=\"fakescii-7\">\n<p>Hello World!</p>\n"},
		"fake.png":                            {Text: "Not really a PNG\n"},
		"mime-signed.eml": {Subject: "Multipart Signed", Text: "Section one\n", HasAttachments: true, Attachments: []string{
			"signature.asc|application/pgp-signature|false|-----BEGIN PGP SIGNATURE-----\nVersion: G", "ATT00001.txt|text/plain|false|Section two"}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(shared("mail"), name))
			require.NoError(t, err)
			f := start(t, nil)
			id, err := f.mb.Deliver(raw, nil)
			require.NoError(t, err)
			it, _ := f.mb.Item(id.ID)
			have := got(it)
			have.From, have.To, have.Class = "", nil, ""
			if want.HTML == "" {
				have.HTML = ""
			}
			for i, a := range have.Attachments {
				if strings.HasPrefix(a, png) {
					have.Attachments[i] = png
				}
			}
			if d := cmp.Diff(want, have, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}
