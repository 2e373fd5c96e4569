package ews_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestRoomSamples(t *testing.T) {
	lists, err := sampled(t, "GetRoomLists-1.response.xml").RoomLists(t.Context())
	require.NoError(t, err)
	want := []ews.Recipient{smtp("Contoso Building 1 Room List", "bldg1rooms@contoso.com", "PublicDL"), smtp("Contoso Building 2 Room List", "bldg2rooms@contoso.com", "PublicDL"),
		smtp("Contoso Building 3 Room List", "bldg3rooms@contoso.com", "PublicDL")}
	if d := cmp.Diff(want, lists); d != "" {
		t.Error(d)
	}
	lists, err = sampled(t, "GetRoomLists-3.response.xml").RoomLists(t.Context())
	require.NoError(t, err)
	require.Empty(t, lists)
	rooms, err := sampled(t, "GetRooms-2.response.xml").Rooms(t.Context(), "bldg1rooms@contoso.com")
	require.NoError(t, err)
	if d := cmp.Diff([]ews.Recipient{smtp("Room01", "Room01@contoso.com", "Mailbox"), smtp("Room02", "Room02@contoso.com", "Mailbox")}, rooms); d != "" {
		t.Error(d)
	}
}

func TestRooms(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddRoomList("rooms@example.com", "Building 1", "room1@example.com", "room2@example.com")
	lists, err := m.RoomLists(t.Context())
	require.NoError(t, err)
	require.Equal(t, []ews.Recipient{smtp("Building 1", "rooms@example.com", "PublicDL")}, lists)
	rooms, err := m.Rooms(t.Context(), "rooms@example.com")
	require.NoError(t, err)
	require.Len(t, rooms, 2)
	_, err = m.Rooms(t.Context(), "nowhere")
	require.Error(t, err)
}

func TestUserPhotoSample(t *testing.T) {
	r, err := sampled(t, "GetUserPhoto-2.response.xml").UserPhoto(t.Context(), "user1@contoso.com", 48)
	require.NoError(t, err)
	head := make([]byte, 4)
	_, err = io.ReadFull(r, head)
	require.NoError(t, err)
	require.Equal(t, []byte{0xff, 0xd8, 0xff, 0xe0}, head)
	require.NoError(t, r.Close())
}

