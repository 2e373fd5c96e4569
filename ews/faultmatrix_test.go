package ews_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
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
	operations := slices.Concat(
		matrixMail,
		matrixRead,
		matrixChange,
		matrixPlace,
		matrixAround,
		matrixOffice,
	)
	ok := func(op string) string {
		return envelope("<m:" + op + "Response><m:ResponseMessages><m:" + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
			"</m:" + op + "ResponseMessage></m:ResponseMessages></m:" + op + "Response>")
	}
	failed := func(op, code, xml string) string {
		return envelope("<m:" + op + "Response><m:ResponseMessages><m:" + op + `ResponseMessage ResponseClass="Error"><m:MessageText>text</m:MessageText><m:ResponseCode>` + code +
			"</m:ResponseCode>" + xml + "</m:" + op + "ResponseMessage></m:ResponseMessages></m:" + op + "Response>")
	}
	faults := []struct {
		name     string
		answer   func(op string) answer
		kind     error
		requests int  // when the operation may be repeated, of at most 3
		refused  bool // Exchange cannot have acted: repeated even when it must not happen twice
		open     bool // when it must not happen twice: MaybeApplied
	}{
		{"busy fault", func(string) answer { return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "100"))) }, ews.ErrThrottled, 3, true, false},
		{"busy inside", func(op string) answer {
			return reply(200, failed(op, "ErrorServerBusy", value("BackOffMilliseconds", "100")))
		}, ews.ErrThrottled, 3, true, false},
		{"internal error", func(op string) answer { return reply(200, failed(op, "ErrorInternalServerError", "")) }, ews.ErrUnavailable, 0, false, true},
		{"500", func(string) answer { return reply(500, "<html/>") }, ews.ErrUnavailable, 3, false, true},
		{"503", func(string) answer { return reply(503, "") }, ews.ErrUnavailable, 3, false, true},
		{"cut", func(op string) answer { s := ok(op); return reply(200, s[:len(s)-30]) }, ews.ErrUnavailable, 3, false, true},
		{"empty", func(string) answer { return reply(200, "") }, ews.ErrUnavailable, 3, false, true},
		{"slow", func(string) answer {
			return func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		}, ews.ErrUnavailable, 3, false, true},
		{"401", func(string) answer { return reply(401, "") }, ews.ErrUnauthorized, 2, true, false},
		{"403", func(string) answer { return reply(403, "") }, ews.ErrEWSBlocked, 1, true, false},
		{"wrong type", func(string) answer { return reply(200, envelope("<m:GetServerTimeZonesResponse/>")) }, ews.ErrBadResponse, 1, false, true},
		{"no XML", func(string) answer { return reply(200, "XXX") }, ews.ErrEndpoint, 1, false, true},
		{"web page", func(string) answer { return reply(200, "<!DOCTYPE html><title>Sign in</title>") }, ews.ErrEndpoint, 1, false, true},
		{"huge", func(op string) answer {
			return func(r *http.Request) (*http.Response, error) {
				resp, _ := reply(200, "")(r)
				resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(envelope("")[:300]), spaces{}))
				return resp, nil
			}
		}, ews.ErrTooLarge, 1, false, true},
		{"access denied", func(op string) answer { return reply(200, failed(op, "ErrorAccessDenied", "")) }, ews.ErrDenied, 1, true, false},
		{"not found", func(op string) answer { return reply(200, failed(op, "ErrorItemNotFound", "")) }, ews.ErrNotFound, 1, true, false},
		{"schema", func(string) answer { return reply(500, fault("ErrorSchemaValidation", "")) }, ews.ErrInvalidRequest, 1, true, false},
	}
	for _, op := range operations {
		for _, f := range faults {
			t.Run(op.name+"/"+f.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rt := &script{answers: []answer{f.answer(op.op)}}
					c := newClient(t, rt, func(c *ews.Config) {
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
