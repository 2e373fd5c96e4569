package ewstest_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestOofSettings(t *testing.T) {
	f := start(t, nil)
	box := `<t:Mailbox><t:Address>` + us + `</t:Address></t:Mailbox>`
	get := `<m:GetUserOofSettingsRequest>` + box + `</m:GetUserOofSettingsRequest>`
	require.Equal(t, "Disabled", f.do(t, get).text("OofState"))
	e := f.do(t, `<m:SetUserOofSettingsRequest>`+box+`<t:UserOofSettings><t:OofState>Scheduled</t:OofState><t:ExternalAudience>Known</t:ExternalAudience><t:Duration><t:StartTime>2026-01-01T00:00:00Z</t:StartTime><t:EndTime>2099-01-01T00:00:00Z</t:EndTime></t:Duration><t:InternalReply><t:Message>away</t:Message></t:InternalReply><t:ExternalReply><t:Message>gone</t:Message></t:ExternalReply></t:UserOofSettings></m:SetUserOofSettingsRequest>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	require.Equal(t, "away", f.mb.Oof().Internal)
	e = f.do(t, get)
	require.Equal(t, "gone", e.text("ExternalReply", "Message"))
	require.Equal(t, "2099-01-01T00:00:00Z", e.text("EndTime"))
	e = f.do(t, `<m:GetMailTips><m:SendingAs><t:EmailAddress>`+us+`</t:EmailAddress></m:SendingAs><m:Recipients><t:Mailbox><t:EmailAddress>`+us+`</t:EmailAddress></t:Mailbox></m:Recipients><m:MailTipsRequested>All</m:MailTipsRequested></m:GetMailTips>`)
	require.Equal(t, "away", e.text("ReplyBody", "Message"))
	require.Equal(t, []string{"ErrorMailRecipientNotFound"}, f.do(t, strings.ReplaceAll(get, us, "x@y.z")).codes())
	f.Fault(ewstest.Fault{Do: ewstest.BusyMessage(time.Second)})
	require.Equal(t, []string{"ErrorServerBusy"}, f.do(t, get).codes())
}

func TestJunkArchiveConvertZones(t *testing.T) {
	f := start(t, nil)
	id := f.deliver(t, "Subject: x\n\n")
	junk := func(id, is string) string {
		return f.do(t, `<m:MarkAsJunk IsJunk="`+is+`" MoveItem="true"><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:MarkAsJunk>`).at("MovedItemId").attr("Id")
	}
	id = junk(id, "true")
	require.Len(t, f.mb.Items("junkemail"), 1)
	id = junk(id, "false")
	require.Len(t, f.mb.Items("inbox"), 1)
	e := f.do(t, `<m:ArchiveItem><m:ArchiveSourceFolderId>`+inbox+`</m:ArchiveSourceFolderId><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:ArchiveItem>`)
	require.Equal(t, []string{"ErrorArchiveMailboxNotEnabled"}, e.codes())
	convert := func(from, to, id string) *element {
		return f.do(t, `<m:ConvertId DestinationFormat="`+to+`"><m:SourceIds><t:AlternateId Format="`+from+`" Id="`+id+`" Mailbox="`+us+`"/></m:SourceIds></m:ConvertId>`)
	}
	for _, format := range []string{"OwaId", "HexEntryId", "EntryId", "StoreId", "EwsLegacyId"} {
		other := convert("EwsId", format, id).at("AlternateId").attr("Id")
		require.Equal(t, id, convert(format, "EwsId", other).at("AlternateId").attr("Id"), format)
	}
	require.Equal(t, []string{"ErrorInvalidIdMalformed"}, convert("EwsId", "OwaId", "zzz").codes())
	e = f.do(t, `<m:GetServerTimeZones ReturnFullTimeZoneData="false"><m:Ids><t:Id>UTC</t:Id></m:Ids></m:GetServerTimeZones>`)
	require.Equal(t, "UTC", e.at("TimeZoneDefinition").attr("Id"))
}

func TestExportUpload(t *testing.T) {
	f := start(t, nil)
	id := f.deliver(t, "Subject: x\nX-A: 1\n\nbody")
	before, _ := f.mb.Item(id)
	data := f.do(t, `<m:ExportItems><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:ExportItems>`).text("Data")
	drafts, _ := f.mb.Folder("drafts")
	upload := func(data string) *element {
		return f.do(t, `<m:UploadItems><m:Items><t:Item CreateAction="CreateNew"><t:ParentFolderId Id="`+drafts.ID+`"/><t:Data>`+data+`</t:Data></t:Item></m:Items></m:UploadItems>`)
	}
	e := upload(data)
	require.Equal(t, []string{"NoError"}, e.codes())
	after, ok := f.mb.Item(e.at("ItemId").attr("Id"))
	require.True(t, ok)
	require.Equal(t, before.MIME, after.MIME)
	require.Equal(t, before.Received.Unix(), after.Received.Unix())
	require.Equal(t, []string{"ErrorCorruptData"}, upload("AAAA").codes())
}

func TestConversationOperations(t *testing.T) {
	f := start(t, nil)
	f.deliver(t, "From: a@b.c\nMessage-ID: <1@x>\nSubject: Printer\n\n")
	f.deliver(t, "From: a@b.c\nMessage-ID: <3@x>\nSubject: Other\n\n")
	f.deliver(t, "From: c@b.c\nMessage-ID: <2@x>\nIn-Reply-To: <1@x>\nSubject: Re: Printer\n\n")
	e := f.do(t, `<m:FindConversation><m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/><m:ParentFolderId>`+inbox+`</m:ParentFolderId></m:FindConversation>`)
	require.Equal(t, []string{"Printer", "Other"}, e.texts("ConversationTopic"))
	require.Equal(t, []string{"2", "1"}, e.texts("MessageCount"))
	id := e.at("ConversationId").attr("Id")
	e = f.do(t, `<m:GetConversationItems><m:ItemShape>`+idOnly+`<t:AdditionalProperties>`+subjectField+`</t:AdditionalProperties></m:ItemShape><m:SortOrder>DateOrderDescending</m:SortOrder><m:Conversations><t:Conversation><t:ConversationId Id="`+id+`"/></t:Conversation></m:Conversations></m:GetConversationItems>`)
	require.Equal(t, []string{"Re: Printer", "Printer"}, e.texts("Subject"))
	require.Equal(t, "<1@x>", e.text("ParentInternetMessageId"))
	e = f.do(t, `<m:FindConversation><m:ParentFolderId><t:FolderId Id="x"/></m:ParentFolderId></m:FindConversation>`)
	require.Equal(t, []string{"ErrorInvalidIdMalformed"}, e.codes())
}

func TestReadReceipts(t *testing.T) {
	f := start(t, nil)
	mail := "From: a@b.c\nDisposition-Notification-To: receipts@b.c\nSubject: x\nMessage-ID: <1@x>\n\n"
	read := setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)
	f.do(t, update(f.deliver(t, mail), "", `ConflictResolution="AutoResolve" SuppressReadReceipts="true"`, read))
	require.Empty(t, f.Outbound())
	f.do(t, update(f.deliver(t, "From: a@b.c\nSubject: wants none\n\n"), "", `ConflictResolution="AutoResolve"`, read))
	require.Empty(t, f.Outbound())
	f.do(t, update(f.deliver(t, mail), "", `ConflictResolution="AutoResolve"`, read))
	out := f.Outbound()
	require.Len(t, out, 1, "who does not suppress them sends them")
	require.Equal(t, []string{"receipts@b.c"}, out[0].To)
	require.Contains(t, string(out[0].MIME), "In-Reply-To: <1@x>")
}

func TestMaxConcurrent(t *testing.T) {
	f := start(t, &ewstest.Options{MaxConcurrent: 2})
	f.Fault(ewstest.Fault{Times: 2, Do: ewstest.Hang()})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if resp, err := f.http.Do(f.request(t, getFolder)); err == nil {
				resp.Body.Close()
			}
		})
	}
	for f.MostConcurrent(us) < 2 {
		time.Sleep(time.Millisecond)
	}
	resp, b, err := f.post(t, getFolder)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	require.Contains(t, string(b), "ErrorExceededConnectionCount")
	f.Close()
	wg.Wait()
}
