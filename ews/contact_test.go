package ews_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

const annContact = `<t:Contact><t:Subject>Ann</t:Subject><t:Body BodyType="Text">met in Kiel</t:Body><t:FileAs>Miller, Ann</t:FileAs><t:DisplayName>Ann Miller</t:DisplayName>` +
	`<t:GivenName>Ann</t:GivenName><t:MiddleName>B.</t:MiddleName><t:Nickname>Annie</t:Nickname><t:CompanyName>Customer &amp; Co</t:CompanyName>` +
	`<t:EmailAddresses><t:Entry Key="EmailAddress1">ann@customer.example</t:Entry><t:Entry Key="EmailAddress2">SMTP:ann@home.example</t:Entry></t:EmailAddresses>` +
	`<t:PhysicalAddresses><t:Entry Key="Business"><t:Street>Kai 1</t:Street><t:City>Kiel</t:City><t:State>SH</t:State><t:CountryOrRegion>DE</t:CountryOrRegion><t:PostalCode>24103</t:PostalCode></t:Entry></t:PhysicalAddresses>` +
	`<t:PhoneNumbers><t:Entry Key="BusinessPhone">+49 1</t:Entry><t:Entry Key="MobilePhone">+49 2</t:Entry></t:PhoneNumbers><t:Birthday>1980-02-29T00:00:00Z</t:Birthday>` +
	`<t:BusinessHomePage>https://customer.example</t:BusinessHomePage><t:Department>IT</t:Department><t:ImAddresses><t:Entry Key="ImAddress1">sip:ann</t:Entry></t:ImAddresses>` +
	`<t:JobTitle>CTO</t:JobTitle><t:Manager>Bob</t:Manager><t:OfficeLocation>2.7</t:OfficeLocation><t:Surname>Miller</t:Surname></t:Contact>`

func TestContact(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	id := createItem(t, m, "", annContact)
	got, err := m.Contact(t.Context(), id, nil)
	require.NoError(t, err)
	want := &ews.Contact{Item: ews.Item{ID: id, Class: "IPM.Contact", Subject: "Ann", Body: ews.Body{Text: "met in Kiel"}, Sensitivity: "Normal"},
		DisplayName: "Ann Miller", FileAs: "Miller, Ann", GivenName: "Ann", MiddleName: "B.", Surname: "Miller", Nickname: "Annie", Company: "Customer & Co", Department: "IT",
		JobTitle: "CTO", Office: "2.7", Manager: "Bob", Homepage: "https://customer.example", Birthday: time.Date(1980, 2, 29, 0, 0, 0, 0, time.UTC),
		Emails:    []ews.Address{{Email: "ann@customer.example", RoutingType: "SMTP"}, {Email: "ann@home.example", RoutingType: "SMTP"}},
		Phones:    []ews.Phone{{Kind: "BusinessPhone", Number: "+49 1"}, {Kind: "MobilePhone", Number: "+49 2"}},
		IM:        []string{"sip:ann"},
		Addresses: []ews.PostalAddress{{Kind: "Business", Street: "Kai 1", City: "Kiel", State: "SH", PostalCode: "24103", Country: "DE"}}}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(ews.Item{}, "ParentFolder", "Created", "Modified")); d != "" {
		t.Error(d)
	}
	_, err = m.Contact(t.Context(), ews.ItemID{ID: "AAMkA="}, nil)
	require.Error(t, err)
}

func TestContacts(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	for i := range 120 {
		createItem(t, m, "", fmt.Sprintf(`<t:Contact><t:DisplayName>c%03d</t:DisplayName></t:Contact>`, i))
	}
	ann := createItem(t, m, "", annContact)
	list := createItem(t, m, "", `<t:DistributionList><t:DisplayName>Crew</t:DisplayName><t:Members><t:Member><t:Mailbox><t:Name>Bob</t:Name><t:EmailAddress>bob@example.com</t:EmailAddress></t:Mailbox></t:Member>`+
		`<t:Member><t:Mailbox><t:MailboxType>Contact</t:MailboxType><t:ItemId Id="`+ann.ID+`"/></t:Mailbox></t:Member></t:Members></t:DistributionList>`)
	seen := map[string]*ews.Contact{}
	for _, c := range all(t, m.Contacts(t.Context(), nil, nil)) {
		require.Nil(t, seen[c.DisplayName])
		seen[c.DisplayName] = c
	}
	require.Len(t, seen, 122)
	require.Equal(t, "CTO", seen["Ann Miller"].JobTitle)
	require.False(t, seen["c007"].List)
	require.True(t, seen["Crew"].List)
	require.Len(t, seen["Crew"].Members, 2)
	require.Equal(t, "bob@example.com", seen["Crew"].Members[0].Email)
	require.Equal(t, ann.ID, seen["Crew"].Members[1].Item.ID)
	require.Len(t, all(t, m.Contacts(t.Context(), ews.Contacts, &ews.ItemOptions{Limit: 60, Detail: ews.Summary})), 60)

	members, _, err := m.ExpandPrivateDL(t.Context(), list)
	require.NoError(t, err)
	require.Equal(t, "bob@example.com", members[0].Email)
	require.Equal(t, "ann@customer.example", members[1].Email)
	_, _, err = m.ExpandPrivateDL(t.Context(), ann)
	require.Error(t, err)

	box.Poison(ann.ID, "ErrorItemCorrupt")
	bad := 0
	for c, err := range m.Contacts(t.Context(), nil, nil) {
		if err != nil {
			bad++
			require.Equal(t, ann.ID, c.ID.ID)
			require.ErrorIs(t, err, ews.ErrBadItem)
		}
	}
	require.Equal(t, 1, bad)
	n := 0
	for range m.Contacts(t.Context(), nil, nil) {
		if n++; n == 55 {
			break
		}
	}
	require.Equal(t, 55, n)
}
