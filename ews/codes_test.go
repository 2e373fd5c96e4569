package ews_test

import (
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// TestCodes: every response code of the published table has the class it says.
func TestCodes(t *testing.T) {
	n := 0
	for l := range strings.Lines(readFile(t, shared(t, "facts", "response-codes.tsv"))) {
		col := strings.Split(l, "\t")
		if col[0] == "code" {
			continue
		}
		n++
		if got := ews.ClassOf(col[0]).String(); got != col[1] {
			t.Errorf("%s is %s, want %s", col[0], got, col[1])
		}
	}
	if n != 529 {
		t.Errorf("%d codes", n)
	}
	if c := ews.ClassOf("ErrorFromTheFuture"); c != ews.ClassNone {
		t.Errorf("an unknown code is %v", c)
	}
}
