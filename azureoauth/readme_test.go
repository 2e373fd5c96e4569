package azureoauth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Code that people copy out of README's section of the ways in is code that compiles: each block stands in an example.
func TestReadmeShowsTheseExamples(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for _, name := range []string{"example_test.go", filepath.Join("azcredential", "example_test.go")} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			examples.WriteString(strings.TrimLeft(line, "\t")) // README shows bodies without the function around them
		}
	}
	_, section, found := strings.Cut(string(readme), "\n## Ways in\n")
	if !found {
		t.Fatal("no section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```go\n")[1:]
	if len(blocks) < 8 {
		t.Errorf("%d blocks, want one for each way in", len(blocks))
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		var flat strings.Builder
		for line := range strings.Lines(code) {
			flat.WriteString(strings.TrimLeft(line, "\t"))
		}
		if !strings.Contains(examples.String(), "\n"+flat.String()) {
			t.Errorf("this block is in no example:\n%s", code)
		}
	}
}
