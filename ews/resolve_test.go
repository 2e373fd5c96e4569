package ews_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// sampled is a mailbox whose server answers every request with one of the official sample answers.
func sampled(t *testing.T, name string) *ews.Mailbox {
	t.Helper()
	return answering(t, readFile(t, filepath.Join(shared(t, "samples"), name)))
}

// answering is a mailbox whose server answers every request with that envelope.
func answering(t *testing.T, xml string) *ews.Mailbox {
	t.Helper()
	return newClient(t, &script{answers: []answer{reply(200, xml)}}, nil).Own()
}

func smtp(name, email, kind string) ews.Recipient {
	return ews.Recipient{Address: ews.Address{Name: name, Email: email, RoutingType: "SMTP"}, Type: kind}
}

func TestResolveNamesSamples(t *testing.T) {
	contact := func(email string) ews.Resolved {
		r := smtp(email, email, "Contact")
		r.Item = ews.ItemID{ID: "iMihAAA=", ChangeKey: "EQAAABYAAADOilbYa8KaT7ZgMoTz2P+hAAABiPQo"}
		return ews.Resolved{Recipient: r}
	}
	for file, want := range map[string][]ews.Resolved{
		"ResolveNames-1.response.xml": {contact("brian_1@contoso.com"), contact("brian_2@contoso.com")},
		"ResolveNames-2.response.xml": {{Recipient: smtp("Sadie Daniels", "sadie@contoso.com", "Mailbox"),
			DisplayName: "Sadie Daniels", GivenName: "Sadie", Company: "CONTOSO"}},
		"ResolveNames-4.response.xml": nil,
	} {
		got, more, err := sampled(t, file).ResolveNames(t.Context(), "x", ews.ResolveBoth)
		require.NoError(t, err, file)
		require.False(t, more, file)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", file, d)
		}
	}
}

func TestResolveNamesFields(t *testing.T) {
	got, more, err := answering(t, envelope(`<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage ResponseClass="Warning">`+
		`<m:MessageText>Multiple results were found.</m:MessageText><m:ResponseCode>ErrorNameResolutionMultipleResults</m:ResponseCode>`+
		`<m:ResolutionSet TotalItemsInView="100" IncludesLastItemInRange="false"><t:Resolution><t:Mailbox><t:Name>Ann</t:Name><t:EmailAddress>ann@example.com</t:EmailAddress>`+
		`<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox><t:Contact><t:DisplayName>Ann Example</t:DisplayName><t:GivenName>Ann</t:GivenName>`+
		`<t:EmailAddresses><t:Entry Key="EmailAddress1">SMTP:ann@example.com</t:Entry><t:Entry Key="EmailAddress2">smtp:a@example.com</t:Entry><t:Entry Key="EmailAddress3"/></t:EmailAddresses>`+
		`<t:PhoneNumbers><t:Entry Key="BusinessPhone">+49 1</t:Entry><t:Entry Key="Pager">2</t:Entry><t:Entry Key="MobilePhone">+49 3</t:Entry></t:PhoneNumbers>`+
		`<t:Department>Desk</t:Department><t:JobTitle>Agent</t:JobTitle><t:OfficeLocation>R1</t:OfficeLocation><t:Surname>Example</t:Surname><t:Alias>ann</t:Alias>`+
		`<t:ContactSource>ActiveDirectory</t:ContactSource></t:Contact></t:Resolution></m:ResolutionSet></m:ResolveNamesResponseMessage></m:ResponseMessages></m:ResolveNamesResponse>`)).
		ResolveNames(t.Context(), "a", ews.ResolveDirectory)
	require.NoError(t, err)
	require.True(t, more, "the server says that there are others")
	want := []ews.Resolved{{Recipient: smtp("Ann", "ann@example.com", "Mailbox"), DisplayName: "Ann Example", GivenName: "Ann", Surname: "Example", Alias: "ann",
		Department: "Desk", JobTitle: "Agent", Office: "R1", BusinessPhone: "+49 1", MobilePhone: "+49 3",
		Emails: []string{"ann@example.com", "a@example.com"}, Source: "ActiveDirectory"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestResolveNames(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddMailbox("sue@example.com")
	got, more, err := m.ResolveNames(t.Context(), "su", ews.ResolveDirectory)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, got, 2)
	got, _, err = m.ResolveNames(t.Context(), "sue", ews.ResolveBoth)
	require.NoError(t, err)
	want := []ews.Resolved{{Recipient: smtp("sue", "sue@example.com", "Mailbox"), DisplayName: "sue", Emails: []string{"sue@example.com"}, Source: "ActiveDirectory"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	got, _, err = m.ResolveNames(t.Context(), "nobody", ews.ResolveDirectory)
	require.NoError(t, err, "nobody is an answer")
	require.Empty(t, got)

	srv.ResetRequests()
	_, _, err = m.ResolveNames(t.Context(), "", ews.ResolveDirectory)
	require.ErrorContains(t, err, "name is empty")
	_, _, err = m.ResolveNames(t.Context(), strings.Repeat("x", 2000), ews.ResolveDirectory)
	require.ErrorContains(t, err, "2000 bytes")
	_, _, err = m.ResolveNames(t.Context(), "x", 7)
	require.ErrorContains(t, err, "no scope 7")
	require.Empty(t, srv.Requests(), "wrong use is told before the wire")
}
