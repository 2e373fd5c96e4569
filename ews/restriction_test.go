package ews_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

var queue = ews.Property{Set: ews.InternetHeaders, Name: "X-Queue", Type: ews.MAPIString}

// seedTickets delivers n messages, an hour and a half second apart; their subjects end in their number.
func seedTickets(t testing.TB, box *ewstest.Mailbox, n int) {
	t.Helper()
	for i := range n {
		raw := fmt.Sprintf("From: Äste %d <user%d@example.org>\nSubject: Ticket naïve %d\nImportance: %s\nX-Queue: q%d\n", i, i%3, i, []string{"low", "normal", "high"}[i%3], i%2)
		if i == 4 {
			raw += "In-Reply-To: <0@x>\nSender: other@example.org\n"
		}
		deliver(t, box, raw+"\nbody of "+fmt.Sprint(i)+strings.Repeat("x", 1000*i), &ewstest.DeliverOptions{Received: ticketTime(i), Read: i%2 == 0,
			Categories: []string{[]string{"Red", "Blue"}[i%2]}})
	}
}

func ticketTime(i int) time.Time {
	return time.Date(2026, 11, 1, i, 0, 0, 500_000_000, time.UTC)
}

func tickets(t testing.TB, m *ews.Mailbox, q *ews.Query) string {
	t.Helper()
	q.Detail, q.OldestFirst = ews.Summary, len(q.Sort) == 0
	found := ""
	for msg, err := range m.Messages(t.Context(), ews.Inbox, q) {
		require.NoError(t, err)
		found += msg.Subject[len(msg.Subject)-1:]
	}
	return found
}

