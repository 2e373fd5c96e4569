package ews_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// element is any XML element.
type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Kids    []element  `xml:",any"`
}

// String writes the element as XML without prefixes.
func (e element) String() string {
	var b strings.Builder
	b.WriteString("<" + e.XMLName.Local)
	for _, a := range e.Attrs {
		fmt.Fprintf(&b, " %s=%q", a.Name.Local, a.Value)
	}
	b.WriteString(">" + html.EscapeString(e.Text))
	for _, k := range e.Kids {
		b.WriteString(k.String())
	}
	return b.String() + "</" + e.XMLName.Local + ">"
}

// field reads a property of an item as it stands in the server's XML.
func field(t *testing.T, m *ews.Mailbox, id ews.ItemID, path string) string {
	t.Helper()
	if !strings.HasPrefix(path, "<") {
		path = `<t:FieldURI FieldURI="` + path + `"/>`
	}
	var resp struct {
		Items []element `xml:"ResponseMessages>GetItemResponseMessage>Items>Message"`
	}
	require.NoError(t, m.Do(t.Context(), ews.Raw{Op: "GetItem", XML: `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>` + path +
		`</t:AdditionalProperties></m:ItemShape><m:ItemIds><t:ItemId Id="` + html.EscapeString(id.ID) + `"/></m:ItemIds></m:GetItem>`}, &resp))
	require.Len(t, resp.Items, 1)
	var out string
	for _, k := range resp.Items[0].Kids {
		if k.XMLName.Local != "ItemId" {
			out += k.String()
		}
	}
	return out
}

func TestUpdate(t *testing.T) {
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	ticket := ews.Property{Set: ews.PublicStrings, Name: "Ticket", Type: ews.MAPIInteger}
	cases := []struct {
		name   string
		update ews.Update
		path   string
		want   string
	}{
		{"read", ews.Update{Read: new(true)}, "message:IsRead", `<IsRead>true</IsRead>`},
		{"categories", ews.Update{Categories: []string{"a & b", "c"}}, "item:Categories", `<Categories><String>a &amp; b</String><String>c</String></Categories>`},
		{"no categories", ews.Update{Categories: []string{}}, "item:Categories", ``},
		{"categories added", ews.Update{AddCategories: []string{"new", "THEIRS"}}, "item:Categories", `<Categories><String>theirs</String><String>new</String></Categories>`},
		{"categories removed", ews.Update{AddCategories: []string{"new"}, RemoveCategories: []string{"Theirs", "not there"}}, "item:Categories", `<Categories><String>new</String></Categories>`},
		{"the last category removed", ews.Update{RemoveCategories: []string{"theirs"}}, "item:Categories", ``},
		{"flag", ews.Update{Flag: &ews.Flag{Status: ews.Flagged, Start: day, Due: day}}, "item:Flag", `<Flag><FlagStatus>Flagged</FlagStatus><StartDate>2026-11-24T00:00:00Z</StartDate><DueDate>2026-11-24T00:00:00Z</DueDate></Flag>`},
		{"flag without days", ews.Update{Flag: &ews.Flag{Status: ews.Flagged}}, "item:Flag", `<Flag><FlagStatus>Flagged</FlagStatus></Flag>`},
		{"complete", ews.Update{Flag: &ews.Flag{Status: ews.FlagComplete, Completed: day}}, "item:Flag", `<Flag><FlagStatus>Complete</FlagStatus><CompleteDate>2026-11-24T00:00:00Z</CompleteDate></Flag>`},
		{"no flag", ews.Update{Flag: &ews.Flag{}}, "item:Flag", `<Flag><FlagStatus>NotFlagged</FlagStatus></Flag>`},
		{"importance", ews.Update{Importance: new(ews.HighImportance)}, "item:Importance", `<Importance>High</Importance>`},
		{"sensitivity", ews.Update{Sensitivity: new("Confidential")}, "item:Sensitivity", `<Sensitivity>Confidential</Sensitivity>`},
		{"subject", ews.Update{Subject: new("[#42] <x>")}, "item:Subject", `<Subject>[#42] &lt;x&gt;</Subject>`},
		{"body", ews.Update{Body: &ews.Body{HTML: true, Text: "<p>new</p>"}}, "item:Body", `<Body BodyType="HTML">&lt;p&gt;new&lt;/p&gt;</Body>`},
		{"cc", ews.Update{Cc: []ews.Address{{Name: "Ann", Email: "ann@example.com"}}}, "message:CcRecipients",
			`<CcRecipients><Mailbox><Name>Ann</Name><EmailAddress>ann@example.com</EmailAddress><RoutingType>SMTP</RoutingType><MailboxType>OneOff</MailboxType></Mailbox></CcRecipients>`},
		{"no cc", ews.Update{Cc: []ews.Address{}}, "message:CcRecipients", ``},
		{"property", ews.Update{Set: []ews.PropertyValue{{Property: ticket, Value: 42}}},
			`<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Ticket" PropertyType="Integer"/>`,
			`<ExtendedProperty><ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Ticket" PropertyType="Integer"></ExtendedFieldURI><Value>42</Value></ExtendedProperty>`},
		{"property deleted", ews.Update{Delete: []ews.Property{ticket}},
			`<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Ticket" PropertyType="Integer"/>`, ``},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, box, m := newMailbox(t, nil)
			id := deliver(t, box, question, nil)
			id = one(t, m, id, &ews.Update{Categories: []string{"theirs"}, Set: []ews.PropertyValue{{Property: ticket, Value: 1}}})
			changed := one(t, m, id, &tc.update)
			if d := cmp.Diff(tc.want, field(t, m, id, tc.path)); d != "" {
				t.Error(d)
			}
			now, ok := box.Item(id.ID)
			require.True(t, ok)
			require.Equal(t, ews.ItemID{ID: now.ID, ChangeKey: now.ChangeKey}, changed, "the id with the new version")
			again := one(t, m, changed, &tc.update) // doing it twice changes nothing
			require.Equal(t, id.ID, again.ID)
			require.Equal(t, tc.want, field(t, m, id, tc.path))
		})
	}
}

