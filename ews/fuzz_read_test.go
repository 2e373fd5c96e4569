package ews_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readAnswers are what the operations that read, find, synchronize and keep folders answer, for the fuzzer to begin with: golden answers, and
// the official samples where they are there.
func readAnswers(calls []matrixOperation) (xml []string) {
	for _, g := range golden {
		for op, content := range g.answers {
			if !slices.ContainsFunc(calls, func(o matrixOperation) bool { return o.op == op }) {
				continue
			}
			if !strings.HasPrefix(content, "<m:"+op+"Response>") {
				content = "<m:" + op + `Response><m:ResponseMessages><m:X ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + content + "</m:X></m:ResponseMessages></m:" + op + "Response>"
			}
			xml = append(xml, envelope(content))
		}
	}
	files, _ := filepath.Glob(filepath.Join("..", "..", "shared", "samples", "*.response.xml"))
	for _, file := range files {
		op, _, _ := strings.Cut(filepath.Base(file), "-")
		if b, err := os.ReadFile(file); err == nil && slices.ContainsFunc(calls, func(o matrixOperation) bool { return o.op == op }) {
			xml = append(xml, string(b))
		}
	}
	slices.Sort(xml)
	return xml
}

// FuzzRead: no answer to an operation that finds or reads messages, keeps folders, or tells what is new panics, hangs, or makes an error that is
// not one line; which operation is asked is part of what is tried.
func FuzzRead(f *testing.F) {
	calls := slices.Concat(matrixMail, matrixRead, matrixPlace, matrixFolders)
	fuzzCalls(f, calls, readAnswers(calls))
}
