package ewstest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestFolders(t *testing.T) {
	f := start(t, nil)
	create := func(parent, name string) *element {
		return f.do(t, fmt.Sprintf(`<m:CreateFolder><m:ParentFolderId>%s</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>%s</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>`, parent, name))
	}
	e := create(inbox, "Processed")
	require.Equal(t, []string{"NoError"}, e.codes())
	id := e.at("FolderId").attr("Id")
	have, ok := f.mb.Folder("inbox/Processed")
	require.True(t, ok)
	require.Equal(t, id, have.ID)
	require.Equal(t, "IPF.Note", have.Class)
	require.Equal(t, []string{"ErrorFolderExists"}, create(inbox, "processed").codes())
	require.Equal(t, []string{"ErrorInvalidIdMalformed"}, create(`<t:FolderId Id="garbage"/>`, "x").codes())
	sub := create(`<t:FolderId Id="`+id+`"/>`, "2026").at("FolderId").attr("Id")

	find := func(traversal, restriction string) []string {
		e := f.do(t, `<m:FindFolder Traversal="`+traversal+`"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>`+restriction+
			`<m:ParentFolderIds>`+inbox+`</m:ParentFolderIds></m:FindFolder>`)
		require.Equal(t, []string{"NoError"}, e.codes())
		return e.texts("DisplayName")
	}
	require.Equal(t, []string{"Processed"}, find("Shallow", ""))
	require.Equal(t, []string{"Processed", "2026"}, find("Deep", ""))
	require.Equal(t, []string{"2026"}, find("Deep", `<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="2026"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>`))

	f.deliver(t, "Subject: 1\n\n")
	e = f.do(t, `<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>`+inbox+`<t:FolderId Id="`+sub+`"/><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>`)
	require.Equal(t, []string{"NoError", "NoError", "NoError"}, e.codes())
	require.Equal(t, "1", e.text("TotalCount"))
	require.Equal(t, "1", e.text("UnreadCount"))
	require.Equal(t, "Inbox", e.text("DisplayName"))

	e = f.do(t, `<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id="`+sub+`"/><t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>Old</t:DisplayName></t:Folder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	e = f.do(t, `<m:MoveFolder><m:ToFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:ToFolderId><m:FolderIds><t:FolderId Id="`+sub+`"/>`+inbox+`</m:FolderIds></m:MoveFolder>`)
	require.Equal(t, []string{"NoError", "ErrorMoveDistinguishedFolder"}, e.codes())
	_, ok = f.mb.Folder("Old")
	require.True(t, ok)
	e = f.do(t, `<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:FolderId Id="`+sub+`"/>`+inbox+`</m:FolderIds></m:DeleteFolder>`)
	require.Equal(t, []string{"NoError", "ErrorDeleteDistinguishedFolder"}, e.codes())
	e = f.do(t, `<m:EmptyFolder DeleteType="MoveToDeletedItems" DeleteSubFolders="true"><m:FolderIds>`+inbox+`</m:FolderIds></m:EmptyFolder>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	require.Empty(t, f.mb.Items("inbox"))
	require.Len(t, f.mb.Items("deleteditems"), 1)
	_, ok = f.mb.Folder("deleteditems/Processed")
	require.True(t, ok)
}

func TestOtherMailboxes(t *testing.T) {
	f := start(t, nil)
	other := f.AddMailbox("boss@example.com")
	id, err := other.Deliver([]byte("Subject: secret\r\n\r\n"), nil)
	require.NoError(t, err)
	look := func() []string {
		e := f.do(t, `<m:GetFolder><m:FolderShape>`+idOnly+`</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>boss@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>nobody@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`)
		return append(e.codes(), f.do(t, getItem(idOnly, id.ID)).codes()...)
	}
	require.Equal(t, []string{"ErrorFolderNotFound", "ErrorNonExistentMailbox", "ErrorItemNotFound"}, look())
	other.Grant(us)
	require.Equal(t, []string{"NoError", "ErrorNonExistentMailbox", "NoError"}, look())
	e := f.do(t, `<m:MoveItem><m:ToFolderId>`+inbox+`</m:ToFolderId><m:ItemIds><t:ItemId Id="`+id.ID+`"/></m:ItemIds></m:MoveItem>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	require.Empty(t, e.all("ItemId"), "a move to another mailbox returns no ids")
	require.Len(t, f.mb.Items("inbox"), 1)
}

func TestResolveNames(t *testing.T) {
	f := start(t, nil)
	f.mb.SetName("Support Desk")
	f.AddMailbox("sue@example.com").SetName("Sue")
	resolve := func(name string) *element {
		return f.do(t, `<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>`+name+`</m:UnresolvedEntry></m:ResolveNames>`)
	}
	require.Equal(t, us, resolve("Support").text("EmailAddress"))
	require.Equal(t, []string{"ErrorNameResolutionMultipleResults"}, resolve("su").codes())
	require.Equal(t, []string{"ErrorNameResolutionNoResults"}, resolve("zoe").codes())
	// Lists show local senders by their X.500 address, which ResolveNames turns into SMTP.
	_, err := f.mb.Deliver([]byte("From: Sue <sue@example.com>\r\nSubject: x\r\n\r\n"), nil)
	require.NoError(t, err)
	e := f.do(t, findItem(`<t:FieldURI FieldURI="message:From"/>`, "", ""))
	require.Equal(t, "EX", e.text("From", "RoutingType"))
	require.Equal(t, "sue@example.com", resolve(e.text("From", "EmailAddress")).text("EmailAddress"))
}

func TestGoSide(t *testing.T) {
	s := ewstest.New(nil)
	defer s.Close()
	mb := s.AddMailbox(us)
	require.Same(t, mb, s.AddMailbox("SUPPORT@example.com"))
	require.Equal(t, "a/b", mb.AddFolder("a/b").Path)
	_, err := mb.Deliver(nil, &ewstest.DeliverOptions{Folder: "nowhere"})
	require.ErrorIs(t, err, ewstest.ErrNoFolder)
	id, err := mb.Deliver([]byte("Subject: x\r\n\r\n"), &ewstest.DeliverOptions{Folder: "a/b", Read: true, Categories: []string{"Red"}})
	require.NoError(t, err)
	it, ok := mb.Item(id.ID)
	require.True(t, ok)
	require.Equal(t, []string{"Red"}, it.Categories)
	fo, _ := mb.Folder("a/b")
	require.Equal(t, 1, fo.Total)
	require.Equal(t, 0, fo.Unread)
	require.True(t, mb.SetRead(id.ID, false))
	moved, err := mb.MoveTo(id.ID, "inbox")
	require.NoError(t, err)
	require.NotEqual(t, id.ID, moved.ID)
	again, _ := mb.Item(moved.ID)
	require.Equal(t, it.SearchKey, again.SearchKey)
	_, err = mb.MoveTo(id.ID, "inbox")
	require.ErrorIs(t, err, ewstest.ErrNoItem)
	require.True(t, mb.Remove(moved.ID))
	require.False(t, mb.Remove(moved.ID))
	require.NoError(t, mb.RemoveFolder("a"))
	require.Nil(t, mb.Items("a/b"))
	require.Error(t, mb.RemoveFolder("inbox"))
}

func TestIDsDifferOnlyInCase(t *testing.T) {
	f := start(t, nil)
	seen := map[string]bool{}
	twins := 0
	for range 20 {
		id := f.deliver(t, "Subject: x\n\n")
		low := lower(id)
		if seen[low] {
			twins++
		}
		seen[low] = true
	}
	require.Positive(t, twins)
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}
