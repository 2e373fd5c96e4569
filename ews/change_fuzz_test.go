package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// twoAttachments is what the fault matrix has no row for, since what one answer does not give is asked for again one by one.
var twoAttachments = matrixOperation{"Attachments, two", "GetAttachment", false, func(ctx context.Context, m *ews.Mailbox) error {
	for c, err := range m.Attachments(ctx, ews.AttachmentID{ID: "A1"}, ews.AttachmentID{ID: "A2"}) {
		if err == nil {
			_, err = io.Copy(io.Discard, c.Content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}}

// FuzzChange: no answer to an operation that changes messages or moves attachments panics, hangs, or makes an error that is not one line; which
// operation is asked is part of what is tried.
func FuzzChange(f *testing.F) {
	calls := append(slices.Clone(matrixChange), twoAttachments)
	calls = slices.DeleteFunc(calls, func(o matrixOperation) bool { return o.name == "SendDraft" }) // waits for its look-ups
	var answers []string
	for op, content := range goldenChange.answers {
		answers = append(answers, envelope("<m:"+op+`Response><m:ResponseMessages><m:X ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+content+"</m:X></m:ResponseMessages></m:"+op+"Response>"))
	}
	for _, pattern := range []string{"MarkA*", "ArchiveItem", "UpdateItem", "*Attachment"} {
		files, _ := filepath.Glob(filepath.Join("..", "..", "shared", "samples", pattern+"-*.response.xml"))
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil {
				answers = append(answers, string(b))
			}
		}
	}
	slices.Sort(answers)
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
