package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

const (
	teamAddress = "team@example.com" // the account may send as it
	deskAddress = "desk@example.com" // and on behalf of it only
)

// arrival is what became of a message.
type arrival struct {
	out   ewstest.Outbound
	there ewstest.Item // in the inbox of the first recipient
	kept  ewstest.Item // the sent copy
	row   *outbox.Row
}

// both reads something where the message arrived and in its sent copy.
func both(read func(it ewstest.Item, h mail.Header) any) func(a arrival) any {
	return func(a arrival) any { return twice{read(a.there, header(a.there)), read(a.kept, header(a.kept))} }
}

type twice struct{ Arrived, Kept any }

func header(it ewstest.Item) mail.Header {
	m, err := mail.ReadMessage(bytes.NewReader(it.MIME))
	if err != nil {
		return mail.Header{"Broken": {err.Error()}}
	}
	return m.Header
}

// the value of a header field, in both places
func field(name string) func(a arrival) any {
	return both(func(_ ewstest.Item, h mail.Header) any { return h.Get(name) })
}

// the file that was sent along with the message, in both places
func file(read func(f ewstest.Attachment) any) func(a arrival) any {
	return both(func(it ewstest.Item, _ mail.Header) any {
		for _, f := range it.Attachments {
			if f.Name != original {
				return read(f)
			}
		}
		return nil
	})
}

const original = "smoke.jpg" // what is attached to the mail that is answered

// fieldCase is one field of a message.
type fieldCase struct {
	only  []outbox.Kind // nil: all
	with  func(m *outbox.Message)
	set   func(m *outbox.Message)
	read  func(a arrival) any
	same  any                 // what is read in both places
	want  any                 // or in all
	kinds map[outbox.Kind]any // or for each kind
}

var (
	newOnly = []outbox.Kind{outbox.NewMail}
	answers = []outbox.Kind{outbox.Reply, outbox.ReplyAll, outbox.Forward}
	sendAt  = noon.Add(time.Hour)
	noon    = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
)

func attach(a outbox.Attachment) func(m *outbox.Message) {
	return func(m *outbox.Message) {
		m.Body = ews.Body{HTML: true, Text: `<img src="cid:logo">`}
		if a.Name == "" {
			a.Name = "any"
		}
		if a.Data == nil && a.Ref == "" {
			a.Data = []byte("GIF89a")
		}
		m.Attachments = []outbox.Attachment{a}
	}
}

