// Command benchtable makes the README's tables of what the package's benchmarks printed:
//
//	go test -run '^$' -bench . -benchtime 5x ./ews | go run ./ews/internal/benchtable            # to standard output
//	go test -run '^$' -bench . -benchtime 5x ./ews | go run ./ews/internal/benchtable README.md  # into the file, between its marks
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	before := load()
	figures, err := read(in)
	if err != nil {
		return err
	}
	figures.conditions = conditions(figures, runtime.Version(), before, load())
	var text bytes.Buffer
	if err := figures.write(&text); err != nil {
		return err
	}
	if len(args) == 0 {
		_, err := out.Write(text.Bytes())
		return err
	}
	return replace(args[0], text.String())
}

// load is the machine's load average over a minute; "" where there is no such file.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

func conditions(f *figures, version, before, after string) string {
	s := fmt.Sprintf("%s, %s/%s, %s, %s processors", strings.Replace(version, "go", "Go ", 1), f.head["goos"], f.head["goarch"], f.head["cpu"], f.procs)
	if before != "" && after != "" {
		s += fmt.Sprintf("; load average %s when the run began, %s when it ended (1 or 2 is the run itself)", before, after)
	}
	return s + "."
}

// The marks between which the tables stand in a file.
const (
	begin = "<!-- benchtable: begin -->\n"
	end   = "<!-- benchtable: end -->\n"
)

func replace(name, text string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return errors.New(name + " lacks the two lines that the tables stand between: " + strings.TrimSpace(begin) + " and " + strings.TrimSpace(end))
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(head+begin+text+end+tail), info.Mode())
}