// one updates a single item.
func one(t *testing.T, m *ews.Mailbox, id ews.ItemID, u *ews.Update) ews.ItemID {
	t.Helper()
	ids, err := m.Update(t.Context(), u, id)
	require.NoError(t, err)
	require.Len(t, ids, 1)
	require.NotEmpty(t, ids[0].ChangeKey)
	return ids[0]
}

func TestUpdateOfMany(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	var ids []ews.ItemID
	for i := range 25 {
		ids = append(ids, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil))
		if i%2 == 0 {
			ids[i].ChangeKey = ""
		}
	}
	box.Remove(ids[3].ID)
	box.Remove(ids[14].ID)
	box.Poison(ids[21].ID, "ErrorItemCorrupt")
	for _, u := range []ews.Update{{Categories: []string{"a"}}, {AddCategories: []string{"b"}}, {Subject: new("s")}} {
		srv.ResetRequests()
		changed, err := m.Update(t.Context(), &u, ids...)
		var batch *ews.BatchError
		require.ErrorAs(t, err, &batch)
		require.Equal(t, 25, batch.Total)
		var failed []int
		for _, it := range batch.Items {
			failed = append(failed, it.Index)
			require.Equal(t, ids[it.Index].ID, it.ID)
		}
		require.Equal(t, []int{3, 14, 21}, failed)
		require.ErrorIs(t, batch.Items[0].Err, ews.ErrNotFound)
		require.ErrorIs(t, batch.Items[2].Err, ews.ErrBadItem)
		require.Len(t, changed, 25)
		for i, id := range changed {
			now, ok := box.Item(ids[i].ID)
			if i == 3 || i == 14 || i == 21 {
				require.True(t, id.IsZero())
				continue
			}
			require.True(t, ok)
			require.Equal(t, ews.ItemID{ID: now.ID, ChangeKey: now.ChangeKey}, id)
			ids[i] = id
		}
		require.Equal(t, 3, srv.Count("UpdateItem"), "ten at a time")
	}
	now, _ := box.Item(ids[24].ID)
	require.Equal(t, []string{"a", "b"}, now.Categories)
	require.Equal(t, "s", now.Subject)
}

