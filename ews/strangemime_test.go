package ews_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestStrangeMultiparts: nesting, alternatives, reports, what is signed and encrypted.
func TestStrangeMultiparts(t *testing.T) {
	mail := func(body string) string { return "From: a@b.example\nSubject: s\nMIME-Version: 1.0\n" + body }
	have := func(class, text string, files ...string) seenMail {
		return seenMail{Class: class, From: "a@b.example", Subject: "s", Text: text, Files: files, Clip: len(files) > 0}
	}
	var deep strings.Builder
	for i := range 8 {
		deep.WriteString("Content-Type: multipart/mixed; boundary=b" + string(rune('0'+i)) + "\n\n--b" + string(rune('0'+i)) + "\n")
	}
	deep.WriteString("Content-Type: text/plain\n\ninnermost\n")
	for i := 7; i >= 0; i-- {
		deep.WriteString("\n--b" + string(rune('0'+i)) + "--\n")
	}
	readStrange(t, []strangeMail{
		{"mixed of related of alternative", mail(`Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary="r r"; type="multipart/alternative"

--r r
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain

text
--a
Content-Type: text/html

<b>html</b><img src="cid:logo@b">
--a--
--r r
Content-Type: image/gif
Content-ID: <logo@b>
Content-Disposition: inline; filename=logo.gif
Content-Transfer-Encoding: base64

R0lGODlh
--r r--
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename="a b.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--m--
`), seenMail{From: "a@b.example", Subject: "s", HTML: `<b>html</b><img src="cid:logo@b">`, Clip: true,
			Files: []string{"logo.gif|image/gif|inline logo@b|GIF89a", "a b.pdf|application/pdf||%PDF-"}}},
		{"eight multiparts deep", mail(deep.String()), have("", "innermost\n")},
		{"a multipart without parts", mail("Content-Type: multipart/mixed; boundary=m\n\n--m--\n"), have("", "")},
		{"preamble and epilogue", mail("Content-Type: multipart/mixed; boundary=m\n\nThis is MIME.\n--m\n\nbody\n--m--\nforget this\n"), have("", "body")},
		{"no closing boundary", mail("Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nbody\n--m\nContent-Type: text/csv; name=x.csv\n\n1;2\n"),
			have("", "body", "x.csv|text/csv||1;2\n")},
		{"a message within a message within a message", mail(`Content-Type: multipart/mixed; boundary=m

--m

see
--m
Content-Type: message/rfc822

From: x@y.example
Subject: middle
Content-Type: multipart/mixed; boundary=n

--n

inner see
--n
Content-Type: message/rfc822

Subject: innermost

hello
--n--
--m--
`), have("", "see", "middle|message/rfc822|item middle|From: x@y.example\nSubject: middle\nConten")},
		{"signed, with an attachment inside", mail(`Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s

--s
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/plain

I sign
--m
Content-Type: text/plain; name=terms.txt
Content-Disposition: attachment; filename=terms.txt

terms
--m--
--s
Content-Type: application/pkcs7-signature; name=smime.p7s
Content-Disposition: attachment; filename=smime.p7s
Content-Transfer-Encoding: base64

MIAGCSqGSIb3
--s--
`), have("IPM.Note.SMIME.MultipartSigned", "I sign", "terms.txt|text/plain||terms", "smime.p7s|application/pkcs7-signature||"+unbase64("MIAGCSqGSIb3"))},
		{"encrypted (S/MIME)", mail("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Disposition: attachment; filename=smime.p7m\nContent-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CA\n"),
			have("IPM.Note.SMIME", "", "smime.p7m|application/pkcs7-mime||"+unbase64("MIAGCSqGSIb3DQEHA6CA"))},
		{"encrypted (PGP)", mail("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=m\n\n--m\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--m\nContent-Type: application/octet-stream; name=encrypted.asc\nContent-Disposition: inline; filename=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n--m--\n"),
			have("", "", "ATT00001.dat|application/pgp-encrypted||Version: 1", "encrypted.asc|application/octet-stream||-----BEGIN PGP MESSAGE-----")},
		{"a bounce with the message it is about", mail(`Content-Type: multipart/report; report-type=delivery-status; boundary=m

--m

Not delivered.
--m
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.b.example

Final-Recipient: rfc822; gone@b.example
Action: failed
Status: 5.1.1
--m
Content-Type: message/rfc822

From: support@example.com
Subject: our answer
Message-ID: <our@example.com>

text
--m--
`), have("REPORT.IPM.Note.NDR", "Not delivered.", "ATT00001.txt|message/delivery-status||Reporting-MTA: dns; mx.b.example\n\nFinal-",
			"our answer|message/rfc822|item our answer|From: support@example.com\nSubject: our a")},
		{"a bounce with headers only", mail("Content-Type: multipart/report; report-type=delivery-status; boundary=m\n\n--m\n\nNo.\n--m\nContent-Type: text/rfc822-headers\n\nSubject: our answer\n--m--\n"),
			have("REPORT.IPM.Note.NDR", "No.", "ATT00001.txt|text/rfc822-headers||Subject: our answer")},
		{"a read receipt", mail("Content-Type: multipart/report; report-type=disposition-notification; boundary=m\n\n--m\n\nIt was read.\n--m\nContent-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n--m--\n"),
			have("REPORT.IPM.Note.IPNRN", "It was read.", "ATT00001.txt|message/disposition-notification||Disposition: manual-action/MDN-sent-manu")},
		{"an invitation", mail("Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\nmeet\n--a\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nDTSTART:20261124T090000Z\nDTEND:20261124T100000Z\nORGANIZER:mailto:a@b.example\nATTENDEE:mailto:support@example.com\nEND:VEVENT\nEND:VCALENDAR\n--a--\n--m--\n"),
			seenMail{Class: "IPM.Schedule.Meeting.Request", Kind: "MeetingRequest", From: "a@b.example", Subject: "s", Text: "meet"}},
		{"a calendar without a method", mail("Content-Type: multipart/mixed; boundary=m\n\n--m\n\nfor your calendar\n--m\nContent-Type: text/calendar; name=team.ics\nContent-Disposition: attachment; filename=team.ics\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n--m--\n"),
			have("", "for your calendar", "team.ics|text/calendar||BEGIN:VCALENDAR\nEND:VCALENDAR")},
	})
}

