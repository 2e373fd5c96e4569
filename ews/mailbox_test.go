package ews_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

const support = "support@example.com"

// newMailbox starts a server with one mailbox, and a client of it.
func newMailbox(t testing.TB, o *ewstest.Options) (*ewstest.Server, *ewstest.Mailbox, *ews.Mailbox) {
	t.Helper()
	srv := ewstest.NewServer(o)
	t.Cleanup(srv.Close)
	return srv, srv.AddMailbox(support), clientOf(t, srv, nil)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// clientOf returns the own mailbox of a client that does not wait long. transport may be nil.
func clientOf(t testing.TB, srv *ewstest.Server, transport http.RoundTripper) *ews.Mailbox {
	t.Helper()
	return openClient(t, srv, transport).Own()
}

// sharedOf is clientOf for somebody else's mailbox.
func sharedOf(t testing.TB, srv *ewstest.Server, address string) *ews.Mailbox {
	t.Helper()
	return openClient(t, srv, nil).Shared(address)
}

func openClient(t testing.TB, srv *ewstest.Server, transport http.RoundTripper) *ews.Client {
	t.Helper()
	var hc *http.Client
	if transport != nil {
		hc = &http.Client{Transport: transport}
	}
	c, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, HTTPClient: hc,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(time.Hour)})),
		Retry: &ews.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func deliver(t testing.TB, box *ewstest.Mailbox, raw string, o *ewstest.DeliverOptions) ews.ItemID {
	t.Helper()
	id, err := box.Deliver([]byte(strings.ReplaceAll(raw, "\n", "\r\n")), o)
	require.NoError(t, err)
	return ews.ItemID{ID: id.ID, ChangeKey: id.ChangeKey}
}

const question = `From: "Jörg Müller" <joerg@customer.example>
To: Support <support@example.com>, second@example.com
Cc: Boss <boss@customer.example>
Reply-To: Help <help@customer.example>
Subject: =?utf-8?q?Drucker_antwortet_nicht_=E2=9C=93?=
Date: Mon, 23 Nov 2026 08:00:00 +0100
Message-ID: <q1@customer.example>
In-Reply-To: <q0@customer.example>
References: <q00@customer.example> <q0@customer.example>
Importance: high
X-Ticket: 42
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Guten Tag, er antwortet nicht.
--b
Content-Type: application/pdf; name="Protokoll.pdf"
Content-Disposition: attachment; filename="Protokoll.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--b
Content-Type: message/rfc822

From: other@customer.example
Subject: inner
Message-ID: <inner@customer.example>

inner text
--b--
`

func TestReadingAMessage(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	received := time.Date(2026, 11, 23, 7, 0, 5, 0, time.UTC)
	id := deliver(t, box, question, &ewstest.DeliverOptions{Received: received})

	msg, err := m.Message(t.Context(), id, &ews.Query{Headers: true, Body: ews.TextBody})
	require.NoError(t, err)
	got := *msg
	require.NotEmpty(t, got.SearchKey)
	require.NotEmpty(t, got.ConversationID)
	require.NotEmpty(t, got.ParentFolder.ID)
	require.Len(t, got.Attachments, 2)
	pdf, inner := got.Attachments[0], got.Attachments[1]
	require.Equal(t, "Protokoll.pdf", pdf.Name)
	require.Equal(t, "application/pdf", pdf.ContentType)
	require.Equal(t, ews.FileAttachment, pdf.Kind)
	require.Equal(t, ews.ItemAttachment, inner.Kind)
	require.Equal(t, "inner", inner.Name)
	require.Contains(t, got.Headers, ews.Header{Name: "X-Ticket", Value: "42"})
	require.Equal(t, "Guten Tag, er antwortet nicht.", strings.TrimSpace(got.Body.Text))
	want := ews.Message{Class: "IPM.Note", Kind: "Message", Subject: "Drucker antwortet nicht ✓",
		From:   ews.Address{Name: "Jörg Müller", Email: "joerg@customer.example", RoutingType: "SMTP"},
		Sender: ews.Address{Name: "Jörg Müller", Email: "joerg@customer.example", RoutingType: "SMTP"},
		To: []ews.Address{{Name: "Support", Email: support, RoutingType: "SMTP"},
			{Name: "second@example.com", Email: "second@example.com", RoutingType: "SMTP"}},
		Cc:       []ews.Address{{Name: "Boss", Email: "boss@customer.example", RoutingType: "SMTP"}},
		ReplyTo:  []ews.Address{{Name: "Help", Email: "help@customer.example", RoutingType: "SMTP"}},
		Received: received, Sent: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC), HasAttachments: true, Importance: ews.HighImportance,
		Sensitivity: "Normal", InternetMessageID: "<q1@customer.example>", InReplyTo: "<q0@customer.example>",
		References: "<q00@customer.example> <q0@customer.example>", ConversationTopic: "Drucker antwortet nicht ✓"}
	want.ID, want.ParentFolder, want.Size, want.SearchKey = id, got.ParentFolder, got.Size, got.SearchKey
	want.ConversationID, want.ConversationIndex, want.Created, want.Modified = got.ConversationID, got.ConversationIndex, got.Created, got.Modified
	want.Body, want.Attachments, want.Headers, want.Preview = got.Body, got.Attachments, got.Headers, got.Preview
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	read := func(r io.ReadCloser, err error) string {
		require.NoError(t, err)
		defer r.Close()
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		return string(b)
	}
	require.Equal(t, strings.ReplaceAll(question, "\n", "\r\n"), read(m.MIME(t.Context(), id)))
	require.Equal(t, "%PDF-1.4\n", read(m.Attachment(t.Context(), pdf.ID)))
	require.Contains(t, read(m.Attachment(t.Context(), inner.ID)), "Message-ID: <inner@customer.example>")
}

