package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// outcome is what a person, or a script, sees of a run.
type outcome struct {
	status         int
	stdout, stderr string
	report         report // with -json
}

// mailfetch runs the program. env may be nil.
func mailfetch(t *testing.T, env map[string]string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, func(name string) string { return env[name] }, &stdout, &stderr)
	return finished(t, status, &stdout, &stderr)
}

func finished(t *testing.T, status int, stdout, stderr *bytes.Buffer) outcome {
	t.Helper()
	o := outcome{status: status, stdout: stdout.String(), stderr: stderr.String()}
	if strings.HasPrefix(o.stdout, "{") {
		d := json.NewDecoder(strings.NewReader(o.stdout))
		d.DisallowUnknownFields()
		if err := d.Decode(&o.report); err != nil {
			t.Fatalf("standard output is no JSON document: %v\n%s", err, o.stdout)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Errorf("more than one JSON document on standard output: %v", err)
		}
		if o.report.OK != (status == 0) {
			t.Errorf("exit status %d and ok %v", status, o.report.OK)
		}
	}
	return o
}

func (o outcome) mustSucceed(t *testing.T) outcome {
	t.Helper()
	if o.status != 0 {
		t.Fatalf("exit status %d\n%s", o.status, o.stderr)
	}
	return o
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// content is the bytes of each message.
func content(t *testing.T, mail []demo.Message) [][]byte {
	t.Helper()
	all := make([][]byte, len(mail))
	for i, m := range mail {
		r, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		all[i], err = io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// smallMail is a folder of the demo mail without the message of 30 MB, which takes its time.
func smallMail(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mail := demo.Mail()
	for i, b := range content(t, mail[:len(mail)-1]) {
		if err := os.WriteFile(filepath.Join(dir, mail[i].Name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkFiles compares the report with what lies in the folder: the same files with the same bytes, and no others.
func checkFiles(t *testing.T, r report) {
	t.Helper()
	want := map[string]string{}
	for _, it := range r.Items {
		want[it.File] = it.SHA256
		for _, a := range it.Attachments {
			if a.File != "" {
				want[a.File] = a.SHA256
			}
		}
	}
	got := map[string]string{}
	for name, text := range tree(t, r.Out) {
		got[name] = sum([]byte(text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-reported +there):\n%s", diff)
	}
}

// The main job on the demo tenant: what comes out is, byte for byte, what went in, in its order.
func TestDemoMailComesOutAsItWentIn(t *testing.T) {
	t.Parallel()
	o := mailfetch(t, nil, "-json", "-out", t.TempDir()).mustSucceed(t)
	mail := demo.Mail()
	r := o.report
	if r.Messages != len(mail) || len(r.Items) != len(mail) {
		t.Fatalf("%d messages, %d items, want %d", r.Messages, len(r.Items), len(mail))
	}
	var bytes, attachmentBytes int64
	attachments := 0
	for i, b := range content(t, mail) {
		it := r.Items[i]
		if it.SHA256 != sum(b) || it.Bytes != int64(len(b)) {
			t.Errorf("%s came out as %s: %d bytes, want %d", mail[i].Name, it.File, it.Bytes, len(b))
		}
		bytes += int64(len(b))
		for _, a := range it.Attachments {
			attachments++
			attachmentBytes += a.Bytes
		}
	}
	if r.Bytes != bytes || r.Attachments != attachments || r.AttachmentBytes != attachmentBytes {
		t.Errorf("totals: %d bytes, %d attachments of %d; the items say %d, %d, %d", r.Bytes, r.Attachments, r.AttachmentBytes, bytes, attachments, attachmentBytes)
	}
	if r.SignIns != 1 || r.Replied != 1 || r.MarkedRead != len(mail) || r.Moved != len(mail) || r.Failed != 0 || r.Mailbox != demo.Mailbox || r.Seconds <= 0 {
		t.Errorf("report: %+v", r)
	}
	checkFiles(t, r)
	t.Run("attachments", func(t *testing.T) { checkAttachments(t, r) })
}

// checkAttachments compares the attachments with what their senders made.
func checkAttachments(t *testing.T, r report) {
	got := map[string][]string{}
	for _, it := range r.Items {
		for _, a := range it.Attachments {
			mark := ""
			if a.Inline {
				mark = " inline"
			}
			got[it.Subject] = append(got[it.Subject], filepath.Base(a.File)+mark)
		}
	}
	want := map[string][]string{
		"Error window when saving a timetable": {"01-screenshot.png inline", "02-label.jpg inline", "03-ATT00001.png inline"},
		"Konto gesperrt – Protokolle anbei": {
			"01-order-4711.pdf", "02-Anmeldungen März.csv",
			"03-Bildschirmfoto vom Anmeldefenster, aufgenommen am 2. Maerz 2026 um 08-14 Uhr.png",
			"04-_.._windows_system32_con.txt", "05-order-4711.pdf", "06-empty.log",
		},
		"Fwd: Invoice 2026-0113 - is this real?":                     {"01-Invoice 2026-0113.eml"},
		"Щось із поштою: листи не доходять":                          {"01-Помилка.txt"},
		"Mailbox migration: go or no-go":                             {"01-invite.ics"},
		"Scanner profile for the front desk":                         {"01-winmail.dat"},
		"邮箱收不到外部邮件":                                                  {"01-截图.png"},
		"Undelivered Mail Returned to Sender":                        {"01-ATT00001.txt", "02-ATT00002.txt"},
		"Reset of my second factor":                                  {"01-smime.p7s"},
		"staging: disk full, 502":                                    {"01-signature.asc"},
		"Recovery codes (encrypted)":                                 {"01-smime.p7m"},
		"Read: [Case 8801] Your new account":                         {"01-ATT00001.txt"},
		"Scan to mail":                                               {"01-DOC20260304112109.PDF"},
		"Printer in the back office prints only half a page (photo)": {"01-IMG_0042.JPG"},
		"Contract, second try":                                       {"01-contract.pdf"},
		"Contact form":                                               {"01-form.txt", "02-ATT00001.txt"},
		"Disk space on edge-17":                                      {"01-df.txt"},
		"Twelve parts deep": {
			"01-level-12.txt", "02-level-11.txt", "03-level-10.txt", "04-level-09.txt", "05-level-08.txt", "06-level-07.txt",
			"07-level-06.txt", "08-level-05.txt", "09-level-04.txt", "10-level-03.txt", "11-level-02.txt", "12-level-01.txt",
		},
		"Router in the greenhouse": {"01-Routeur – serre.jpg", "02-ATT00001.htm"},
		"FW: FW: Domain renewal":   {"01-FW_ Domain renewal.eml", "02-ATT00001.dat"},
		"Crash dump as you asked":  {"01-crash.dmp"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// Bytes, for one of each kind.
	files := tree(t, r.Out)
	for suffix, check := range map[string]func(string) bool{
		"/01-screenshot.png": func(s string) bool {
			return strings.HasPrefix(s, "\x89PNG\r\n") && strings.HasSuffix(s, "IEND\xaeB`\x82")
		},
		"/02-Anmeldungen März.csv": func(s string) bool {
			return strings.HasPrefix(s, "\ufeffdate;user;action\r\n") && strings.Contains(s, "jörg;locked out")
		},
		"/06-empty.log": func(s string) bool { return s == "" },
		"/01-Invoice 2026-0113.eml": func(s string) bool {
			return strings.HasPrefix(s, "Return-Path: <billing@invoices.example.net>\r\n") && strings.Contains(s, "--=_fwd_inner--")
		},
		"/01-Помилка.txt": func(s string) bool { return strings.HasPrefix(s, "550 5.7.1 \xcf\xee\xe2") }, // windows-1251, untouched
		"/01-crash.dmp":   func(s string) bool { return len(s) == 21_900_000 },
	} {
		found := false
		for name, text := range files {
			if strings.HasSuffix(name, suffix) {
				found = true
				if !check(text) {
					t.Errorf("%s: %d bytes, beginning %.60q", name, len(text), text)
				}
			}
		}
		if !found {
			t.Errorf("no file %s", suffix)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	o := mailfetch(t, nil, "-limit", "5", "-mail", smallMail(t), "-out", out).mustSucceed(t)
	got := map[string]string{}
	for l := range strings.Lines(o.stdout) {
		if f := strings.Fields(l); len(f) > 1 {
			got[f[0]] = f[1]
		}
	}
	want := map[string]string{
		"mailbox": demo.Mailbox, "messages": "5", "attachments": "10", "answered": "1", "moved": "5",
		"sign-ins": "1", "refreshes": "0", "files": out,
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q\n%s", k, got[k], v, o.stdout)
		}
	}
	// Without a terminal, a line per message.
	if !strings.Contains(o.stderr, "\n5/5 ") || strings.Contains(o.stderr, "\r") {
		t.Errorf("progress:\n%s", o.stderr)
	}
}

// What was written by one run is neither replaced nor doubled by the next one.
func TestSameFolderTwice(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	first := mailfetch(t, nil, "-json", "-limit", "6", "-mail", smallMail(t), "-out", out).mustSucceed(t).report
	second := mailfetch(t, nil, "-json", "-limit", "6", "-mail", smallMail(t), "-out", out).mustSucceed(t).report
	if diff := cmp.Diff(first.Items, second.Items); diff != "" {
		t.Errorf("second run (-first +second):\n%s", diff)
	}
	checkFiles(t, second)
}

func TestReadOnlyChangesNothing(t *testing.T) {
	t.Parallel()
	r := mailfetch(t, nil, "-json", "-read-only", "-limit", "3", "-mail", smallMail(t), "-out", t.TempDir()).mustSucceed(t).report
	if r.Messages != 3 || r.Replied+r.MarkedRead+r.Moved != 0 {
		t.Errorf("report: %+v", r)
	}
}

// Ctrl-C in the middle of the work.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"-json", "-mail", smallMail(t), "-out", out}, func(string) string { return "" }, &stdout, onText(&stderr, "7/", cancel))
	o := finished(t, status, &stdout, &stderr)
	if o.status != 1 || !strings.Contains(o.stderr, "interrupted; ") {
		t.Errorf("status %d\n%s", o.status, o.stderr)
	}
	if o.report.Moved != 0 || o.report.Messages < 7 || o.report.Messages >= len(demo.Mail())-1 {
		t.Errorf("%d messages, %d moved", o.report.Messages, o.report.Moved)
	}
	checkWhole(t, out)
}

// onText calls f when text is written to w.
func onText(w io.Writer, text string, f func()) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte(text)) {
			f()
		}
		return w.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// wholeMessages are the hashes of the demo mail, without the message of 30 MB.
var wholeMessages = sync.OnceValue(func() map[string]bool {
	whole := map[string]bool{}
	mail := demo.Mail()
	for _, m := range mail[:len(mail)-1] {
		r, err := m.Open()
		if err != nil {
			panic(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			panic(err)
		}
		whole[sum(b)] = true
	}
	return whole
})

// checkWhole makes sure that every file below messages is a whole message and nothing unfinished lies around.
func checkWhole(t *testing.T, out string) {
	t.Helper()
	whole := wholeMessages()
	for name, text := range tree(t, out) {
		if !strings.HasPrefix(name, "attachments/") && !whole[sum([]byte(text))] {
			t.Errorf("%s is not a whole message: %d bytes", name, len(text))
		}
		if strings.Contains(name, "unfinished") {
			t.Errorf("%s was left behind", name)
		}
	}
}
