package ews_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestArchive: the archive's folders are other ones than the mailbox's, and mail in them reads as ever.
func TestArchive(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	a := m.Archive()
	_, err := a.Folder(t.Context(), ews.Inbox)
	require.ErrorIs(t, err, ews.ErrNotFound, "there is no archive")

	box.EnableArchive()
	deliver(t, box, question, nil)
	id := deliver(t, box, question, &ewstest.DeliverOptions{Folder: "archiveinbox"})
	inbox, err := m.Folder(t.Context(), ews.Inbox)
	require.NoError(t, err)
	archived, err := a.Folder(t.Context(), ews.Inbox)
	require.NoError(t, err)
	require.NotEqual(t, inbox.ID.ID, archived.ID.ID)
	var ids []string
	for msg, err := range a.Messages(t.Context(), ews.Inbox, nil) {
		require.NoError(t, err)
		ids = append(ids, msg.ID.ID)
	}
	require.Equal(t, []string{id.ID}, ids)

	f, err := a.EnsureFolder(t.Context(), ews.MsgFolderRoot, "2019", "Tickets")
	require.NoError(t, err)
	moved, err := a.Move(t.Context(), f.ID, id)
	require.NoError(t, err)
	require.False(t, moved[0].IsZero())
	at, ok := box.Folder("archivemsgfolderroot/2019/Tickets")
	require.True(t, ok)
	require.Equal(t, 1, at.Total)
	require.NoError(t, a.Delete(t.Context(), ews.HardDelete, moved[0]))

	// The same of a shared mailbox.
	team := srv.AddMailbox("team@example.com")
	team.Grant(support)
	team.EnableArchive()
	shared := sharedOf(t, srv, "team@example.com").Archive()
	theirs, err := shared.Folder(t.Context(), ews.Inbox)
	require.NoError(t, err)
	require.NotEqual(t, archived.ID.ID, theirs.ID.ID)
}

// TestStoresHaveNoOtherNames: a name that means nothing in an archive is wrong use, told before anything is sent.
func TestStoresHaveNoOtherNames(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	n := srv.Count("")
	_, err := m.Archive().Folder(t.Context(), ews.SentItems)
	require.ErrorContains(t, err, `an archive has no folder named "sentitems": find it by path`)
	_, err = m.Archive().Send(t.Context(), &ews.Draft{To: []ews.Address{{Email: "a@example.com"}}})
	require.ErrorContains(t, err, "an archive has no folder")
	_, err = m.PublicFolders("").Folder(t.Context(), ews.Inbox)
	require.ErrorContains(t, err, `public folders have no folder named "inbox"`)
	_, err = m.PublicFolders("nobody").Folder(t.Context(), ews.Root)
	require.ErrorContains(t, err, "no address")
	_, err = m.Archive().SubscribePull(t.Context(), nil)
	require.ErrorContains(t, err, "set Folders")
	require.Equal(t, n, srv.Count(""), "something was sent")
	require.Empty(t, srv.Outbound())
}

// TestPublicFolders: the tree by its root, contents by way of the mailbox that holds them.
func TestPublicFolders(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	p := m.PublicFolders("")
	_, err := p.Folder(t.Context(), ews.PublicFoldersRoot)
	require.ErrorIs(t, err, ews.ErrNotFound)

	store := srv.PublicFolders()
	store.AddFolder("Support/Tickets")
	id := deliver(t, store, question, &ewstest.DeliverOptions{Folder: "Support/Tickets"})
	f, err := p.FindFolder(t.Context(), ews.MsgFolderRoot, "Support", "Tickets")
	require.NoError(t, err)
	require.Equal(t, 1, f.Total)
	var names []string
	for f, err := range p.Folders(t.Context(), ews.Root, true) {
		require.NoError(t, err)
		names = append(names, f.Name)
	}
	require.Equal(t, []string{"Support", "Tickets"}, names)

	srv.ResetRequests()
	in, err := p.PublicFolder(t.Context(), f.ID)
	require.NoError(t, err)
	msg, err := in.Message(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, "Drucker antwortet nicht ✓", msg.Subject)
	content := store.ContentMailbox() + "@example.com"
	require.Equal(t, content, srv.Requests()[1].AnchorMailbox)
	require.Equal(t, content, srv.Requests()[1].Header.Get("X-PublicFolderMailbox"))

	own := deliver(t, box, question, nil)
	f, err = m.Folder(t.Context(), ews.Inbox)
	require.NoError(t, err)
	_, err = p.PublicFolder(t.Context(), f.ID)
	require.ErrorIs(t, err, ews.ErrBadResponse, "no public folder")
	require.ErrorContains(t, err, "check that it is a public folder")
	_, err = newClient(t, nil, func(c *ews.Config) { c.Mailbox = "" }).Own().PublicFolder(t.Context(), f.ID)
	require.ErrorContains(t, err, "set Config.Mailbox")
	require.NotEmpty(t, own.ID)
}