// fieldCases has a row for each field of a Message, by name; those of an Attachment and of a Body by both. What follows a blank tells rows apart.
func fieldCases(second ews.ItemID, secondKey string) map[string]fieldCase {
	return map[string]fieldCase{
		"ID":      {set: func(m *outbox.Message) { m.ID = "own id of " + string(m.Kind) }, read: func(a arrival) any { return strings.HasPrefix(a.row.ID, "own id of ") }, want: true},
		"Tag":     {set: func(m *outbox.Message) { m.Tag = "ticket 42" }, read: func(a arrival) any { return a.row.Tag }, want: "ticket 42"},
		"Mailbox": {set: func(m *outbox.Message) { m.Mailbox = "Team@example.com" }, read: func(a arrival) any { return a.out.From }, want: teamAddress, only: newOnly},
		"Kind": {set: func(*outbox.Message) {}, read: func(a arrival) any {
			return []any{a.there.InReplyTo, strings.Contains(a.there.Text, "It smokes."), len(a.there.Attachments), a.out.To}
		}, kinds: map[outbox.Kind]any{
			outbox.NewMail:  []any{"", false, 0, []string{"ann@customer.example"}},
			outbox.Reply:    []any{"<first@customer.example>", true, 0, []string{"ann@customer.example"}},
			outbox.ReplyAll: []any{"<first@customer.example>", true, 0, []string{"ann@customer.example", "eve@customer.example"}},
			outbox.Forward:  []any{"<first@customer.example>", true, 1, []string{"ann@customer.example"}},
		}},
		"About": {only: answers, set: func(m *outbox.Message) { m.About = second },
			read: both(func(it ewstest.Item, _ mail.Header) any { return it.InReplyTo }), same: "<second@customer.example>"},
		"AboutKey": {only: answers, set: func(m *outbox.Message) { m.About, m.AboutKey = ews.ItemID{}, secondKey },
			read: both(func(it ewstest.Item, _ mail.Header) any { return it.InReplyTo }), same: "<second@customer.example>"},
		"Subject": {set: func(m *outbox.Message) { m.Subject = "[#42] Größe" }, read: both(func(it ewstest.Item, _ mail.Header) any { return it.Subject }), same: "[#42] Größe"},
		"Body.Text": {set: func(m *outbox.Message) { m.Body.Text = "Unplug it, Zoë." },
			read: both(func(it ewstest.Item, _ mail.Header) any { return strings.Contains(it.Text, "Unplug it, Zoë.") }), same: true},
		"Body.HTML": {with: func(m *outbox.Message) { m.Body.Text = "<b>now</b>" }, set: func(m *outbox.Message) { m.Body.HTML = true },
			read: both(func(it ewstest.Item, _ mail.Header) any { return strings.Contains(it.HTML, "<b>now</b>") }), same: true},
		"To": {set: func(m *outbox.Message) { m.To = []ews.Address{{Name: "Bob B", Email: "bob@customer.example"}} }, read: field("To"), same: `"Bob B" <bob@customer.example>`},
		"Cc": {set: func(m *outbox.Message) { m.Cc = []ews.Address{{Name: "Bob B", Email: "bob@customer.example"}} },
			read: func(a arrival) any {
				return []any{field("Cc")(a), slices.Contains(a.out.Local, "bob@customer.example")}
			},
			want: []any{twice{`"Bob B" <bob@customer.example>`, `"Bob B" <bob@customer.example>`}, true}},
		"Bcc": {set: func(m *outbox.Message) { m.Bcc = []ews.Address{{Email: "bob@customer.example"}} },
			read: func(a arrival) any {
				return []any{slices.Contains(a.out.Local, "bob@customer.example"), bytes.Contains(a.there.MIME, []byte("bob@")), a.there.Bcc, a.kept.Bcc}
			},
			want: []any{true, false, []string{}, []string{"bob@customer.example"}}},
		"ReplyTo": {set: func(m *outbox.Message) { m.ReplyTo = []ews.Address{{Email: "queue@example.com"}} }, read: field("Reply-To"), same: "<queue@example.com>"},
		"From": {set: func(m *outbox.Message) { m.From = ews.Address{Email: teamAddress} },
			read: both(func(it ewstest.Item, _ mail.Header) any { return []string{it.From, it.Sender} }), same: []string{teamAddress, teamAddress}},
		"From on behalf": {set: func(m *outbox.Message) { m.From = ews.Address{Email: deskAddress} },
			read: both(func(it ewstest.Item, _ mail.Header) any { return []string{it.From, it.Sender} }), same: []string{deskAddress, support}},
		"Sender": {only: newOnly, with: func(m *outbox.Message) { m.From = ews.Address{Email: teamAddress} }, set: func(m *outbox.Message) { m.Sender = ews.Address{Email: support} },
			read: both(func(it ewstest.Item, h mail.Header) any {
				return []any{it.From, it.Sender, strings.Contains(h.Get("Sender"), support)}
			}), same: []any{teamAddress, support, true}},
		"Importance":      {set: func(m *outbox.Message) { m.Importance = ews.HighImportance }, read: field("Importance"), same: "high"},
		"Importance low":  {set: func(m *outbox.Message) { m.Importance = ews.LowImportance }, read: field("Importance"), same: "low"},
		"Sensitivity":     {set: func(m *outbox.Message) { m.Sensitivity = "Confidential" }, read: field("Sensitivity"), same: "confidential"},
		"InReplyTo":       {only: newOnly, set: func(m *outbox.Message) { m.InReplyTo = "<a@b.example>" }, read: field("In-Reply-To"), same: "<a@b.example>"},
		"References":      {only: newOnly, set: func(m *outbox.Message) { m.References = "<a@b.example> <c@d.example>" }, read: field("References"), same: "<a@b.example> <c@d.example>"},
		"Headers":         {set: func(m *outbox.Message) { m.Headers = []ews.Header{{Name: "Auto-Submitted", Value: "auto-replied"}} }, read: field("Auto-Submitted"), same: "auto-replied"},
		"Headers own":     {set: func(m *outbox.Message) { m.Headers = []ews.Header{{Name: "X-Ticket", Value: "42"}} }, read: field("X-Ticket"), same: "42"},
		"ReadReceipt":     {set: func(m *outbox.Message) { m.ReadReceipt = true }, read: receipts, same: []bool{true, false}},
		"DeliveryReceipt": {set: func(m *outbox.Message) { m.DeliveryReceipt = true }, read: receipts, same: []bool{false, true}},
		"SendAt":          {set: func(m *outbox.Message) { m.SendAt = sendAt }, read: func(a arrival) any { return a.out.At }, want: sendAt},
		"MIME": {only: newOnly, set: func(m *outbox.Message) {
			*m = outbox.Message{ID: m.ID, Kind: m.Kind, MIME: []byte("From: support@example.com\r\nTo: ann@customer.example\r\nSubject: mime\r\nX-Signed: \xE4\r\n\r\nHi.\r\n")}
		}, read: field("X-Signed"), same: "\xE4"},
		"MIME at a time": {only: newOnly, set: func(m *outbox.Message) {
			*m = outbox.Message{ID: m.ID, Kind: m.Kind, SendAt: sendAt, MIME: []byte("From: support@example.com\r\nTo: ann@customer.example\r\nSubject: mime\r\n\r\nHi.\r\n")}
		}, read: func(a arrival) any { return a.out.At }, want: sendAt},
		"Attachments.Name":        {set: attach(outbox.Attachment{Name: "Größe.txt"}), read: file(func(f ewstest.Attachment) any { return f.Name }), same: "Größe.txt"},
		"Attachments.ContentType": {set: attach(outbox.Attachment{ContentType: "image/gif"}), read: file(func(f ewstest.Attachment) any { return f.ContentType }), same: "image/gif"},
		"Attachments.ContentID":   {set: attach(outbox.Attachment{ContentID: "logo"}), read: file(func(f ewstest.Attachment) any { return f.ContentID }), same: "logo"},
		"Attachments.Inline": {with: attach(outbox.Attachment{ContentID: "logo"}), set: attach(outbox.Attachment{ContentID: "logo", Inline: true}),
			read: file(func(f ewstest.Attachment) any { return f.Inline }), same: true},
		"Attachments.Data": {set: attach(outbox.Attachment{Data: []byte("a\x00\r\nb")}), read: file(func(f ewstest.Attachment) any { return string(f.Data) }), same: "a\x00\r\nb"},
		"Attachments.Ref":  {set: attach(outbox.Attachment{Ref: "blob 7"}), read: file(func(f ewstest.Attachment) any { return string(f.Data) }), same: "content of blob 7"},
	}
}

