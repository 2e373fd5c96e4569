package ewstest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFieldNames: every field name of the official schema is understood, and no other.
func TestFieldNames(t *testing.T) {
	dir := shared("schema")
	if dir == "" {
		t.Skip("no schema beside the project")
	}
	b, err := os.ReadFile(filepath.Join(dir, "types.xsd"))
	require.NoError(t, err)
	_, list, _ := strings.Cut(string(b), `name="UnindexedFieldURIType"`)
	list, _, _ = strings.Cut(list, "</xs:simpleType>")
	names := regexp.MustCompile(`<xs:enumeration value *= *"([^"]+)"`).FindAllStringSubmatch(list, -1)
	require.Greater(t, len(names), 500)
	f := start(t, nil)
	asks := func(uris string) string {
		_, answer, err := f.post(t, getItem(`<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>`+uris+`</t:AdditionalProperties>`, "x"))
		require.NoError(t, err)
		return string(answer)
	}
	var all strings.Builder
	for _, n := range names {
		all.WriteString(`<t:FieldURI FieldURI="` + n[1] + `"/>`)
	}
	require.NotContains(t, asks(all.String()), "ErrorSchemaValidation")
	require.Contains(t, asks(`<t:FieldURI FieldURI="item:Sujbect"/>`), "item:Sujbect")
}
