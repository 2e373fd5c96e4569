package main

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a file's name in bytes. Most file systems allow 255; what is left is for numbers and for the folders above,
// because Windows counts the whole path (260).
const (
	maxSlug = 60
	maxName = 120
)

// slug makes the readable part of a message's file name from its subject: letters and digits of any script, everything
// else a single hyphen.
func slug(subject string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(subject) {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N) || r == utf8.RuneError {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(r)
	}
	if s := strings.TrimRight(cut(b.String(), maxSlug), "-"); s != "" {
		return s
	}
	return "no-subject"
}

// safeName makes a stranger's file name into one that every file system takes, that stays in its folder and that shows
// as what it is: the name of an attachment is input, not a path.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?"<>|`, r), r == utf8.RuneError:
			return '_'
		case unicode.Is(unicode.Cc, r):
			return '_'
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1 // invisible: a right-to-left override makes "gpj.exe" out of "exe.jpg"
		}
		return r
	}, strings.ToValidUTF8(name, "_"))

	name = strings.Trim(name, " ")
	name = strings.TrimRight(name, ". ") // Windows drops these silently
	name = strings.TrimLeft(name, ".")   // nobody expects a hidden file
	if strings.Trim(name, "_") == "" {
		return "unnamed"
	}

	if ext := filepath.Ext(name); len(name) > maxName {
		if len(ext) > 20 {
			ext = ""
		}
		name = strings.TrimRight(cut(strings.TrimSuffix(name, ext), maxName-len(ext)), ". ") + ext
	}
	if stem, _, _ := strings.Cut(name, "."); reserved[strings.ToUpper(strings.TrimRight(stem, " "))] {
		name = "_" + name
	}
	return name
}

// reserved names are devices on Windows, with any extension.
var reserved = func() map[string]bool {
	m := map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true, "CONIN$": true, "CONOUT$": true}
	for _, port := range []string{"COM", "LPT"} {
		for _, n := range "0123456789¹²³" {
			m[port+string(n)] = true
		}
	}
	return m
}()

// cut shortens s to at most n bytes without halving a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// oneLine makes text from a message fit for a terminal and a log: no line ends, no escape sequences, nothing invisible.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return cut(strings.Join(strings.Fields(s), " "), 200)
}

// title is a message's subject for a person.
func title(subject string) string {
	if s := oneLine(subject); s != "" {
		return s
	}
	return "(no subject)"
}

// emlName is the file name of an attached message: Exchange names it by its subject.
func emlName(name string) string {
	if strings.EqualFold(filepath.Ext(name), ".eml") {
		return name
	}
	return strings.TrimRight(cut(name, maxName-len(".eml")), ". ") + ".eml"
}
