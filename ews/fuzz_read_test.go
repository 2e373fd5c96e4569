package ews_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
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
	for i, xml := range readAnswers(calls) {
		for at, op := range calls {
			if strings.Contains(xml, op.op+"Response") || i == 0 {
				f.Add(uint8(at), []byte(xml))
			}
		}
	}
	var rt script
	c := newClient(f, &rt, func(c *ews.Config) {
		c.Retry = &ews.RetryPolicy{MaxAttempts: 1, MaxWait: -1}
		c.Limits = &ews.Limits{ResponseBytes: 1 << 20}
	})
	account := 0
	f.Fuzz(func(t *testing.T, at uint8, body []byte) {
		op := calls[int(at)%len(calls)]
		rt.answers = []answer{reply(200, string(body))}
		rt.reqs, rt.bodies = nil, nil
		account++
		m := c.Impersonate(fmt.Sprintf("a%d@example.com", account)) // a back-off would hold up the next round
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := op.call(ctx, m)
		if ctx.Err() != nil {
			t.Fatalf("%s goes on and on: %d requests", op.name, rt.count())
		}
		if err == nil {
			return
		}
		if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 8000 || !strings.HasPrefix(s, "ews: ") {
			t.Fatalf("%s: %q", op.name, s)
		}
		var b *ews.BatchError
		var e *ews.Error
		if !errors.As(err, &b) && !errors.As(err, &e) {
			t.Fatalf("%s: %T", op.name, err)
		}
	})
}
