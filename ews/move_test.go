package ews_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

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
