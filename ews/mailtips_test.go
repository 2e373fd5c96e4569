package ews_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

const tipHead = `<m:GetMailTipsResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ResponseMessages>`

func tipsAnswer(t *testing.T, xml string) *ews.Mailbox {
	t.Helper()
	return newClient(t, &script{answers: []answer{reply(200, envelope(xml))}}, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }).Own()
}

func TestMailTipsFields(t *testing.T) {
	got, err := tipsAnswer(t, tipHead+`<m:MailTipsResponseMessageType ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:MailTips>`+
		`<t:RecipientAddress><t:Name>Ann</t:Name><t:EmailAddress>ann@example.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:RecipientAddress>`+
		`<t:PendingMailTips>TotalMemberCount MailboxFullStatus</t:PendingMailTips>`+
		`<t:OutOfOffice><t:ReplyBody xml:lang="en-US"><t:Message>away</t:Message></t:ReplyBody><t:Duration><t:StartTime>2026-12-24T00:00:00</t:StartTime><t:EndTime>2026-12-27T00:00:00</t:EndTime></t:Duration></t:OutOfOffice>`+
		`<t:MailboxFull>true</t:MailboxFull><t:CustomMailTip>hint</t:CustomMailTip><t:TotalMemberCount>7</t:TotalMemberCount><t:ExternalMemberCount>2</t:ExternalMemberCount>`+
		`<t:MaxMessageSize>37748736</t:MaxMessageSize><t:DeliveryRestricted>true</t:DeliveryRestricted><t:IsModerated>true</t:IsModerated><t:InvalidRecipient>true</t:InvalidRecipient><t:Scope>1</t:Scope>`+
		`</m:MailTips></m:MailTipsResponseMessageType><m:MailTipsResponseMessageType ResponseClass="Error"><m:MessageText>text</m:MessageText>`+
		`<m:ResponseCode>ErrorAccessDenied</m:ResponseCode></m:MailTipsResponseMessageType></m:ResponseMessages></m:GetMailTipsResponse>`).MailTips(t.Context(), "ann@example.com", "bob@example.com")
	var b *ews.BatchError
	require.True(t, errors.As(err, &b), "%v", err)
	require.Len(t, b.Items, 1)
	require.Equal(t, 1, b.Items[0].Index)
	require.Equal(t, "bob@example.com", b.Items[0].ID)
	require.ErrorIs(t, err, ews.ErrDenied)
	want := []ews.MailTip{{Recipient: ews.Address{Name: "Ann", Email: "ann@example.com", RoutingType: "SMTP"}, OutOfOffice: "away",
		AwayFrom: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC), AwayUntil: time.Date(2026, 12, 27, 0, 0, 0, 0, time.UTC), Custom: "hint",
		TotalMembers: 7, ExternalMembers: 2, MaxMessageSize: 37748736, MailboxFull: true, Restricted: true, Moderated: true, Invalid: true,
		Pending: []string{"TotalMemberCount", "MailboxFullStatus"}}, {}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMailTipsErrors(t *testing.T) {
	one := `<m:MailTipsResponseMessageType ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:MailTips/></m:MailTipsResponseMessageType>`
	for name, tc := range map[string]struct {
		xml  string
		want error
	}{
		"refused as a whole": {`<m:GetMailTipsResponse ResponseClass="Error"><m:MessageText>text</m:MessageText><m:ResponseCode>ErrorAccessDenied</m:ResponseCode></m:GetMailTipsResponse>`, ews.ErrDenied},
		"too few":            {tipHead + one + `</m:ResponseMessages></m:GetMailTipsResponse>`, ews.ErrNotAttempted},
		"too many":           {tipHead + one + one + one + `</m:ResponseMessages></m:GetMailTipsResponse>`, ews.ErrBadResponse},
		"none":               {`<m:GetMailTipsResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode></m:GetMailTipsResponse>`, ews.ErrBadResponse},
	} {
		_, err := tipsAnswer(t, tc.xml).MailTips(t.Context(), "a@example.com", "b@example.com")
		require.ErrorIs(t, err, tc.want, name)
	}
	c, rec := recordingClient(t)
	_, err := c.Shared(support).MailTips(t.Context(), "a@example.com", "b")
	require.ErrorContains(t, err, "recipients[1]")
	_, err = c.Own().MailTips(t.Context(), "a@example.com")
	require.ErrorContains(t, err, "set Config.Mailbox")
	require.Empty(t, rec.ops)
}

func TestMailTips(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	box.SetOof(ewstest.Oof{State: "Enabled", Internal: "away ✓"})
	to := []string{support}
	for i := range 24 {
		to = append(to, fmt.Sprintf("r%d@example.com", i))
	}
	got, err := m.MailTips(t.Context(), to...)
	require.NoError(t, err)
	require.Greater(t, srv.Count("GetMailTips"), 1, "a long list goes in several requests")
	require.Len(t, got, len(to))
	require.Equal(t, "away ✓", got[0].OutOfOffice)
	for i, tip := range got {
		require.Equal(t, to[i], tip.Recipient.Email)
	}
	require.Empty(t, got[1].OutOfOffice)
}
