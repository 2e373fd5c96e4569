package ews_test

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// headersOf reads the header of a message that went out.
func headersOf(t *testing.T, raw []byte) mail.Header {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	require.NoError(t, err)
	return m.Header
}

// TestADraftsLife makes a draft, edits it, and sends it, each as another program may do on another day.
func TestADraftsLife(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	draft, err := m.CreateDraft(t.Context(), &ews.Draft{Subject: "first", Body: ews.Body{Text: "text"}, Marker: "row-7",
		Attachments: []ews.Upload{{Name: "a.txt", Content: ews.String("hi")}}})
	require.NoError(t, err)
	stored := box.Items("drafts")
	require.Len(t, stored, 1)
	require.Equal(t, ews.ItemID{ID: stored[0].ID, ChangeKey: stored[0].ChangeKey}, draft, "the version with the attachment")
	require.True(t, stored[0].Draft)
	require.Len(t, stored[0].Attachments, 1)
	require.Empty(t, srv.Outbound())

	_, err = m.SendDraft(t.Context(), draft, nil)
	require.Error(t, err, "nobody to send it to")
	require.False(t, ews.MaybeApplied(err))
	require.Len(t, box.Items("drafts"), 1, "the user's draft stays")

	edited, err := m.UpdateDraft(t.Context(), draft, &ews.Update{Subject: new("second"), Body: &ews.Body{HTML: true, Text: "<p>x</p>"},
		To: []ews.Address{{Email: "ann@example.com"}}, Headers: []ews.Header{{Name: "X-Ticket", Value: "42"}}, ReadReceipt: new(true), DeliveryReceipt: new(true)})
	require.NoError(t, err)
	_, err = m.UpdateDraft(t.Context(), draft, &ews.Update{Subject: new("third")})
	require.ErrorIs(t, err, ews.ErrConflict, "an edit of the version before")
	var batch *ews.BatchError
	require.False(t, errors.As(err, &batch), "one item has one error")
	_, err = m.SendDraft(t.Context(), draft, nil)
	require.ErrorIs(t, err, ews.ErrConflict, "the version before is not what is there")
	require.Empty(t, srv.Outbound())

	sent, err := m.SendDraft(t.Context(), edited, nil)
	require.NoError(t, err)
	require.Equal(t, "row-7", sent.Marker)
	found, err := m.FindSent(t.Context(), nil, "row-7")
	require.NoError(t, err)
	require.False(t, found.IsZero())
	h := headersOf(t, srv.Outbound()[0].MIME)
	require.Equal(t, []string{"second", "42", "1"}, []string{h.Get("Subject"), h.Get("X-Ticket"), fmt.Sprint(len(srv.Outbound()))})
	require.NotEmpty(t, h.Get("Disposition-Notification-To"))
	require.NotEmpty(t, h.Get("Return-Receipt-To"))
	require.Empty(t, box.Items("drafts"))
	_, err = m.SendDraft(t.Context(), edited, nil)
	require.ErrorIs(t, err, ews.ErrNotFound)
	_, err = m.SendDraft(t.Context(), ews.ItemID{}, nil)
	require.ErrorContains(t, err, "id is empty")
	_, err = m.CreateDraft(t.Context(), nil)
	require.ErrorContains(t, err, "draft is nil")
}