func TestListing(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 30 {
		deliver(t, box, fmt.Sprintf("Subject: %02d\nFrom: a@example.com\n\nbody %d\n", i, i),
			&ewstest.DeliverOptions{Received: start.Add(time.Duration(i) * time.Hour), Read: i%2 == 0})
	}
	subjects := func(q *ews.Query) (all []string) {
		for msg, err := range m.Messages(t.Context(), ews.Inbox, q) {
			require.NoError(t, err)
			all = append(all, msg.Subject)
			require.Equal(t, q != nil && q.Detail != ews.Full, msg.Body.Text == "", "body")
		}
		return all
	}
	expect := func(keep func(i int) bool, newestFirst bool) (all []string) {
		for i := range 30 {
			if newestFirst {
				i = 29 - i
			}
			if keep(i) {
				all = append(all, fmt.Sprintf("%02d", i))
			}
		}
		return all
	}
	everything := func(int) bool { return true }
	for _, page := range []int{1, 7, 30, 0} {
		for _, detail := range []ews.Detail{ews.Full, ews.WithoutBody, ews.Summary} {
			require.Equal(t, expect(everything, true), subjects(&ews.Query{PageSize: page, Detail: detail}), "page %d, detail %d", page, detail)
			require.Equal(t, expect(everything, false), subjects(&ews.Query{PageSize: page, Detail: detail, OldestFirst: true}), "page %d, detail %d, oldest first", page, detail)
		}
	}
	require.Equal(t, expect(func(i int) bool { return i%2 == 1 }, true), subjects(&ews.Query{UnreadOnly: true, PageSize: 4}))
	require.Equal(t, expect(func(i int) bool { return i >= 3 && i < 20 }, true), subjects(&ews.Query{Since: start.Add(3 * time.Hour), Before: start.Add(20 * time.Hour), PageSize: 5}))
	require.Equal(t, []string{"29", "28", "27"}, subjects(&ews.Query{Limit: 3, PageSize: 2}))
	require.Len(t, subjects(nil), 30)
}

// TestListingWhileTheFolderChanges checks that a listing hands out every message that is there all the time exactly once, whatever the
// loop and others do meanwhile, also when many messages were received in the same second.
func TestListingWhileTheFolderChanges(t *testing.T) {
	for _, perSecond := range []int{1, 3, 50} {
		for _, oldest := range []bool{false, true} {
			for _, stay := range []int{1, 2, 1000} { // every n-th message stays, the others are moved when they are handed out
				t.Run(fmt.Sprintf("%d a second, oldest first %v, 1 of %d stays", perSecond, oldest, stay), func(t *testing.T) {
					_, box, m := newMailbox(t, nil)
					box.AddFolder("done")
					start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
					const n = 60
					for i := range n {
						deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), &ewstest.DeliverOptions{Received: start.Add(time.Duration(i/perSecond) * time.Second)})
					}
					seen := map[string]int{}
					k := 0
					for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{PageSize: 7, OldestFirst: oldest, Detail: ews.Summary}) {
						require.NoError(t, err)
						seen[msg.Subject]++
						if k++; k%stay != 0 || stay == 1000 {
							_, err := box.MoveTo(msg.ID.ID, "done")
							require.NoError(t, err)
						}
						if k%5 == 0 && k < 200 { // somebody writes meanwhile, at both ends
							at := start.Add(-time.Hour)
							if k%2 == 0 {
								at = start.Add(time.Hour)
							}
							deliver(t, box, fmt.Sprintf("Subject: new %d\n\n", k), &ewstest.DeliverOptions{Received: at})
						}
					}
					for i := range n {
						if got := seen[fmt.Sprint(i)]; got != 1 {
							t.Errorf("message %d was handed out %d times", i, got)
						}
					}
					for s, got := range seen {
						if got > 1 {
							t.Errorf("%s was handed out %d times", s, got)
						}
					}
				})
			}
		}
	}
}

