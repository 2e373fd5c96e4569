package ews_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// leftOut are the elements of a message that a Message has no field for, and why.
var leftOut = map[string]string{
	"MimeContent":            "Mailbox.MIME streams it",
	"ResponseObjects":        "what can be done with it follows from its class and ClientFields.Rights",
	"EntityExtractionResult": "addresses, tasks and the like found in the text: withdrawn from Exchange Online, empty",
	"PredictedActionReasons": "Clutter's, withdrawn with it",
	"ReminderMessageData":    "of the messages that Exchange Online's reminders send",
}

// TestEveryFieldIsAsked: with all Extras a Message has every field that the oldest schema spoken knows of a message, but for those that are
// left out with a reason.
func TestEveryFieldIsAsked(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(shared(t, "schema", "exchange-2013-sp1"), "types.xsd"))
	require.NoError(t, err)
	var schema struct {
		Types []struct {
			Name     string `xml:"name,attr"`
			Elements []struct {
				Name string `xml:"name,attr"`
			} `xml:"sequence>element"`
			Extended []struct {
				Name string `xml:"name,attr"`
			} `xml:"complexContent>extension>sequence>element"`
		} `xml:"complexType"`
	}
	require.NoError(t, xml.Unmarshal(b, &schema))

	c, rec := recordingClient(t)
	_, err = c.Own().Message(t.Context(), ews.ItemID{ID: "I1"}, &ews.Query{Headers: true,
		Extra: ews.WithClientFields | ews.WithUniqueBody | ews.WithNormalizedBody | ews.WithTextBody | ews.WithLoopMarks})
	require.NoError(t, err)
	asked := map[string]bool{"ItemId": true, "ExtendedProperty": true}
	for _, m := range regexp.MustCompile(`FieldURI="(?:item|message):(\w+)"`).FindAllStringSubmatch(rec.bodies[0], -1) {
		asked[m[1]] = true
	}
	n := 0
	for _, typ := range schema.Types {
		if typ.Name != "ItemType" && typ.Name != "MessageType" {
			continue
		}
		for _, e := range append(typ.Elements, typ.Extended...) {
			n++
			if leftOut[e.Name] != "" {
				require.False(t, asked[e.Name], "%s is asked for, but listed as left out", e.Name)
				continue
			}
			if !asked[e.Name] {
				t.Errorf("%s of %s is not asked for; give a reason in leftOut", e.Name, typ.Name)
			}
		}
	}
	require.Greater(t, n, 60)
}