func TestSendDraftOfSomebodyElse(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	box.AddFolder("Sent by bot")
	id := deliver(t, box, "To: ann@example.com\nSubject: by hand\n\n", &ewstest.DeliverOptions{Folder: "drafts"})
	folder, err := m.FindFolder(t.Context(), ews.MsgFolderRoot, "Sent by bot")
	require.NoError(t, err)
	var told ews.ItemID
	sent, err := m.SendDraft(t.Context(), ews.ItemID{ID: id.ID}, &ews.SendOptions{SentFolder: folder.ID,
		BeforeSend: func(_ context.Context, draft ews.ItemID) error { told = draft; return nil }})
	require.NoError(t, err)
	require.Equal(t, id.ID, told.ID)
	require.Len(t, box.Items("Sent by bot"), 1)
	found, err := m.FindSent(t.Context(), folder.ID, sent.Marker)
	require.NoError(t, err)
	require.Equal(t, box.Items("Sent by bot")[0].ID, found.ID)
	require.Len(t, srv.Outbound(), 1)

	id = deliver(t, box, "To: ann@example.com\nSubject: by hand\n\n", &ewstest.DeliverOptions{Folder: "drafts"})
	one(t, m, id, &ews.Update{Importance: new(ews.HighImportance)})
	_, err = m.SendDraft(t.Context(), id, nil)
	require.ErrorIs(t, err, ews.ErrConflict, "somebody has changed it since")
	require.Len(t, srv.Outbound(), 1)
	id.ChangeKey = ""
	no := errors.New("no")
	_, err = m.SendDraft(t.Context(), id, &ews.SendOptions{BeforeSend: func(context.Context, ews.ItemID) error { return no }})
	require.ErrorIs(t, err, no)
	require.Len(t, box.Items("drafts"), 1)
	require.Len(t, srv.Outbound(), 1)
}

func TestDraftAnswers(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	a := &ews.Answer{Body: ews.Body{Text: "ok"}, To: []ews.Address{{Email: "expert@example.com"}}, ReplyTo: []ews.Address{{Email: "desk@example.com"}},
		Importance: ews.HighImportance, Sensitivity: "Private", ReadReceipt: true, DeliveryReceipt: true,
		Headers:     []ews.Header{{Name: "X-Ticket", Value: "42"}, {Name: "Auto-Submitted", Value: "auto-replied"}},
		Attachments: []ews.Upload{{Name: "a.txt", Content: ews.String("hi")}},
		Properties:  []ews.PropertyValue{{Property: ews.Property{Set: ews.PublicStrings, Name: "Queue", Type: ews.MAPIString}, Value: "printers"}}}
	for name, draft := range map[string]func(context.Context, ews.ItemID, *ews.Answer) (ews.ItemID, error){
		"reply": m.DraftReply, "reply all": m.DraftReplyAll, "forward": m.DraftForward} {
		t.Run(name, func(t *testing.T) {
			n := len(srv.Outbound())
			made, err := draft(t.Context(), ews.ItemID{ID: id.ID}, a)
			require.NoError(t, err)
			require.Len(t, srv.Outbound(), n)
			stored := box.Items("drafts")
			require.Len(t, stored, 1)
			require.Equal(t, ews.ItemID{ID: stored[0].ID, ChangeKey: stored[0].ChangeKey}, made)
			require.Equal(t, []string{"expert@example.com"}, stored[0].To)
			require.Contains(t, field(t, m, made, `<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Queue" PropertyType="String"/>`), "printers")

			_, err = m.SendDraft(t.Context(), made, nil)
			require.NoError(t, err)
			out := srv.Outbound()
			h := headersOf(t, out[n].MIME)
			require.Equal(t, "<q1@customer.example>", h.Get("In-Reply-To"))
			require.Contains(t, h.Get("References"), "<q1@customer.example>")
			require.Equal(t, []string{"42", "auto-replied", "high", "private", "<desk@example.com>"},
				[]string{h.Get("X-Ticket"), h.Get("Auto-Submitted"), h.Get("Importance"), h.Get("Sensitivity"), h.Get("Reply-To")})
			require.NotEmpty(t, h.Get("Disposition-Notification-To"))
			require.NotEmpty(t, h.Get("Return-Receipt-To"))
			copies := box.Items("sentitems")
			last := copies[len(copies)-1]
			names := map[string]bool{}
			for _, at := range last.Attachments {
				names[at.Name] = true
			}
			require.True(t, names["a.txt"])
			require.Equal(t, name == "forward", names["Protokoll.pdf"], "a forward takes the original's attachments along")
			original, ok := box.Item(id.ID)
			require.True(t, ok)
			require.Equal(t, original.ConversationID, last.ConversationID)
		})
	}
	_, err := m.DraftForward(t.Context(), id, nil)
	require.NoError(t, err, "a forward may be addressed later")
}