func TestListingSurvivesBadAndVanishedMessages(t *testing.T) {
	srv, box, _ := newMailbox(t, nil)
	var ids []ews.ItemID
	for i := range 5 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), &ewstest.DeliverOptions{Received: time.Unix(int64(1e9+i), 0)}))
	}
	box.Poison(ids[1].ID, "ErrorCorruptData")
	m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
		if srv.Count("FindItem") == 1 { // the folder has been listed, the messages are about to be read
			box.Remove(ids[3].ID)
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	var good, bad []string
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{OldestFirst: true}) {
		require.NotNil(t, msg, "%v", err)
		if err != nil {
			require.ErrorIs(t, err, ews.ErrBadItem)
			require.Equal(t, ids[1].ID, msg.ID.ID)
			bad = append(bad, msg.Subject)
			continue
		}
		good = append(good, msg.Subject)
	}
	require.Equal(t, []string{"0", "2", "4"}, good)
	require.Equal(t, []string{"1"}, bad)
}

func TestMarkMoveDelete(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	ctx := t.Context()
	var ids []ews.ItemID
	for i := range 25 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil))
	}
	require.NoError(t, m.SetRead(ctx, true, ids...))
	for _, id := range ids {
		it, ok := box.Item(id.ID)
		require.True(t, ok)
		require.True(t, it.Read, "marking changes the id: %v", it.Subject)
	}
	require.NoError(t, m.SetRead(ctx, false, ews.ItemID{ID: ids[0].ID}), "without a version")
	require.NoError(t, m.SetRead(ctx, true, ids[0]), "with an old version")

	processed, err := m.EnsureFolder(ctx, ews.MsgFolderRoot, "Archive & more", "Processed")
	require.NoError(t, err)
	again, err := m.EnsureFolder(ctx, ews.MsgFolderRoot, "archive & more", "PROCESSED")
	require.NoError(t, err)
	require.Equal(t, processed.ID.ID, again.ID.ID)
	_, err = m.FindFolder(ctx, ews.MsgFolderRoot, "Archive & more", "nowhere")
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.ErrorContains(t, err, "Archive & more/nowhere")

	before, err := m.Message(ctx, ids[7], nil)
	require.NoError(t, err)
	box.Remove(ids[3].ID)
	moved, err := m.Move(ctx, processed.ID, ids...)
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Items, 1)
	require.Equal(t, 3, batch.Items[0].Index)
	require.Equal(t, ids[3].ID, batch.Items[0].ID)
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.Len(t, moved, 25)
	require.True(t, moved[3].IsZero())
	require.NotEqual(t, ids[7].ID, moved[7].ID)
	after, err := m.Message(ctx, moved[7], nil)
	require.NoError(t, err)
	require.Equal(t, before.SearchKey, after.SearchKey, "the key that survives moves")
	_, err = m.Message(ctx, ids[7], nil)
	require.ErrorIs(t, err, ews.ErrNotFound)

	copies, err := m.Copy(ctx, ews.Inbox, moved[7])
	require.NoError(t, err)
	require.NoError(t, m.Delete(ctx, ews.ToDeletedItems, copies...))
	require.Len(t, box.Items("deleteditems"), 1)
	require.NoError(t, m.Delete(ctx, ews.HardDelete, moved[8]))
	f, err := m.Folder(ctx, processed.ID)
	require.NoError(t, err)
	require.Equal(t, 23, f.Total)
	require.Equal(t, "Processed", f.Name)
	require.ErrorContains(t, m.SetRead(ctx, true, ews.ItemID{}), "ids[0]")
}

