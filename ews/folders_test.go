package ews_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// names lists the names of the folders below parent.
func names(t *testing.T, m *ews.Mailbox, parent ews.FolderRef, deep bool) []string {
	t.Helper()
	var all []string
	for f, err := range m.Folders(t.Context(), parent, deep) {
		require.NoError(t, err)
		require.NotEmpty(t, f.ID.ID)
		all = append(all, f.Name)
	}
	return all
}

func TestFolders(t *testing.T) {
	for _, short := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprintf("pages of %d", short), func(t *testing.T) {
			_, box, m := newMailbox(t, &ewstest.Options{ShortPages: short})
			for _, p := range []string{"inbox/a", "inbox/a/deep", "inbox/a/deep/er", "inbox/b", "inbox/c", "inbox/d"} {
				box.AddFolder(p)
			}
			require.Equal(t, []string{"a", "b", "c", "d"}, names(t, m, ews.Inbox, false))
			require.Equal(t, []string{"a", "deep", "er", "b", "c", "d"}, names(t, m, ews.Inbox, true))
			require.Empty(t, names(t, m, ews.SentItems, true))
		})
	}
	_, _, m := newMailbox(t, nil)
	for f, err := range m.Folders(t.Context(), ews.FolderID{ID: "AAAnothing"}, false) {
		require.Nil(t, f)
		require.ErrorIs(t, err, ews.ErrInvalidRequest)
	}
	for _, parent := range []ews.FolderRef{nil, ews.FolderID{}} {
		for _, err := range m.Folders(t.Context(), parent, false) {
			require.ErrorContains(t, err, "the folder")
		}
	}
}

// TestFoldersThatChange: deleting in the loop, and elsewhere while it runs, shifts the pages under the listing.
func TestFoldersThatChange(t *testing.T) {
	_, box, m := newMailbox(t, &ewstest.Options{ShortPages: 4})
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("f%02d", i))
		box.AddFolder("inbox/" + want[i])
	}
	var got []string
	for f, err := range m.Folders(t.Context(), ews.Inbox, false) {
		require.NoError(t, err)
		got = append(got, f.Name)
		if len(got) <= 3 {
			require.NoError(t, m.DeleteFolder(t.Context(), ews.HardDelete, f.ID))
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, want[3:], names(t, m, ews.Inbox, false))

	got = nil
	for f, err := range m.Folders(t.Context(), ews.Inbox, false) {
		require.NoError(t, err)
		if got = append(got, f.Name); len(got) == 2 {
			break
		}
	}
	require.Equal(t, want[3:5], got)
}

func TestRenamingAndMovingFolders(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	box.AddFolder("inbox/a/sub")
	box.AddFolder("inbox/b")
	deliver(t, box, question, &ewstest.DeliverOptions{Folder: "inbox/a"})
	a, err := m.FindFolder(t.Context(), ews.Inbox, "a")
	require.NoError(t, err)

	require.NoError(t, m.RenameFolder(t.Context(), a.ID, "Büro & <mehr>"))
	require.NoError(t, m.RenameFolder(t.Context(), ews.FolderID{ID: a.ID.ID, ChangeKey: a.ID.ChangeKey}, "c"), "by an old version")
	require.Equal(t, []string{"b", "c"}, slices.Sorted(slices.Values(names(t, m, ews.Inbox, false))))
	require.ErrorIs(t, m.RenameFolder(t.Context(), a.ID, "B"), ews.ErrExists)
	require.ErrorContains(t, m.RenameFolder(t.Context(), a.ID, ""), "name is empty")
	srv.Fault(ewstest.Fault{Op: "UpdateFolder", Do: ewstest.CutAfter(), Times: 1})
	require.NoError(t, m.RenameFolder(t.Context(), a.ID, "a"), "our own first try is no conflict")

	moved, err := m.MoveFolder(t.Context(), ews.MsgFolderRoot, a.ID)
	require.NoError(t, err)
	require.Equal(t, a.ID.ID, moved.ID)
	at, ok := box.Folder("a/sub")
	require.True(t, ok)
	require.Equal(t, "a/sub", at.Path)
	_, err = m.MoveFolder(t.Context(), ews.MsgFolderRoot, ews.Inbox)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	_, err = m.MoveFolder(t.Context(), nil, a.ID)
	require.ErrorContains(t, err, "the folder is nil")
	_, err = m.MoveFolder(t.Context(), ews.Inbox, ews.FolderID{})
	require.ErrorContains(t, err, "id is empty")

	dup, err := m.CopyFolder(t.Context(), ews.Inbox, moved)
	require.NoError(t, err)
	require.NotEqual(t, moved.ID, dup.ID)
	require.Len(t, box.Items("inbox/a"), 1)
	require.Len(t, box.Items("a"), 1)
	require.Equal(t, []string{"sub"}, names(t, m, dup, false))

	// A lost answer: the folder is copied, and not twice.
	srv.Fault(ewstest.Fault{Op: "CopyFolder", Do: ewstest.CutAfter(), Times: 1})
	_, err = m.CopyFolder(t.Context(), ews.Drafts, moved)
	require.True(t, ews.MaybeApplied(err), "%v", err)
	require.Equal(t, []string{"a"}, names(t, m, ews.Drafts, false))
}

