package ewstest_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func readAll(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b)
}

func createItem(disposition, item string) string {
	return `<m:CreateItem MessageDisposition="` + disposition + `"><m:Items>` + item + `</m:Items></m:CreateItem>`
}

func to(addr ...string) string {
	out := "<t:ToRecipients>"
	for _, a := range addr {
		out += "<t:Mailbox><t:EmailAddress>" + a + "</t:EmailAddress></t:Mailbox>"
	}
	return out + "</t:ToRecipients>"
}

func TestDraftAttachSend(t *testing.T) {
	f := start(t, nil)
	ann := f.AddMailbox("ann@example.com")
	e := f.do(t, createItem("SaveOnly", `<t:Message><t:Subject>Grüße</t:Subject><t:Body BodyType="HTML">&lt;p&gt;ü&lt;/p&gt;</t:Body>`+
		`<t:ExtendedProperty>`+marker+`<t:Value>row-7</t:Value></t:ExtendedProperty>`+
		`<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="InternetHeaders" PropertyName="X-Ticket" PropertyType="String"/><t:Value>7</t:Value></t:ExtendedProperty>`+
		to("ann@example.com", "far@example.org")+`<t:BccRecipients><t:Mailbox><t:EmailAddress>hidden@example.org</t:EmailAddress></t:Mailbox></t:BccRecipients></t:Message>`))
	require.Equal(t, []string{"NoError"}, e.codes())
	id, key := e.itemID()
	require.True(t, f.mb.Items("drafts")[0].Draft)

	e = f.do(t, `<m:CreateAttachment><m:ParentItemId Id="`+id+`" ChangeKey="`+key+`"/><m:Attachments><t:FileAttachment><t:Name>ä.txt</t:Name><t:Content>aGVsbG8=</t:Content></t:FileAttachment>`+
		`<t:ItemAttachment><t:Name>note</t:Name><t:Message><t:Subject>inner</t:Subject><t:Body BodyType="Text">in</t:Body></t:Message></t:ItemAttachment></m:Attachments></m:CreateAttachment>`)
	require.Equal(t, []string{"NoError", "NoError"}, e.codes())
	ids := e.all("AttachmentId")
	require.Equal(t, id, ids[1].attr("RootItemId"))
	newKey := ids[1].attr("RootItemChangeKey")
	require.NotEqual(t, key, newKey)

	draft := f.mb.Items("drafts")[0]
	require.NotContains(t, string(draft.MIME), "\r\nDate:", "a draft has not been sent")
	send := func(key, attrs, folder string) *element {
		return f.do(t, `<m:SendItem `+attrs+`><m:ItemIds><t:ItemId Id="`+id+`"`+key+`/></m:ItemIds>`+folder+`</m:SendItem>`)
	}
	require.Equal(t, []string{"ErrorChangeKeyRequired"}, send("", `SaveItemToFolder="true"`, "").codes())
	require.Equal(t, []string{"ErrorIrresolvableConflict"}, send(` ChangeKey="`+key+`"`, `SaveItemToFolder="true"`, "").codes())
	require.Empty(t, f.Outbound())
	require.Equal(t, []string{"NoError"}, send(` ChangeKey="`+newKey+`"`, `SaveItemToFolder="true"`, "").codes())

	require.Empty(t, f.mb.Items("drafts"))
	sent := f.mb.Items("sentitems")
	require.Len(t, sent, 1)
	require.NotEqual(t, id, sent[0].ID)
	require.False(t, sent[0].Draft)
	require.Equal(t, []string{"hidden@example.org"}, sent[0].Bcc)
	in := ann.Items("inbox")
	require.Len(t, in, 1)
	require.Equal(t, "Grüße", in[0].Subject)
	require.Equal(t, us, in[0].From)
	require.Equal(t, "<p>ü</p>", strings.TrimSpace(in[0].HTML))
	require.Empty(t, in[0].Bcc)
	require.NotContains(t, string(in[0].MIME), "hidden@")
	require.Contains(t, string(in[0].MIME), "X-Ticket: 7\r\n")
	require.Contains(t, string(in[0].MIME), "\r\nDate: ")
	require.False(t, strings.HasPrefix(string(in[0].MIME), "Date:"), "made anew, not patched")
	require.Equal(t, sent[0].InternetMessageID, in[0].InternetMessageID)
	require.Len(t, in[0].Attachments, 2)
	require.Equal(t, "ä.txt", in[0].Attachments[0].Name)
	require.Equal(t, "hello", string(in[0].Attachments[0].Data))
	require.True(t, in[0].Attachments[1].IsItem)
	require.Contains(t, string(in[0].Attachments[1].Data), "Subject: inner\r\n")
	out := f.Outbound()
	require.Len(t, out, 1)
	require.Equal(t, []string{"ann@example.com", "far@example.org", "hidden@example.org"}, out[0].To)
	require.Equal(t, []string{"ann@example.com"}, out[0].Local)

	// The marker is found on the sent copy: that is how a client learns whether a lost send has happened.
	e = f.do(t, strings.Replace(findItem(subjectField, "", `<m:Restriction><t:IsEqualTo>`+marker+`<t:FieldURIOrConstant><t:Constant Value="row-7"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>`), `"inbox"`, `"sentitems"`, 1))
	require.Equal(t, []string{"Grüße"}, e.texts("Subject"))
	require.Equal(t, []string{"ErrorItemNotFound"}, send(` ChangeKey="`+newKey+`"`, `SaveItemToFolder="true"`, "").codes(), "a second send finds no draft")
}

