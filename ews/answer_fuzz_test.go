package ews_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// FuzzAnswer: no answer of any status panics, hangs, or makes an error that is not one line; what is reported as a success was
// a complete envelope.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(messages(okMessage("<m:Items><t:Subject>Hi</t:Subject></m:Items>"), errMessage("ErrorServerBusy", value("BackOffMilliseconds", "5")))))
	f.Add(200, []byte(fault("ErrorServerBusy", value("BackOffMilliseconds", "1e3"))))
	f.Add(500, []byte(fault("ErrorSchemaValidation", "<m:MessageXml><t:LineNumber>2</t:LineNumber><t:Violation>x</t:Violation></m:MessageXml>")))
	f.Add(200, []byte(envelope(`<m:GetItemResponse ResponseClass="Error"><m:MessageText>x</m:MessageText><m:ResponseCode>ErrorItemNotFound</m:ResponseCode></m:GetItemResponse>`)))
	f.Add(401, []byte("The referenced account is currently locked out"))
	f.Add(302, []byte(""))
	f.Add(200, []byte("<!DOCTYPE html><html><title>Sign in</title>"))
	f.Add(200, []byte("<html\xff><title>\xff\xffA</title>"))
	var rt script
	c := newClient(f, &rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1, MaxWait: -1} })
	account := 0
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 999 {
			return
		}
		rt.answers = []answer{reply(status, string(body))}
		rt.reqs, rt.bodies = nil, nil
		account++
		m := c.Impersonate(fmt.Sprintf("a%d@example.com", account)) // a back-off would hold up the next round
		for _, call := range []*ews.Call{getItem(nil), {Op: "GetItem", Once: true, Read: func(s *wire.Scanner) error { return ews.ReadBatch(s, 3, nil) }}} {
			err := m.DoCall(t.Context(), call)
			if err == nil {
				if status != 200 || !bytes.Contains(body, []byte("Envelope")) {
					t.Fatalf("%d %q is a success", status, body)
				}
				continue
			}
			if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 4000 || !strings.HasPrefix(s, "ews: GetItem") {
				t.Fatalf("%q", s)
			}
			var b *ews.BatchError
			var e *ews.Error
			if !errors.As(err, &b) && !errors.As(err, &e) {
				t.Fatalf("%T", err)
			}
			if d, _ := ews.RetryAfter(err); d < 0 || d > time.Hour {
				t.Fatalf("RetryAfter %v", d)
			}
		}
	})
}