func TestEmptyingAndDeletingFolders(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	box.AddFolder("inbox/a")
	for _, f := range []string{"inbox", "inbox", "inbox/a"} {
		deliver(t, box, question, &ewstest.DeliverOptions{Folder: f})
	}
	require.NoError(t, m.EmptyFolder(t.Context(), ews.ToDeletedItems, ews.Inbox, false))
	require.Empty(t, box.Items("inbox"))
	require.Len(t, box.Items("deleteditems"), 2)
	require.Len(t, box.Items("inbox/a"), 1)
	require.NoError(t, m.EmptyFolder(t.Context(), ews.HardDelete, ews.Inbox, true))
	require.Empty(t, names(t, m, ews.Inbox, false))
	require.NoError(t, m.EmptyFolder(t.Context(), ews.SoftDelete, ews.DeletedItems, true))
	require.Empty(t, box.Items("deleteditems"))
	require.ErrorContains(t, m.EmptyFolder(t.Context(), 7, ews.Inbox, true), "no mode 7")

	require.ErrorIs(t, m.DeleteFolder(t.Context(), ews.HardDelete, ews.Inbox), ews.ErrInvalidRequest)
	f, err := m.EnsureFolder(t.Context(), ews.Inbox, "old")
	require.NoError(t, err)
	// The answer is lost: asking again would delete for good what is in the trash by then.
	srv.Fault(ewstest.Fault{Op: "DeleteFolder", Do: ewstest.CutAfter(), Times: 1})
	err = m.DeleteFolder(t.Context(), ews.ToDeletedItems, f.ID)
	require.True(t, ews.MaybeApplied(err), "%v", err)
	trash, err := m.Folder(t.Context(), ews.DeletedItems)
	require.NoError(t, err)
	f, err = m.Folder(t.Context(), f.ID)
	require.NoError(t, err)
	require.Equal(t, trash.ID.ID, f.Parent.ID)
	require.NoError(t, m.DeleteFolder(t.Context(), ews.HardDelete, f.ID))
	require.ErrorIs(t, m.DeleteFolder(t.Context(), ews.HardDelete, f.ID), ews.ErrNotFound)
	require.ErrorContains(t, m.DeleteFolder(t.Context(), ews.HardDelete, nil), "the folder is nil")
}

// TestFoldersGoneMad: a server whose pages never join, and one whose pages are empty, end the listing with words for it.
func TestFoldersGoneMad(t *testing.T) {
	page := func(ids ...string) string {
		var b strings.Builder
		for _, id := range ids {
			b.WriteString(`<t:Folder><t:FolderId Id="` + id + `"/></t:Folder>`)
		}
		return envelope(`<m:FindFolderResponse><m:ResponseMessages><m:FindFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
			`<m:RootFolder TotalItemsInView="9" IncludesLastItemInRange="false"><t:Folders>` + b.String() + `</t:Folders></m:RootFolder></m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse>`)
	}
	for name, tc := range map[string]struct {
		answer string
		want   error
		given  int
	}{
		"never joins": {page("A", "B"), ews.ErrConflict, 2},
		"empty":       {page(), ews.ErrBadResponse, 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv, _, _ := newMailbox(t, nil)
			m := clientOf(t, srv, transportFunc(reply(200, tc.answer)))
			given := 0
			var last error
			for f, err := range m.Folders(t.Context(), ews.Inbox, true) {
				if last = err; f != nil {
					given++
				}
				require.Less(t, given, 100, "the listing does not end")
			}
			require.ErrorIs(t, last, tc.want)
			require.Equal(t, tc.given, given)
		})
	}
}

// TestFolderNamesAndKinds: a blank name is refused before the server is asked, and a calendar is not emptied.
func TestFolderNamesAndKinds(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	ctx := t.Context()
	id := ews.FolderID{ID: box.AddFolder("inbox/x").ID}
	sent := srv.Count("")
	for name, call := range map[string]func() error{
		"CreateFolder": func() error { _, err := m.CreateFolder(ctx, ews.Inbox, " \t", ""); return err },
		"EnsureFolder": func() error { _, err := m.EnsureFolder(ctx, ews.Inbox, "a", " "); return err },
		"RenameFolder": func() error { return m.RenameFolder(ctx, id, " ") },
		"CreateSearchFolder": func() error {
			_, err := m.CreateSearchFolder(ctx, ews.SearchFolders, &ews.SearchFolder{Name: " ", Where: ews.FieldRead.Is(true), In: []ews.FolderRef{id}})
			return err
		},
	} {
		require.ErrorContains(t, call(), "name is empty", name)
	}
	require.Equal(t, sent, srv.Count(""), "nothing is asked, and nothing made")

	search, err := m.CreateSearchFolder(ctx, ews.SearchFolders, &ews.SearchFolder{Name: "s", Where: ews.FieldRead.Is(true), In: []ews.FolderRef{id}})
	require.NoError(t, err)
	for _, f := range []ews.FolderRef{ews.Calendar, search} {
		require.ErrorIs(t, m.EmptyFolder(ctx, ews.HardDelete, f, false), ews.ErrInvalidRequest)
	}
	for msg, err := range m.Messages(ctx, ews.Inbox, &ews.Query{Where: ews.TextField("item:Sujbect").Is("x")}) {
		require.Nil(t, msg)
		require.ErrorIs(t, err, ews.ErrInvalidRequest)
		require.ErrorContains(t, err, "item:Sujbect", "a field that the schema does not know is told")
	}
}