// TestSendDraftIsNeverTwice loses the connection at every step, before and after Exchange acted: the message goes out once or not at
// all, the caller knows which, and what did not go out is still there.
func TestSendDraftIsNeverTwice(t *testing.T) {
	for _, op := range []string{"GetItem", "UpdateItem", "SendItem"} {
		for name, effect := range map[string]ewstest.Effect{"before": ewstest.CutBefore(), "after": ewstest.CutAfter(), "in the answer": ewstest.CutBody(200)} {
			for _, times := range []int{0, -1} {
				t.Run(fmt.Sprintf("%s cut %s, %d", op, name, times), func(t *testing.T) {
					t.Parallel()
					srv, box, m := newMailbox(t, nil)
					id := deliver(t, box, "To: ann@example.com\nSubject: by hand\n\n", &ewstest.DeliverOptions{Folder: "drafts"})
					srv.Fault(ewstest.Fault{Op: op, Do: effect, Times: times})
					sent, err := m.SendDraft(t.Context(), id, nil)
					out, left := srv.Outbound(), box.Items("drafts")
					switch {
					case err == nil:
						require.Len(t, out, 1)
						require.Empty(t, left)
						require.NotEmpty(t, sent.Marker)
					case ews.MaybeApplied(err):
						if op == "SendItem" {
							t.Errorf("undecided although everything else works: %v", err)
						}
					default:
						require.Empty(t, out)
						require.Len(t, left, 1, "a draft that was not sent stays")
					}
				})
			}
		}
	}
}

// TestALateSendItemMissesAKeptDraft: a SendItem that was thought lost, and arrives after its draft was given back, sends nothing.
func TestALateSendItemMissesAKeptDraft(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, "To: ann@example.com\nSubject: by hand\n\n", &ewstest.DeliverOptions{Folder: "drafts"})
	srv.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.CutBefore()})
	_, err := m.SendDraft(t.Context(), id, nil)
	require.ErrorIs(t, err, ews.ErrUnavailable)
	require.False(t, ews.MaybeApplied(err))
	var late string
	for _, r := range srv.Requests() {
		if r.Operation == "SendItem" {
			_, late, _ = strings.Cut(string(r.Body), "<soap:Body>")
			late, _, _ = strings.Cut(late, "</soap:Body>")
		}
	}
	require.ErrorIs(t, m.Do(t.Context(), ews.Raw{Op: "SendItem", XML: late}, nil), ews.ErrConflict)
	require.Empty(t, srv.Outbound())
	require.Len(t, box.Items("drafts"), 1)
}

// clock is a server's clock that tests move.
type clock struct{ now atomic.Int64 }

func newClock(at time.Time) *clock {
	c := new(clock)
	c.now.Store(at.Unix())
	return c
}

func (c *clock) Now() time.Time { return time.Unix(c.now.Load(), 0) }

func (c *clock) pass(d time.Duration) { c.now.Add(int64(d / time.Second)) }

