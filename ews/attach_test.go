package ews_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

const eml = "From: other@customer.example\r\nSubject: inner\r\nMessage-ID: <inner@customer.example>\r\n\r\ninner text\r\n"

func contentOf(t *testing.T, m *ews.Mailbox, id ews.AttachmentID) string {
	t.Helper()
	r, err := m.Attachment(t.Context(), id)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestAttach(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	ann := srv.AddMailbox("ann@example.com")
	draft, err := m.CreateDraft(t.Context(), &ews.Draft{Subject: "s", Body: ews.Body{HTML: true, Text: `<img src="cid:b@1">`}, To: []ews.Address{{Email: "ann@example.com"}}})
	require.NoError(t, err)
	big := bytes.Repeat([]byte{0, 255, 7}, 1_000_000)
	uploads := []ews.Upload{
		{Name: "ä.txt", ContentType: "text/plain", Content: ews.String("hello")},
		{Name: "b.png", ContentType: "image/png", ContentID: "b@1", Inline: true, Content: ews.String("png")},
		{Name: "empty", Content: ews.Bytes(nil)},
		{Kind: ews.ItemAttachment, Content: ews.String(eml)},
		{Name: "big", Content: ews.Bytes(big)},
		{Kind: ews.ReferenceAttachment, Name: "plan.xlsx", URL: "https://example.sharepoint.com/plan.xlsx?a=1&b=2", Provider: "OneDrivePro"},
		{Name: "last", Content: ews.String("z")},
	}
	now, ids, err := m.Attach(t.Context(), draft, uploads...)
	require.NoError(t, err)
	require.Equal(t, 4, srv.Count("CreateAttachment"), "four small ones, the big one, the link, the last")
	stored, ok := box.Item(draft.ID)
	require.True(t, ok)
	require.Equal(t, ews.ItemID{ID: stored.ID, ChangeKey: stored.ChangeKey}, now)

	msg, err := m.Message(t.Context(), now, nil)
	require.NoError(t, err)
	require.Len(t, msg.Attachments, len(uploads))
	for i, a := range msg.Attachments {
		require.Equal(t, ids[i], a.ID)
		require.Equal(t, uploads[i].Kind, a.Kind)
		require.Equal(t, uploads[i].URL, a.URL)
		require.Equal(t, uploads[i].ContentID, a.ContentID)
		require.Equal(t, uploads[i].Inline, a.Inline)
	}
	require.Equal(t, "inner", msg.Attachments[3].Name)
	require.Equal(t, "hello", contentOf(t, m, ids[0]))
	require.Equal(t, "", contentOf(t, m, ids[2]))
	require.Equal(t, eml, contentOf(t, m, ids[3]), "the .eml as it was")
	require.Equal(t, string(big), contentOf(t, m, ids[4]))
	_, err = m.Attachment(t.Context(), ids[5])
	require.ErrorIs(t, err, ews.ErrBadItem, "a link has no content")

	items, err := m.DeleteAttachments(t.Context(), ids[4], ids[0])
	require.NoError(t, err)
	stored, _ = box.Item(draft.ID)
	require.Len(t, stored.Attachments, 5)
	require.Equal(t, ews.ItemID{ID: stored.ID, ChangeKey: stored.ChangeKey}, items[1], "the last change key is the item's")
	gone, err := m.DeleteAttachments(t.Context(), ids[0], ids[6])
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 0, batch.Items[0].Index)
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.True(t, gone[0].IsZero())

	_, err = m.SendDraft(t.Context(), gone[1], nil)
	require.NoError(t, err)
	arrived := ann.Items("inbox")[0]
	var names []string
	for _, a := range arrived.Attachments {
		names = append(names, a.Name)
	}
	require.ElementsMatch(t, []string{"b.png", "empty", "inner", "plan.xlsx"}, names)
	_, err = m.DeleteAttachments(t.Context(), ews.AttachmentID{})
	require.ErrorContains(t, err, "ids[0]")
}

