package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// printed is what go test prints when all of the benchmarks run.
func printed() string {
	var b strings.Builder
	b.WriteString("goos: linux\ngoarch: amd64\npkg: example\ncpu: Some CPU\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "Benchmark%s/drain-2 \t 9\t 100 ns/op\t 5.5 MB/s\t 0.01234 cpu-s/op\t 10 B/op\t 1 allocs/op\n", r.benchmark)
		fmt.Fprintf(&b, "Benchmark%s/drain+base64-2 \t 9\t 100 ns/op\t 5.5 MB/s\t 0.02 cpu-s/op\t 1.5 x-drain\n", r.benchmark)
		fmt.Fprintf(&b, "Benchmark%s/io.Copy-2 \t 9\t 100 ns/op\t 0.0234 cpu-s/op\t 1.9 x-drain\n", r.benchmark)
		fmt.Fprintf(&b, "Benchmark%s/ews-2 \t 9\t 100 ns/op\t 0.0456 cpu-s/op\t 3.75 x-drain\t 1.95 x-io.Copy\t 0.444 x-drain+base64\t 1234567 B/op\t 12345 allocs/op\n", r.benchmark)
		fmt.Fprintf(&b, "Benchmark%s/encodingxml-2 \t 9\t 100 ns/op\t 12.34 cpu-s/op\t 99 x-drain\n", r.benchmark)
	}
	for i, p := range peaks {
		fmt.Fprintf(&b, "Benchmark%s-2 \t 3\t 100 ns/op\t %d.5 peak-RSS-MB\nBenchmark%s-2 \t 3\t 100 ns/op\t %d.2 peak-RSS-MB\n", p.large, 9+i, p.small, 9+i)
	}
	b.WriteString("BenchmarkBodies1000Latency20ms/ews-2 \t 9\t 93000000 ns/op\t 0.1 cpu-s/op\nBenchmarkBodies1000Latency20ms/ews-listed-2 \t 9\t 118000000 ns/op\t 0.1 cpu-s/op\n")
	b.WriteString("BenchmarkUnknown-2 \t 9\t 1 ns/op\nPASS\nok  \texample\t1.2s\n")
	return b.String()
}

func TestTables(t *testing.T) {
	var out strings.Builder
	if err := run(nil, strings.NewReader(printed()), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| list 10,000 messages | 0.012 | 0.023 | - | **0.046** | 1.95 (8); to drain 3.75 | 12 | 12,345 | 0.83-0.87 | 12 | 3.5 | 4.4 |\n",
		"| attachment of 25 MB | 0.012 | - | 0.020 | **0.046** | 0.444 (1) | 12 | 12,345 | 1.1 | 0.143 | 0.8 | 0.5 |\n",
		"| attachment of 150 MB, sent | 0.012 | - | 0.020 | **0.046** | 0.444 | 12 | 12,345 | - | - | - | - |\n",
		"1,000 bodies by their ids, a server that answers after 20 ms (wall) | 0.093 s | 0.15 |\n",
		"| peak memory of a program: list 200,000 messages | 11.5 MB | 24 |\n| its growth, from a tenth of it | 0.3 MB | 1 |\n",
		"linux/amd64, Some CPU, 2 processors",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// Half a run must not look like a whole one.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"nothing":       {"", "List10000/drain"},
		"one row less":  {strings.Replace(printed(), "BenchmarkSync10000/ews", "BenchmarkOther/ews", 1), "of Sync10000/ews:"},
		"a failure":     {printed() + "--- FAIL: BenchmarkX\n", "failed"},
		"a ratio less":  {strings.ReplaceAll(printed(), " x-drain+base64", " x-other"), "MIME1000x100kB/ews"},
		"no such digit": {strings.Replace(printed(), "0.01234", "0.0.1", 1), "no figure"},
	} {
		var out strings.Builder
		err := run(nil, strings.NewReader(c.in), &out)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written; want an error with %q and nothing", name, err, out.Len(), c.want)
		}
	}
}

func TestIntoFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(s), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + begin + "old\n" + end + "after\n")
	if err := run([]string{name}, strings.NewReader(printed()), nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := string(got)
	if !strings.HasPrefix(s, "before\n"+begin+"| work") || !strings.HasSuffix(s, "\n"+end+"after\n") || strings.Contains(s, "old") {
		t.Errorf("the file is now\n%s", s)
	}
	for _, without := range []string{"no marks\n", begin + "no end\n"} {
		write(without)
		if err := run([]string{name}, strings.NewReader(printed()), nil); err == nil {
			t.Errorf("%q has no place for the tables, but there was no error", without)
		}
		if got, _ := os.ReadFile(name); string(got) != without {
			t.Errorf("%q was changed to %q", without, got)
		}
	}
}