func receipts(a arrival) any {
	return both(func(_ ewstest.Item, h mail.Header) any {
		return []bool{h.Get("Disposition-Notification-To") != "", h.Get("Return-Receipt-To") != ""}
	})(a)
}

// notSent are fields that say something about a body that was read.
var notSent = []string{"Body.Truncated"}

// fieldNames are the fields of a message, by reflection: a new one is there by itself.
func fieldNames(t reflect.Type, prefix string) (names []string) {
	for f := range t.Fields() {
		in := f.Type
		if in.Kind() == reflect.Slice {
			in = in.Elem()
		}
		switch in {
		case reflect.TypeFor[outbox.Attachment](), reflect.TypeFor[ews.Body]():
			names = append(names, fieldNames(in, f.Name+".")...)
		default:
			names = append(names, prefix+f.Name)
		}
	}
	return names
}

// TestEveryFieldArrives: whatever a Message can say is said to the recipient and stands in the sent copy, for each kind of message. Each row is its
// own control, too: without the field something else arrives.
func TestEveryFieldArrives(t *testing.T) {
	clock := ewstest.NewClock(noon)
	w := newWorld(t, sqltest.SQLite(t), "")
	w.srv.Close()
	w.srv = ewstest.New(&ewstest.Options{NoGzip: true, Now: clock.Now})
	t.Cleanup(w.srv.Close)
	w.box = w.srv.AddMailbox(support)
	team := w.srv.AddMailbox(teamAddress)
	team.Grant(support)
	w.srv.AddMailbox(deskAddress).GrantSendOnBehalf(support)
	for _, name := range []string{"ann", "bob", "eve"} {
		w.srv.AddMailbox(name + "@customer.example")
	}
	deliver := func(name string) ews.ItemID {
		id, err := w.box.Deliver([]byte("From: ann@customer.example\r\nTo: support@example.com\r\nCc: eve@customer.example\r\nSubject: Printer\r\nMessage-ID: <"+name+"@customer.example>\r\n"+
			"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nIt smokes.\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename="+original+"\r\n\r\nx\r\n--b--\r\n"), nil)
		require.NoError(t, err)
		return ews.ItemID{ID: id.ID}
	}
	first, second := deliver("first"), deliver("second")
	m := plain(w)
	msg, err := m.Message(t.Context(), second, nil)
	require.NoError(t, err)
	cases := fieldCases(second, msg.SearchKey)

	checked := map[string]bool{}
	for name := range cases {
		key, _, _ := strings.Cut(name, " ")
		checked[key] = true
	}
	all := fieldNames(reflect.TypeFor[outbox.Message](), "")
	require.Greater(t, len(all), 25)
	for _, name := range all {
		require.NotEqual(t, checked[name], slices.Contains(notSent, name), "nothing checks that Message.%s arrives", name)
		delete(checked, name)
	}
	require.Empty(t, checked, "rows without a field")

	open := func(o *outbox.Options) {
		o.Open = func(_ context.Context, ref string) (ews.Content, error) { return ews.String("content of " + ref), nil }
		o.Done = nil
	}
	o := w.outbox(m, open)
	mailbox := w.dial(w.srv.Transport()).Shared(teamAddress) // opened by the same account
	shared := w.outbox(mailbox, func(o *outbox.Options) { open(o); o.Mailbox = teamAddress })
	tx, err := w.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	ids := map[string]string{}
	queue := func(name string, kind outbox.Kind, change ...func(*outbox.Message)) {
		mail := outbox.Message{Kind: kind, Subject: "Printer", Body: ews.Body{Text: "Hi."}}
		if kind == outbox.NewMail || kind == outbox.Forward {
			mail.To = ann
		}
		if kind != outbox.NewMail {
			mail.About = first
		}
		for _, c := range change {
			if c != nil {
				c(&mail)
			}
		}
		id, err := o.Add(t.Context(), tx, &mail)
		require.NoError(t, err, "%s of %s", name, kind)
		ids[fmt.Sprint(kind, " ", name)] = id
	}
	kinds := []outbox.Kind{outbox.NewMail, outbox.Reply, outbox.ReplyAll, outbox.Forward}
	each(cases, kinds, func(name string, kind outbox.Kind, c fieldCase) {
		queue(name, kind, c.with, c.set)
		queue("without "+name, kind, c.with)
	})
	require.NoError(t, tx.Commit())
	drain(t, w.db, o, shared)
	for _, out := range w.srv.Outbound() {
		require.Equal(t, noon, out.At, "sent before its time")
	}
	clock.Advance(time.Hour)
	arrived := collect(w, m, mailbox, team)

	each(cases, kinds, func(name string, kind outbox.Kind, c fieldCase) {
		t.Run(fmt.Sprint(name, " of ", kind), func(t *testing.T) {
			want := c.want
			if c.same != nil {
				want = twice{c.same, c.same}
			}
			if c.kinds != nil {
				want = c.kinds[kind]
			}
			got := c.read(arrived.find(t, o, ids[fmt.Sprint(kind, " ", name)]))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if c.kinds != nil { // the control is a message of another kind
				kind = kinds[(slices.Index(kinds, kind)+1)%len(kinds)]
			}
			got = c.read(arrived.find(t, o, ids[fmt.Sprint(kind, " without ", name)]))
			require.NotEmpty(t, cmp.Diff(want, got), "the same is read without it")
		})
	})
}