func TestSendMIME(t *testing.T) {
	f := start(t, nil)
	ann := f.AddMailbox("ann@example.com")
	raw := "From: support@example.com\r\nTo: ann@example.com\r\nBcc: x@y.z,\r\n ann@example.com\r\nSubject: as it is\r\nMessage-ID: <m@x>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nX-Odd:   spacing\r\n\r\nbody\r\n"
	mime := `<t:MimeContent CharacterSet="UTF-8">` + base64.StdEncoding.EncodeToString([]byte(raw)) + `</t:MimeContent>`
	e := f.do(t, createItem("SendAndSaveCopy", `<t:Message>`+mime+`</t:Message>`))
	require.Equal(t, []string{"NoError"}, e.codes())
	require.Empty(t, e.all("ItemId"))
	require.Equal(t, strings.Replace(raw, "Bcc: x@y.z,\r\n ann@example.com\r\n", "", 1), string(ann.Items("inbox")[0].MIME))
	require.Len(t, f.mb.Items("sentitems"), 1)
	require.Equal(t, []string{"ErrorInvalidRecipients"}, f.do(t, createItem("SendOnly", `<t:Message><t:Subject>to nobody</t:Subject></t:Message>`)).codes())
	require.Equal(t, []string{"ErrorMimeContentInvalidBase64String"}, f.do(t, createItem("SaveOnly", `<t:Message><t:MimeContent>*</t:MimeContent></t:Message>`)).codes())
	require.Equal(t, []string{"NoError"}, f.do(t, createItem("SendOnly", `<t:Message>`+mime+`</t:Message>`)).codes())
	require.Len(t, f.mb.Items("sentitems"), 1, "SendOnly keeps no copy")
	require.Len(t, ann.Items("inbox"), 2)

	// Import: PidTagMessageFlags makes it a received message.
	e = f.do(t, `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>`+inbox+`</m:SavedItemFolderId><m:Items><t:Message>`+mime+
		`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty></t:Message></m:Items></m:CreateItem>`)
	id, _ := e.itemID()
	it, _ := f.mb.Item(id)
	require.False(t, it.Draft)
	require.Equal(t, raw, string(it.MIME))
}

