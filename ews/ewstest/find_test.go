package ewstest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func findItem(fields, view, rest string) string {
	shape := idOnly
	if fields != "" {
		shape += `<t:AdditionalProperties>` + fields + `</t:AdditionalProperties>`
	}
	restriction, order, query := rest, "", ""
	if i := strings.Index(rest, "<m:SortOrder>"); i >= 0 {
		restriction, order = rest[:i], rest[i:]
	}
	if i := strings.Index(restriction, "<m:QueryString>"); i >= 0 {
		restriction, query = restriction[:i], restriction[i:]
	}
	return `<m:FindItem Traversal="Shallow"><m:ItemShape>` + shape + `</m:ItemShape>` + view + restriction + order +
		`<m:ParentFolderIds>` + inbox + `</m:ParentFolderIds>` + query + `</m:FindItem>`
}

const subjectField = `<t:FieldURI FieldURI="item:Subject"/>`

func seed(t *testing.T, f *fixture, n int) {
	t.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		raw := fmt.Sprintf("From: user%d@example.org\r\nTo: support@example.com\r\nSubject: ticket %03d\r\nMessage-ID: <%d@x>\r\nX-Queue: q%d\r\nImportance: %s\r\n\r\nbody %d",
			i%3, i, i, i%2, []string{"low", "normal", "high"}[i%3], i)
		_, err := f.mb.Deliver([]byte(raw), &ewstest.DeliverOptions{Received: at.Add(time.Duration(i) * time.Hour), Read: i%2 == 0, Categories: []string{[]string{"Red", "Blue"}[i%2]}})
		require.NoError(t, err)
	}
}

func TestFindItemPages(t *testing.T) {
	f := start(t, &ewstest.Options{PageLimit: 4})
	seed(t, f, 10)
	page := func(view string) (subjects []string, last, total, offset string) {
		e := f.do(t, findItem(subjectField, view, ""))
		r := e.at("RootFolder")
		return e.texts("Subject"), r.attr("IncludesLastItemInRange"), r.attr("TotalItemsInView"), r.attr("IndexedPagingOffset")
	}
	s, last, total, next := page(`<m:IndexedPageItemView MaxEntriesReturned="3" Offset="0" BasePoint="Beginning"/>`)
	require.Equal(t, []string{"ticket 009", "ticket 008", "ticket 007"}, s, "the newest come first")
	require.Equal(t, []string{"false", "10", "3"}, []string{last, total, next})
	s, last, _, _ = page(`<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="8" BasePoint="Beginning"/>`)
	require.Equal(t, []string{"ticket 001", "ticket 000"}, s)
	require.Equal(t, "true", last)
	s, last, _, _ = page(`<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="0" BasePoint="Beginning"/>`)
	require.Len(t, s, 4, "the server's own limit")
	require.Equal(t, "false", last)
	s, _, _, _ = page(`<m:IndexedPageItemView MaxEntriesReturned="2" Offset="0" BasePoint="End"/>`)
	require.Equal(t, []string{"ticket 001", "ticket 000"}, s)
	s, _, _, _ = page(`<m:FractionalPageItemView MaxEntriesReturned="2" Numerator="1" Denominator="2"/>`)
	require.Equal(t, []string{"ticket 004", "ticket 003"}, s)
	s, last, _, next = page(`<m:IndexedPageItemView MaxEntriesReturned="5" Offset="50" BasePoint="Beginning"/>`)
	require.Empty(t, s)
	require.Equal(t, "true", last)
	require.Equal(t, "10", next)
}

func TestShortPages(t *testing.T) {
	f := start(t, &ewstest.Options{ShortPages: 2})
	seed(t, f, 3)
	e := f.do(t, findItem(subjectField, `<m:IndexedPageItemView MaxEntriesReturned="100" Offset="0" BasePoint="Beginning"/>`, ""))
	require.Len(t, e.all("Subject"), 2)
	require.Equal(t, "false", e.at("RootFolder").attr("IncludesLastItemInRange"))
}