func TestSendLater(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	srv, box, m := newMailbox(t, &ewstest.Options{Now: c.Now})
	at := c.Now().Add(12 * time.Hour)
	later := func(marker string) *ews.Draft {
		return &ews.Draft{Subject: marker, To: []ews.Address{{Email: "ann@example.com"}}, SendAt: at, Marker: marker}
	}
	for _, marker := range []string{"goes", "called off", "put off"} {
		_, err := m.Send(t.Context(), later(marker))
		require.NoError(t, err)
	}
	id := deliver(t, box, question, nil)
	_, err := m.Reply(t.Context(), id, &ews.Answer{SendAt: at, Marker: "reply"})
	require.NoError(t, err)
	require.Empty(t, srv.Outbound())
	waiting := func(marker string) ews.ItemID {
		id, err := m.FindSent(t.Context(), ews.Drafts, marker)
		require.NoError(t, err)
		require.False(t, id.IsZero())
		return id
	}
	require.NoError(t, m.Delete(t.Context(), ews.HardDelete, waiting("called off")))
	waiting("goes")
	waiting("reply")

	// The answer is lost: what waits has been accepted, and is neither removed nor sent a second time.
	srv.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.CutAfter()})
	_, err = m.Send(t.Context(), later("lost"))
	require.NoError(t, err)
	waiting("lost")
	srv.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.CutBefore()})
	_, err = m.Send(t.Context(), later("never"))
	require.ErrorIs(t, err, ews.ErrUnavailable)
	require.False(t, ews.MaybeApplied(err))

	c.pass(12 * time.Hour)
	var subjects []string
	for _, o := range srv.Outbound() {
		subjects = append(subjects, headersOf(t, o.MIME).Get("Subject"))
	}
	require.Len(t, subjects, 4)
	require.Contains(t, subjects, "goes")
	require.Contains(t, subjects, "lost")
	require.NotContains(t, subjects, "called off")
	require.Empty(t, box.Items("drafts"))
	found, err := m.FindSent(t.Context(), nil, "goes")
	require.NoError(t, err)
	require.False(t, found.IsZero())

	// A draft's time can be set and taken back.
	draft, err := m.CreateDraft(t.Context(), later("now after all"))
	require.NoError(t, err)
	draft, err = m.UpdateDraft(t.Context(), draft, &ews.Update{SendAt: new(time.Time)})
	require.NoError(t, err)
	_, err = m.SendDraft(t.Context(), draft, nil)
	require.NoError(t, err)
	require.Len(t, srv.Outbound(), 5)
}

func TestWhoSends(t *testing.T) {
	srv, box, _ := newMailbox(t, nil)
	desk := srv.AddMailbox("desk@example.com")
	desk.Grant(support)
	boss := srv.AddMailbox("boss@example.com")
	boss.GrantSendOnBehalf(support)
	srv.AddMailbox("stranger@example.com")
	m, shared := clientOf(t, srv, nil), sharedOf(t, srv, "desk@example.com")
	to := []ews.Address{{Email: "ann@elsewhere.example"}}
	people := func() (from, sender string) {
		out := srv.Outbound()
		h := headersOf(t, out[len(out)-1].MIME)
		return h.Get("From"), h.Get("Sender")
	}
	// Send as.
	_, err := m.Send(t.Context(), &ews.Draft{To: to, From: ews.Address{Name: "Desk", Email: "desk@example.com"}, SentFolder: ews.SentItems.In("desk@example.com"), Marker: "as"})
	require.NoError(t, err)
	from, sender := people()
	require.Contains(t, from, "desk@example.com")
	require.Empty(t, sender)
	require.Len(t, desk.Items("sentitems"), 1, "the copy lies in the other mailbox")
	require.Empty(t, box.Items("sentitems"))
	found, err := m.FindSent(t.Context(), ews.SentItems.In("desk@example.com"), "as")
	require.NoError(t, err)
	require.Equal(t, desk.Items("sentitems")[0].ID, found.ID)
	// On behalf, by choice and for want of more.
	_, err = m.Send(t.Context(), &ews.Draft{To: to, From: ews.Address{Email: "desk@example.com"}, Sender: ews.Address{Email: support}})
	require.NoError(t, err)
	from, sender = people()
	require.Contains(t, from, "desk@example.com")
	require.Contains(t, sender, support)
	_, err = m.Send(t.Context(), &ews.Draft{To: to, From: ews.Address{Email: "boss@example.com"}})
	require.NoError(t, err)
	from, sender = people()
	require.Contains(t, from, "boss@example.com")
	require.Contains(t, sender, support)
	n := len(srv.Outbound())
	_, err = m.Send(t.Context(), &ews.Draft{To: to, From: ews.Address{Email: "stranger@example.com"}})
	require.ErrorIs(t, err, ews.ErrDenied)
	require.Len(t, srv.Outbound(), n)
	require.Empty(t, box.Items("drafts"))

	// In a shared mailbox mail is from that mailbox, and its copies stay there.
	id := deliver(t, desk, question, nil)
	for _, send := range []func() error{
		func() error { _, err := shared.Send(t.Context(), &ews.Draft{To: to}); return err },
		func() error { _, err := shared.Reply(t.Context(), id, nil); return err },
		func() error { _, err := shared.Forward(t.Context(), id, &ews.Answer{To: to}); return err },
	} {
		n, copies := len(srv.Outbound()), len(desk.Items("sentitems"))
		require.NoError(t, send())
		require.Len(t, srv.Outbound(), n+1)
		from, _ = people()
		require.Contains(t, from, "desk@example.com")
		require.Len(t, desk.Items("sentitems"), copies+1)
		require.Empty(t, desk.Items("drafts"))
	}
	_, err = m.Send(t.Context(), &ews.Draft{To: to, SentFolder: ews.SentItems.In("nobody")})
	require.ErrorContains(t, err, "FolderName.In")
}

