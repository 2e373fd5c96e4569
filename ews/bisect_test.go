package ews_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
)

// spoiled is a server on which single items spoil the answer about all.
type spoiled struct {
	poison  []string // ids
	failure answer
	done    []string // ids that a request which succeeded was about, in order
	n       int      // requests of the operation
	op      string
}

func (s *spoiled) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	op := operation(body)
	var ids []string
	for part := range bytes.SplitSeq(body, []byte(`<t:ItemId Id="`)) {
		if id, _, ok := bytes.Cut(part, []byte(`"`)); ok && bytes.HasPrefix(id, []byte("I")) {
			ids = append(ids, string(id))
		}
	}
	if op == s.op {
		s.n++
		for _, id := range ids {
			if slices.Contains(s.poison, id) {
				return s.failure(r)
			}
		}
		s.done = append(s.done, ids...)
	}
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `<m:%sResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:ItemId Id="%s" ChangeKey="C2"/><t:Subject>%s</t:Subject></t:Message></m:Items></m:%[1]sResponseMessage>`, op, id, id)
	}
	return reply(200, envelope("<m:"+op+"Response><m:ResponseMessages>"+b.String()+"</m:ResponseMessages></m:"+op+"Response>"))(r)
}

// TestPoison: one item for which the server fails the whole batch costs only itself, whatever is done with the batch; what must not be
// done twice is tried again only where Exchange cannot have done it.
func TestPoison(t *testing.T) {
	const n = 10
	ids := make([]ews.ItemID, n)
	for i := range ids {
		ids[i] = ews.ItemID{ID: fmt.Sprintf("I%02d", i), ChangeKey: "C1"}
	}
	operations := []struct {
		op   string
		once bool
		call func(ctx context.Context, m *ews.Mailbox) error
	}{
		{"UpdateItem", false, func(ctx context.Context, m *ews.Mailbox) error { return m.SetRead(ctx, true, ids...) }},
		{"DeleteItem", false, func(ctx context.Context, m *ews.Mailbox) error { return m.Delete(ctx, ews.HardDelete, ids...) }},
		{"MoveItem", true, func(ctx context.Context, m *ews.Mailbox) error {
			_, err := m.Move(ctx, ews.DeletedItems, ids...)
			return err
		}},
		{"CopyItem", true, func(ctx context.Context, m *ews.Mailbox) error {
			_, err := m.Copy(ctx, ews.DeletedItems, ids...)
			return err
		}},
	}
	failures := []struct {
		name   string
		answer answer
		kind   error
		acted  bool // Exchange may have been in the middle of it
	}{
		{"internal error", reply(500, fault("ErrorInternalServerError", "")), ews.ErrUnavailable, true},
		{"unreadable answer", reply(200, envelope("<m:Other/>")), ews.ErrBadResponse, true},
		{"corrupt data", reply(500, fault("ErrorCorruptData", "")), ews.ErrBadItem, true},
		{"schema", reply(500, fault("ErrorSchemaValidation", "")), ews.ErrInvalidRequest, false},
		{"malformed id", reply(500, fault("ErrorInvalidIdMalformed", "")), ews.ErrInvalidRequest, false},
	}
	for _, op := range operations {
		for _, f := range failures {
			for _, poison := range [][]int{{0}, {9}, {4}, {0, 1}, {2, 7}, {3, 4, 5, 8}} {
				t.Run(fmt.Sprint(op.op, "/", f.name, "/", poison), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := &spoiled{op: op.op, failure: f.answer}
						var fine []string
						for i, id := range ids {
							if slices.Contains(poison, i) {
								s.poison = append(s.poison, id.ID)
							} else {
								fine = append(fine, id.ID)
							}
						}
						err := op.call(t.Context(), newClient(t, s, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }).Own())
						if !errors.Is(err, f.kind) {
							t.Fatalf("%v, want %v", err, f.kind)
						}
						if op.once && f.acted {
							if s.n != 1 || len(s.done) > 0 {
								t.Errorf("%d requests, done %q: repeated although Exchange may have acted", s.n, s.done)
							}
							return
						}
						var b *ews.BatchError
						if !errors.As(err, &b) {
							t.Fatalf("%T %v is no BatchError", err, err)
						}
						var failed []int
						for _, it := range b.Items {
							failed = append(failed, it.Index)
							if it.ID != ids[it.Index].ID {
								t.Errorf("item %d has the id %q", it.Index, it.ID)
							}
						}
						if d := cmp.Diff(poison, failed); d != "" {
							t.Errorf("failed (-want +got)\n%s", d)
						}
						slices.Sort(s.done)
						if d := cmp.Diff(fine, s.done); d != "" {
							t.Errorf("done (-want +got)\n%s", d)
						}
						if most := 1 + 2*4*len(poison); s.n > most {
							t.Errorf("%d requests, want at most %d", s.n, most)
						}
					})
				})
			}
		}
	}
}

