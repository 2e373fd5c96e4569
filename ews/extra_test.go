package ews_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestBodies(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	text := deliver(t, box, "Subject: Re: x\nContent-Type: text/plain; charset=utf-8\n\nNew é.\n\nOn Mon, Ann wrote:\n> old\n> older\n", nil)
	html := deliver(t, box, "Subject: Re: x\nContent-Type: text/html; charset=utf-8\n\n<p onclick=\"x()\">New</p><script>x()</script><blockquote type=\"cite\">old</blockquote>\n", nil)
	all := ews.WithUniqueBody | ews.WithNormalizedBody | ews.WithTextBody
	read := func(id ews.ItemID, q *ews.Query) *ews.Message {
		t.Helper()
		msg, err := m.Message(t.Context(), id, q)
		require.NoError(t, err)
		return msg
	}

	msg := read(text, &ews.Query{Extra: all})
	require.Equal(t, ews.Body{Text: "New é.\r\n\r\nOn Mon, Ann wrote:\r\n> old\r\n> older\r\n"}, msg.Body)
	require.Equal(t, &ews.Body{Text: "New é."}, msg.UniqueBody)
	require.Equal(t, &ews.Body{Text: msg.Body.Text}, msg.TextBody)

	msg = read(text, &ews.Query{Extra: all, Body: ews.HTMLBody})
	require.True(t, msg.Body.HTML && msg.UniqueBody.HTML && msg.NormalizedBody.HTML && !msg.TextBody.HTML)

	msg = read(html, &ews.Query{Extra: all})
	require.True(t, msg.UniqueBody.HTML)
	require.Contains(t, msg.UniqueBody.Text, "New")
	require.NotContains(t, msg.UniqueBody.Text, "old")
	require.Contains(t, msg.Body.Text, "<script>")
	require.Contains(t, msg.TextBody.Text, "old")
	require.NotContains(t, msg.TextBody.Text, "<")

	msg = read(html, &ews.Query{SafeHTML: true})
	require.NotContains(t, msg.Body.Text, "x()")
	require.Contains(t, msg.Body.Text, "old")

	msg = read(text, &ews.Query{MaxBodySize: 5})
	require.Equal(t, ews.Body{Text: "New ", Truncated: true}, msg.Body, "cut before the character")

	msg = read(text, &ews.Query{Detail: ews.WithoutBody, Extra: ews.WithTextBody})
	require.Empty(t, msg.Body)
	require.NotEmpty(t, msg.TextBody.Text)

	msg = read(text, nil)
	require.Nil(t, msg.UniqueBody)
	require.Nil(t, msg.NormalizedBody)
	require.Nil(t, msg.TextBody)
	require.Nil(t, msg.Client)
}

