package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// One field of the registration switches the demo tenant off: the others are asked for, not made up.
func TestPartOfARegistration(t *testing.T) {
	t.Parallel()
	o := mailfetch(t, map[string]string{"MAILFETCH_CLIENT_ID": demo.ClientID}, "-no-browser")
	for _, name := range []string{"-client-secret: ", "-auth-url: ", "-token-url: ", "-endpoint: "} {
		if !strings.Contains(o.stderr, name) {
			t.Errorf("%s is not asked for:\n%s", name, o.stderr)
		}
	}
	if o.status != 2 || o.stdout != "" || strings.Contains(o.stderr, "-client-id: ") {
		t.Errorf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"-help"}, 0, "-client-secret"},
		{[]string{"-nonsense"}, 2, "flag provided but not defined: -nonsense; mailfetch -help lists all flags"},
		{[]string{"-limit", "x"}, 2, "invalid value"},
		{[]string{"-limit", "-1"}, 2, "-limit: -1 is negative"},
		{[]string{"folder"}, 2, `"folder": only flags are expected`},
		{[]string{"-demo-fault", "nonsense"}, 2, "one of gone, "},
		{[]string{"-mail", "/does/not/exist"}, 2, "give a folder"},
		{[]string{"-mail", "main.go"}, 2, "-mail: "},
		{[]string{"-demo-token-lifetime", "0s"}, 2, "-demo-token-lifetime: "},
	} {
		o := mailfetch(t, nil, tt.args...)
		if o.status != tt.status || !strings.Contains(o.stderr, tt.want) {
			t.Errorf("%v: status %d, want %d and %q\n%s", tt.args, o.status, tt.status, tt.want, o.stderr)
		}
	}
}

func TestFolderCannotBeWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := mailfetch(t, nil, "-json", "-out", file)
	if o.status != 2 || len(o.report.Errors) != 1 || !strings.HasPrefix(o.report.Errors[0], "-out: ") || !strings.Contains(o.report.Errors[0], "name a folder") {
		t.Errorf("status %d, errors %q", o.status, o.report.Errors)
	}
	if o.report.SignIns != 0 {
		t.Error("somebody had to sign in first")
	}
}

// A program that reads -json gets one document with the same members, however little came of the run.
func TestJSONOnFailure(t *testing.T) {
	t.Parallel()
	members := func(o outcome) (names []string) {
		var document map[string]any
		if err := json.Unmarshal([]byte(o.stdout), &document); err != nil {
			t.Fatalf("%v\n%s", err, o.stdout)
		}
		return slices.Sorted(maps.Keys(document))
	}
	want := members(mailfetch(t, nil, "-json", "-mail", t.TempDir(), "-out", t.TempDir()).mustSucceed(t))
	for _, args := range [][]string{
		{"-nonsense", "-json"}, {"-limit", "x", "--json=true"}, {"folder", "-json"}, {"-json", "-mail", "/does/not/exist"},
		{"-json", "-demo-fault", "blocked", "-mail", t.TempDir(), "-out", t.TempDir()},
	} {
		o := mailfetch(t, nil, args...)
		if diff := cmp.Diff(want, members(o)); diff != "" || o.status == 0 || o.report.OK || len(o.report.Errors) != 1 {
			t.Errorf("%v: status %d, errors %q\n%s", args, o.status, o.report.Errors, diff)
		}
	}
	if o := mailfetch(t, nil, "-nonsense", "--", "-json"); o.stdout != "" {
		t.Errorf("JSON that was not asked for: %s", o.stdout)
	}
}
