package ews_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestConvertIDsSample(t *testing.T) {
	got, err := sampled(t, "ConvertId-1.response.xml").ConvertIDs(t.Context(), ews.EWSID, ews.OWAID, "AAMkAGZhN2IxYTA0LWNiNzItN=")
	require.NoError(t, err)
	require.Equal(t, []string{"RgAAAAAS2%2"}, got)
}

func TestConvertIDs(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, question, nil)
	inbox, err := m.Folder(t.Context(), ews.Inbox)
	require.NoError(t, err)
	want := []string{id.ID, inbox.ID.ID}
	for _, format := range []ews.IDFormat{ews.EWSLegacyID, ews.EntryID, ews.HexEntryID, ews.StoreID, ews.OWAID} {
		other, err := m.ConvertIDs(t.Context(), ews.EWSID, format, want...)
		require.NoError(t, err, format)
		require.Len(t, other, 2)
		back, err := m.ConvertIDs(t.Context(), format, ews.EWSID, other...)
		require.NoError(t, err, format)
		require.Equal(t, want, back, format)
	}

	// One bad id does not spoil the others, nor the order, over several requests.
	many := make([]string, 450)
	for i := range many {
		many[i] = id.ID
	}
	many[0], many[449] = "zzz", inbox.ID.ID
	many[201] = "yyy"
	srv.ResetRequests()
	got, err := m.ConvertIDs(t.Context(), ews.EWSID, ews.HexEntryID, many...)
	require.Equal(t, 3, srv.Count("ConvertId"))
	var b *ews.BatchError
	require.True(t, errors.As(err, &b), "%v", err)
	require.Equal(t, 450, b.Total)
	require.Len(t, b.Items, 2)
	require.Equal(t, "0 zzz 201 yyy", fmt.Sprint(b.Items[0].Index, " ", b.Items[0].ID, " ", b.Items[1].Index, " ", b.Items[1].ID))
	require.Empty(t, got[0]+got[201])
	hex, err := m.ConvertIDs(t.Context(), ews.EWSID, ews.HexEntryID, want...)
	require.NoError(t, err)
	require.Equal(t, hex[0], got[200])
	require.Equal(t, hex[0], got[202])
	require.Equal(t, hex[1], got[449])

	srv.ResetRequests()
	_, err = m.ConvertIDs(t.Context(), ews.EWSID, ews.OWAID, id.ID, "")
	require.ErrorContains(t, err, "ids[1]")
	_, err = m.ConvertIDs(t.Context(), "", ews.OWAID, id.ID)
	require.ErrorContains(t, err, "from: \"\" is none of EwsId")
	got, err = m.ConvertIDs(t.Context(), ews.EWSID, ews.OWAID)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Empty(t, srv.Requests())

	_, err = m.ConvertIDs(t.Context(), ews.EWSID, "Nonsense", id.ID)
	require.ErrorContains(t, err, `to: "Nonsense" is none of EwsId`)
	require.Empty(t, srv.Requests())
	require.False(t, strings.ContainsAny(err.Error(), "\r\n"))
}
