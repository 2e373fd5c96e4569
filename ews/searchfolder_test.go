package ews_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestSearchFolders(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	ctx := t.Context()
	seedTickets(t, box, 6)
	sub := ews.FolderID{ID: box.AddFolder("inbox/sub").ID}
	f := &ews.SearchFolder{Name: "Unread", Where: ews.FieldRead.Is(false), In: []ews.FolderRef{ews.Inbox}}
	id, err := m.CreateSearchFolder(ctx, ews.SearchFolders, f)
	require.NoError(t, err)
	shows := func() (found string) {
		t.Helper()
		for msg, err := range m.Messages(ctx, id, &ews.Query{OldestFirst: true, PageSize: 2}) {
			require.NoError(t, err)
			found += msg.Subject[len(msg.Subject)-1:]
		}
		return found
	}
	require.Equal(t, "135", shows())
	folder, err := m.Folder(ctx, id)
	require.NoError(t, err)
	require.Equal(t, []any{"Unread", 3, 3}, []any{folder.Name, folder.Total, folder.Unread})

	first := box.Items("inbox")[0]
	box.SetRead(first.ID, false)
	require.Equal(t, "0135", shows(), "what meets the condition later is shown too")
	_, err = m.Move(ctx, sub, ews.ItemID{ID: first.ID})
	require.NoError(t, err)
	require.Equal(t, "135", shows(), "it left the folder")

	f.Deep, f.Where = true, ews.And{ews.FieldRead.Is(false), ews.FieldImportance.Is(ews.LowImportance)}
	require.NoError(t, m.UpdateSearchFolder(ctx, id, f))
	require.Equal(t, "03", shows())

	_, err = m.CreateSearchFolder(ctx, ews.SearchFolders, f)
	require.ErrorIs(t, err, ews.ErrExists)
	require.NoError(t, m.DeleteFolder(ctx, ews.HardDelete, id))
	require.ErrorIs(t, m.UpdateSearchFolder(ctx, id, f), ews.ErrNotFound)
	for _, bad := range []*ews.SearchFolder{{Name: "x"}, {Name: "x", Where: f.Where}, {Name: "x", Where: ews.Or{}, In: f.In}, {Name: "x", Where: f.Where, In: []ews.FolderRef{ews.FolderID{}}}} {
		_, err := m.CreateSearchFolder(ctx, ews.SearchFolders, bad)
		require.ErrorIs(t, err, ews.ErrInvalidRequest)
		require.ErrorIs(t, m.UpdateSearchFolder(ctx, id, bad), ews.ErrInvalidRequest)
	}
}
