package ews_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// aroundAnswers are what the operations around mail answer, for the fuzzer to begin with: golden answers, and the official samples where
// they are there.
func aroundAnswers() (xml []string) {
	for _, g := range []goldenRequests{goldenAround, goldenOffice} {
		for op, content := range g.answers {
			if !strings.HasPrefix(content, "<m:"+op+"Response>") {
				content = "<m:" + op + `Response><m:ResponseMessages><m:X ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + content + "</m:X></m:ResponseMessages></m:" + op + "Response>"
			}
			xml = append(xml, envelope(content))
		}
	}
	for _, pattern := range []string{"*Rules", "*UserConfiguration", "FindPeople", "GetPersona", "*Delegate", "GetServiceConfiguration", "GetUserAvailability", "GetRoom*", "GetUserPhoto", "GetItem", "FindItem"} {
		files, _ := filepath.Glob(filepath.Join("..", "..", "shared", "samples", pattern+"-*.response.xml"))
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil {
				xml = append(xml, string(b))
			}
		}
	}
	slices.Sort(xml)
	return xml
}

// FuzzAround: no answer to any operation around mail panics, hangs, or makes an error that is not one line; which operation is asked is part of
// what is tried.
func FuzzAround(f *testing.F) {
	calls := slices.Concat(matrixAround, matrixOffice)
	answers := aroundAnswers()
	fuzzCalls(f, calls, answers)
}
