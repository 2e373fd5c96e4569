package ewstest_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

const marker = `<t:ExtendedFieldURI PropertySetId="C11FF724-AA03-4555-9952-8FA248A11C3E" PropertyName="marker" PropertyType="String"/>`

func update(id, key, attrs, updates string) string {
	if key != "" {
		key = ` ChangeKey="` + key + `"`
	}
	return `<m:UpdateItem MessageDisposition="SaveOnly" ` + attrs + `><m:ItemChanges><t:ItemChange><t:ItemId Id="` + id + `"` + key +
		`/><t:Updates>` + updates + `</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`
}

func setField(uri, value string) string {
	return `<t:SetItemField><t:FieldURI FieldURI="` + uri + `"/><t:Message>` + value + `</t:Message></t:SetItemField>`
}

func TestUpdateItem(t *testing.T) {
	f := start(t, nil)
	id := f.deliver(t, "From: a@b.c\nSubject: old\n\nbody")
	e := f.do(t, update(id, "", `ConflictResolution="AutoResolve" SuppressReadReceipts="true"`,
		setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)+
			setField("item:Categories", `<t:Categories><t:String>Red</t:String></t:Categories>`)+
			setField("item:Flag", `<t:Flag><t:FlagStatus>Flagged</t:FlagStatus></t:Flag>`)+
			`<t:SetItemField>`+marker+`<t:Message><t:ExtendedProperty>`+marker+`<t:Value>ticket-1</t:Value></t:ExtendedProperty></t:Message></t:SetItemField>`))
	require.Equal(t, []string{"NoError"}, e.codes())
	_, key := e.itemID()
	it, _ := f.mb.Item(id)
	require.Equal(t, key, it.ChangeKey)
	require.True(t, it.Read)
	require.Equal(t, []string{"Red"}, it.Categories)
	require.Equal(t, "From: a@b.c\r\nSubject: old\r\n\r\nbody", string(it.MIME), "flags do not touch the MIME content")

	byMarker := findItem(subjectField, "", `<m:Restriction><t:IsEqualTo>`+marker+`<t:FieldURIOrConstant><t:Constant Value="ticket-1"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>`)
	require.Equal(t, []string{"old"}, f.do(t, byMarker).texts("Subject"))
	e = f.do(t, getItem(idOnly+`<t:AdditionalProperties>`+marker+`</t:AdditionalProperties>`, id))
	require.Equal(t, "ticket-1", e.text("ExtendedProperty", "Value"))
	f.do(t, update(id, "", `ConflictResolution="AutoResolve"`, `<t:DeleteItemField>`+marker+`</t:DeleteItemField>`))
	require.Empty(t, f.do(t, byMarker).texts("Subject"))

	t.Run("change keys", func(t *testing.T) {
		_, stale := f.do(t, getItem(idOnly, id)).itemID()
		f.mb.SetRead(id, false)
		read := setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)
		require.Equal(t, []string{"ErrorIrresolvableConflict"}, f.do(t, update(id, stale, `ConflictResolution="NeverOverwrite"`, read)).codes())
		require.Equal(t, []string{"ErrorChangeKeyRequiredForWriteOperations"}, f.do(t, update(id, "", `ConflictResolution="NeverOverwrite"`, read)).codes())
		require.Equal(t, []string{"NoError"}, f.do(t, update(id, stale, `ConflictResolution="AutoResolve"`, read)).codes())
		require.Equal(t, []string{"ErrorInvalidChangeKey"}, f.do(t, update(id, "nonsense", `ConflictResolution="AutoResolve"`, read)).codes())
		subject := setField("item:Subject", `<t:Subject>new</t:Subject>`)
		require.Equal(t, []string{"ErrorIrresolvableConflict"}, f.do(t, update(id, stale, `ConflictResolution="AutoResolve"`, subject)).codes())
		require.Equal(t, []string{"NoError"}, f.do(t, update(id, stale, `ConflictResolution="AlwaysOverwrite"`, subject)).codes())
		it, _ := f.mb.Item(id)
		require.Equal(t, "new", it.Subject)
		require.Contains(t, string(it.MIME), "Subject: new\r\n")
	})
	t.Run("all or nothing", func(t *testing.T) {
		e := f.do(t, update(id, "", `ConflictResolution="AlwaysOverwrite"`, setField("item:Subject", `<t:Subject>half</t:Subject>`)+setField("item:Size", `<t:Size>1</t:Size>`)))
		require.Equal(t, []string{"ErrorInvalidPropertySet"}, e.codes())
		it, _ := f.mb.Item(id)
		require.Equal(t, "new", it.Subject)
	})
	t.Run("no disposition", func(t *testing.T) {
		body := strings.Replace(update(id, "", `ConflictResolution="AutoResolve"`, setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)), `MessageDisposition="SaveOnly" `, "", 1)
		require.Equal(t, []string{"ErrorMessageDispositionRequired"}, f.do(t, body).codes())
	})
}

