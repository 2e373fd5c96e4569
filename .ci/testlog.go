//go:build ignore

// Testlog reads the output of go test -json: it prints a line per package, the whole output of what failed, and every
// test that skipped. Its status is 1 when anything failed or skipped, or when no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

type event struct {
	Action, Package, Test, Output, ImportPath string
}

func main() {
	type name struct{ pkg, test string }
	output := map[name][]string{}
	var passed, failed int
	var skips []string
	bad := false

	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			fmt.Println(in.Text()) // not from a test: go's own words
			bad = true
			continue
		}
		n := name{e.Package, e.Test}
		switch e.Action {
		case "output":
			output[n] = append(output[n], e.Output)
			if e.Test == "" && (strings.HasPrefix(e.Output, "ok ") || strings.HasPrefix(e.Output, "FAIL\t")) {
				fmt.Print(e.Output)
			}
		case "build-output":
			fmt.Print(e.Output)
		case "build-fail":
			bad = true
		case "fail":
			bad = true
			if e.Test != "" {
				failed++
			}
			for _, l := range output[n] {
				if e.Test != "" || !strings.HasPrefix(l, "FAIL") { // the package's line has been printed
					fmt.Print(l)
				}
			}
			delete(output, n)
		case "pass":
			if e.Test != "" {
				passed++
			}
			delete(output, n)
		case "skip":
			if e.Test != "" { // a package without test files "skips" too
				why := strings.Join(strings.Fields(strings.Join(output[n], " ")), " ")
				skips = append(skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, why))
			}
			delete(output, n)
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		bad = true
	}
	sort.Strings(skips)
	for _, s := range skips {
		fmt.Println("SKIPPED", s)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, len(skips))
	bad = bad || len(skips) > 0 || passed == 0
	if bad {
		os.Exit(1)
	}
}