// TestRouting: which headers route the requests of each way to enter a mailbox; a subscription stays with one server in all of them.
func TestRouting(t *testing.T) {
	const guid = "0f8fad5b-d9cb-469f-a165-70867728950e"
	tests := []struct {
		name           string
		open           func(*ews.Client) *ews.Mailbox
		anchor, public string
	}{
		{"own", (*ews.Client).Own, "help@example.com", ""},
		{"shared", func(c *ews.Client) *ews.Mailbox { return c.Shared("team@example.com") }, "team@example.com", ""},
		{"impersonate", func(c *ews.Client) *ews.Mailbox { return c.Impersonate("a@example.com") }, "a@example.com", ""},
		{"impersonate UPN", func(c *ews.Client) *ews.Mailbox { return c.ImpersonateUPN("u@example.com") }, "u@example.com", ""},
		{"impersonate SID", func(c *ews.Client) *ews.Mailbox { return c.ImpersonateSID("S-1-5-21-1") }, "", ""},
		{"archive", func(c *ews.Client) *ews.Mailbox { return c.Own().Archive() }, "help@example.com", ""},
		{"shared archive", func(c *ews.Client) *ews.Mailbox { return c.Shared("team@example.com").Archive() }, "team@example.com", ""},
		{"impersonated archive", func(c *ews.Client) *ews.Mailbox { return c.Impersonate("a@example.com").Archive() }, "a@example.com", ""},
		{"public", func(c *ews.Client) *ews.Mailbox { return c.Own().PublicFolders("") }, "help@example.com", ""},
		{"public, hierarchy known", func(c *ews.Client) *ews.Mailbox {
			return c.Impersonate("a@example.com").PublicFolders("pf@example.com")
		}, "pf@example.com", "pf@example.com"},
		{"public contents", func(c *ews.Client) *ews.Mailbox {
			m, err := c.Own().PublicFolders("pf@example.com").PublicFolder(t.Context(), ews.FolderID{ID: "F"})
			require.NoError(t, err)
			return m
		}, guid + "@example.com", guid + "@example.com"},
	}
	replica := reply(200, envelope(`<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder><t:FolderId Id="F"/><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x6698" PropertyType="Binary"/><t:Value>MGY4ZmFkNWItZDljYi00NjlmLWExNjUtNzA4Njc3Mjg5NTBlADExMTExMTExLTIyMjItMzMzMy00NDQ0LTU1NTU1NTU1NTU1NQA=</t:Value></t:ExtendedProperty></t:Folder></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>`))
	subscribed := reply(200, envelope(`<m:SubscribeResponse><m:ResponseMessages><m:SubscribeResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:SubscriptionId>S1</m:SubscriptionId><m:Watermark>W1</m:Watermark></m:SubscribeResponseMessage></m:ResponseMessages></m:SubscribeResponse>`),
		"Set-Cookie", "X-BackEndOverrideCookie=server7~1942; path=/; HttpOnly")
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			rt := &script{answers: []answer{replica}}
			c := newClient(t, rt, nil)
			m := tc.open(c)
			rt.answers, rt.reqs = []answer{fine, subscribed}, nil
			require.NoError(t, m.DoCall(t.Context(), getItem(nil)))
			sub, err := m.SubscribePull(t.Context(), &ews.PullOptions{SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.FolderID{ID: "F"}}}})
			require.NoError(t, err)
			require.Equal(t, "server7~1942", sub.BackEnd)
			_ = m.Unsubscribe(t.Context(), sub)
			require.GreaterOrEqual(t, len(rt.reqs), 3)
			for i, r := range rt.reqs {
				require.Equal(t, tc.anchor, r.Header.Get("X-AnchorMailbox"), "request %d", i)
				require.Equal(t, tc.public, r.Header.Get("X-PublicFolderMailbox"), "request %d", i)
				affine := ""
				if i > 0 {
					affine = "true"
				}
				require.Equal(t, affine, r.Header.Get("X-PreferServerAffinity"), "request %d", i)
			}
			require.Equal(t, "X-BackEndOverrideCookie=server7~1942", rt.reqs[2].Header.Get("Cookie"))
		})
	}
}

// TestReplicaList: what is no list of GUIDs is no mailbox to send a request to.
func TestReplicaList(t *testing.T) {
	for _, list := range []string{"", "AAAA", "!", "MGY4ZmFkNWItZDljYi00NjlmLWExNjUtNzA4Njc3Mjg5NTA=", "MGY4ZmFkNWItZDljYi00NjlmLWExNjUtNzA4Njc3Mjg5NTBlWA==", "MGY4ZmFkNWItZDljYi00NjlmLWExNjUtNzA4Njc3Mjg5DQpl"} {
		rt := &script{answers: []answer{reply(200, envelope(`<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder><t:ExtendedProperty><t:Value>`+list+`</t:Value></t:ExtendedProperty></t:Folder></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>`))}}
		_, err := newClient(t, rt, nil).Own().PublicFolder(t.Context(), ews.FolderID{ID: "F"})
		if !errors.Is(err, ews.ErrBadResponse) || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q: %v", list, err)
		}
	}
}
