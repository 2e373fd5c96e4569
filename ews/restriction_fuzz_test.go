package ews_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// fuzzMail is a message, as the meaning of a restriction is worked out from it here.
type fuzzMail struct {
	subject, reply string
	read           bool
	importance     ews.Importance
	received       time.Time
	categories     []string
	number         int64 // of a named property; -1: without
}

// chooser makes choices of a fuzzer's bytes.
type chooser struct{ data []byte }

func (c *chooser) of(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

var (
	fuzzTexts  = []string{"", "a", "B", "ab", "a b", "b&\"<>", "é", "e", "  ", "\t", "Ａ", "AB c"}
	fuzzNumber = ews.Property{Set: "c11ff724-aa03-4555-9952-8fa248a11c3e", Name: "n", Type: ews.MAPIInteger}
	fuzzOps    = []ews.Operator{ews.IsEqualTo, ews.IsNotEqualTo, ews.IsLessThan, ews.IsLessThanOrEqualTo, ews.IsGreaterThan, ews.IsGreaterThanOrEqualTo}
)

func (c *chooser) text() string { return fuzzTexts[1+c.of(len(fuzzTexts)-1)] }

func (c *chooser) time() time.Time {
	return time.Date(2026, 11, 1, 0, 0, c.of(6), c.of(3)*400_000_000, time.UTC)
}

func (c *chooser) mail() fuzzMail {
	m := fuzzMail{subject: c.text(), reply: fuzzTexts[c.of(6)], read: c.of(2) == 0,
		importance: ews.Importance(c.of(3)), received: c.time(), number: int64(c.of(6)) - 1}
	for range c.of(3) {
		m.categories = append(m.categories, c.text())
	}
	return m
}

// restriction makes a restriction and what it means.
func (c *chooser) restriction(depth int) (ews.Restriction, func(m *fuzzMail) bool) {
	kind := c.of(12)
	if depth == 0 {
		kind = 3 + kind%9
	}
	switch kind {
	case 0, 1:
		var parts []ews.Restriction
		var mean []func(*fuzzMail) bool
		for range 1 + c.of(3) {
			r, f := c.restriction(depth - 1)
			parts, mean = append(parts, r), append(mean, f)
		}
		all := func(m *fuzzMail, want bool) bool {
			for _, f := range mean {
				if f(m) != want {
					return false
				}
			}
			return true
		}
		if kind == 0 {
			return ews.And(parts), func(m *fuzzMail) bool { return all(m, true) }
		}
		return ews.Or(parts), func(m *fuzzMail) bool { return !all(m, false) }
	case 2:
		r, f := c.restriction(depth - 1)
		return ews.Not{Restriction: r}, func(m *fuzzMail) bool { return !f(m) }
	case 3:
		text, op := c.text(), fuzzOps[c.of(len(fuzzOps))]
		return ews.Compare{Field: ews.FieldSubject, Op: op, Value: text}, func(m *fuzzMail) bool {
			return holds(op, strings.Compare(strings.ToLower(m.subject), strings.ToLower(text)))
		}
	case 4:
		text := c.text()
		return ews.FieldSubject.Contains(text), func(m *fuzzMail) bool { return strings.Contains(strings.ToLower(m.subject), strings.ToLower(text)) }
	case 5:
		text := c.text()
		return ews.Contains{Field: ews.FieldSubject, Text: text, Mode: ews.Prefixed, Comparison: ews.Exact}, func(m *fuzzMail) bool { return strings.HasPrefix(m.subject, text) }
	case 6:
		at := c.time()
		switch c.of(4) {
		case 0:
			return ews.FieldReceived.Before(at), func(m *fuzzMail) bool { return m.received.Truncate(time.Second).Before(at) }
		case 1:
			return ews.FieldReceived.AtOrAfter(at), func(m *fuzzMail) bool { return !m.received.Truncate(time.Second).Before(at) }
		case 2:
			return ews.FieldReceived.After(at), func(m *fuzzMail) bool { return m.received.Truncate(time.Second).After(at.Truncate(time.Second)) }
		}
		return ews.FieldReceived.AtOrBefore(at), func(m *fuzzMail) bool { return !m.received.Truncate(time.Second).After(at) }
	case 7:
		b := c.of(2) == 0
		return ews.FieldRead.Is(b), func(m *fuzzMail) bool { return m.read == b }
	case 8:
		i, op := ews.Importance(c.of(3)), fuzzOps[c.of(len(fuzzOps))]
		rank := func(i ews.Importance) int {
			return map[ews.Importance]int{ews.LowImportance: -1, ews.HighImportance: 1}[i]
		}
		return ews.Compare{Field: ews.FieldImportance, Op: op, Value: i}, func(m *fuzzMail) bool { return holds(op, rank(m.importance)-rank(i)) }
	case 9:
		if c.of(2) == 0 {
			return ews.Exists{Field: ews.FieldInReplyTo}, func(m *fuzzMail) bool { return strings.TrimSpace(m.reply) != "" }
		}
		return fuzzNumber.Exists(), func(m *fuzzMail) bool { return m.number >= 0 }
	case 10:
		n, op := c.of(5), fuzzOps[c.of(len(fuzzOps))]
		return ews.Compare{Field: fuzzNumber, Op: op, Value: n}, func(m *fuzzMail) bool {
			if m.number < 0 {
				return op == ews.IsNotEqualTo
			}
			return holds(op, int(m.number)-n)
		}
	}
	text := c.text()
	return ews.FieldCategories.Is(text), func(m *fuzzMail) bool {
		for _, have := range m.categories {
			if strings.EqualFold(have, text) {
				return true
			}
		}
		return false
	}
}

func holds(op ews.Operator, order int) bool {
	switch op {
	case ews.IsEqualTo:
		return order == 0
	case ews.IsNotEqualTo:
		return order != 0
	case ews.IsLessThan:
		return order < 0
	case ews.IsLessThanOrEqualTo:
		return order <= 0
	case ews.IsGreaterThan:
		return order > 0
	}
	return order >= 0
}

// FuzzRestriction builds a restriction, sends it, and compares what the fake server's own parser and evaluation of it find with what it was
// built to mean.
func FuzzRestriction(f *testing.F) {
	for kind := range byte(12) {
		for i := range byte(24) {
			f.Add([]byte{kind, i, i / 4, i / 2, 3 + i%9, i * 5, i * 7, kind + i, i * 3, 11 - kind, i, i + 1})
		}
	}
	srv := ewstest.NewServer(nil)
	f.Cleanup(srv.Close)
	box := srv.AddMailbox(support)
	transport := srv.Transport()
	f.Cleanup(transport.CloseIdleConnections)
	m := clientOf(f, srv, http.RoundTripper(transport))
	mails := map[string]*fuzzMail{}
	c := chooser{[]byte("the messages are always the same: what makes them is this text, which has no other meaning, and which is long enough for each of them; it goes on and on until that is so. Now it is.")}
	for range 14 {
		mail := c.mail()
		id := deliverFuzzMail(f, box, mail)
		mails[id] = &mail
		if mail.number >= 0 {
			setProperty(f, m, id, `PropertySetId="`+string(fuzzNumber.Set)+`" PropertyName="n" PropertyType="Integer"`, fmt.Sprintf("<t:Value>%d</t:Value>", mail.number))
		}
	}
	searched := []ews.FolderRef{ews.FolderID{ID: box.AddFolder("inbox/searched").ID}} // without messages
	folder, err := m.CreateSearchFolder(f.Context(), ews.SearchFolders, &ews.SearchFolder{Name: "x", Where: ews.FieldRead.Is(true), In: searched})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := chooser{data}
		where, means := c.restriction(4)
		require.NoError(t, m.UpdateSearchFolder(t.Context(), folder, &ews.SearchFolder{Where: where, In: searched}))
		read, err := m.SearchFolder(t.Context(), folder)
		require.NoError(t, err, "%#v", where)
		require.Empty(t, cmp.Diff(asRead(where), read.Where), "what is read back of a search folder is what was written")
		got := map[string]bool{}
		for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Detail: ews.Summary, Where: where}) {
			require.NoError(t, err, "%#v", where)
			got[msg.ID.ID] = true
		}
		for id, mail := range mails {
			if want := means(mail); want != got[id] {
				t.Errorf("%#v\nfinds %+v: %v, want %v", where, *mail, got[id], want)
			}
		}
	})
}

