package ews_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

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