// TestClientFields decodes every field, written as Exchange writes it.
func TestClientFields(t *testing.T) {
	mailbox := func(element, name string) string {
		return "<t:" + element + "><t:Mailbox><t:Name>" + name + "</t:Name><t:EmailAddress>" + strings.ToLower(name) + "@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:" + element + ">"
	}
	rt := &script{answers: []answer{reply(200, messages(okMessage(`<m:Items><t:Message><t:ItemId Id="I1" ChangeKey="C1"/>
<t:IsSubmitted>true</t:IsSubmitted><t:IsFromMe>true</t:IsFromMe><t:IsResend>true</t:IsResend><t:IsUnmodified>true</t:IsUnmodified>
<t:ReminderDueBy>2026-11-24T08:00:00Z</t:ReminderDueBy><t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderNextTime>2026-11-24T07:45:00Z</t:ReminderNextTime><t:ReminderMinutesBeforeStart>15</t:ReminderMinutesBeforeStart>
<t:DisplayCc>Cy; Di</t:DisplayCc><t:DisplayTo>Ann; Bob</t:DisplayTo><t:Culture>de-DE</t:Culture>
<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated><t:CreateContents>false</t:CreateContents><t:CreateHierarchy>false</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read><t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>
<t:LastModifiedName>Ann</t:LastModifiedName><t:IsAssociated>true</t:IsAssociated><t:WebClientReadFormQueryString>https://outlook.example.com/?ItemID=I1&amp;exvsurl=1</t:WebClientReadFormQueryString><t:WebClientEditFormQueryString>https://outlook.example.com/?edit</t:WebClientEditFormQueryString>
<t:Flag><t:FlagStatus>Flagged</t:FlagStatus><t:StartDate>2026-11-23T00:00:00Z</t:StartDate><t:DueDate>2026-11-25T00:00:00Z</t:DueDate></t:Flag>
<t:StoreEntryId>AAAA</t:StoreEntryId><t:InstanceKey>AQID</t:InstanceKey><t:PolicyTag IsExplicit="true">11111111-2222-3333-4444-555555555555</t:PolicyTag><t:ArchiveTag IsExplicit="false">66666666-2222-3333-4444-555555555555</t:ArchiveTag><t:RetentionDate>2027-11-23T00:00:00Z</t:RetentionDate>
<t:RightsManagementLicenseData><t:RightsManagedMessageDecryptionStatus>0</t:RightsManagedMessageDecryptionStatus><t:RmsTemplateId>x</t:RmsTemplateId><t:TemplateName>Do Not Forward</t:TemplateName><t:TemplateDescription>Recipients can read it.</t:TemplateDescription><t:EditAllowed>false</t:EditAllowed><t:ReplyAllowed>true</t:ReplyAllowed><t:ReplyAllAllowed>true</t:ReplyAllAllowed><t:ForwardAllowed>false</t:ForwardAllowed><t:ModifyRecipientsAllowed>false</t:ModifyRecipientsAllowed><t:ExtractAllowed>false</t:ExtractAllowed><t:PrintAllowed>false</t:PrintAllowed><t:ExportAllowed>false</t:ExportAllowed><t:ProgrammaticAccessAllowed>true</t:ProgrammaticAccessAllowed><t:IsOwner>false</t:IsOwner><t:ContentOwner>ann@example.com</t:ContentOwner><t:ContentExpiryDate>9999-12-30T00:00:00Z</t:ContentExpiryDate></t:RightsManagementLicenseData><t:IsClutter>true</t:IsClutter><t:BlockStatus>true</t:BlockStatus><t:HasBlockedImages>true</t:HasBlockedImages><t:IconIndex>MailIrmReplied</t:IconIndex><t:MentionedMe>true</t:MentionedMe><t:InferenceClassification>Focused</t:InferenceClassification>
<t:IsReadReceiptRequested>true</t:IsReadReceiptRequested><t:IsDeliveryReceiptRequested>true</t:IsDeliveryReceiptRequested><t:IsResponseRequested>true</t:IsResponseRequested>`+
		`<t:ApprovalRequestData><t:IsUndecidedApprovalRequest>false</t:IsUndecidedApprovalRequest><t:ApprovalDecision>1</t:ApprovalDecision><t:ApprovalDecisionMaker>Ann</t:ApprovalDecisionMaker><t:ApprovalDecisionTime>2026-11-23T00:00:00Z</t:ApprovalDecisionTime></t:ApprovalRequestData>`+
		mailbox("ReceivedBy", "Help")+mailbox("ReceivedRepresenting", "Desk")+
		`<t:VotingInformation><t:UserOptions><t:VotingOptionData><t:DisplayName>Yes</t:DisplayName><t:SendPrompt>None</t:SendPrompt></t:VotingOptionData><t:VotingOptionData><t:DisplayName>No</t:DisplayName></t:VotingOptionData></t:UserOptions><t:VotingResponse>No</t:VotingResponse></t:VotingInformation></t:Message></m:Items>`)))}}
	msg, err := newClient(t, rt, nil).Own().Message(t.Context(), ews.ItemID{ID: "I1"}, &ews.Query{Extra: ews.WithClientFields})
	require.NoError(t, err)
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	want := &ews.ClientFields{
		Flag: ews.Flag{Status: ews.Flagged, Start: day(23), Due: day(25)}, DisplayTo: "Ann; Bob", DisplayCc: "Cy; Di",
		ReceivedBy:           ews.Address{Name: "Help", Email: "help@example.com", RoutingType: "SMTP"},
		ReceivedRepresenting: ews.Address{Name: "Desk", Email: "desk@example.com", RoutingType: "SMTP"},
		ReadReceiptRequested: true, DeliveryReceiptRequested: true, ResponseRequested: true,
		FromMe: true, Resend: true, Submitted: true, Unmodified: true, Associated: true,
		ReminderSet: true, ReminderDue: day(24).Add(8 * time.Hour), ReminderMinutes: 15, ReminderNext: day(24).Add(7*time.Hour + 45*time.Minute),
		Icon: "MailIrmReplied", PolicyTag: "11111111-2222-3333-4444-555555555555", ArchiveTag: "66666666-2222-3333-4444-555555555555", MentionedMe: true, InferenceClassification: "Focused",
		Approval: &ews.Approval{Decision: 1, By: "Ann", At: day(23)}, WebEditURL: "https://outlook.example.com/?edit",
		Protection: &ews.Protection{Template: "Do Not Forward", Description: "Recipients can read it.", ContentOwner: "ann@example.com", Expires: "9999-12-30T00:00:00Z",
			MayReply: true, MayReplyAll: true, MayUsePrograms: true},
		VotingOptions: []string{"Yes", "No"}, VotingResponse: "No", RetentionDate: time.Date(2027, 11, 23, 0, 0, 0, 0, time.UTC), Clutter: true, Blocked: true, BlockedImages: true,
		Rights: ews.Rights{Delete: true, Modify: true, Read: true, ViewPrivateItems: true}, LastModifiedBy: "Ann", Culture: "de-DE", InstanceKey: "AQID", StoreEntryID: "AAAA",
		WebURL: "https://outlook.example.com/?ItemID=I1&exvsurl=1",
	}
	if d := cmp.Diff(want, msg.Client); d != "" {
		t.Error(d)
	}
}

