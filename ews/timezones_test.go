package ews_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the names are checked on machines without a time zone database too

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestTimeZonesSample(t *testing.T) {
	got, err := sampled(t, "GetServerTimeZones-2.response.xml").TimeZones(t.Context())
	require.NoError(t, err)
	want := []ews.TimeZone{
		{ID: "Eastern Standard Time", Name: "(GMT-05:00) Eastern Time (US &amp; Canada)", IANA: "America/New_York"}, // escaped twice in the sample
		{ID: "Pacific Standard Time", Name: "(GMT-08:00) Pacific Time (US &amp; Canada)", IANA: "America/Los_Angeles"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTimeZones(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	all, err := m.TimeZones(t.Context())
	require.NoError(t, err)
	require.Greater(t, len(all), 3)
	for _, z := range all {
		_, err := time.LoadLocation(z.IANA)
		require.NoError(t, err, z.ID)
		require.NotEmpty(t, z.IANA, z.ID)
	}
	some, err := m.TimeZones(t.Context(), "W. Europe Standard Time", "Nowhere & <else>")
	require.NoError(t, err)
	require.Len(t, some, 1)
	require.Equal(t, "Europe/Berlin", some[0].IANA)

	got, err := answering(t, envelope(`<m:GetServerTimeZonesResponse><m:ResponseMessages><m:GetServerTimeZonesResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
		`<m:TimeZoneDefinitions><t:TimeZoneDefinition Id="tzone://Microsoft/Custom" Name="own"><t:Periods/></t:TimeZoneDefinition></m:TimeZoneDefinitions>`+
		`</m:GetServerTimeZonesResponseMessage></m:ResponseMessages></m:GetServerTimeZonesResponse>`)).TimeZones(t.Context())
	require.NoError(t, err)
	require.Equal(t, []ews.TimeZone{{ID: "tzone://Microsoft/Custom", Name: "own"}}, got)
}

// TestIANANames: every name of the table is one that Go loads.
func TestIANANames(t *testing.T) {
	names := ews.IANANames()
	require.Greater(t, len(names), 130)
	for id, name := range names {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}
