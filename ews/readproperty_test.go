package ews_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

const ownSet = ews.PropertySet("c11ff724-aa03-4555-9952-8fa248a11c3e")

// TestProperties sets properties of every kind and reads them back, alone and in a listing.
func TestProperties(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	own := func(name, kind string) (ews.Property, string) {
		return ews.Property{Set: ownSet, Name: name, Type: ews.PropertyType(kind)}, `PropertySetId="` + string(ownSet) + `" PropertyName="` + name + `" PropertyType="` + kind + `"`
	}
	one := func(v string) string { return "<t:Value>" + v + "</t:Value>" }
	many := func(v ...string) string {
		all := ""
		for _, v := range v {
			all += one(v)
		}
		return "<t:Values>" + all + "</t:Values>"
	}
	want := map[ews.Property]any{
		// What Exchange keeps anyway.
		{Tag: 0x1035, Type: ews.MAPIString}:                                "<q1@customer.example>",
		{Tag: 0x0E08, Type: ews.MAPIInteger}:                               int64(2013),
		{Tag: 0x0E1B, Type: ews.MAPIBoolean}:                               true,
		{Tag: 0x0039, Type: ews.MAPISystemTime}:                            time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC),
		{Set: ews.InternetHeaders, Name: "X-Ticket", Type: ews.MAPIString}: "42",
		// Those of every request can be asked for as well.
		{Tag: 0x5D01, Type: ews.MAPIString}: "joerg@customer.example",
	}
	for kind, tt := range map[string]struct {
		xml  string
		want any
	}{
		"String": {one("a &amp; b"), "a & b"}, "Boolean": {one("true"), true}, "Short": {one("-7"), int64(-7)}, "Long": {one("9007199254740993"), int64(9007199254740993)},
		"Double": {one("2.5"), 2.5}, "Binary": {one("AAEC"), []byte{0, 1, 2}}, "SystemTime": {one("2026-11-23T08:00:00Z"), time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)},
		"StringArray": {many("a", "b"), []string{"a", "b"}}, "IntegerArray": {many("1", "2"), []int64{1, 2}}, "BinaryArray": {many("AA==", "AQ=="), [][]byte{{0}, {1}}},
		"SystemTimeArray": {many("2026-11-23T08:00:00Z"), []time.Time{time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}},
	} {
		p, path := own("p"+kind, kind)
		setProperty(t, m, id.ID, path, tt.xml)
		want[p] = tt.want
	}
	var ask []ews.Property
	for p := range want {
		ask = append(ask, p)
	}
	missing, _ := own("nobody has it", "String")
	ask = append(ask, missing, ews.PropertySearchKey)
	read := func(msg *ews.Message) {
		t.Helper()
		require.Nil(t, msg.Property(missing))
		require.Nil(t, msg.Property(ews.Property{Tag: 0x1035, Type: ews.MAPIBinary}), "another type is another property")
		require.IsType(t, []byte(nil), msg.Property(ews.PropertySearchKey))
		require.Equal(t, "joerg@customer.example", msg.Sender.Email)
		require.NotEmpty(t, msg.SearchKey)
		got := map[ews.Property]any{}
		for p := range want {
			got[p] = msg.Property(p)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	msg, err := m.Message(t.Context(), id, &ews.Query{Properties: ask})
	require.NoError(t, err)
	want[ews.Property{Tag: 0x0E08, Type: ews.MAPIInteger}] = msg.Size
	read(msg)
	for _, detail := range []ews.Detail{ews.Summary, ews.WithoutBody} {
		for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Detail: detail, Properties: ask}) {
			require.NoError(t, err)
			read(msg)
		}
	}
	for batch, err := range m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Properties: ask}) {
		require.NoError(t, err)
		for _, c := range batch.Changes {
			read(c.Message)
		}
	}
	msg, err = m.Message(t.Context(), id, nil)
	require.NoError(t, err)
	require.Empty(t, msg.Properties, "nothing that was not asked for")
	_, err = m.Message(t.Context(), id, &ews.Query{Properties: []ews.Property{{}}})
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	for _, err := range m.Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Properties: []ews.Property{{}}}) {
		require.ErrorIs(t, err, ews.ErrInvalidRequest)
	}
}

// TestPropertyValuesOfNoKind: what is no value of its type is there, without one.
func TestPropertyValuesOfNoKind(t *testing.T) {
	p := ews.Property{Tag: 0x1000, Type: ews.MAPIInteger}
	rt := &script{answers: []answer{reply(200, messages(okMessage(`<m:Items><t:Message><t:ItemId Id="I1"/><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="4096" PropertyType="Integer"/><t:Value>many</t:Value></t:ExtendedProperty></t:Message></m:Items>`)))}}
	msg, err := newClient(t, rt, nil).Own().Message(t.Context(), ews.ItemID{ID: "I1"}, &ews.Query{Properties: []ews.Property{p}})
	require.NoError(t, err)
	require.Nil(t, msg.Property(p))
	require.Equal(t, []ews.PropertyValue{{Property: p}}, msg.Properties)
}