// TestUpdateAndOthers: what others do meanwhile is neither lost nor in the way, but what they wrote is not written over.
func TestUpdateAndOthers(t *testing.T) {
	// start returns a mailbox with an item that another client changes before each of the first n UpdateItem requests.
	start := func(t *testing.T, n int, change func(other *ews.Mailbox, id ews.ItemID)) (*ewstest.Server, *ewstest.Mailbox, *ews.Mailbox, ews.ItemID) {
		srv, box, other := newMailbox(t, nil)
		id := deliver(t, box, question, nil)
		updates := 0
		m := clientOf(t, srv, transportFunc(func(r *http.Request) (*http.Response, error) {
			body := bodyOf(t, r)
			if strings.Contains(body, "<m:UpdateItem") {
				if updates++; updates <= n {
					change(other, ews.ItemID{ID: id.ID})
				}
			}
			return http.DefaultTransport.RoundTrip(r)
		}))
		return srv, box, m, id
	}
	tag := func(n int) func(other *ews.Mailbox, id ews.ItemID) {
		return func(other *ews.Mailbox, id ews.ItemID) {
			n++
			_, err := other.Update(t.Context(), &ews.Update{AddCategories: []string{fmt.Sprint("theirs ", n)}}, id)
			require.NoError(t, err)
		}
	}
	t.Run("merged", func(t *testing.T) {
		_, box, m, id := start(t, 2, tag(0))
		_, err := m.Update(t.Context(), &ews.Update{AddCategories: []string{"mine"}}, id)
		require.NoError(t, err)
		now, _ := box.Item(id.ID)
		require.Equal(t, []string{"theirs 1", "theirs 2", "mine"}, now.Categories)
	})
	t.Run("without end", func(t *testing.T) {
		srv, _, m, id := start(t, 1000, tag(0))
		_, err := m.Update(t.Context(), &ews.Update{AddCategories: []string{"mine"}}, id)
		require.ErrorIs(t, err, ews.ErrConflict)
		require.LessOrEqual(t, srv.Count("UpdateItem"), 6)
	})
	t.Run("old version", func(t *testing.T) {
		_, box, m, id := start(t, 1, tag(0))
		_, err := m.Update(t.Context(), &ews.Update{Importance: new(ews.LowImportance)}, id)
		require.NoError(t, err)
		now, _ := box.Item(id.ID)
		require.Equal(t, "Low", now.Importance)
		require.Equal(t, []string{"theirs 1"}, now.Categories)
	})
	for name, u := range map[string]ews.Update{"subject": {Subject: new("mine")}, "body": {Body: &ews.Body{Text: "mine"}}, "to": {To: []ews.Address{{Email: "a@example.com"}}},
		"subject and categories": {Subject: new("mine"), AddCategories: []string{"mine"}}} {
		t.Run("old version/"+name, func(t *testing.T) {
			srv, box, m, id := start(t, 1, tag(0))
			_, err := m.Update(t.Context(), &u, id)
			require.ErrorIs(t, err, ews.ErrConflict)
			require.Equal(t, 2, srv.Count("UpdateItem"), "theirs and one of ours")
			now, _ := box.Item(id.ID)
			require.Equal(t, "Drucker antwortet nicht ✓", now.Subject)
			require.Equal(t, []string{"theirs 1"}, now.Categories)
		})
		t.Run("no version/"+name, func(t *testing.T) {
			_, _, m, id := start(t, 1, tag(0))
			_, err := m.Update(t.Context(), &u, ews.ItemID{ID: id.ID})
			require.NoError(t, err)
		})
	}
}

