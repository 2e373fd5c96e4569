package ews_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

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
