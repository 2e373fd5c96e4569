package ews_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestDelegateSamples(t *testing.T) {
	c := newClient(t, &script{answers: []answer{reply(200, readFile(t, shared(t, "samples", "AddDelegate-3.response.xml")))}}, nil)
	err := c.Own().AddDelegates(t.Context(), "", ews.Delegate{User: officeAnn})
	require.ErrorIs(t, err, ews.ErrExists)
	require.Equal(t, "ErrorDelegateAlreadyExists", asBatch(t, err).Items[0].Err.Code)
	require.NoError(t, sampled(t, "AddDelegate-2.response.xml").AddDelegates(t.Context(), "", ews.Delegate{User: officeAnn}))
	require.NoError(t, sampled(t, "RemoveDelegate-2.response.xml").RemoveDelegates(t.Context(), "ann@example.com", "bob@example.com"))
	require.NoError(t, sampled(t, "UpdateDelegate-1.response.xml").UpdateDelegates(t.Context(), "", ews.Delegate{User: officeAnn}, ews.Delegate{User: officeAnn}))
}

func asBatch(t testing.TB, err error) *ews.BatchError {
	t.Helper()
	var b *ews.BatchError
	require.True(t, errors.As(err, &b), "%v", err)
	return b
}

// TestDelegateFields: an answer in the shape of the documentation's, with everything in it.
func TestDelegateFields(t *testing.T) {
	got, delivery, err := answering(t, envelope(`<m:GetDelegateResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ResponseMessages>`+
		`<m:DelegateUserResponseMessageType ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:DelegateUser><t:UserId><t:SID>S-1-5</t:SID>`+
		`<t:PrimarySmtpAddress>ann@example.com</t:PrimarySmtpAddress><t:DisplayName>Ann</t:DisplayName></t:UserId><t:DelegatePermissions>`+
		`<t:CalendarFolderPermissionLevel>Editor</t:CalendarFolderPermissionLevel><t:TasksFolderPermissionLevel>Author</t:TasksFolderPermissionLevel>`+
		`<t:InboxFolderPermissionLevel>Reviewer</t:InboxFolderPermissionLevel><t:ContactsFolderPermissionLevel>Custom</t:ContactsFolderPermissionLevel>`+
		`<t:NotesFolderPermissionLevel>None</t:NotesFolderPermissionLevel><t:JournalFolderPermissionLevel>None</t:JournalFolderPermissionLevel></t:DelegatePermissions>`+
		`<t:ReceiveCopiesOfMeetingMessages>true</t:ReceiveCopiesOfMeetingMessages><t:ViewPrivateItems>true</t:ViewPrivateItems></m:DelegateUser></m:DelegateUserResponseMessageType>`+
		`<m:DelegateUserResponseMessageType ResponseClass="Error"><m:MessageText>no</m:MessageText><m:ResponseCode>ErrorNotDelegate</m:ResponseCode></m:DelegateUserResponseMessageType>`+
		`</m:ResponseMessages><m:DeliverMeetingRequests>DelegatesAndMe</m:DeliverMeetingRequests></m:GetDelegateResponse>`)).Delegates(t.Context())
	b := asBatch(t, err)
	require.Equal(t, 1, b.Items[0].Index)
	require.ErrorIs(t, err, ews.ErrDenied)
	require.Equal(t, ews.DelegatesAndOwner, delivery)
	want := []ews.Delegate{{User: ews.Address{Name: "Ann", Email: "ann@example.com", RoutingType: "SMTP"}, SID: "S-1-5", Calendar: "Editor", Tasks: "Author",
		Inbox: "Reviewer", Contacts: "Custom", Notes: "None", Journal: "None", CopiesOfMeetings: true, ViewPrivate: true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDelegates(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddMailbox("ann@example.com")
	srv.AddMailbox("bob@example.com")
	list, delivery, err := m.Delegates(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	require.Equal(t, ews.DelegatesInformOwner, delivery)

	ann := ews.Delegate{User: ews.Address{Email: "ann@example.com"}, Calendar: "Editor", Inbox: "Reviewer", CopiesOfMeetings: true}
	err = m.AddDelegates(t.Context(), ews.DelegatesOnly, ann, ews.Delegate{User: ews.Address{Email: "nobody@example.com"}}, ews.Delegate{User: ews.Address{Email: "bob@example.com"}})
	require.Equal(t, 1, asBatch(t, err).Items[0].Index)
	require.Len(t, asBatch(t, err).Items, 1)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	require.ErrorIs(t, m.AddDelegates(t.Context(), "", ann), ews.ErrExists)
	list, delivery, err = m.Delegates(t.Context())
	require.NoError(t, err)
	require.Equal(t, ews.DelegatesOnly, delivery)
	require.Len(t, list, 2)
	ann.User, ann.SID = ews.Address{Name: "ann", Email: "ann@example.com", RoutingType: "SMTP"}, list[0].SID
	if d := cmp.Diff(ann, list[0]); d != "" {
		t.Error(d)
	}

	ann.Inbox, ann.ViewPrivate = "", true
	require.NoError(t, m.UpdateDelegates(t.Context(), "", ann))
	require.NoError(t, m.UpdateDelegates(t.Context(), ews.NoDelegates))
	list, delivery, err = m.Delegates(t.Context(), "ann@example.com")
	require.NoError(t, err)
	require.Equal(t, ews.NoDelegates, delivery)
	require.True(t, list[0].ViewPrivate)
	_, _, err = m.Delegates(t.Context(), "support@example.com")
	require.ErrorIs(t, err, ews.ErrDenied)

	require.NoError(t, m.RemoveDelegates(t.Context(), "ann@example.com"))
	require.ErrorIs(t, m.RemoveDelegates(t.Context(), "ann@example.com"), ews.ErrDenied)
	list, _, err = m.Delegates(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)

	c, rec := recordingClient(t)
	require.Error(t, c.Shared(support).AddDelegates(t.Context(), ""))
	require.Error(t, c.Shared(support).UpdateDelegates(t.Context(), ""))
	require.Error(t, c.Shared(support).RemoveDelegates(t.Context()))
	require.Error(t, c.Shared(support).RemoveDelegates(t.Context(), "not an address"))
	_, _, err = c.Own().Delegates(t.Context())
	require.ErrorContains(t, err, "set Config.Mailbox")
	require.Empty(t, rec.ops)
}
