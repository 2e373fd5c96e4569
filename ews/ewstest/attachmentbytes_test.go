package ewstest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// An attachment's bytes are what its sender attached: a text is not converted from its charset, declared or guessed.
func TestAttachmentsKeepTheirBytes(t *testing.T) {
	cyrillic := "550 \xcf\xee\xe2\xb3\xe4\xee\xec\xeb\xe5\xed\xed\xff \xe2\xb3\xe4\xf5\xe8\xeb\xe5\xed\xee \xef\xee\xeb\xb3\xf2\xe8\xea\xee\xfe \xee\xf2\xf0\xe8\xec\xf3\xe2\xe0\xf7\xe0\r\n"
	part := func(header, body string) string { return "--b\r\n" + header + "\r\n" + body + "\r\n" }
	raw := "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		part("Content-Type: text/plain; charset=windows-1251\r\n", cyrillic) +
		part("Content-Type: text/plain; charset=windows-1251; name=a.txt\r\n", cyrillic) +
		part("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=b.txt\r\n", cyrillic) +
		part("Content-Type: text/csv; charset=utf-16\r\nContent-Disposition: attachment; filename=c.csv\r\nContent-Transfer-Encoding: base64\r\n", "/v8AYQA7AGI=") +
		part("Content-Disposition: attachment; filename=\"no type.bin\"\r\nContent-Transfer-Encoding: base64\r\n", "AAECgP8=") +
		"--b--\r\n"
	s := ewstest.New(nil)
	defer s.Close()
	mb := s.AddMailbox("support@example.com")
	if _, err := mb.Deliver([]byte(raw), nil); err != nil {
		t.Fatal(err)
	}
	it := mb.Items("inbox")[0]
	got := map[string]string{}
	for _, a := range it.Attachments {
		got[a.Name] = string(a.Data)
	}
	want := map[string]string{
		"a.txt": cyrillic, "b.txt": cyrillic, "c.csv": "\xfe\xff\x00a\x00;\x00b", "no type.bin": "\x00\x01\x02\x80\xff",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "550 Повідомлення відхилено політикою отримувача"; it.Text[:min(len(it.Text), len(want))] != want {
		t.Errorf("the body, which is converted: %q", it.Text)
	}
}