// TestPoisonInListing: a message that spoils a batch of GetItem is listed with its error, the others with their contents.
func TestPoisonInListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spoiled{op: "GetItem", failure: reply(500, fault("ErrorInternalServerError", "")), poison: []string{"I07"}}
		list := transportFunc(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			if operation(body) != "FindItem" {
				r.Body = io.NopCloser(bytes.NewReader(body))
				return s.RoundTrip(r)
			}
			var b strings.Builder
			for i := range 20 {
				fmt.Fprintf(&b, `<t:Message><t:ItemId Id="I%02d" ChangeKey="C1"/><t:DateTimeReceived>2026-11-23T07:00:%02dZ</t:DateTimeReceived></t:Message>`, i, 59-i)
			}
			return reply(200, envelope(`<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView="20" IncludesLastItemInRange="true"><t:Items>`+
				b.String()+`</t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>`))(r)
		})
		m := newClient(t, list, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 2} }).Own()
		n := 0
		for msg, err := range m.Messages(t.Context(), ews.Inbox, nil) {
			n++
			if poisoned := msg != nil && msg.ID.ID == "I07"; poisoned != (err != nil) {
				t.Errorf("%v, %v", msg, err)
			} else if !poisoned && msg.Subject != msg.ID.ID {
				t.Errorf("%s has the subject %q", msg.ID.ID, msg.Subject)
			}
		}
		if n != 20 {
			t.Errorf("%d messages", n)
		}
	})
}

// TestBadItemsAreNotPoison: items that fail by themselves are no reason to send the others again.
func TestBadItemsAreNotPoison(t *testing.T) {
	for _, code := range []string{"ErrorItemCorrupt", "ErrorInvalidIdMalformed", "ErrorQuotaExceeded"} {
		bad := func(op string) string {
			return strings.ReplaceAll(errMessage(code, ""), "GetItem", op)
		}
		rt := &script{answers: []answer{reply(200, envelope("<m:DeleteItemResponse><m:ResponseMessages>"+strings.ReplaceAll(okMessage(""), "GetItem", "DeleteItem")+bad("DeleteItem")+"</m:ResponseMessages></m:DeleteItemResponse>"))}}
		err := newClient(t, rt, nil).Own().Delete(t.Context(), ews.HardDelete, ews.ItemID{ID: "I1"}, ews.ItemID{ID: "I2"})
		var b *ews.BatchError
		if !errors.As(err, &b) || len(b.Items) != 1 || b.Items[0].Index != 1 || rt.count() != 1 {
			t.Errorf("%s: %v after %d requests", code, err, rt.count())
		}
	}
}

// TestHopeless: where every request fails, the batch is not taken apart to the last item.
func TestHopeless(t *testing.T) {
	ids := make([]ews.ItemID, 10)
	var all []string
	for i := range ids {
		ids[i] = ews.ItemID{ID: fmt.Sprintf("I%02d", i), ChangeKey: "C1"}
		all = append(all, ids[i].ID)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &spoiled{op: "DeleteItem", failure: reply(500, fault("ErrorInternalServerError", "")), poison: all}
		err := newClient(t, s, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }).Own().Delete(t.Context(), ews.HardDelete, ids...)
		if !errors.Is(err, ews.ErrUnavailable) || s.n > 10 {
			t.Errorf("%v after %d requests", err, s.n)
		}
		// A server that stops serving in the middle is not asked on.
		s = &spoiled{op: "DeleteItem", poison: []string{"I07"}}
		s.failure = func(r *http.Request) (*http.Response, error) {
			if s.n == 1 {
				return reply(500, fault("ErrorInternalServerError", ""))(r)
			}
			return reply(403, "")(r)
		}
		err = newClient(t, s, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }).Own().Delete(t.Context(), ews.HardDelete, ids...)
		var b *ews.BatchError
		if !errors.As(err, &b) || !errors.Is(err, ews.ErrEWSBlocked) || len(b.Items) != 5 || len(s.done) != 5 || s.n != 3 {
			t.Errorf("%v after %d requests, done %q", err, s.n, s.done)
		}
	})
}
