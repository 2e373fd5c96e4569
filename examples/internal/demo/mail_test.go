package demo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

func contentOf(t *testing.T, m demo.Message) []byte {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func byName(t *testing.T, name string) []byte {
	t.Helper()
	for _, m := range demo.Mail() {
		if m.Name == name {
			return contentOf(t, m)
		}
	}
	t.Fatalf("no demo mail %q", name)
	return nil
}

// A checkout that changes line endings would quietly make other messages of these.
func TestMailKeepsItsLineEndings(t *testing.T) {
	for name, want := range map[string]struct{ crlf, lf, cr int }{
		"01-plain-printer.eml":      {crlf: 29},
		"38-mixed-line-endings.eml": {crlf: 15, lf: 10, cr: 3},
		"48-unix-line-feeds.eml":    {lf: 13},
	} {
		b := byName(t, name)
		crlf := bytes.Count(b, []byte("\r\n"))
		lf := bytes.Count(b, []byte("\n")) - crlf
		cr := bytes.Count(b, []byte("\r")) - crlf
		if crlf != want.crlf || lf != want.lf || cr != want.cr {
			t.Errorf("%s: %d CRLF, %d LF, %d CR, want %+v; does git change line endings here?", name, crlf, lf, cr, want)
		}
	}
}

// A thread is one only if every parent named is there.
func TestThreadNamesItsParents(t *testing.T) {
	seen := map[string]bool{}
	answers := 0
	for _, m := range demo.Mail() {
		if !strings.Contains(m.Name, "-thread-") {
			continue
		}
		msg, err := mail.ReadMessage(bytes.NewReader(contentOf(t, m)))
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		parents := strings.Fields(msg.Header.Get("References"))
		if len(parents) > 0 {
			answers++
			if last := parents[len(parents)-1]; msg.Header.Get("In-Reply-To") != last {
				t.Errorf("%s: In-Reply-To %q, last of References %q", m.Name, msg.Header.Get("In-Reply-To"), last)
			}
		}
		for _, p := range parents {
			if !seen[p] {
				t.Errorf("%s: parent %s was not sent before", m.Name, p)
			}
		}
		seen[msg.Header.Get("Message-ID")] = true
	}
	if len(seen) != 9 || answers != 8 {
		t.Errorf("%d messages, %d of them answers; want 9 and 8", len(seen), answers)
	}
}

func TestLargeMessageIsTheSameEachTimeAndWellFormed(t *testing.T) {
	first, second := byName(t, "49-large-log.eml"), byName(t, "49-large-log.eml")
	if sha256.Sum256(first) != sha256.Sum256(second) {
		t.Fatal("two calls made different bytes")
	}
	if n := len(first); n < 29_900_000 || n > 30_100_000 {
		t.Errorf("%d bytes, want about 30 MB", n)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, "large-49")
	if _, err := parts.NextPart(); err != nil {
		t.Fatal(err)
	}
	p, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, p))
	if err != nil || n != 21_900_000 {
		t.Errorf("attachment: %d bytes, %v; want 21900000", n, err)
	}
}

func TestDirTakesEveryRegularFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"b.eml": "B", "a": "A", ".hidden": "H", "sub/deep/c.png": "C", "empty": "",
	} {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "no files here"), 0o700); err != nil {
		t.Fatal(err)
	}
	mail, err := demo.Dir(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range mail {
		got[filepath.ToSlash(m.Name)] = string(contentOf(t, m))
	}
	want := map[string]string{".hidden": "H", "a": "A", "b.eml": "B", "empty": "", "sub/deep/c.png": "C"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A link counts as the file it leads to; one that leads nowhere stops nothing.
func TestDirSkipsBrokenLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("A"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"dangling": "nowhere", "loop": "loop", "link": "a"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var names, skipped []string
	mail, err := demo.Dir(dir, func(name string) { skipped = append(skipped, filepath.Base(name)) })
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mail {
		names = append(names, m.Name)
	}
	if diff := cmp.Diff([][]string{{"a", "link"}, {"dangling", "loop"}}, [][]string{names, skipped}); diff != "" {
		t.Error(diff)
	}
}

func TestDirRefusesWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.eml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + ".missing"} {
		if mail, err := demo.Dir(path, nil); err == nil {
			t.Errorf("Dir(%q): %d messages and no error", path, len(mail))
		}
	}
}

// The package documentation says what each message is there for.
func TestDocNamesEachMessage(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range demo.Mail() {
		name := strings.Replace(strings.TrimSuffix(m.Name, ".eml"), "-", " ", 1)
		if !strings.Contains(m.Name, "-thread-") && !strings.Contains(string(doc), "\t"+name+" ") {
			t.Errorf("doc.go does not name %q", name)
		}
	}
}