func TestReplies(t *testing.T) {
	f := start(t, nil)
	ann := f.AddMailbox("ann@example.com")
	id := f.deliver(t, "From: Ann <ann@example.com>\nTo: support@example.com, third@example.org\nCc: c@example.org\nSubject: Re: Printer\nMessage-ID: <2@x>\nReferences: <1@x>\nDate: Mon, 2 Mar 2026 10:00:00 +0000\n\nIt smokes.\n")
	orig, _ := f.mb.Item(id)
	ref := `<t:ReferenceItemId Id="` + id + `" ChangeKey="` + orig.ChangeKey + `"/>`
	e := f.do(t, createItem("SendAndSaveCopy", `<t:ReplyAllToItem>`+ref+`<t:NewBodyContent BodyType="Text">Unplug it.</t:NewBodyContent></t:ReplyAllToItem>`))
	require.Equal(t, []string{"NoError"}, e.codes())
	sent := f.mb.Items("sentitems")[0]
	require.Equal(t, "RE: Printer", sent.Subject)
	require.Equal(t, []string{"ann@example.com", "third@example.org"}, sent.To)
	require.Equal(t, []string{"c@example.org"}, sent.Cc)
	require.Equal(t, "<2@x>", sent.InReplyTo)
	require.Equal(t, "<1@x> <2@x>", sent.References)
	require.Equal(t, orig.ConversationID, sent.ConversationID)
	require.True(t, strings.HasPrefix(sent.Text, "Unplug it."))
	require.Contains(t, sent.Text, "It smokes.")
	require.Len(t, ann.Items("inbox"), 1)
	now, _ := f.mb.Item(id)
	require.NotEqual(t, orig.ChangeKey, now.ChangeKey, "the original shows that it was answered")

	// The customer's next answer joins the conversation.
	next := f.deliver(t, "From: ann@example.com\nSubject: AW: Printer\nMessage-ID: <3@x>\nIn-Reply-To: "+sent.InternetMessageID+"\n\n")
	it, _ := f.mb.Item(next)
	require.Equal(t, orig.ConversationID, it.ConversationID)

	require.Equal(t, []string{"ErrorChangeKeyRequired"}, f.do(t, createItem("SaveOnly", `<t:ReplyToItem><t:ReferenceItemId Id="`+id+`"/></t:ReplyToItem>`)).codes())
	ref = `<t:ReferenceItemId Id="` + id + `" ChangeKey="` + now.ChangeKey + `"/>`
	e = f.do(t, createItem("SaveOnly", `<t:ReplyToItem>`+ref+`<t:NewBodyContent BodyType="HTML">&lt;b&gt;ok&lt;/b&gt;</t:NewBodyContent></t:ReplyToItem><t:ForwardItem>`+to("x@y.z")+ref+`</t:ForwardItem>`))
	require.Equal(t, []string{"NoError", "NoError"}, e.codes())
	drafts := f.mb.Items("drafts")
	require.Equal(t, []string{"ann@example.com"}, drafts[0].To)
	require.True(t, strings.HasPrefix(drafts[0].HTML, "<b>ok</b><hr"))
	require.Equal(t, "FW: Printer", drafts[1].Subject)
	require.Equal(t, []string{"x@y.z"}, drafts[1].To)
}

func TestSendAs(t *testing.T) {
	f := start(t, nil)
	desk := f.AddMailbox("desk@example.com")
	from := `<t:From><t:Mailbox><t:EmailAddress>desk@example.com</t:EmailAddress></t:Mailbox></t:From>`
	msg := `<t:Message><t:Subject>x</t:Subject>` + to("a@b.c") + from + `</t:Message>`
	require.Equal(t, []string{"ErrorSendAsDenied"}, f.do(t, createItem("SendOnly", msg)).codes())
	desk.Grant(us)
	body := `<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:SavedItemFolderId><t:DistinguishedFolderId Id="sentitems"><t:Mailbox><t:EmailAddress>desk@example.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:SavedItemFolderId><m:Items>` + msg + `</m:Items></m:CreateItem>`
	require.Equal(t, []string{"NoError"}, f.do(t, body).codes())
	require.Len(t, desk.Items("sentitems"), 1)
	require.Empty(t, f.mb.Items("sentitems"))
	require.Equal(t, "desk@example.com", f.Outbound()[0].From)
}
