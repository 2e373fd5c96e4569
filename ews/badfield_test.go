package ews_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// TestFieldsAreThoseOfTheSchema compares the names of fields with the official schema's, and has each of them asked for.
func TestFieldsAreThoseOfTheSchema(t *testing.T) {
	b, err := os.ReadFile(shared(t, "schema", "types.xsd"))
	require.NoError(t, err)
	_, list, _ := strings.Cut(string(b), `name="UnindexedFieldURIType"`)
	list, _, _ = strings.Cut(list, "</xs:simpleType>")
	var official []string
	for _, m := range regexp.MustCompile(`<xs:enumeration value *= *"([^"]+)"`).FindAllStringSubmatch(list, -1) {
		official = append(official, m[1])
	}
	slices.Sort(official)
	require.Greater(t, len(official), 500)
	require.Empty(t, cmp.Diff(slices.Compact(official), slices.Sorted(maps.Keys(wire.FieldURIs()))))
	q := &ews.Query{}
	for _, name := range official {
		q.Fields = append(q.Fields, ews.OtherField(name))
	}
	rt := &script{answers: []answer{fine}}
	_, err = newClient(t, rt, nil).Own().Message(t.Context(), ews.ItemID{ID: "x"}, q)
	require.NotErrorIs(t, err, ews.ErrInvalidRequest)
	for _, name := range official {
		require.Contains(t, rt.bodies[0], `FieldURI="`+name+`"`)
	}
}

// TestUnknownFields: a field that EWS does not have is refused by its name, with the one that is meant, wherever fields are given, and
// nothing is sent. The control: those that are meant are sent.
func TestUnknownFields(t *testing.T) {
	for name, want := range map[string]string{
		"item:Foo":                        "no field of EWS: EWS's reference lists them",
		"item:Sujbect":                    "did you mean item:Subject?",
		"item:subject":                    "did you mean item:Subject?",
		"Item:Subject":                    "did you mean item:Subject?",
		"item:IsRead":                     "did you mean message:IsRead?",
		"message:Subject":                 "did you mean item:Subject?",
		"item:DateTimeRecieved":           "did you mean item:DateTimeReceived?",
		"message:InternetMessageID":       "did you mean message:InternetMessageId?",
		"mail:Sender":                     "did you mean message:Sender?",
		"calendar:StartDate":              "did you mean task:StartDate?",
		"contacts:EmailAddress":           "did you mean contacts:EmailAddresses?",
		"item:" + strings.Repeat("x", 99): "no field of EWS: EWS's reference lists them",
		"Subject":                         "it needs a form such as item:Subject",
		"item:":                           "it needs a form",
		":Subject":                        "it needs a form",
		"item:Sub ject":                   "it needs a form",
		"item:Subject\x01":                "it needs a form",
		"":                                "it needs a form",
	} {
		for place, use := range map[string]func(f string) *ews.Query{
			"Query.Fields": func(f string) *ews.Query { return &ews.Query{Fields: []ews.Field{ews.OtherField(f)}} },
			"Query.Sort":   func(f string) *ews.Query { return &ews.Query{Sort: []ews.SortField{{Field: ews.TextField(f)}}} },
			"Query.Where": func(f string) *ews.Query {
				return &ews.Query{Where: ews.And{ews.Exists{Field: ews.BoolField(f)}}}
			},
		} {
			q := use(name)
			rt := &script{answers: []answer{fine}}
			m := newClient(t, rt, nil).Own()
			for _, err := range m.Messages(t.Context(), ews.Inbox, q) {
				require.ErrorIs(t, err, ews.ErrInvalidRequest)
				require.ErrorContains(t, err, place)
				require.ErrorContains(t, err, want, "%s: %s", place, name)
			}
			require.Zero(t, rt.count(), "%s: %s", place, name)
			if _, meant, ok := strings.Cut(want, "did you mean "); ok {
				q = use(strings.TrimSuffix(meant, "?"))
				for range m.Messages(t.Context(), ews.Inbox, q) {
					break
				}
				require.NotZero(t, rt.count(), "%s: %s", place, meant)
			}
		}
	}
}