func TestAttachInPart(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	draft, err := m.CreateDraft(t.Context(), &ews.Draft{Subject: "s"})
	require.NoError(t, err)
	var uploads []ews.Upload
	for i := range 13 {
		uploads = append(uploads, ews.Upload{Name: fmt.Sprint(i), Content: ews.String(fmt.Sprint(i))})
	}
	uploads[2] = ews.Upload{Kind: ews.ItemAttachment, Content: ews.String(" ")} // no message
	now, ids, err := m.Attach(t.Context(), draft, uploads...)
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 13, batch.Total)
	require.Len(t, batch.Items, 1)
	require.Equal(t, 2, batch.Items[0].Index)
	require.Equal(t, ews.AttachmentID{}, ids[2])
	stored, _ := box.Item(draft.ID)
	require.Len(t, stored.Attachments, 12, "the others are there")
	require.Equal(t, ews.ItemID{ID: stored.ID, ChangeKey: stored.ChangeKey}, now)
	require.Equal(t, "12", contentOf(t, m, ids[12]))

	// The second request is lost: what was added is told from what may have been and what was not tried.
	srv.Fault(ewstest.Fault{Op: "CreateAttachment", After: 1, Do: ewstest.CutAfter(), Times: -1})
	many := append(uploads[3:13:13], append(uploads[3:13:13], uploads[12])...)
	_, ids, err = m.Attach(t.Context(), now, many...)
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Items, 11)
	require.NotEqual(t, ews.AttachmentID{}, ids[9])
	require.True(t, ews.MaybeApplied(batch.Items[0].Err))
	require.ErrorIs(t, batch.Items[10].Err, ews.ErrNotAttempted)
	require.Equal(t, 4, srv.Count("CreateAttachment"), "no attachment is added twice")

	for want, u := range map[string]ews.Upload{
		"attachments[0].Name":                      {Content: ews.String("x")},
		"attachments[0].Content: needs Open":       {Name: "x"},
		"attachments[0].URL, Provider: only":       {Name: "x", URL: "https://x.example/", Content: ews.String("x")},
		`attachments[0].URL: "plan.xlsx" is not`:   {Kind: ews.ReferenceAttachment, Name: "x", URL: "plan.xlsx"},
		"attachments[0].Content: a ReferenceAttac": {Kind: ews.ReferenceAttachment, Name: "x", URL: "https://x.example/x", Content: ews.String("x")},
		"attachments[0].Kind: there is no kind 9":  {Kind: 9, Name: "x"},
	} {
		_, _, err := m.Attach(t.Context(), now, u)
		require.ErrorContains(t, err, want)
	}
	_, _, err = m.Attach(t.Context(), ews.ItemID{}, uploads[0])
	require.ErrorContains(t, err, "id is empty")
}

// TestAttachWithoutAChangeKey: some servers do not tell the new change key along with the attachment.
func TestAttachWithoutAChangeKey(t *testing.T) {
	srv, box, _ := newMailbox(t, &ewstest.Options{NoGzip: true})
	key := regexp.MustCompile(` RootItemChangeKey="[^"]*"`)
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(key.ReplaceAll(b, nil))), -1
		return resp, err
	}))
	_, err := m.Send(t.Context(), &ews.Draft{To: []ews.Address{{Email: "ann@example.com"}}, Attachments: []ews.Upload{{Name: "a", Content: ews.String("b")}}})
	require.NoError(t, err)
	require.Len(t, box.Items("sentitems")[0].Attachments, 1)
}