func TestSending(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	customer := srv.AddMailbox("ann@example.com")
	sent, err := m.Send(t.Context(), &ews.Draft{Subject: "Grüße & <Küsse>", Body: ews.Body{HTML: true, Text: "<p>schön</p>"},
		To: []ews.Address{{Name: "Ann", Email: "ann@example.com"}}, Bcc: []ews.Address{{Email: "eve@elsewhere.example"}},
		Attachments: []ews.Upload{{Name: "ä.bin", ContentType: "application/x-test", Content: ews.Bytes(bytes.Repeat([]byte{0, 255, 7}, 50_000))}}})
	require.NoError(t, err)

	require.Empty(t, box.Items("drafts"))
	copies := box.Items("sentitems")
	require.Len(t, copies, 1)
	require.Equal(t, "Grüße & <Küsse>", copies[0].Subject)
	found, err := m.FindSent(t.Context(), nil, sent.Marker)
	require.NoError(t, err)
	require.Equal(t, copies[0].ID, found.ID)
	arrived := customer.Items("inbox")
	require.Len(t, arrived, 1)
	require.Contains(t, arrived[0].HTML, "schön")
	require.Len(t, arrived[0].Attachments, 1)
	require.Equal(t, "ä.bin", arrived[0].Attachments[0].Name)
	require.Len(t, srv.Outbound(), 1)

	raw := "From: support@example.com\r\nTo: ann@example.com\r\nSubject: by MIME\r\nMessage-ID: <m1@example.com>\r\n\r\nhello\r\n"
	mime := ews.String(raw)
	_, err = m.Send(t.Context(), &ews.Draft{MIME: &mime})
	require.NoError(t, err)
	require.Equal(t, "by MIME", customer.Items("inbox")[1].Subject)

	_, err = m.Send(t.Context(), &ews.Draft{To: []ews.Address{{Email: "nobody"}}, Attachments: []ews.Upload{{}}})
	require.ErrorContains(t, err, "To[0]")
	require.ErrorContains(t, err, "Attachments[0].Name")
	require.ErrorContains(t, err, "Attachments[0].Content")
	_, err = m.Send(t.Context(), &ews.Draft{Subject: "to nobody"})
	require.ErrorContains(t, err, "nobody to send it to")
	require.Len(t, srv.Outbound(), 2)
}

func TestReplying(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	original, err := m.Message(t.Context(), id, nil)
	require.NoError(t, err)

	_, err = m.Reply(t.Context(), id, &ews.Answer{Subject: "[#42] Drucker", Body: ews.Body{Text: "Wir kümmern uns."}, Attachments: []ews.Upload{{Name: "a.txt", Content: ews.String("hi")}}})
	require.NoError(t, err)
	require.Empty(t, box.Items("drafts"))
	out := box.Items("sentitems")
	require.Len(t, out, 1)
	require.Equal(t, "[#42] Drucker", out[0].Subject)
	require.Equal(t, "<q1@customer.example>", out[0].InReplyTo)
	require.Contains(t, out[0].References, "<q1@customer.example>")
	require.Equal(t, original.ConversationID, out[0].ConversationID)
	require.Equal(t, []string{"help@customer.example"}, srv.Outbound()[0].To, "Reply-To counts")

	_, err = m.ReplyAll(t.Context(), ews.ItemID{ID: id.ID}, &ews.Answer{Body: ews.Body{Text: "An alle."}})
	require.NoError(t, err)
	require.Contains(t, srv.Outbound()[1].To, "boss@customer.example")
	_, err = m.Forward(t.Context(), id, &ews.Answer{To: []ews.Address{{Email: "expert@example.com"}}})
	require.NoError(t, err)
	require.Equal(t, []string{"expert@example.com"}, srv.Outbound()[2].To)
	_, err = m.Forward(t.Context(), id, nil)
	require.ErrorContains(t, err, "nobody to forward it to")
	_, err = m.Reply(t.Context(), ews.ItemID{ID: "AAAnothing"}, nil)
	require.Error(t, err)
	require.Len(t, srv.Outbound(), 3)
}