// asRead is a restriction in the words in which it is read.
func asRead(r ews.Restriction) ews.Restriction {
	switch r := r.(type) {
	case ews.And:
		if parts := allAsRead(r); len(parts) > 1 {
			return ews.And(parts)
		} else {
			return parts[0]
		}
	case ews.Or:
		if parts := allAsRead(r); len(parts) > 1 {
			return ews.Or(parts)
		} else {
			return parts[0]
		}
	case ews.Not:
		return ews.Not{Restriction: asRead(r.Restriction)}
	case ews.Contains:
		r.Mode, r.Comparison = cmpOr(r.Mode, ews.Substring), cmpOr(r.Comparison, ews.IgnoreCase)
		return r
	case ews.Compare:
		if n, ok := r.Value.(int); ok {
			r.Value = int64(n)
		}
		return r
	}
	return r
}

func allAsRead(parts []ews.Restriction) (read []ews.Restriction) {
	for _, p := range parts {
		read = append(read, asRead(p))
	}
	return read
}

func cmpOr[T comparable](v, zero T) T {
	var none T
	if v == none {
		return zero
	}
	return v
}

// setProperty sets an extended property; values are Value elements, or a Values element.
func setProperty(t testing.TB, m *ews.Mailbox, id, path, values string) {
	t.Helper()
	path = `<t:ExtendedFieldURI ` + path + `/>`
	require.NoError(t, m.Do(t.Context(), ews.Raw{Op: "UpdateItem", XML: `<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="` + id +
		`"/><t:Updates><t:SetItemField>` + path + `<t:Message><t:ExtendedProperty>` + path + values + `</t:ExtendedProperty></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`}, nil))
}

func encodeWord(s string) string {
	return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

func deliverFuzzMail(t testing.TB, box *ewstest.Mailbox, mail fuzzMail) string {
	t.Helper()
	header := fmt.Sprintf("Subject: %s\nImportance: %s\n", encodeWord(mail.subject), mail.importance)
	if mail.reply != "" {
		header += "In-Reply-To: " + encodeWord(mail.reply) + "\n"
	}
	id := deliver(t, box, header+"\n", &ewstest.DeliverOptions{Received: mail.received, Read: mail.read, Categories: mail.categories})
	return id.ID
}