// each calls do for every row and kind of message.
func each(cases map[string]fieldCase, kinds []outbox.Kind, do func(name string, kind outbox.Kind, c fieldCase)) {
	for name, c := range cases {
		for _, kind := range kinds {
			if c.only == nil || slices.Contains(c.only, kind) {
				do(name, kind, c)
			}
		}
	}
}

// drain sends everything.
func drain(t *testing.T, db *sql.DB, boxes ...*outbox.Outbox) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, len(boxes))
	for _, o := range boxes {
		go func() { ended <- o.Run(ctx) }()
	}
	left := -1
	for end := time.Now().Add(time.Minute); left != 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM ews_outbox WHERE state <> 'sent'").Scan(&left))
	}
	stop()
	for range boxes {
		require.NoError(t, <-ended)
	}
	require.Zero(t, left, "not sent")
}

// post is everything that has arrived and was kept, by Message-ID, and the mailboxes that it was sent from.
type post struct {
	out       map[string]ewstest.Outbound
	there     map[string]ewstest.Item // in the inbox of the first recipient
	m, shared *ews.Mailbox
	own, team *ewstest.Mailbox
}

func collect(w *world, m, shared *ews.Mailbox, team *ewstest.Mailbox) *post {
	p := &post{map[string]ewstest.Outbound{}, map[string]ewstest.Item{}, m, shared, w.box, team}
	inboxes := map[string]map[string]ewstest.Item{}
	for _, out := range w.srv.Outbound() {
		id := header(ewstest.Item{MIME: out.MIME}).Get("Message-ID")
		p.out[id] = out
		if len(out.Local) == 0 {
			continue
		}
		first := out.Local[0]
		if inboxes[first] == nil {
			inboxes[first] = map[string]ewstest.Item{}
			for _, it := range w.srv.Mailbox(first).Items("inbox") {
				inboxes[first][it.InternetMessageID] = it
			}
		}
		p.there[id] = inboxes[first][id]
	}
	return p
}

// find follows a message from its row over its sent copy to whom it reached first.
func (p *post) find(t *testing.T, o *outbox.Outbox, id string) (a arrival) {
	t.Helper()
	var err error
	a.row, err = o.Row(t.Context(), id)
	require.NoError(t, err)
	for m, box := range map[*ews.Mailbox]*ewstest.Mailbox{p.m: p.own, p.shared: p.team} {
		sent, err := m.FindSent(t.Context(), nil, id)
		require.NoError(t, err)
		if !sent.IsZero() {
			a.kept, _ = box.Item(sent.ID)
		}
	}
	require.NotEmpty(t, a.kept.MIME, "no sent copy")
	a.out, a.there = p.out[a.kept.InternetMessageID], p.there[a.kept.InternetMessageID]
	require.NotEmpty(t, a.out.Local)
	require.NotEmpty(t, a.there.MIME, "not arrived")
	return a
}