// TestNothingIsSentTwice loses the connection at every step of sending, before and after Exchange acted: the message goes out once, and
// the caller knows whether it did.
func TestNothingIsSentTwice(t *testing.T) {
	for _, op := range []string{"CreateItem", "UpdateItem", "CreateAttachment", "SendItem"} {
		for name, effect := range map[string]ewstest.Effect{"before": ewstest.CutBefore(), "after": ewstest.CutAfter(), "in the answer": ewstest.CutBody(200)} {
			for i, subject := range []string{"", "", "[#42] Drucker", "[#42] Drucker"} {
				times := -(i % 2) // once, or always
				t.Run(fmt.Sprintf("%s cut %s, %d, %s", op, name, times, subject), func(t *testing.T) {
					t.Parallel()
					srv, box, m := newMailbox(t, nil)
					id := deliver(t, box, question, nil)
					srv.Fault(ewstest.Fault{Op: op, Do: effect, Times: times})
					sent, err := m.Reply(t.Context(), id, &ews.Answer{Subject: subject, Body: ews.Body{Text: "ok"}, Attachments: []ews.Upload{{Name: "a", Content: ews.String("b")}}})
					out := srv.Outbound()
					switch {
					case err == nil:
						require.Len(t, out, 1)
						if subject != "" {
							require.Equal(t, subject, box.Items("sentitems")[0].Subject)
						}
						found, err := m.FindSent(t.Context(), nil, sent.Marker)
						require.NoError(t, err)
						require.False(t, found.IsZero())
						require.Empty(t, box.Items("drafts"))
					case ews.MaybeApplied(err):
						t.Errorf("undecided although everything else works: %v", err)
					default:
						require.Empty(t, out)
						if op != "CreateItem" || subject != "" { // without a subject there is nothing to find it by yet
							require.Empty(t, box.Items("drafts"), "a failed reply leaves its draft behind")
						}
					}
				})
			}
		}
	}
}

func TestDo(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	deliver(t, box, question, nil)
	var resp struct {
		Messages []struct {
			Class   string `xml:"ResponseClass,attr"`
			Folders []struct {
				Name  string `xml:"DisplayName"`
				Total int    `xml:"TotalCount"`
			} `xml:"Folders>Folder"`
		} `xml:"ResponseMessages>GetFolderResponseMessage"`
	}
	request := func(ids ...string) ews.Raw {
		return ews.Raw{Op: "GetFolder", XML: `<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>` + strings.Join(ids, "") + `</m:FolderIds></m:GetFolder>`}
	}
	inbox, missing := `<t:DistinguishedFolderId Id="inbox"/>`, `<t:FolderId Id="AAA="/>`
	require.NoError(t, m.Do(t.Context(), request(inbox), &resp))
	require.Equal(t, "Inbox", resp.Messages[0].Folders[0].Name)
	require.Equal(t, 1, resp.Messages[0].Folders[0].Total)

	err := m.Do(t.Context(), request(inbox, missing), &resp)
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 1, batch.Items[0].Index)
	require.Len(t, resp.Messages, 2, "what was answered is there all the same")
	var single *ews.Error
	require.ErrorAs(t, m.Do(t.Context(), request(missing), nil), &single)
	require.NotEmpty(t, single.Code)

	for _, raw := range []ews.Raw{{}, {Op: "GetFolder"}, {Op: "GetFolder", XML: "<m:GetItem/>"}, {Op: "GetFolder", XML: "<m:GetFolder>"}, {Op: "GetFolder", XML: "<m:GetFolder/></m:x>"}, {Op: "GetFolder", XML: "<?xml version='1.0'?><m:GetFolder/>"}, {Op: "a b", XML: "<a/>"}} {
		require.ErrorContains(t, m.Do(t.Context(), raw, nil), "Raw.", "%+v", raw)
	}
	require.ErrorContains(t, m.Do(t.Context(), request(inbox), resp), "pointer")
}

// TestSharedMail delivers a folder of real and broken mail and reads all of it back.
func TestSharedMail(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "mail"), "*"))
	require.NoError(t, err)
	_, box, m := newMailbox(t, &ewstest.Options{IllegalCharacters: true})
	want := map[string][]byte{}
	for i, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		id, err := box.Deliver(raw, &ewstest.DeliverOptions{Received: time.Unix(int64(1e9+i), 0)})
		require.NoError(t, err)
		want[id.ID] = raw
	}
	n := 0
	for msg, err := range m.Messages(t.Context(), ews.Inbox, nil) {
		require.NoError(t, err)
		n++
		r, err := m.MIME(t.Context(), msg.ID)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want[msg.ID.ID], got), "MIME of %q", msg.Subject)
		for _, a := range msg.Attachments {
			r, err := m.Attachment(t.Context(), a.ID)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, r)
			require.NoError(t, err)
			r.Close()
		}
	}
	require.Equal(t, len(files), n)
}

func TestContextEndsEverything(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	srv.Fault(ewstest.Fault{Times: -1, Do: ewstest.Delay(time.Minute)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := m.Message(ctx, id, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	if errors.Is(err, ews.ErrThrottled) {
		t.Error("a caller's deadline is no throttling")
	}
	require.Less(t, time.Since(start), 10*time.Second)
}