// TestClientFieldsOfTheFake: ewstest answers what a client asks for.
func TestClientFieldsOfTheFake(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Extra: ews.WithClientFields}) {
		require.NoError(t, err)
		want := &ews.ClientFields{DisplayTo: "Support; second@example.com", DisplayCc: "Boss", Unmodified: true, LastModifiedBy: "support", Culture: "en-US", Icon: "Default",
			ReceivedBy:           ews.Address{Name: "support", Email: support, RoutingType: "SMTP"},
			ReceivedRepresenting: ews.Address{Name: "support", Email: support, RoutingType: "SMTP"},
			Rights:               ews.Rights{Delete: true, Modify: true, Read: true, ViewPrivateItems: true}}
		if d := cmp.Diff(want, msg.Client, cmpopts.IgnoreFields(ews.ClientFields{}, "InstanceKey", "StoreEntryID", "WebURL")); d != "" {
			t.Error(d)
		}
		require.NotEmpty(t, msg.Client.InstanceKey)
		require.NotEmpty(t, msg.Client.StoreEntryID)
		require.Contains(t, msg.Client.WebURL, "ItemID=")
		require.Equal(t, id, msg.ID)
	}
}

// TestAnsweredIcon: whether a message was answered or sent on shows at the message.
func TestAnsweredIcon(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	icon := func(id ews.ItemID) string {
		msg, err := m.Message(t.Context(), id, &ews.Query{Extra: ews.WithClientFields})
		require.NoError(t, err)
		return msg.Client.Icon
	}
	id := deliver(t, box, question, nil)
	require.Equal(t, "Default", icon(id))
	_, err := m.Reply(t.Context(), id, &ews.Answer{Body: ews.Body{Text: "yes"}})
	require.NoError(t, err)
	require.Equal(t, "MailReplied", icon(id))
	_, err = m.Forward(t.Context(), id, &ews.Answer{To: []ews.Address{{Email: "x@example.org"}}})
	require.NoError(t, err)
	require.Equal(t, "MailForwarded", icon(id))
}

// TestContentLocation: an image may be named by its location instead of an id.
func TestContentLocation(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, "Subject: s\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=\"logo.gif\">\n--b\nContent-Type: image/gif; name=logo.gif\nContent-Location: logo.gif\n\nGIF89a\n--b--\n", nil)
	msg, err := m.Message(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, "logo.gif", msg.Attachments[0].ContentLocation)
	require.True(t, msg.Attachments[0].Inline)

	_, _, err = m.Attach(t.Context(), id, ews.Upload{Kind: ews.ReferenceAttachment, Name: "plan", URL: "https://x.example/plan", Provider: "OneDrivePro"})
	require.NoError(t, err)
	msg, err = m.Message(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, "OneDrivePro", msg.Attachments[1].Provider)
}