func TestRestrictions(t *testing.T) {
	f := start(t, nil)
	seed(t, f, 6)
	constant := func(v string) string {
		return `<t:FieldURIOrConstant><t:Constant Value="` + v + `"/></t:FieldURIOrConstant>`
	}
	field := func(uri string) string { return `<t:FieldURI FieldURI="` + uri + `"/>` }
	cmp := func(op, path, v string) string { return `<t:` + op + `>` + path + constant(v) + `</t:` + op + `>` }
	contains := func(mode, comparison, uri, v string) string {
		return `<t:Contains ContainmentMode="` + mode + `" ContainmentComparison="` + comparison + `">` + field(uri) + `<t:Constant Value="` + v + `"/></t:Contains>`
	}
	for name, tt := range map[string]struct {
		restriction string
		want        string // digits of the tickets found, newest first
	}{
		"equal":                          {cmp("IsEqualTo", field("item:Subject"), "ticket 002"), "2"},
		"not equal":                      {cmp("IsNotEqualTo", field("item:Subject"), "ticket 002"), "54310"},
		"unread":                         {cmp("IsEqualTo", field("message:IsRead"), "false"), "531"},
		"received since":                 {cmp("IsGreaterThanOrEqualTo", field("item:DateTimeReceived"), "2026-01-01T04:00:00Z"), "54"},
		"received before":                {cmp("IsLessThan", field("item:DateTimeReceived"), "2026-01-01T01:00:00Z"), "0"},
		"importance":                     {cmp("IsGreaterThan", field("item:Importance"), "Normal"), "52"},
		"category":                       {cmp("IsEqualTo", field("item:Categories"), "red"), "420"},
		"message id":                     {cmp("IsEqualTo", field("message:InternetMessageId"), "&lt;3@x&gt;"), "3"},
		"substring":                      {contains("Substring", "IgnoreCase", "item:Subject", "KET 00"), "543210"},
		"substring exact":                {contains("Substring", "Exact", "item:Subject", "KET 00"), ""},
		"prefix":                         {contains("Prefixed", "IgnoreCase", "item:Subject", "ticket 00"), "543210"},
		"phrase":                         {contains("ExactPhrase", "IgnoreCase", "item:Subject", "004"), "4"},
		"no phrase":                      {contains("ExactPhrase", "IgnoreCase", "item:Subject", "00"), ""},
		"body":                           {contains("Substring", "IgnoreCase", "item:Body", "body 5"), "5"},
		"sender":                         {contains("Substring", "IgnoreCase", "message:From", "user1@"), "41"},
		"and":                            {`<t:And>` + cmp("IsEqualTo", field("message:IsRead"), "true") + cmp("IsLessThanOrEqualTo", field("item:Subject"), "ticket 002") + `</t:And>`, "20"},
		"or":                             {`<t:Or>` + cmp("IsEqualTo", field("item:Subject"), "ticket 001") + cmp("IsEqualTo", field("item:Subject"), "ticket 004") + `</t:Or>`, "41"},
		"not":                            {`<t:Not>` + cmp("IsEqualTo", field("message:IsRead"), "true") + `</t:Not>`, "531"},
		"exists":                         {`<t:Exists><t:FieldURI FieldURI="item:InReplyTo"/></t:Exists>`, ""},
		"header":                         {cmp("IsEqualTo", `<t:ExtendedFieldURI DistinguishedPropertySetId="InternetHeaders" PropertyName="X-Queue" PropertyType="String"/>`, "q1"), "531"},
		"message flag read":              {`<t:Excludes><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Bitmask Value="1"/></t:Excludes>`, "531"},
		"size of two fields":             {`<t:IsEqualTo>` + field("message:From") + `<t:FieldURIOrConstant>` + field("message:Sender") + `</t:FieldURIOrConstant></t:IsEqualTo>`, "543210"},
		"named property that nobody has": {cmp("IsEqualTo", `<t:ExtendedFieldURI PropertySetId="c11ff724-aa03-4555-9952-8fa248a11c3e" PropertyName="marker" PropertyType="String"/>`, "1"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := f.do(t, findItem(subjectField, "", `<m:Restriction>`+tt.restriction+`</m:Restriction>`))
			require.Equal(t, []string{"NoError"}, e.codes())
			found := ""
			for _, s := range e.texts("Subject") {
				found += s[len(s)-1:]
			}
			require.Equal(t, tt.want, found)
		})
	}
	e := f.do(t, findItem(subjectField, "", `<m:Restriction>`+cmp("IsGreaterThan", field("item:DateTimeReceived"), "tomorrow")+`</m:Restriction>`))
	require.Equal(t, []string{"ErrorInvalidValueForProperty"}, e.codes())
	e = f.do(t, findItem(subjectField, "", `<m:Restriction>`+cmp("IsEqualTo", field("item:MimeContent"), "x")+`</m:Restriction>`))
	require.Equal(t, []string{"ErrorUnsupportedPathForQuery"}, e.codes())
}

