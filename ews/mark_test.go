package ews_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestMarkAllRead(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	box.AddFolder("Queue")
	box.AddFolder("inbox/below")
	wants := "From: a@example.org\nDisposition-Notification-To: a@example.org\nSubject: %d\n\n"
	for i := range 3 {
		deliver(t, box, fmt.Sprintf(wants, i), nil)
		deliver(t, box, fmt.Sprintf(wants, i), &ewstest.DeliverOptions{Folder: "Queue"})
		deliver(t, box, fmt.Sprintf(wants, i), &ewstest.DeliverOptions{Folder: "inbox/below"})
	}
	queue, err := m.FindFolder(t.Context(), ews.MsgFolderRoot, "Queue")
	require.NoError(t, err)
	unread := func(path string) int {
		f, ok := box.Folder(path)
		require.True(t, ok)
		return f.Unread
	}
	require.NoError(t, m.MarkAllRead(t.Context(), nil, ews.Inbox, queue.ID))
	require.Equal(t, []int{0, 0, 3}, []int{unread("inbox"), unread("Queue"), unread("inbox/below")}, "subfolders are not marked")
	require.Empty(t, srv.Outbound(), "no receipts")
	require.NoError(t, m.MarkAllRead(t.Context(), &ews.MarkAllOptions{Unread: true}, ews.Inbox))
	require.Equal(t, 3, unread("inbox"))
	require.NoError(t, m.MarkAllRead(t.Context(), &ews.MarkAllOptions{SendReceipts: true}, ews.Inbox))
	require.Len(t, srv.Outbound(), 3)

	require.NoError(t, m.MarkAllRead(t.Context(), &ews.MarkAllOptions{Unread: true}, ews.Inbox))
	err = m.MarkAllRead(t.Context(), nil, ews.FolderID{ID: queue.ID.ID + "AAAA"}, ews.Inbox)
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Items, 1)
	require.Equal(t, 0, batch.Items[0].Index)
	require.Zero(t, unread("inbox"), "the others are marked")
	require.ErrorContains(t, m.MarkAllRead(t.Context(), nil), "no folder")
	require.ErrorContains(t, m.MarkAllRead(t.Context(), nil, nil), "folder is nil")

	one(t, m, deliver(t, box, wants, nil), &ews.Update{Read: new(true), SendReceipts: true})
	require.Len(t, srv.Outbound(), 4)
}

func TestMarkAsJunk(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	var ids []ews.ItemID
	for i := range 12 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("From: spammer%d@example.org\nSubject: %d\n\n", i%2, i), nil))
	}
	box.Remove(ids[11].ID)
	moved, err := m.MarkAsJunk(t.Context(), ews.ToJunkEmail, ids...)
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.Len(t, moved, 12)
	require.True(t, moved[11].IsZero())
	require.Len(t, box.Items("junkemail"), 11)
	require.Equal(t, []string{"spammer0@example.org", "spammer1@example.org"}, box.BlockedSenders())
	for i, id := range moved[:11] {
		it, ok := box.Item(id.ID)
		require.True(t, ok)
		require.Equal(t, fmt.Sprint(i), it.Subject)
		require.Equal(t, it.ChangeKey, id.ChangeKey)
		require.NotEqual(t, ids[i].ID, id.ID)
	}
	deliver(t, box, "From: spammer1@example.org\n\n", nil)
	require.Empty(t, box.Items("inbox"))

	back, err := m.MarkAsJunk(t.Context(), ews.BackToInbox, moved[0])
	require.NoError(t, err)
	require.Equal(t, []string{"spammer1@example.org"}, box.BlockedSenders())
	require.Equal(t, back[0].ID, box.Items("inbox")[0].ID)
	stays, err := m.MarkAsJunk(t.Context(), ews.BlockSender, back[0])
	require.NoError(t, err)
	require.Equal(t, back, stays)
	require.Len(t, box.BlockedSenders(), 2)
	_, err = m.MarkAsJunk(t.Context(), ews.UnblockSender, back[0])
	require.NoError(t, err)
	require.Len(t, box.BlockedSenders(), 1)
	_, err = m.MarkAsJunk(t.Context(), 9, back[0])
	require.ErrorContains(t, err, "no mode 9")
}

func TestMoveToArchive(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	_, err := m.MoveToArchive(t.Context(), ews.Inbox, id)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	require.ErrorContains(t, err, "ErrorArchiveMailboxNotEnabled")
	_, err = m.MoveToArchive(t.Context(), nil, id)
	require.ErrorContains(t, err, "folder is nil")

	box.EnableArchive()
	box.AddFolder("Queue/Done")
	done := deliver(t, box, question, &ewstest.DeliverOptions{Folder: "Queue/Done"})
	queue, err := m.FindFolder(t.Context(), ews.MsgFolderRoot, "Queue", "Done")
	require.NoError(t, err)
	_, err = m.MoveToArchive(t.Context(), ews.Inbox, id)
	require.NoError(t, err)
	_, err = m.MoveToArchive(t.Context(), queue.ID, done)
	require.NoError(t, err)
	require.Empty(t, box.Items("inbox"))
	require.Len(t, box.Items("archiveinbox"), 1)
	require.Len(t, box.Items("archivemsgfolderroot/Queue/Done"), 1)
	for msg, err := range m.Archive().Messages(t.Context(), ews.Inbox, nil) {
		require.NoError(t, err)
		require.Equal(t, "<q1@customer.example>", msg.InternetMessageID)
	}
	_, err = m.MoveToArchive(t.Context(), ews.Inbox, id)
	require.ErrorIs(t, err, ews.ErrNotFound, "it has gone")
}

// TestChangeSamples decodes the answers of Microsoft's reference.
func TestChangeSamples(t *testing.T) {
	of := func(name string) *ews.Mailbox {
		return answering(t, readFile(t, filepath.Join(shared(t, "samples"), name)))
	}
	id := ews.ItemID{ID: "I", ChangeKey: "K"}
	require.NoError(t, of("MarkAllItemsAsRead-1.response.xml").MarkAllRead(t.Context(), nil, ews.Inbox))

	moved, err := of("MarkAsJunk-2.response.xml").MarkAsJunk(t.Context(), ews.ToJunkEmail, id)
	require.NoError(t, err)
	require.Equal(t, []ews.ItemID{{ID: "AAMkAD=", ChangeKey: "CQAAABYu"}}, moved)

	moved, err = of("MarkAsJunk-3.response.xml").MarkAsJunk(t.Context(), ews.BackToInbox, id)
	var batch *ews.BatchError
	require.ErrorAs(t, err, &batch)
	require.ErrorIs(t, batch.Items[0].Err, ews.ErrNotFound)
	require.Equal(t, "The specified object was not found in the store.", batch.Items[0].Err.Message)
	require.Equal(t, []ews.ItemID{{}}, moved)

	moved, err = of("ArchiveItem-1.response.xml").MoveToArchive(t.Context(), ews.Inbox, id)
	require.NoError(t, err)
	require.Equal(t, []ews.ItemID{{}}, moved)

	changed, err := of("UpdateItem-15.response.xml").Update(t.Context(), &ews.Update{Subject: new("x")}, id)
	require.NoError(t, err)
	require.Equal(t, []ews.ItemID{{ID: "AAAtAEFkbW...", ChangeKey: "CQAAABYAAA..."}}, changed)
}
