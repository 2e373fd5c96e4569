package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// figures are what a run of the benchmarks printed.
type figures struct {
	head       map[string]string             // goos, goarch, cpu ...
	values     map[string]map[string]float64 // by benchmark ("List10000/ews"), then by unit ("cpu-s/op")
	procs      string                        // GOMAXPROCS, the suffix of the names
	conditions string
}

// read takes the output of go test -bench. Of a benchmark that ran several times (-count) the last counts.
func read(r io.Reader) (*figures, error) {
	f := &figures{head: map[string]string{}, values: map[string]map[string]float64{}, procs: "1"}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "panic:") {
			return nil, fmt.Errorf("the benchmarks failed: %s", line)
		}
		if key, value, ok := strings.Cut(line, ": "); ok && (key == "goos" || key == "goarch" || key == "cpu") {
			f.head[key] = value
			continue
		}
		name, ok := strings.CutPrefix(line, "Benchmark")
		fields := strings.Fields(name)
		if !ok || len(fields) < 4 || len(fields)%2 != 0 { // name, rounds, and pairs of value and unit
			continue
		}
		name = fields[0]
		if i := strings.LastIndexByte(name, '-'); i >= 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name, f.procs = name[:i], name[i+1:]
			}
		}
		values := map[string]float64{}
		for i := 2; i < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q is no figure in %q", fields[i], line)
			}
			values[fields[i+1]] = v
		}
		f.values[name] = values
	}
	return f, lines.Err()
}