func TestAttachmentsOfSeveralMessages(t *testing.T) {
	srv, box, m := newMailbox(t, &ewstest.Options{NoGzip: true}) // cuts shall fall within contents
	var ids []ews.AttachmentID
	want := map[int]string{}
	for i := range 3 {
		var b strings.Builder
		b.WriteString("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n")
		for j := range 8 {
			fmt.Fprintf(&b, "--b\nContent-Type: application/octet-stream; name=%d-%d\nContent-Disposition: attachment\n\n%s\n", i, j, strings.Repeat(fmt.Sprintf("%d.%d ", i, j), 20_000))
			want[len(want)] = strings.Repeat(fmt.Sprintf("%d.%d ", i, j), 20_000)
		}
		b.WriteString("--b--\n")
		msg, err := m.Message(t.Context(), deliver(t, box, b.String(), nil), nil)
		require.NoError(t, err)
		for _, a := range msg.Attachments {
			ids = append(ids, a.ID)
		}
	}
	require.Len(t, ids, 24)
	all := func(t *testing.T, m *ews.Mailbox, ids []ews.AttachmentID) (got map[int]string, failed map[int]error) {
		t.Helper()
		got, failed = map[int]string{}, map[int]error{}
		next := 0
		for c, err := range m.Attachments(t.Context(), ids...) {
			require.NotNil(t, c, "%v", err)
			require.Equal(t, next, c.Index, "in order")
			next++
			require.Equal(t, ids[c.Index], c.Attachment.ID)
			if err == nil {
				var b []byte
				b, err = io.ReadAll(c.Content)
				got[c.Index] = string(b)
			}
			if err != nil {
				delete(got, c.Index)
				failed[c.Index] = err
			}
		}
		require.Equal(t, len(ids), next)
		return got, failed
	}
	srv.ResetRequests()
	got, failed := all(t, m, ids)
	require.Equal(t, want, got)
	require.Empty(t, failed)
	require.Equal(t, 3, srv.Count("GetAttachment"), "ten in a request")

	t.Run("read in part, and not at all", func(t *testing.T) {
		var kept io.Reader
		for c, err := range m.Attachments(t.Context(), ids[:10]...) {
			require.NoError(t, err)
			switch c.Index % 3 {
			case 0:
				p := make([]byte, 7)
				_, err := io.ReadFull(c.Content, p)
				require.NoError(t, err)
				require.Equal(t, want[c.Index][:7], string(p))
				kept = c.Content
			case 1:
				if kept != nil {
					_, err := kept.Read(make([]byte, 1))
					require.ErrorContains(t, err, "the loop went on")
				}
				b, err := io.ReadAll(c.Content)
				require.NoError(t, err)
				require.Equal(t, want[c.Index], string(b))
			}
		}
	})
	t.Run("left early", func(t *testing.T) {
		srv.ResetRequests()
		for c, err := range m.Attachments(t.Context(), ids...) {
			require.NoError(t, err)
			if c.Index == 2 {
				break
			}
		}
		require.Equal(t, 1, srv.Count("GetAttachment"))
	})
	t.Run("one is gone", func(t *testing.T) {
		_, err := m.DeleteAttachments(t.Context(), ids[5])
		require.NoError(t, err)
		got, failed := all(t, m, ids)
		require.Len(t, got, 23)
		require.ErrorIs(t, failed[5], ews.ErrNotFound)
		got, failed = all(t, m, ids[5:6])
		require.Empty(t, got)
		require.ErrorIs(t, failed[0], ews.ErrNotFound)
	})
	t.Run("cut", func(t *testing.T) {
		ids := append(ids[:5:5], ids[6:]...)
		within := 0
		for _, at := range []int64{0, 300, 40_000, 200_000, 400_000} {
			srv.Fault(ewstest.Fault{Op: "GetAttachment", Do: ewstest.CutBody(at)})
			got, failed := all(t, m, ids)
			within += len(failed)
			require.LessOrEqual(t, len(failed), 1, "at most the one that was being read, at %d", at)
			for _, err := range failed {
				require.ErrorIs(t, err, ews.ErrUnavailable)
			}
			require.Equal(t, 23, len(got)+len(failed), "at %d", at)
			for i, text := range got {
				if i >= 5 {
					i++ // one is gone
				}
				require.True(t, text == want[i], "attachment %d, cut at %d", i, at)
			}
		}
		require.Equal(t, 3, within, "transfers cut within a content")
	})
	t.Run("busy for a while", func(t *testing.T) {
		srv.Fault(ewstest.Fault{Op: "GetAttachment", Do: ewstest.BusyMessage(0)})
		got, failed := all(t, m, ids[:5])
		require.Empty(t, failed)
		require.Len(t, got, 5)
	})
	t.Run("refused", func(t *testing.T) {
		srv.Fault(ewstest.Fault{Op: "GetAttachment", Times: -1, Do: ewstest.Blocked()})
		n := 0
		for c, err := range m.Attachments(t.Context(), ids...) {
			n++
			require.Nil(t, c)
			require.ErrorIs(t, err, ews.ErrEWSBlocked)
		}
		require.Equal(t, 1, n)
	})
}