func TestUserPhoto(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	ann := srv.AddMailbox("ann@example.com")
	_, err := m.UserPhoto(t.Context(), "ann@example.com", 96)
	require.ErrorIs(t, err, ews.ErrNotFound)
	photo := make([]byte, 500_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(photo) // nothing to pack
	ann.SetPhoto(photo)
	r, err := m.UserPhoto(t.Context(), "ann@example.com", 96)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.True(t, bytes.Equal(photo, got))
	srv.Fault(ewstest.Fault{Op: "GetUserPhoto", Do: ewstest.CutBody(100_000)})
	r, err = m.UserPhoto(t.Context(), "ann@example.com", 96)
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	require.ErrorIs(t, err, ews.ErrUnavailable)
	_, err = m.UserPhoto(t.Context(), "ann@example.com", 97)
	require.ErrorContains(t, err, "there is no size 97")

	_, err = answering(t, envelope(`<m:GetUserPhotoResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:HasChanged>false</m:HasChanged></m:GetUserPhotoResponse>`)).
		UserPhoto(t.Context(), "ann@example.com", 96)
	require.ErrorIs(t, err, ews.ErrNotFound)
}

func TestRetentionTags(t *testing.T) {
	got, err := answering(t, envelope(`<m:GetUserRetentionPolicyTagsResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RetentionPolicyTags><t:RetentionPolicyTag>`+
		`<t:DisplayName>1 Year</t:DisplayName><t:RetentionId>6dd2f2ff-6a0f-4d9e-8b5b-2f4c4ee2a4a1</t:RetentionId><t:RetentionPeriod>365</t:RetentionPeriod><t:Type>Personal</t:Type>`+
		`<t:RetentionAction>MoveToArchive</t:RetentionAction><t:Description>d</t:Description><t:IsVisible>true</t:IsVisible><t:OptedInto>true</t:OptedInto><t:IsArchive>true</t:IsArchive>`+
		`</t:RetentionPolicyTag><t:RetentionPolicyTag><t:RetentionPeriod>9223372036854775807</t:RetentionPeriod></t:RetentionPolicyTag></m:RetentionPolicyTags></m:GetUserRetentionPolicyTagsResponse>`)).
		RetentionTags(t.Context())
	require.NoError(t, err)
	require.Equal(t, ews.RetentionTag{Name: "1 Year", ID: "6dd2f2ff-6a0f-4d9e-8b5b-2f4c4ee2a4a1", Period: 365 * 24 * time.Hour, Type: "Personal", Action: "MoveToArchive",
		Description: "d", Visible: true, OptedInto: true, Archive: true}, got[0])
	require.Positive(t, got[1].Period)
	_, _, m := newMailbox(t, nil)
	got, err = m.RetentionTags(t.Context())
	require.NoError(t, err)
	require.Greater(t, len(got), 2)
	require.Equal(t, 30*24*time.Hour, got[1].Period)
}

func TestServiceConfigurationSample(t *testing.T) {
	got, err := sampled(t, "GetServiceConfiguration-1.response.xml").ServiceConfiguration(t.Context())
	require.ErrorIs(t, err, ews.ErrNotAttempted, "the sample tells of one configuration, two are asked for")
	require.Equal(t, &ews.ServiceConfiguration{UnifiedMessaging: true, PlayOnPhone: true, PlayOnPhoneNumber: "user@contoso.com"}, got)
}

func TestServiceConfiguration(t *testing.T) {
	got, err := answering(t, envelope(`<m:GetServiceConfigurationResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ResponseMessages>`+
		`<m:ServiceConfigurationResponseMessageType ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:MailTipsConfiguration><t:MailTipsEnabled>true</t:MailTipsEnabled>`+
		`<t:MaxRecipientsPerGetMailTipsRequest>50</t:MaxRecipientsPerGetMailTipsRequest><t:MaxMessageSize>37748736</t:MaxMessageSize><t:LargeAudienceThreshold>25</t:LargeAudienceThreshold>`+
		`<t:ShowExternalRecipientCount>true</t:ShowExternalRecipientCount><t:InternalDomains><t:Domain Name="example.com" IncludeSubdomains="true"/><t:Domain Name="other.example"/></t:InternalDomains>`+
		`<t:PolicyTipsEnabled>true</t:PolicyTipsEnabled><t:LargeAudienceCap>1000</t:LargeAudienceCap></m:MailTipsConfiguration></m:ServiceConfigurationResponseMessageType>`+
		`<m:ServiceConfigurationResponseMessageType ResponseClass="Error"><m:MessageText>no</m:MessageText><m:ResponseCode>ErrorMailboxConfiguration</m:ResponseCode></m:ServiceConfigurationResponseMessageType>`+
		`</m:ResponseMessages></m:GetServiceConfigurationResponse>`)).ServiceConfiguration(t.Context())
	var b *ews.BatchError
	require.True(t, errors.As(err, &b), "%v", err)
	require.Equal(t, 1, b.Items[0].Index)
	want := &ews.ServiceConfiguration{MailTips: true, MaxMailTipsRecipients: 50, MaxMessageSize: 37748736, LargeAudience: 25, ShowsExternalRecipients: true, PolicyTips: true,
		InternalDomains: []ews.InternalDomain{{Name: "example.com", Subdomains: true}, {Name: "other.example"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for address, internal := range map[string]bool{"a@example.com": true, "a@EXAMPLE.com": true, "a@x.example.com": true, "a@badexample.com": false, "a@other.example": true,
		"a@x.other.example": false, "": false, "example.com": false} {
		require.Equal(t, internal, got.IsInternal(address), address)
	}
	_, _, m := newMailbox(t, nil)
	got, err = m.ServiceConfiguration(t.Context())
	require.NoError(t, err)
	require.True(t, got.IsInternal("x@example.com"))
}