// restrictions is every operator, with the messages of seedTickets(6) that it finds.
var restrictions = []struct {
	name  string
	where ews.Restriction
	want  string
}{
	{"nothing", ews.And{}, "012345"},
	{"lists of nothing", ews.And{ews.And{}, ews.And{ews.And{}}}, "012345"},
	{"is", ews.FieldSubject.Is("ticket NAÏVE 2"), "2"},
	{"is not", ews.FieldSubject.IsNot("Ticket naïve 2"), "01345"},
	{"contains", ews.FieldFrom.Contains("USER1@"), "14"},
	{"has prefix", ews.FieldSubject.HasPrefix("ticket n"), "012345"},
	{"has no such prefix", ews.FieldSubject.HasPrefix("naïve"), ""},
	{"substring in the exact case", ews.Contains{Field: ews.FieldSubject, Text: "ticket", Comparison: ews.Exact}, ""},
	{"without accents", ews.Contains{Field: ews.FieldSubject, Text: "TICKET naive 3", Comparison: ews.IgnoreCaseAndNonSpacingCharacters, Mode: ews.FullString}, "3"},
	{"with accents", ews.Contains{Field: ews.FieldSubject, Text: "Ticket naive 3", Comparison: ews.Exact, Mode: ews.FullString}, ""},
	{"full width", ews.Contains{Field: ews.FieldSubject, Text: "Ｔicket naïve 3", Comparison: ews.Loose, Mode: ews.FullString}, "3"},
	{"a word's beginning", ews.Contains{Field: ews.FieldSubject, Text: "tick", Mode: ews.PrefixOnWords}, "012345"},
	{"not a word's beginning", ews.Contains{Field: ews.FieldSubject, Text: "icket", Mode: ews.PrefixOnWords}, ""},
	{"whole words", ews.Contains{Field: ews.FieldSubject, Text: "ticket naïve", Mode: ews.ExactPhrase}, "012345"},
	{"not whole words", ews.Contains{Field: ews.FieldSubject, Text: "ticke", Mode: ews.ExactPhrase}, ""},
	{"category", ews.FieldCategories.Is("red"), "024"},
	{"body", ews.FieldBody.Contains("body of 5"), "5"},
	{"at or after, by the time shown", ews.FieldReceived.AtOrAfter(ticketTime(4).Truncate(time.Second)), "45"},
	{"at or after, by a fraction", ews.FieldReceived.AtOrAfter(ticketTime(4).Truncate(time.Second).Add(1)), "5"},
	{"after", ews.FieldReceived.After(ticketTime(4).Truncate(time.Second)), "5"},
	{"before", ews.FieldReceived.Before(ticketTime(1).Truncate(time.Second)), "0"},
	{"before a fraction", ews.FieldReceived.Before(ticketTime(1).Truncate(time.Second).Add(1)), "01"},
	{"at or before", ews.FieldReceived.AtOrBefore(ticketTime(1).Truncate(time.Second)), "01"},
	{"size over", ews.FieldSize.Over(5000), "45"},
	{"size under", ews.FieldSize.Under(2100), "0"},
	{"read", ews.FieldRead.Is(true), "024"},
	{"importance", ews.FieldImportance.Is(ews.LowImportance), "03"},
	{"at least this important", ews.FieldImportance.AtLeast(ews.NormalImportance), "1245"},
	{"less important", ews.Compare{Field: ews.FieldImportance, Op: ews.IsLessThan, Value: ews.HighImportance}, "0134"},
	{"two fields", ews.Compare{Field: ews.FieldFrom, Op: ews.IsNotEqualTo, Value: ews.FieldSender}, "4"},
	{"two fields in order", ews.Compare{Field: ews.FieldReceived, Op: ews.IsGreaterThanOrEqualTo, Value: ews.FieldCreated}, ""},
	{"header", queue.Is("q1"), "135"},
	{"header by part", ews.Contains{Field: queue, Text: "q", Mode: ews.Prefixed}, "012345"},
	{"binary", ews.PropertySearchKey.Is([]byte("none")), ""},
	{"property that nobody has", ews.Property{Set: ews.PublicStrings, Name: "x", Type: ews.MAPIInteger}.Exists(), ""},
	{"exists", ews.Exists{Field: ews.FieldInReplyTo}, "4"},
	{"excludes", ews.Excludes{Field: ews.Property{Tag: 0x0E07, Type: ews.MAPIInteger}, Mask: 1}, "135"},
	{"not", ews.Not{ews.FieldRead.Is(true)}, "135"},
	{"a field that is missing", ews.Not{ews.FieldInReplyTo.Is("<0@x>")}, "01235"},
	{"and, or", ews.And{ews.FieldRead.Is(true), ews.And{}, ews.Or{ews.FieldSubject.Contains("0"), ews.FieldSubject.Contains("1"), ews.FieldSubject.Contains("2")}}, "02"},
	{"one part", ews.Or{ews.And{ews.FieldSubject.Contains("0")}}, "0"},
}

func TestRestrictions(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	seedTickets(t, box, 6)
	for _, tt := range restrictions {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tickets(t, m, &ews.Query{Where: tt.where}))
			require.Equal(t, tt.want, tickets(t, m, &ews.Query{Where: tt.where, PageSize: 1}), "in pages")
			odd := ""
			for _, c := range tt.want {
				if (c-'0')%2 == 1 {
					odd += string(c)
				}
			}
			require.Equal(t, odd, tickets(t, m, &ews.Query{Where: tt.where, UnreadOnly: true, Since: ticketTime(0)}), "with other conditions")
		})
	}
}

