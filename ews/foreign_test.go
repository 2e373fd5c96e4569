package ews_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestForeignElements: an element of another namespace is not Exchange's, whatever its name and prefix, at its first sight and when it comes
// again.
func TestForeignElements(t *testing.T) {
	const id = `<t:ItemId Id="I1" ChangeKey="K1"/>`
	for name, item := range map[string]string{
		"before":               `<x:Subject xmlns:x="urn:other">wrong</x:Subject><t:Subject>right</t:Subject>`,
		"after":                `<t:Subject>right</t:Subject><x:Subject xmlns:x="urn:other">wrong</x:Subject>`,
		"the same prefix":      `<t:Subject>right</t:Subject><t:Subject xmlns:t="urn:other">wrong</t:Subject>`,
		"no prefix":            `<t:Subject>right</t:Subject><Subject xmlns="urn:other">wrong</Subject>`,
		"no such prefix":       `<t:Subject>right</t:Subject><q:Subject>wrong</q:Subject>`,
		"around one of its":    `<t:Subject>right</t:Subject><x:Extension xmlns:x="urn:other"><t:Subject>wrong</t:Subject></x:Extension>`,
		"empty":                `<t:Subject>right</t:Subject><x:Subject xmlns:x="urn:other"/>`,
		"Exchange's by itself": `<Subject xmlns="http://schemas.microsoft.com/exchange/services/2006/types">right</Subject>`,
	} {
		t.Run(name, func(t *testing.T) {
			var all []ews.ItemID
			var items string
			for i := range 3 {
				all = append(all, ews.ItemID{ID: fmt.Sprint("I", i)})
				items += okMessage(`<m:Items><t:Message>` + id + item + `</t:Message></m:Items>`)
			}
			c := newClient(t, roundTripper(reply(200, messages(items))), nil)
			n := 0
			for m, err := range c.Own().MessagesByID(t.Context(), all, nil) {
				require.NoError(t, err)
				require.Equal(t, "right", m.Subject)
				n++
			}
			require.Equal(t, 3, n)
		})
	}
}
