package ews_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// createItem makes an appointment, contact or task, which this package only reads, as another client would.
func createItem(t testing.TB, m *ews.Mailbox, attrs, xml string) ews.ItemID {
	t.Helper()
	return createItemIn(t, m, "", attrs, xml)
}

// createItemIn is createItem in the calendar of somebody else's mailbox.
func createItemIn(t testing.TB, m *ews.Mailbox, owner, attrs, xml string) ews.ItemID {
	t.Helper()
	saved := ""
	if owner != "" {
		saved = `<m:SavedItemFolderId><t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>` + owner + `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:SavedItemFolderId>`
	}
	var answer struct {
		Items struct {
			Any []struct {
				ItemID struct {
					ID        string `xml:"Id,attr"`
					ChangeKey string `xml:",attr"`
				} `xml:"ItemId"`
			} `xml:",any"`
		} `xml:"ResponseMessages>CreateItemResponseMessage>Items"`
	}
	require.NoError(t, m.Do(t.Context(), ews.Raw{Op: "CreateItem", XML: `<m:CreateItem ` + attrs + `>` + saved + `<m:Items>` + xml + `</m:Items></m:CreateItem>`}, &answer))
	require.NotEmpty(t, answer.Items.Any)
	id := answer.Items.Any[0].ItemID
	require.NotEmpty(t, id.ID)
	return ews.ItemID{ID: id.ID, ChangeKey: id.ChangeKey}
}

func all[T any](t testing.TB, seq func(func(T, error) bool)) (list []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		list = append(list, v)
	}
	return list
}
