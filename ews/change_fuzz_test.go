package ews_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

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
	fuzzCalls(f, calls, answers)
}
