package ews_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestPropertiesOfEveryType sets a property of each type and reads it back.
func TestPropertiesOfEveryType(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC)
	const id = "5c5b3d4e-9d8a-4e0e-8f4b-6b1f2e7a90c2"
	values := map[ews.PropertyType]any{
		ews.MAPIString: "a & <b>\n ä", ews.MAPIBoolean: true, ews.MAPIShort: int64(-32768), ews.MAPIInteger: int64(1<<31 - 1), ews.MAPILong: int64(-1 << 63),
		ews.MAPIFloat: 0.25, ews.MAPIDouble: 0.1, ews.MAPIApplicationTime: 45000.5, ews.MAPICurrency: "12345", ews.MAPISystemTime: at, ews.MAPICLSID: id, ews.MAPIBinary: []byte{0, 1, 255},
		ews.MAPIStringArray: []string{"a", "", "c"}, ews.MAPIShortArray: []int64{1, -1}, ews.MAPIIntegerArray: []int64{7}, ews.MAPILongArray: []int64{1 << 40},
		ews.MAPIFloatArray: []float64{1.5}, ews.MAPIDoubleArray: []float64{1e300, 0}, ews.MAPIApplicationTimeArray: []float64{1}, ews.MAPICurrencyArray: []string{"1", "2"},
		ews.MAPISystemTimeArray: []time.Time{at, at.Add(time.Hour)}, ews.MAPICLSIDArray: []string{id}, ews.MAPIBinaryArray: [][]byte{{1}, {2, 3}},
	}
	_, box, m := newMailbox(t, nil)
	msg := deliver(t, box, question, nil)
	var set []ews.PropertyValue
	var ask []ews.Property
	for typ, v := range values {
		p := ews.Property{Set: "5C5B3D4E-9D8A-4E0E-8F4B-6B1F2E7A90C2", Name: "of " + string(typ), Type: typ}
		set = append(set, ews.PropertyValue{Property: p, Value: v})
		ask = append(ask, p)
	}
	one(t, m, msg, &ews.Update{Set: set})
	got, err := m.Message(t.Context(), msg, &ews.Query{Properties: ask})
	require.NoError(t, err)
	for _, p := range ask {
		if d := cmp.Diff(values[p.Type], got.Property(p)); d != "" {
			t.Errorf("%s: %s", p, d)
		}
	}
	// Types that Go has several of.
	one(t, m, msg, &ews.Update{Set: []ews.PropertyValue{{Property: ews.Property{Set: ews.PublicStrings, Name: "n", Type: ews.MAPILongArray}, Value: []int{1, 2}}}})
	n := ews.Property{Set: "00020329-0000-0000-C000-000000000046", Name: "n", Type: ews.MAPILongArray}
	got, err = m.Message(t.Context(), msg, &ews.Query{Properties: []ews.Property{n}})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, got.Property(n), "the set is the same by name and by GUID")
}

// TestPropertiesOfNoType: what is no value of its type is nil, whatever a server sends.
func TestPropertiesOfNoType(t *testing.T) {
	for _, tc := range []struct{ typ, value string }{
		{"Integer", "<t:Value>x</t:Value>"}, {"Boolean", "<t:Value>yes</t:Value>"}, {"SystemTime", "<t:Value>never</t:Value>"}, {"Binary", "<t:Value>?</t:Value>"},
		{"Double", "<t:Value/>"}, {"String", ""}, {"String", "<t:Values><t:Value>a</t:Value><t:Value>b</t:Value></t:Values>"},
		{"IntegerArray", "<t:Values><t:Value>1</t:Value><t:Value>x</t:Value></t:Values>"}, {"Object", "<t:Value>x</t:Value>"}, {"", "<t:Value>x</t:Value>"},
	} {
		m := clientOfAnswer(t, `<m:GetItemResponse><m:ResponseMessages><m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:ItemId Id="I"/>`+
			`<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="5c5b3d4e-9d8a-4e0e-8f4b-6b1f2e7a90c2" PropertyName="x" PropertyType="`+tc.typ+`"/>`+tc.value+
			`</t:ExtendedProperty></t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse>`)
		msg, err := m.Message(t.Context(), ews.ItemID{ID: "I"}, &ews.Query{Properties: []ews.Property{{Set: "5c5b3d4e-9d8a-4e0e-8f4b-6b1f2e7a90c2", Name: "x", Type: ews.MAPIString}}})
		require.NoError(t, err)
		for _, v := range msg.Properties {
			require.Nil(t, v.Value, "%+v", tc)
		}
	}
}
