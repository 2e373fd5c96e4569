package ews_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// fuzzCalls gives calls any answer: none panics, hangs, or makes an error that is not one line. The answers are where it begins.
func fuzzCalls(f *testing.F, calls []matrixOperation, answers []string) {
	for i, xml := range answers {
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
