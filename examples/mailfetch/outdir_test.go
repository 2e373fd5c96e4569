package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree is every file below dir with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func saveAll(t *testing.T, dir string, files ...[2]string) {
	t.Helper()
	out, err := openOut(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := out.save(f[0], strings.NewReader(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.sync(); err != nil {
		t.Error(err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
}

func TestSaveNeverReplacesAFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "out")
	saveAll(t, dir, [2]string{"m/1.eml", "first"}, [2]string{"m/1.eml", "second"}, [2]string{"m/1.eml", "first"})
	saveAll(t, dir, [2]string{"m/1.eml", "second"}, [2]string{"m/1.eml", "third"}, [2]string{"m/2", ""})
	want := map[string]string{"m/1.eml": "first", "m/1-2.eml": "second", "m/1-3.eml": "third", "m/2": ""}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// What a killed run left is removed by a later one, but not what a run at the same time is writing.
func TestStaleUnfinishedFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * stale)
	for name, times := range map[string][2]time.Time{ // of the folder, of the file in it
		".unfinished-1": {old, old}, ".unfinished-2": {old, time.Now()}, ".unfinished-3": {time.Now(), old}, ".unfinished-business": {old, old},
	} {
		full := filepath.Join(dir, name)
		if err := os.Mkdir(full, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(full, "1"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chtimes(filepath.Join(full, "1"), old, times[1]), os.Chtimes(full, old, times[0])); err != nil {
			t.Fatal(err)
		}
	}
	saveAll(t, dir)
	want := map[string]string{".unfinished-2/1": "", ".unfinished-3/1": "", ".unfinished-business/1": ""}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// A run that was taken for dead goes on all the same.
func TestSaveAfterItsUnfinishedFolderWasRemoved(t *testing.T) {
	dir := t.TempDir()
	out, err := openOut(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, out.partial)); err != nil {
		t.Fatal(err)
	}
	if _, err := out.save("1.eml", strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]string{"1.eml": "x"}, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestSaveLeavesNothingHalfWritten(t *testing.T) {
	dir := t.TempDir()
	out, err := openOut(dir)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("connection cut")
	_, err = out.save("m/1.eml", io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
	if files := tree(t, dir); len(files) > 0 {
		t.Errorf("left behind before Close: %v", files)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind after Close: %v %v", entries, err)
	}
}