func unbase64(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestStrangeAttachments: names and encodings of files.
func TestStrangeAttachments(t *testing.T) {
	with := func(fields, content string) string {
		return "From: a@b.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\nbody\n--m\n" + fields + "\n\n" + content + "\n--m--\n"
	}
	have := func(files ...string) seenMail {
		return seenMail{From: "a@b.example", Subject: "s", Text: "body", Files: files, Clip: true}
	}
	readStrange(t, []strangeMail{
		{"RFC 2231, continued and encoded in parts", with("Content-Type: text/csv\nContent-Disposition: attachment;\n filename*0*=utf-8''%E2%82%AC%20;\n filename*1=\"rates; 2026\";\n filename*2*=%2Ecsv", "1,2"), have("€ rates; 2026.csv|text/csv||1,2")},
		{"RFC 2231, latin-1 with a language", with("Content-Type: text/csv\nContent-Disposition: attachment; filename*=iso-8859-1'en'%A3%20rates.csv", "1,2"), have("£ rates.csv|text/csv||1,2")},
		{"RFC 2231 goes before the plain name", with("Content-Type: text/csv\nContent-Disposition: attachment; filename=\"_.csv\"; filename*=utf-8''%C3%A4.csv", "1,2"), have("ä.csv|text/csv||1,2")},
		{"an encoded word for a name", with("Content-Type: text/csv\nContent-Disposition: attachment; filename=\"=?utf-8?B?w6QuY3N2?=\"", "1,2"), have("ä.csv|text/csv||1,2")},
		{"an encoded name in two words", with("Content-Type: application/x-a; name=\"=?utf-8?Q?=C3=A4?=\n =?utf-8?Q?=C3=B6.a?=\"", "1,2"), have("äö.a|application/x-a||1,2")},
		{"an 8-bit name", with("Content-Type: text/csv; name=\"\xe4.csv\"\nContent-Disposition: attachment; filename=\"\xe4.csv\"", "1,2"), have("ä.csv|text/csv||1,2")},
		{"the name of the type alone", with("Content-Type: application/pdf; name=only.pdf", "%PDF"), have("only.pdf|application/pdf||%PDF")},
		{"a path for a name", with("Content-Type: application/x-a\nContent-Disposition: attachment; filename=\"../../etc/passwd\"", "x"), have("../../etc/passwd|application/x-a||x")},
		{"no name", with("Content-Type: image/png\nContent-Transfer-Encoding: base64", "iVBORw=="), have("ATT00001.png|image/png||" + unbase64("iVBORw=="))},
		{"nothing in it", with("Content-Type: application/x-a; name=empty.a\nContent-Disposition: attachment", ""), have("empty.a|application/x-a||")},
		{"a type that is none", with("Content-Type: attachment\nContent-Disposition: attachment; filename=x.bin", "x"), have("x.bin|attachment||x")},
		{"base64 with noise", with("Content-Type: application/x-a; name=x.a\nContent-Transfer-Encoding: base64", "aGVs\n bG8g\n\nd29y!bGQ=\n"), have("x.a|application/x-a||hello world")},
		{"uuencode", with("Content-Type: application/x-a; name=x.a\nContent-Transfer-Encoding: x-uuencode", "begin 644 x.a\n+:&5L;&\\@=V]R;&0\n`\nend"), have("x.a|application/x-a||hello world")},
		{"Outlook's winmail.dat", with("Content-Type: application/ms-tnef; name=winmail.dat\nContent-Disposition: attachment; filename=winmail.dat\nContent-Transfer-Encoding: base64", "eJ8+IgEA"), have("winmail.dat|application/ms-tnef||" + unbase64("eJ8+IgEA"))},
		{"text that keeps its charset", with("Content-Type: text/plain; charset=iso-8859-1; name=x.txt\nContent-Disposition: attachment; filename=x.txt", "Z\xfcrich"), have("x.txt|text/plain||Z\xfcrich")},
		{"inline without a Content-ID", with("Content-Type: image/gif; name=x.gif\nContent-Disposition: inline; filename=x.gif\nContent-Transfer-Encoding: base64", "R0lGODlh"), have("x.gif|image/gif||GIF89a")},
		{"an Apple double", with("Content-Type: multipart/appledouble; boundary=d", "--d\nContent-Type: application/applefile; name=x.jpg\nContent-Transfer-Encoding: base64\n\nAAUWBw==\n--d\nContent-Type: image/jpeg; name=x.jpg\nContent-Transfer-Encoding: base64\n\n/9j/\n--d--"),
			have("x.jpg|application/applefile||"+unbase64("AAUWBw=="), "x.jpg|image/jpeg||"+unbase64("/9j/"))},
	})
}
