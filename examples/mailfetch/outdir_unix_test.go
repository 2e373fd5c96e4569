//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSaveStaysInItsFolder(t *testing.T) {
	dir := t.TempDir()
	out, err := openOut(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := os.Symlink(dir, filepath.Join(dir, "out", "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../escaped", "link/escaped", "/escaped"} {
		if _, err := out.save(name, strings.NewReader("x")); err == nil {
			t.Errorf("save(%q) succeeded", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "escaped")); err == nil {
		t.Error("a file was written outside the folder")
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	saveAll(t, dir, [2]string{"m/1.eml", "x"})
	for path, want := range map[string]fs.FileMode{"": 0o700, "m": 0o700, "m/1.eml": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%q has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}