func TestMoveCopyDelete(t *testing.T) {
	f := start(t, nil)
	f.mb.AddFolder("Processed")
	to, _ := f.mb.Folder("Processed")
	target := `<m:ToFolderId><t:FolderId Id="` + to.ID + `"/></m:ToFolderId>`
	id := f.deliver(t, "Subject: x\n\n")
	before, _ := f.mb.Item(id)
	e := f.do(t, `<m:MoveItem>`+target+`<m:ItemIds><t:ItemId Id="`+id+`"/><t:ItemId Id="`+strings.ToUpper(id)+`"/></m:ItemIds></m:MoveItem>`)
	require.Equal(t, "NoError", e.codes()[0])
	require.NotEqual(t, "NoError", e.codes()[1], "ids are case-sensitive")
	moved, _ := e.itemID()
	require.NotEqual(t, id, moved)
	require.Equal(t, []string{"ErrorItemNotFound"}, f.do(t, getItem(idOnly, id)).codes())
	e = f.do(t, getItem(idOnly+`<t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/></t:AdditionalProperties>`, moved))
	require.Equal(t, base64.StdEncoding.EncodeToString(before.SearchKey), e.text("ExtendedProperty", "Value"))

	e = f.do(t, `<m:CopyItem><m:ToFolderId>`+inbox+`</m:ToFolderId><m:ItemIds><t:ItemId Id="`+moved+`"/></m:ItemIds><m:ReturnNewItemIds>false</m:ReturnNewItemIds></m:CopyItem>`)
	require.Empty(t, e.all("ItemId"))
	require.Len(t, f.mb.Items("inbox"), 1)
	for kind, where := range map[string]string{"MoveToDeletedItems": "deleteditems", "SoftDelete": "recoverableitemsdeletions", "HardDelete": ""} {
		id := f.deliver(t, "Subject: "+kind+"\n\n")
		e := f.do(t, `<m:DeleteItem DeleteType="`+kind+`"><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:DeleteItem>`)
		require.Equal(t, []string{"NoError"}, e.codes())
		_, there := f.mb.Item(id)
		require.False(t, there)
		if where != "" {
			require.Equal(t, kind, f.mb.Items(where)[0].Subject)
		}
	}
	e = f.do(t, `<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts><m:FolderIds>`+inbox+`</m:FolderIds></m:MarkAllItemsAsRead>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	in, _ := f.mb.Folder("inbox")
	require.Equal(t, 0, in.Unread)
}

func TestGetItemPerItemErrors(t *testing.T) {
	f := start(t, nil)
	good := f.deliver(t, "Subject: good\n\n")
	bad := f.deliver(t, "Subject: bad\n\n")
	gone := f.deliver(t, "Subject: gone\n\n")
	in, _ := f.mb.Folder("inbox")
	f.mb.Remove(gone)
	f.mb.Poison(bad, "ErrorItemCorrupt")
	e := f.do(t, getItem(idOnly+`<t:AdditionalProperties>`+subjectField+`</t:AdditionalProperties>`, good, bad, gone, "", "garbage", in.ID))
	require.Equal(t, []string{"NoError", "ErrorItemCorrupt", "ErrorItemNotFound", "ErrorInvalidIdEmpty", "ErrorInvalidIdMalformed", "ErrorCannotUseFolderIdForItemId"}, e.codes())
	require.Equal(t, []string{"good"}, e.texts("Subject"))
	f.mb.Poison(bad, "")
	require.Equal(t, []string{"NoError"}, f.do(t, getItem(idOnly, bad)).codes())
}

func TestBodies(t *testing.T) {
	f := start(t, nil)
	html := f.deliver(t, "Subject: x\nContent-Type: text/html; charset=utf-8\n\n<p>Hello <b>you</b> &amp; me</p>")
	text := f.deliver(t, "Subject: x\n\na < b\n")
	body := func(id, shape string) *element {
		return f.do(t, getItem(idOnly+shape+`<t:AdditionalProperties><t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>`, id)).at("Items", "Body")
	}
	require.Equal(t, "<p>Hello <b>you</b> &amp; me</p>", body(html, "").Text)
	require.Equal(t, "HTML", body(html, "").attr("BodyType"))
	require.Equal(t, "Hello *you* & me", body(html, `<t:BodyType>Text</t:BodyType>`).Text)
	require.Equal(t, "Text", body(text, "").attr("BodyType"))
	require.Contains(t, body(text, `<t:BodyType>HTML</t:BodyType>`).Text, "a &lt; b<br>")
	e := f.do(t, getItem(idOnly+`<t:MaximumBodySize>2</t:MaximumBodySize><t:AdditionalProperties><t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>`, text))
	require.Equal(t, "a ", e.at("Items", "Body").Text)
	require.Equal(t, "true", e.at("Items", "Body").attr("IsTruncated"))
}

func TestHeaders(t *testing.T) {
	f := start(t, nil)
	id := f.deliver(t, "Received: by two\nReceived: by one\nX-Loop: yes\nSubject: =?utf-8?q?=C3=A4?=\n\n")
	e := f.do(t, getItem(idOnly+`<t:AdditionalProperties><t:FieldURI FieldURI="item:InternetMessageHeaders"/></t:AdditionalProperties>`, id))
	require.Equal(t, []string{"by two", "by one", "yes", "ä"}, e.texts("InternetMessageHeader"))
	e = f.do(t, getItem(idOnly+`<t:AdditionalProperties><t:IndexedFieldURI FieldURI="item:InternetMessageHeader" FieldIndex="x-loop"/></t:AdditionalProperties>`, id))
	require.Equal(t, []string{"yes"}, e.texts("InternetMessageHeader"))
}

func TestAttachments(t *testing.T) {
	f := start(t, nil)
	big := strings.Repeat("0123456789abcde\n", 64<<10)
	id := f.deliver(t, "Subject: outer\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=C\n\n--C\nContent-Type: text/plain; name=deep.txt\n\ndeep\n--C--\n--B\nContent-Type: application/x-big; name=big.bin\n\n"+big+"--B--\n")
	e := f.do(t, getItem(idOnly+`<t:AdditionalProperties><t:FieldURI FieldURI="item:Attachments"/></t:AdditionalProperties>`, id))
	require.Len(t, e.all("AttachmentId"), 2)
	get := func(shape, aid string) *element {
		return f.do(t, `<m:GetAttachment>`+shape+`<m:AttachmentIds><t:AttachmentId Id="`+aid+`"/></m:AttachmentIds></m:GetAttachment>`)
	}
	itemID, fileID := e.all("AttachmentId")[0].attr("Id"), e.all("AttachmentId")[1].attr("Id")
	content, err := base64.StdEncoding.DecodeString(get("", fileID).text("Content"))
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(big, "\n", "\r\n")[:len(content)], string(content))
	require.Equal(t, fmt.Sprint(len(content)), e.at("FileAttachment", "Size").Text)

	inner := get(`<m:AttachmentShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:AttachmentShape>`, itemID)
	require.Equal(t, "inner", inner.text("ItemAttachment", "Message", "Subject"))
	mime, err := base64.StdEncoding.DecodeString(inner.text("MimeContent"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(mime), "Subject: inner\r\n"))
	deep := inner.at("Message", "AttachmentId").attr("Id")
	content, err = base64.StdEncoding.DecodeString(get("", deep).text("Content"))
	require.NoError(t, err)
	require.Equal(t, "deep", string(content))

	_, err = f.mb.MoveTo(id, "drafts")
	require.NoError(t, err)
	require.Equal(t, []string{"ErrorItemNotFound"}, get("", fileID).codes(), "attachment ids do not survive a move")
	require.Equal(t, []string{"ErrorInvalidAttachmentId"}, get("", "garbage").codes())
}

func TestIllegalCharacters(t *testing.T) {
	for _, keep := range []bool{false, true} {
		f := start(t, &ewstest.Options{IllegalCharacters: keep})
		id := f.deliver(t, "Subject: a\x1fb\n\n")
		resp, err := f.http.Do(f.request(t, getItem(idOnly+`<t:AdditionalProperties>`+subjectField+`</t:AdditionalProperties>`, id)))
		require.NoError(t, err)
		b := readAll(t, resp)
		require.Equal(t, keep, strings.Contains(b, "a&#x1F;b"))
	}
}