// TestUpdateOfALostAnswer: its own success is not taken for somebody else's change.
func TestUpdateOfALostAnswer(t *testing.T) {
	for _, u := range []ews.Update{{Subject: new("mine")}, {AddCategories: []string{"mine"}}, {Read: new(true)}} {
		srv, box, m := newMailbox(t, nil)
		id := deliver(t, box, question, nil)
		srv.Fault(ewstest.Fault{Op: "UpdateItem", Do: ewstest.CutAfter()})
		_, err := m.Update(t.Context(), &u, id)
		now, _ := box.Item(id.ID)
		if u.Subject != nil {
			require.True(t, ews.MaybeApplied(err), "%v", err)
			require.NotErrorIs(t, err, ews.ErrConflict)
			require.Equal(t, "mine", now.Subject)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, u.AddCategories, now.Categories)
	}
}

func TestUpdateRefusesNonsense(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	property := func(p ews.Property, v any) ews.Update {
		return ews.Update{Set: []ews.PropertyValue{{Property: p, Value: v}}}
	}
	text := ews.Property{Set: ews.PublicStrings, Name: "x", Type: ews.MAPIString}
	for want, u := range map[string]ews.Update{
		"nothing to change":                              {},
		"Categories: replaces all of them":               {Categories: []string{"a"}, AddCategories: []string{"b"}},
		"AddCategories[1]: empty":                        {AddCategories: []string{"b", " "}},
		"Flag.Status":                                    {Flag: &ews.Flag{Status: 7}},
		"Flag.Start, Flag.Due: only":                     {Flag: &ews.Flag{Due: day}},
		"Flag.Start, Flag.Due: give both":                {Flag: &ews.Flag{Status: ews.Flagged, Due: day}},
		"Flag.Due: is before":                            {Flag: &ews.Flag{Status: ews.Flagged, Start: day, Due: day.Add(-time.Hour)}},
		"Flag.Completed":                                 {Flag: &ews.Flag{Status: ews.Flagged, Completed: day}},
		"Sensitivity":                                    {Sensitivity: new("private")},
		"To[0]":                                          {To: []ews.Address{{Email: "nobody"}}},
		"Delete[0]: a property needs a Tag":              {Delete: []ews.Property{{Type: ews.MAPIString}}},
		"Set[0]: 0x0037 String: give either a Tag":       property(ews.Property{Tag: 0x37, Name: "x", Type: ews.MAPIString}, "v"),
		"Set[0]: 0x8001 String: tags from 0x8000":        property(ews.Property{Tag: 0x8001, Type: ews.MAPIString}, "v"),
		"Set[0]: Common/0x0000 String: a Set needs":      property(ews.Property{Set: ews.CommonProperties, Type: ews.MAPIString}, "v"),
		`Set[0]: "nonsense" is neither`:                  property(ews.Property{Set: "nonsense", Name: "x", Type: ews.MAPIString}, "v"),
		"Set[0]: PublicStrings/x Objekt":                 property(ews.Property{Set: ews.PublicStrings, Name: "x", Type: "Objekt"}, "v"),
		"Set[0]: PublicStrings/x BooleanArray":           property(ews.Property{Set: ews.PublicStrings, Name: "x", Type: "BooleanArray"}, []bool{true}),
		"Set[0]: PublicStrings/x String: int: the value": property(text, 7),
		"Set[0]: PublicStrings/x String: <nil>":          property(text, nil),
		"40000 has more than 16 bits":                    property(ews.Property{Set: ews.PublicStrings, Name: "x", Type: ews.MAPIShort}, 40000),
		"an array needs":                                 property(ews.Property{Set: ews.PublicStrings, Name: "x", Type: ews.MAPIStringArray}, []string{}),
	} {
		_, err := m.Update(t.Context(), &u, id)
		require.ErrorContains(t, err, want)
	}
	_, err := m.Update(t.Context(), nil, id)
	require.ErrorContains(t, err, "nothing to change")
	_, err = m.Update(t.Context(), &ews.Update{Read: new(true)}, ews.ItemID{})
	require.ErrorContains(t, err, "ids[0]")
	require.Empty(t, srv.Requests())
}

// bodyOf reads a request's body and leaves it to be sent.
func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return string(b)
}
