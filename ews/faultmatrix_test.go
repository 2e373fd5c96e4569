package ews_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ewsmail/ewsmail/ews"
)

// matrixOperation is a call that the fault matrix makes.
type matrixOperation struct {
	name string
	op   string
	once bool // the first request must not be made twice
	call func(ctx context.Context, m *ews.Mailbox) error
}

var matrixItem = ews.ItemID{ID: "I1", ChangeKey: "C1"}

// matrixMail are the operations on messages and folders; other kinds stand beside their tests.
var matrixMail = []matrixOperation{
	{"Messages", "FindItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		for _, err := range m.Messages(ctx, ews.Inbox, nil) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"Message", "GetItem", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Message(ctx, matrixItem, nil); return err }},
	{"MIME", "GetItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		r, err := m.MIME(ctx, matrixItem)
		if err == nil {
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
		}
		return err
	}},
	{"Attachment", "GetAttachment", false, func(ctx context.Context, m *ews.Mailbox) error {
		r, err := m.Attachment(ctx, ews.AttachmentID{ID: "A1"})
		if err == nil {
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
		}
		return err
	}},
	{"SetRead", "UpdateItem", false, func(ctx context.Context, m *ews.Mailbox) error { return m.SetRead(ctx, true, matrixItem) }},
	{"Move", "MoveItem", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Move(ctx, ews.DeletedItems, matrixItem)
		return err
	}},
	{"Copy", "CopyItem", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Copy(ctx, ews.DeletedItems, matrixItem)
		return err
	}},
	{"Delete", "DeleteItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.Delete(ctx, ews.HardDelete, matrixItem)
	}},
	{"Folder", "GetFolder", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Folder(ctx, ews.Inbox); return err }},
	{"FindFolder", "FindFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.FindFolder(ctx, ews.Inbox, "Processed")
		return err
	}},
	{"Do", "GetUserPhoto", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.Do(ctx, ews.Raw{Op: "GetUserPhoto", XML: "<m:GetUserPhoto/>"}, nil)
	}},
	{"Do once", "GetUserPhoto", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.Do(ctx, ews.Raw{Op: "GetUserPhoto", XML: "<m:GetUserPhoto/>", Once: true}, nil)
	}},
}

// TestFaultMatrix: each operation against each way to fail, which lasts: the error's kind, whether the request was repeated,
// and whether a send is reported as possibly made.
func TestFaultMatrix(t *testing.T) {
	for _, op := range matrixOperations() {
		for _, f := range matrixFaults {
			t.Run(op.name+"/"+f.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rt := &script{answers: []answer{f.answer(op.op)}}
					c := newClient(t, matrixFirst(op, rt), func(c *ews.Config) {
						c.Retry = &ews.RetryPolicy{MaxAttempts: 3}
						c.Limits = &ews.Limits{ResponseBytes: 1 << 20}
					})
					err := op.call(t.Context(), c.Own())
					if !errors.Is(err, f.kind) {
						t.Fatalf("error %v, want %v", err, f.kind)
					}
					want := f.requests
					if op.once && !f.refused {
						want = 1
					}
					if n := rt.count(); want > 0 && n != want {
						t.Errorf("%d requests, want %d", n, want)
					}
					if maybe := op.once && f.open; ews.MaybeApplied(err) != maybe {
						t.Errorf("MaybeApplied is %v: %v", !maybe, err)
					}
					for _, e := range everyError(err) {
						if e.Op != op.op || e.Mailbox != "help@example.com" || strings.ContainsAny(e.Error(), "\r\n") {
							t.Errorf("%+v", e)
						}
					}
				})
			})
		}
	}
	// One illegal character costs nothing.
	t.Run("illegal XML", func(t *testing.T) {
		rt := &script{answers: []answer{reply(200, messages(okMessage("<m:Items><t:Message><t:ItemId Id='I1'/><t:Subject>a&#x1F;b\x01c</t:Subject></t:Message></m:Items>")))}}
		msg, err := newClient(t, rt, nil).Own().Message(t.Context(), matrixItem, nil)
		if err != nil || msg.Subject != "a\uFFFDb\uFFFDc" {
			t.Errorf("%q, %v", msg.Subject, err)
		}
	})
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// everyError gathers the *ews.Error values that err consists of.
func everyError(err error) []*ews.Error {
	var b *ews.BatchError
	if errors.As(err, &b) {
		var all []*ews.Error
		for _, it := range b.Items {
			all = append(all, it.Err)
		}
		return all
	}
	var e *ews.Error
	if errors.As(err, &e) {
		return []*ews.Error{e}
	}
	return nil
}
