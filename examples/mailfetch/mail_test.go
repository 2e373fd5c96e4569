package main

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// Whatever lies in the folder is delivered, and comes out as it is.
func TestFoldersOfStrangeFiles(t *testing.T) {
	t.Parallel()
	nested := "text\n"
	for range 300 {
		nested = "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + nested + "\n--b--\n"
	}
	forwarded := "Subject: innermost\n\nx\n"
	for range 60 {
		forwarded = "Subject: outer\nContent-Type: message/rfc822\n\n" + forwarded
	}
	strange := map[string]string{
		"empty":                         "",
		"one byte.eml":                  "x",
		"newline":                       "\n",
		"crlf.eml":                      "\r\n\r\n",
		"cr only.eml":                   "Subject: mac\rFrom: a@b.example\r\rbody\r",
		"nul.eml":                       "Subject: a\x00b\n\n\x00\x00\x00",
		"all bytes.bin":                 allBytes(),
		".hidden":                       "Subject: hidden\n\nbody\n",
		"sub/deep/er.txt":               "Subject: in a folder\n\nbody\n",
		"naïve 'quotes' \u202e&#$;.eml": "Subject: odd name\n\nbody\n",
		"header only":                   "Subject: no empty line after the header",
		"long line":                     "Subject: " + strings.Repeat("x", 1<<20) + "\n\n" + strings.Repeat("y", 1<<20),
		"many headers":                  strings.Repeat("X-A: b\n", 50_000) + "\nbody\n",
		"nested":                        "Subject: nested\n" + nested,
		"forwarded":                     forwarded,
		"boundary":                      "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n",
		"bad word":                      "Subject: =?utf-8?B?////?= =?koi8-r?Q?=FF=?= =?x?y?z?=\nFrom: =?utf-8?Q?=00?= <\x80@\xff>\n\nbody",
		"evil name":                     "Subject: evil\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=\"../../../evil\x00\n.txt\"\n\nx\n--b\nContent-Disposition: attachment; filename*=UTF-8''%2e%2e%2f%00evil\n\ny\n--b--\n",
		"twin 1":                        "Subject: twins\n\nthe same\n",
		"twin 2":                        "Subject: twins\n\nthe same\n",
	}
	dir := t.TempDir()
	var want []string
	for name, text := range strange {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, sum([]byte(text)))
	}
	r := mailfetch(t, nil, "-json", "-mail", dir, "-out", t.TempDir()).mustSucceed(t).report
	var got []string
	for _, it := range r.Items {
		got = append(got, it.SHA256)
	}
	sort.Strings(want)
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-in +out):\n%s", diff)
	}
	if r.Messages != len(strange) || r.Moved != len(strange) {
		t.Errorf("%d messages, %d moved, want %d", r.Messages, r.Moved, len(strange))
	}
	checkFiles(t, r)
}

func allBytes() string {
	b := make([]byte, 0, 256*64)
	for range 64 {
		for c := range 256 {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

func TestEmptyFolderIsAnEmptyInbox(t *testing.T) {
	t.Parallel()
	r := mailfetch(t, nil, "-json", "-mail", t.TempDir(), "-out", t.TempDir()).mustSucceed(t).report
	if r.Messages != 0 || r.Replied != 0 || r.Items == nil || r.Errors == nil {
		t.Errorf("report: %+v", r)
	}
}

func TestBrokenLinkIsSkippedAndNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.eml"), []byte("Subject: a\n\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.eml")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	o := mailfetch(t, nil, "-json", "-mail", dir, "-out", t.TempDir()).mustSucceed(t)
	if o.report.Messages != 1 || !strings.Contains(o.stderr, "dangling.eml is a link that leads nowhere") {
		t.Errorf("%d messages\n%s", o.report.Messages, o.stderr)
	}
}

// A collection of real and broken mail, where it is to be had.
func TestCollectionOfRealMail(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "mail")
	mail, err := demo.Dir(dir, nil)
	if os.IsNotExist(err) {
		t.Skipf("%s is not there", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := mailfetch(t, nil, "-json", "-mail", dir, "-out", t.TempDir()).mustSucceed(t).report
	var want, got []string
	for _, b := range content(t, mail) {
		want = append(want, sum(b))
	}
	for _, it := range r.Items {
		got = append(got, it.SHA256)
	}
	sort.Strings(want)
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-in +out):\n%s", diff)
	}
	checkFiles(t, r)
}
