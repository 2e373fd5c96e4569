package ews_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

var matrixPlace = []matrixOperation{
	{"Permissions", "GetFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Permissions(ctx, ews.Inbox)
		return err
	}},
	{"CreateFolder", "CreateFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.CreateFolder(ctx, ews.Inbox, "New", "")
		return err
	}},
	{"PublicFolder", "GetFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.PublicFolder(ctx, matrixFolder)
		return err
	}},
	{"archive", "GetFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Archive().Folder(ctx, ews.Inbox)
		return err
	}},
}

var matrixFolder = ews.FolderID{ID: "F1"}

func TestPermissions(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	box.Grant("ann@example.com")
	srv.AddMailbox("ann@example.com").SetName("Ann")
	none := ews.Permission{EditItems: "None", DeleteItems: "None", ReadItems: "None", Level: "None"}
	everybody, anonymous := none, none
	everybody.Group, anonymous.Group = "Default", "Anonymous"
	ann := ews.Permission{User: ews.Address{Name: "Ann", Email: "ann@example.com", RoutingType: "SMTP"}, Level: "Owner", CanCreateItems: true,
		CanCreateSubFolders: true, Owner: true, Visible: true, Contact: true, EditItems: "All", DeleteItems: "All", ReadItems: "FullDetails"}
	all := ews.Rights{CreateAssociated: true, CreateContents: true, CreateHierarchy: true, Delete: true, Modify: true, Read: true, ViewPrivateItems: true}
	for _, f := range []ews.FolderRef{ews.Inbox, ews.FolderName("calendar")} {
		got, err := m.Permissions(t.Context(), f)
		require.NoError(t, err)
		want := &ews.FolderPermissions{Entries: []ews.Permission{everybody, anonymous, ann}, Mine: all}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	team := srv.AddMailbox("team@example.com")
	team.Grant(support)
	got, err := sharedOf(t, srv, "team@example.com").Permissions(t.Context(), ews.Inbox)
	require.NoError(t, err)
	require.Empty(t, got.Entries, "who is not the owner does not see them")
	require.True(t, got.Mine.Read)
	_, err = m.Permissions(t.Context(), ews.FolderID{})
	require.ErrorContains(t, err, "id is empty")
}

// TestPermissionSamples: the published answer and the recorded one.
func TestPermissionSamples(t *testing.T) {
	rights := ews.Rights{CreateAssociated: true, CreateContents: true, CreateHierarchy: true, Delete: true, Modify: true, Read: true}
	tests := map[string]struct {
		last ews.Permission
		n    int
		view bool
	}{
		"samples/GetFolder-4.response.xml": {ews.Permission{SID: "S-1-5-21-1337771579-694202782-848329751-1535223",
			User:  ews.Address{Name: "Sadie Daniels", Email: "sadie@Contoso.com", RoutingType: "SMTP"},
			Level: "Editor", CanCreateItems: true, Visible: true, EditItems: "All", DeleteItems: "All", ReadItems: "FullDetails"}, 3, true},
		"fixtures/recorded-py/folder.permissionset_effectiverights_parsing-1.xml": {ews.Permission{SID: "SID2",
			User:  ews.Address{Name: "User 2", Email: "user2@example.com", RoutingType: "SMTP"},
			Level: "Editor", CanCreateItems: true, Visible: true, EditItems: "All", DeleteItems: "All", ReadItems: "FullDetails"}, 2, false},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(shared(t), filepath.FromSlash(name))
			got, err := newClient(t, &script{answers: []answer{recorded(t, file)}}, nil).Own().Permissions(t.Context(), ews.Inbox)
			require.NoError(t, err)
			rights.ViewPrivateItems = want.view
			require.Equal(t, rights, got.Mine)
			require.Len(t, got.Entries, want.n)
			if d := cmp.Diff(want.last, got.Entries[want.n-1]); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCreateFolder(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	f, err := m.CreateFolder(t.Context(), ews.Inbox, "Tasks of support", "IPF.Task")
	require.NoError(t, err)
	require.Equal(t, "IPF.Task", f.Class)
	got, ok := box.Folder("inbox/Tasks of support")
	require.True(t, ok)
	require.Equal(t, "IPF.Task", got.Class)
	_, err = m.CreateFolder(t.Context(), ews.Inbox, "tasks of SUPPORT", "")
	require.ErrorIs(t, err, ews.ErrExists)
	_, err = m.CreateFolder(t.Context(), ews.Inbox, "", "")
	require.ErrorContains(t, err, "name is empty")
}