func TestBadQueries(t *testing.T) {
	many := make(ews.And, 300)
	for i := range many {
		many[i] = ews.FieldRead.Is(true)
	}
	endless := ews.And{nil}
	endless[0] = endless
	for name, q := range map[string]ews.Query{
		"Or without parts":                {Where: ews.Or{}},
		"is never met":                    {Where: ews.Not{ews.And{}}},
		"is always met":                   {Where: ews.Or{ews.FieldRead.Is(true), ews.And{}}},
		"holds nil":                       {Where: ews.And{nil}},
		"a Not holds nil":                 {Where: ews.Not{}},
		"no Field":                        {Where: ews.Exists{}},
		"more than 250 parts":             {Where: many},
		"more than 250":                   {Where: endless},
		"item:Subject: Excludes needs":    {Where: ews.Excludes{Field: ews.FieldSubject}},
		"item:Size: Contains needs":       {Where: ews.Contains{Field: ews.FieldSize, Text: "1"}},
		"without a text":                  {Where: ews.FieldSubject.Contains("")},
		"no ContainmentMode":              {Where: ews.Contains{Field: ews.FieldSubject, Text: "x", Mode: "Sub"}},
		"no ContainmentComparison":        {Where: ews.Contains{Field: ews.FieldSubject, Text: "x", Comparison: "Case"}},
		"no Operator":                     {Where: ews.Compare{Field: ews.FieldSubject, Op: "=", Value: "x"}},
		"a bool has no order":             {Where: ews.Compare{Field: ews.FieldRead, Op: ews.IsLessThan, Value: true}},
		"item:Size: string":               {Where: ews.Compare{Field: ews.FieldSize, Op: ews.IsEqualTo, Value: "1"}},
		"item:Subject: int":               {Where: ews.Compare{Field: ews.FieldSubject, Op: ews.IsEqualTo, Value: 1}},
		"message:IsRead: string":          {Where: ews.Compare{Field: ews.FieldRead, Op: ews.IsEqualTo, Value: "true"}},
		"item:Importance: int":            {Where: ews.Compare{Field: ews.FieldImportance, Op: ews.IsEqualTo, Value: 2}},
		"item:DateTimeReceived: string":   {Where: ews.Compare{Field: ews.FieldReceived, Op: ews.IsEqualTo, Value: "today"}},
		"a time that Exchange cannot":     {Where: ews.FieldReceived.Before(time.Time{})},
		"different types":                 {Where: ews.Compare{Field: ews.FieldSubject, Op: ews.IsEqualTo, Value: ews.FieldSize}},
		"cannot be compared":              {Where: ews.Compare{Field: ews.OtherField("item:Flag"), Op: ews.IsEqualTo, Value: "x"}},
		"is no field of EWS":              {Where: ews.TextField("Subject").Is("x")},
		"type of a value":                 {Where: ews.Property{Tag: 1}.Is("x")},
		"0x0001 Integer: string":          {Where: ews.Property{Tag: 1, Type: ews.MAPIInteger}.Is("x")},
		"XML cannot carry":                {Where: ews.FieldSubject.Is("\x01")},
		"XML cannot":                      {Search: "a\x00"},
		"Exchange does not take it":       {Search: "x", UnreadOnly: true},
		"Exchange does not take":          {Search: "x", Where: ews.FieldRead.Is(true)},
		"an entry has no Field":           {Sort: []ews.SortField{{}}},
		"does not sort by item:Flag":      {Sort: []ews.SortField{{Field: ews.OtherField("item:Flag")}}},
		"leave OldestFirst out":           {Sort: []ews.SortField{{Field: ews.FieldSize}}, OldestFirst: true},
		"an entry is nil":                 {Fields: []ews.Field{nil}},
		"item:Body is in no Summary":      {Fields: []ews.Field{ews.FieldBody}, Detail: ews.Summary},
		"Query.Properties: 0x8001 String": {Properties: []ews.Property{{Tag: 0x8001, Type: ews.MAPIString}}},
	} {
		t.Run(name, func(t *testing.T) {
			c, rec := recordingClient(t)
			err := drain(c.Own().Messages(t.Context(), ews.Inbox, &q))
			require.ErrorIs(t, err, ews.ErrInvalidRequest)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "\n")
			require.Empty(t, rec.ops, "nothing is sent")
		})
	}
}

func TestSearch(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	seedTickets(t, box, 6)
	for search, want := range map[string]string{
		`subject:"naïve 2"`:                           "2",
		`from:user1 AND read:false`:                   "1",
		`subject:1 OR subject:2`:                      "12",
		`naïve NOT from:user0`:                        "1245",
		`-category:red importance:low`:                "3",
		`received:2026-11-01`:                         "012345",
		`received>2026-11-01`:                         "",
		`received>=2026-11-01 size>5000`:              "45",
		`received:2026-10-01..2026-11-01 subject:"5"`: "5",
	} {
		require.Equal(t, want, tickets(t, m, &ews.Query{Search: search}), search)
		require.Equal(t, want, tickets(t, m, &ews.Query{Search: search, PageSize: 2}), search)
	}
}
