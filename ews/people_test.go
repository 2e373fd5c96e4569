package ews_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestPersonSample(t *testing.T) {
	got, err := sampled(t, "GetPersona-1.response.xml").Person(t.Context(), ews.ItemID{ID: "x"})
	require.NoError(t, err)
	want := &ews.Person{ID: ews.ItemID{ID: "AAQkADEzAQAKtOtR="}, Type: "Person", Created: time.Date(2012, 6, 1, 17, 0, 34, 0, time.UTC), DisplayName: "Brian Johnson",
		GivenName: "Brian", Surname: "Johnsoon", Company: "Contoso", Phones: []ews.Phone{{Kind: "Mobile", Number: "(425)555-0110"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var all []*ews.Person
	for p, err := range sampled(t, "FindPeople-1.response.xml").FindPeople(t.Context(), "user1", nil) {
		require.NoError(t, err)
		all = append(all, p)
	}
	want = &ews.Person{ID: ews.ItemID{ID: "AAUQAFjZ4UxX8SZCqSPFsmh0cSo="}, Type: "Person", DisplayName: "user2", Created: time.Date(2015, 10, 2, 23, 25, 42, 0, time.UTC)}
	if d := cmp.Diff([]*ews.Person{want}, all); d != "" {
		t.Error(d)
	}
}

func TestFindPeople(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	for i := range 230 {
		srv.AddMailbox(fmt.Sprintf("crew%03d@example.com", i))
	}
	find := func(text string, q *ews.PeopleQuery) (names []string) {
		t.Helper()
		seen := map[string]bool{}
		for p, err := range m.FindPeople(t.Context(), text, q) {
			require.NoError(t, err)
			require.False(t, seen[p.ID.ID], "%s came twice", p.DisplayName)
			seen[p.ID.ID] = true
			names = append(names, p.DisplayName)
		}
		return names
	}
	directory := ews.FolderName("directory")
	require.Len(t, find("crew", &ews.PeopleQuery{Folder: directory}), 230)
	require.Len(t, find("crew", &ews.PeopleQuery{Folder: directory, Limit: 103}), 103)
	require.Equal(t, []string{"crew017"}, find("crew017", nil))
	require.Empty(t, find("nobody", nil))
	n := 0
	for range m.FindPeople(t.Context(), "crew", nil) {
		if n++; n == 5 {
			break
		}
	}
	require.Equal(t, 5, n)

	createItem(t, m, "", `<t:Contact><t:DisplayName>Ann Miller</t:DisplayName><t:GivenName>Ann</t:GivenName><t:CompanyName>Customer</t:CompanyName>`+
		`<t:EmailAddresses><t:Entry Key="EmailAddress1">ann@customer.example</t:Entry></t:EmailAddresses><t:PhoneNumbers><t:Entry Key="BusinessPhone">+49 1</t:Entry></t:PhoneNumbers></t:Contact>`)
	require.Equal(t, []string{"Ann Miller"}, find("mil", nil))
	require.Equal(t, []string{"Ann Miller"}, find("", &ews.PeopleQuery{Folder: ews.Contacts}))
	for p, err := range m.FindPeople(t.Context(), "ann", nil) {
		require.NoError(t, err)
		whole, err := m.Person(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, "Customer", whole.Company)
		require.Equal(t, []ews.Address{{Name: "Ann Miller", Email: "ann@customer.example", RoutingType: "SMTP"}}, whole.Emails)
		require.Equal(t, []ews.Phone{{Kind: "Business", Number: "+49 1"}}, whole.Phones)
	}
	require.Error(t, last(m.FindPeople(t.Context(), "", nil)))
	_, err := m.Person(t.Context(), ews.ItemID{})
	require.Error(t, err)
	_, err = m.Person(t.Context(), ews.ItemID{ID: "AAUQAx="})
	require.ErrorIs(t, err, ews.ErrNotFound)
}

// TestFindPeopleEnds: a server that gives the same page again and again does not keep the loop going.
func TestFindPeopleEnds(t *testing.T) {
	page := strings.Repeat(`<t:Persona><t:PersonaId Id="P1"/></t:Persona>`, 100)
	m := answering(t, envelope(`<m:FindPeopleResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:People>`+page+`</m:People></m:FindPeopleResponse>`))
	n := 0
	for _, err := range m.FindPeople(t.Context(), "x", nil) {
		if n++; err != nil {
			require.ErrorIs(t, err, ews.ErrBadResponse)
		}
	}
	require.Equal(t, 101, n)
}