func TestHeadersOfOnesOwn(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	to := []ews.Address{{Email: "ann@example.com"}}
	_, err := m.Send(t.Context(), &ews.Draft{To: to, Headers: []ews.Header{{Name: "X-Ticket", Value: "Nr. 42 für Sie"}, {Name: "X-Loop", Value: support}}})
	require.NoError(t, err)
	h := headersOf(t, srv.Outbound()[0].MIME)
	require.Equal(t, support, h.Get("X-Loop"))
	require.Contains(t, h.Get("X-Ticket"), "=?utf-8?q?Nr._42_f=C3=BCr_Sie?=")
	for want, h := range map[string][]ews.Header{
		`Headers[0]: "" is no field name`:             {{Value: "x"}},
		`Headers[1]: "X Y" is no field name`:          {{Name: "X-A"}, {Name: "X Y"}},
		`Headers[0]: "X:" is no field name`:           {{Name: "X:"}},
		`Headers[0]: "Größe" is no field name`:        {{Name: "Größe"}},
		"Headers[0]: Subject: use the field Subject":  {{Name: "Subject", Value: "x"}},
		"Headers[0]: reply-to: use the field ReplyTo": {{Name: "reply-to", Value: "x"}},
		"Headers[0]: Message-ID: Exchange makes":      {{Name: "Message-ID", Value: "x"}},
		"Headers[0]: Content-Type: Exchange makes":    {{Name: "Content-Type", Value: "x"}},
		"Headers[1]: x-a: is there already":           {{Name: "X-A"}, {Name: "x-a"}},
		"Headers[0]: X-A: the value has a line break": {{Name: "X-A", Value: "a\r\nBcc: eve@example.com"}},
		"Headers[0]: X-A: the value has more than":    {{Name: "X-A", Value: strings.Repeat("x", 40_000)}},
		"Headers[0]: x-a: the value has a line break": {{Name: "x-a", Value: "a\nb"}},
	} {
		_, err := m.Send(t.Context(), &ews.Draft{To: to, Headers: h})
		require.ErrorContains(t, err, want)
		_, err = m.Reply(t.Context(), ews.ItemID{ID: "x"}, &ews.Answer{Headers: h})
		require.ErrorContains(t, err, want)
		_, err = m.Update(t.Context(), &ews.Update{Headers: h}, ews.ItemID{ID: "x"})
		require.ErrorContains(t, err, want)
	}
	require.Len(t, srv.Outbound(), 1)
}
