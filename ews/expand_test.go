package ews_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestExpandDLSample(t *testing.T) {
	got, more, err := sampled(t, "ExpandDL-4.response.xml").ExpandDL(t.Context(), "list@exampledomain.com")
	require.NoError(t, err)
	require.False(t, more)
	want := []ews.Recipient{smtp("Dan Park", "dpark@exampledomain.com", "Mailbox"), smtp("Jeff Price", "jprice@exampledomain.com", "Mailbox"),
		smtp("Tanja Plate", "tplate@exampledomain.com", "Mailbox")}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExpandDL(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddGroup("desk@example.com", "Desk", support, "night@example.com", "x@other.example")
	srv.AddGroup("night@example.com", "Night shift")
	got, more, err := m.ExpandDL(t.Context(), "desk@example.com")
	require.NoError(t, err)
	require.False(t, more)
	want := []ews.Recipient{smtp("support", support, "Mailbox"), smtp("Night shift", "night@example.com", "PublicDL"), smtp("x@other.example", "x@other.example", "OneOff")}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	got, _, err = m.ExpandDL(t.Context(), "night@example.com")
	require.NoError(t, err, "a list without members is a list")
	require.Empty(t, got)
	_, _, err = m.ExpandDL(t.Context(), "nobody@example.com")
	require.ErrorIs(t, err, ews.ErrNotFound, "an unknown list must not look like an empty one")
	gone := createItem(t, m, "", `<t:DistributionList><t:DisplayName>gone</t:DisplayName></t:DistributionList>`)
	require.NoError(t, m.Delete(t.Context(), ews.HardDelete, gone))
	_, _, err = m.ExpandPrivateDL(t.Context(), gone)
	require.ErrorIs(t, err, ews.ErrNotFound)

	srv.ResetRequests()
	_, _, err = m.ExpandDL(t.Context(), "no address")
	require.ErrorContains(t, err, "ExpandDL: ")
	_, _, err = m.ExpandPrivateDL(t.Context(), ews.ItemID{})
	require.ErrorContains(t, err, "id is empty")
	require.Empty(t, srv.Requests())
}