func TestAttachedMessage(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	outer := "From: a@customer.example\nSubject: outer\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nsee below\n--o\nContent-Type: message/rfc822\n\n" + question +
		"--o\nContent-Type: text/plain; name=plain.txt\nContent-Disposition: attachment\n\nfile\n--o--\n"
	msg, err := m.Message(t.Context(), deliver(t, box, outer, nil), nil)
	require.NoError(t, err)
	require.Len(t, msg.Attachments, 2)
	inner, err := m.AttachedMessage(t.Context(), msg.Attachments[0].ID, &ews.Query{Body: ews.TextBody, Headers: true})
	require.NoError(t, err)
	require.Equal(t, "Drucker antwortet nicht ✓", inner.Subject)
	require.Equal(t, ews.Address{Name: "Jörg Müller", Email: "joerg@customer.example", RoutingType: "SMTP"}, inner.From)
	require.Len(t, inner.To, 2)
	require.Equal(t, "<q1@customer.example>", inner.InternetMessageID)
	require.Equal(t, "<q00@customer.example> <q0@customer.example>", inner.References)
	require.Equal(t, "Guten Tag, er antwortet nicht.", strings.TrimSpace(inner.Body.Text))
	require.Contains(t, inner.Headers, ews.Header{Name: "X-Ticket", Value: "42"})
	require.True(t, inner.ID.IsZero())
	require.Len(t, inner.Attachments, 2)
	require.Equal(t, "%PDF-1.4\n", contentOf(t, m, inner.Attachments[0].ID), "an attachment of the attached message")
	innermost, err := m.AttachedMessage(t.Context(), inner.Attachments[1].ID, nil)
	require.NoError(t, err)
	require.Equal(t, "inner", innermost.Subject)

	_, err = m.AttachedMessage(t.Context(), msg.Attachments[1].ID, nil)
	require.ErrorIs(t, err, ews.ErrBadItem, "a file is no message")
	_, err = m.AttachedMessage(t.Context(), ews.AttachmentID{ID: "AAA="}, nil)
	require.Error(t, err)
}

// TestAttachmentSamples decodes the answers of Microsoft's reference.
func TestAttachmentSamples(t *testing.T) {
	of := func(name string) *ews.Mailbox {
		return answering(t, readFile(t, filepath.Join(shared(t, "samples"), name)))
	}
	draft := ews.ItemID{ID: "D", ChangeKey: "K"}
	file := ews.Upload{Name: "a", Content: ews.String("b")}
	now, ids, err := of("CreateAttachment-2.response.xml").Attach(t.Context(), draft, file)
	require.NoError(t, err)
	require.Equal(t, ews.ItemID{ID: "uqE2AAA=", ChangeKey: "CQAAABYAAAAFI5DJmZv+TLtyLOLIF1S5AAAXulcf"}, now)
	require.Equal(t, []ews.AttachmentID{{ID: "yRLhCh8="}}, ids)
	now, ids, err = of("CreateAttachment-3.response.xml").Attach(t.Context(), draft, file)
	require.NoError(t, err)
	require.Equal(t, ews.ItemID{ID: "AAAtAEFk=", ChangeKey: "CQAAAB"}, now)
	require.Equal(t, []ews.AttachmentID{{ID: "AAAtAE="}}, ids)
	items, err := of("DeleteAttachment-2.response.xml").DeleteAttachments(t.Context(), ids...)
	require.NoError(t, err)
	require.Equal(t, []ews.ItemID{{ID: "AAAtAEFkbWluaXN...", ChangeKey: "CQAAABYAA..."}}, items)
}
