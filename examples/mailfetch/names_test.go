package main

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"report.pdf":                         "report.pdf",
		"Bildschirmfoto März.png":            "Bildschirmfoto März.png",
		"截图.png":                             "截图.png",
		"../../etc/passwd":                   "_.._etc_passwd",
		`..\..\windows\system32\con.txt`:     `_.._windows_system32_con.txt`,
		"":                                   "unnamed",
		"...":                                "unnamed",
		"///":                                "unnamed",
		".bashrc":                            "bashrc",
		"con":                                "_con",
		"NUL.tar.gz":                         "_NUL.tar.gz",
		"com1 .txt":                          "_com1 .txt",
		"console.txt":                        "console.txt",
		"a\x00b\nc\x1bd.txt":                 "a_b_c_d.txt",
		"invoice\u202efdp.exe":               "invoicefdp.exe",
		"trailing. . ":                       "trailing",
		"file.txt:stream":                    "file.txt_stream",
		"bad\xffutf8.txt":                    "bad_utf8.txt",
		strings.Repeat("ä", 200) + ".pdf":    strings.Repeat("ä", 58) + ".pdf",
		"x." + strings.Repeat("longext", 40): "x." + strings.Repeat("longext", 16) + "longex",
	} {
		if got := safeName(in); got != want {
			t.Errorf("safeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"Re: Printer in the back office!": "re-printer-in-the-back-office",
		"":                                "no-subject",
		"!!! ???":                         "no-subject",
		"Störung: Drucker läuft heiß":     "störung-drucker-läuft-heiß",
		"共有フォルダに接続できません": "共有フォルダに接続できません",
		"a\x00../b":              "a-b",
		strings.Repeat("ж", 100): strings.Repeat("ж", 30),
	} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "CON", "\u202e", "\xff", strings.Repeat("é", 300), "lpt¹.x", " . "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for kind, name := range map[string]string{"safeName": safeName(in), "slug": "0001-" + slug(in)} {
			stem, _, _ := strings.Cut(name, ".")
			switch {
			case name == "" || len(name) > maxName+1:
				t.Errorf("%s(%q) is %d bytes", kind, in, len(name))
			case !utf8.ValidString(name) || !filepath.IsLocal(name):
				t.Errorf("%s(%q) = %q is no local name", kind, in, name)
			case strings.ContainsAny(name, `/\:*?"<>|`) || strings.ContainsFunc(name, unicode.IsControl):
				t.Errorf("%s(%q) = %q has a forbidden character", kind, in, name)
			case strings.HasPrefix(name, ".") || strings.TrimRight(name, ". ") != name:
				t.Errorf("%s(%q) = %q begins or ends badly", kind, in, name)
			case kind == "safeName" && reserved[strings.ToUpper(stem)]:
				t.Errorf("%s(%q) = %q is a device on Windows", kind, in, name)
			}
		}
	})
}