func TestSortAndQuery(t *testing.T) {
	f := start(t, nil)
	seed(t, f, 4)
	e := f.do(t, findItem(subjectField, "", `<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="message:IsRead"/></t:FieldOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder></m:SortOrder>`))
	require.Equal(t, []string{"ticket 001", "ticket 003", "ticket 000", "ticket 002"}, e.texts("Subject"))
	for q, want := range map[string][]string{
		`subject:"ticket 002"`:    {"ticket 002"},
		`from:user0`:              {"ticket 003", "ticket 000"},
		`body`:                    {"ticket 003", "ticket 002", "ticket 001", "ticket 000"},
		`isread:false from:user1`: {"ticket 001"},
	} {
		e := f.do(t, findItem(subjectField, "", `<m:QueryString>`+q+`</m:QueryString>`))
		require.Equal(t, want, e.texts("Subject"), q)
	}
}

func TestFindItemShowsSummaries(t *testing.T) {
	f := start(t, nil)
	_, err := f.mb.Deliver([]byte("From: a@b.c\r\nSubject: "+strings.Repeat("ü", 300)+"\r\n\r\n"), nil)
	require.NoError(t, err)
	e := f.do(t, findItem(subjectField, "", ""))
	require.Len(t, []rune(e.text("Subject")), 255)
	for _, uri := range []string{"item:Body", "message:ToRecipients", "item:Attachments"} {
		e := f.do(t, findItem(`<t:FieldURI FieldURI="`+uri+`"/>`, "", ""))
		require.Equal(t, []string{"ErrorInvalidPropertyRequest"}, e.codes(), uri)
	}
	e = f.do(t, `<m:FindItem Traversal="Shallow"><m:ItemShape>`+allProperties+`</m:ItemShape><m:ParentFolderIds>`+inbox+`</m:ParentFolderIds></m:FindItem>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	require.Empty(t, e.all("Body")[1:], "only the envelope has one")
	e = f.do(t, `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ParentFolderIds>`+inbox+`</m:ParentFolderIds></m:FindItem>`)
	require.NotEmpty(t, e.text("DateTimeReceived"))
}

func TestPagingThroughMany(t *testing.T) {
	f := start(t, nil)
	raw := []byte("Subject: same\r\n\r\n")
	for range 5000 {
		_, err := f.mb.Deliver(raw, nil)
		require.NoError(t, err)
	}
	n := 0
	for off := 0; off < 5000; off += 1000 {
		e := f.do(t, findItem("", fmt.Sprintf(`<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="%d" BasePoint="Beginning"/>`, off), ""))
		n += len(e.all("ItemId"))
	}
	require.Equal(t, 5000, n)
}
