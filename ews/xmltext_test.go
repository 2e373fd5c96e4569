package ews_test

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestUnsendable: what XML cannot carry is refused in every field that takes a text, by the field's name and before anything is sent: nothing
// arrives with another character in its place.
func TestUnsendable(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, "From: ann@example.org\nTo: support@example.com\nSubject: a\n\nb", nil)
	ctx := t.Context()
	const bad = "a\x01"
	text := bad
	ann := ews.Address{Email: "ann@example.org"}
	named := ews.Property{Set: ews.PublicStrings, Name: "T", Type: ews.MAPIString}
	high := ews.Importance(9)
	send := func(change func(*ews.Draft)) func() error {
		return func() error {
			d := &ews.Draft{To: []ews.Address{ann}}
			change(d)
			_, err := m.Send(ctx, d)
			return err
		}
	}
	upload := func(u ews.Upload) func() error {
		return send(func(d *ews.Draft) { d.Attachments = []ews.Upload{u} })
	}
	property := func(p ews.Property, v any) func() error {
		return send(func(d *ews.Draft) { d.Properties = []ews.PropertyValue{{Property: p, Value: v}} })
	}
	reply := func(a ews.Answer) func() error {
		return func() error { _, err := m.Reply(ctx, id, &a); return err }
	}
	update := func(u ews.Update) func() error {
		return func() error { _, err := m.Update(ctx, &u, id); return err }
	}
	rule := func(change func(*ews.InboxRule)) func() error {
		return func() error {
			r := ews.InboxRule{Name: "r", Priority: 1, Actions: ews.RuleActions{MarkAsRead: true}}
			change(&r)
			return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.CreateRule(r)}, nil)
		}
	}
	config := func(c ews.UserConfiguration) func() error {
		return func() error { return m.CreateUserConfiguration(ctx, ews.Inbox, &c) }
	}
	const what = "byte 1 is U+0001, which XML cannot carry"
	for _, c := range []struct {
		want string
		call func() error
	}{
		{"Draft: Subject: " + what, send(func(d *ews.Draft) { d.Subject = bad })},
		{"Draft: Subject: byte 3 (0xE4) is not UTF-8", send(func(d *ews.Draft) { d.Subject = "ab \xe4" })},
		{"Draft: Subject: byte 0 is U+FFFE", send(func(d *ews.Draft) { d.Subject = "\uFFFE" })},
		{"Body: " + what, send(func(d *ews.Draft) { d.Body.Text = bad })},
		{"To[0].Name: " + what, send(func(d *ews.Draft) { d.To[0].Name = bad })},
		{"To[0].RoutingType: " + what, send(func(d *ews.Draft) { d.To[0].RoutingType = bad })},
		{"Cc[0].Email: " + what, send(func(d *ews.Draft) { d.Cc = []ews.Address{{Email: bad, RoutingType: "EX"}} })},
		{"Bcc[0]: byte 0 (0xFF) is not UTF-8", send(func(d *ews.Draft) { d.Bcc = []ews.Address{{Email: "\xff@example.org"}} })},
		{"From[0].Name: " + what, send(func(d *ews.Draft) { d.From = ews.Address{Name: bad, Email: support} })},
		{"InReplyTo: " + what, send(func(d *ews.Draft) { d.InReplyTo = bad })},
		{"References: " + what, send(func(d *ews.Draft) { d.References = bad })},
		{"Marker: " + what, send(func(d *ews.Draft) { d.Marker = bad })},
		{"Headers[0]: X-A: " + what, send(func(d *ews.Draft) { d.Headers = []ews.Header{{Name: "X-A", Value: bad}} })},
		{"Importance: there is no 9", send(func(d *ews.Draft) { d.Importance = high })},
		{"Properties[0]: PublicStrings/T String: " + what, property(named, bad)},
		{"the Name: " + what, property(ews.Property{Set: ews.PublicStrings, Name: bad, Type: ews.MAPIString}, "x")},
		{`"a\x01" is no type of a value`, property(ews.Property{Set: ews.PublicStrings, Name: "T", Type: bad}, "x")},
		{"Attachments[0].Name: " + what, upload(ews.Upload{Name: bad, Content: ews.String("x")})},
		{"Attachments[0].ContentType: " + what, upload(ews.Upload{Name: "a", ContentType: bad, Content: ews.String("x")})},
		{"Attachments[0].ContentID: " + what, upload(ews.Upload{Name: "a", ContentID: bad, Content: ews.String("x")})},
		{"Attachments[0].Provider: " + what, upload(ews.Upload{Name: "a", Kind: ews.ReferenceAttachment, URL: "https://example.org/a", Provider: bad})},
		{"Attachments[0].URL: ", upload(ews.Upload{Name: "a", Kind: ews.ReferenceAttachment, URL: "https://example.org/\uFFFF"})},
		{"Answer: Subject: " + what, reply(ews.Answer{Subject: bad})},
		{"Answer: Body: " + what, reply(ews.Answer{Body: ews.Body{Text: bad}})},
		{"Answer: Marker: " + what, reply(ews.Answer{Marker: bad})},
		{"Answer: Importance: there is no 9", reply(ews.Answer{Importance: high})},
		{"Update: Subject: " + what, update(ews.Update{Subject: &text})},
		{"Update: Body: " + what, update(ews.Update{Body: &ews.Body{Text: bad}})},
		{"Update: Categories[0]: " + what, update(ews.Update{Categories: []string{bad}})},
		{"Update: AddCategories[1]: " + what, update(ews.Update{AddCategories: []string{"x", bad}})},
		{"Update: Importance: there is no 9", update(ews.Update{Importance: &high})},
		{"Update: Set[0]: PublicStrings/T StringArray: " + what, update(ews.Update{Set: []ews.PropertyValue{{
			Property: ews.Property{Set: ews.PublicStrings, Name: "T", Type: ews.MAPIStringArray}, Value: []string{"x", bad}}}})},
		{"Update: Delete[0]: ", update(ews.Update{Delete: []ews.Property{{Set: ews.PublicStrings, Name: bad, Type: ews.MAPIString}}})},
		{"CreateFolder: the name: " + what, func() error { _, err := m.CreateFolder(ctx, ews.Inbox, bad, ""); return err }},
		{"CreateFolder: the class: " + what, func() error { _, err := m.CreateFolder(ctx, ews.Inbox, "a", bad); return err }},
		{"folder path: the name: " + what, func() error { _, err := m.EnsureFolder(ctx, ews.Inbox, bad); return err }},
		{"folder path: the name: " + what, func() error { _, err := m.FindFolder(ctx, ews.Inbox, bad); return err }},
		{"RenameFolder: the name: " + what, func() error { return m.RenameFolder(ctx, ews.Inbox, bad) }},
		{"SearchFolder.Name: " + what, func() error {
			_, err := m.CreateSearchFolder(ctx, ews.SearchFolders, &ews.SearchFolder{Name: bad, Where: ews.FieldRead.Is(true), In: []ews.FolderRef{ews.Inbox}})
			return err
		}},
		{"FindSent: the marker: " + what, func() error { _, err := m.FindSent(ctx, nil, bad); return err }},
		{"RemoveDrafts: the marker: " + what, func() error { return m.RemoveDrafts(ctx, bad) }},
		{"SendDraft: the marker: " + what, func() error { _, err := m.SendDraft(ctx, id, &ews.SendOptions{Marker: bad}); return err }},
		{"the rule's Name: " + what, rule(func(r *ews.InboxRule) { r.Name = bad })},
		{"Conditions.ContainsSubjectStrings[0]: " + what, rule(func(r *ews.InboxRule) { r.Conditions.ContainsSubjectStrings = []string{bad} })},
		{"Exceptions.FlaggedForAction: " + what, rule(func(r *ews.InboxRule) { r.Exceptions.FlaggedForAction = bad })},
		{"Actions.ForwardToRecipients[0].Name: " + what, rule(func(r *ews.InboxRule) { r.Actions.ForwardTo = []ews.Address{{Name: bad, Email: ann.Email}} })},
		{"Actions.MarkImportance: there is no 9", rule(func(r *ews.InboxRule) { r.Actions.MarkImportance = &high })},
		{"OutOfOffice: Internal: " + what, func() error { return m.SetOutOfOffice(ctx, &ews.OutOfOffice{Internal: bad}) }},
		{"list[0].Name: " + what, func() error { return m.SetMasterCategories(ctx, []ews.Category{{Name: bad}}) }},
		{"UserConfiguration.Name: " + what, config(ews.UserConfiguration{Name: bad})},
		{"Dictionary[0]: Key[0]: " + what, config(ews.UserConfiguration{Name: "a", Dictionary: []ews.ConfigEntry{{Key: ews.ConfigString(bad)}}})},
		{"Dictionary[0]: Value[0]: " + what, config(ews.UserConfiguration{Name: "a", Dictionary: []ews.ConfigEntry{{Key: ews.ConfigString("k"), Value: ews.ConfigString(bad)}}})},
		{`Dictionary[0]: "Int" is no type`, config(ews.UserConfiguration{Name: "a", Dictionary: []ews.ConfigEntry{{Key: ews.ConfigString("k"), Value: ews.ConfigValue{Type: "Int"}}}})},
		{"CategorizeConversation.Categories[0]: " + what, func() error {
			return m.ApplyToConversations(ctx, ews.CategorizeConversation{Categories: []string{bad}}, nil, "x")
		}},
		{"Respond: the Body: " + what, func() error { return m.Respond(ctx, id, ews.Accept, &ews.MeetingReply{Body: ews.Body{Text: bad}}) }},
		{"ResolveNames: the name: " + what, func() error { _, _, err := m.ResolveNames(ctx, bad, ews.ResolveDirectory); return err }},
		{"FindPeople: the text: " + what, func() error { return lastOf(m.FindPeople(ctx, bad, nil)) }},
		{"Query.Properties: ", func() error {
			_, err := m.Message(ctx, id, &ews.Query{Properties: []ews.Property{{Set: ews.PublicStrings, Name: bad, Type: ews.MAPIString}}})
			return err
		}},
		{"Query.Detail: there is no 9", func() error { return lastOf(m.Messages(ctx, ews.Inbox, &ews.Query{Detail: 9})) }},
		{"Query.Body: there is no -1", func() error { return lastOf(m.Messages(ctx, ews.Inbox, &ews.Query{Body: -1})) }},
	} {
		t.Run(c.want, func(t *testing.T) {
			sent := srv.Count("")
			err := c.call()
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\x01", "an error is one line of text")
			require.Equal(t, sent, srv.Count(""), "nothing is asked of the server")
		})
	}
}

// TestUnsendableAnywhere: the fields that nobody thought of checking are checked when the request is written.
func TestUnsendableAnywhere(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	c := openClient(t, srv, nil)
	ctx := t.Context()
	folder := func(m *ews.Mailbox) func() error {
		return func() error { _, err := m.Folder(ctx, ews.Inbox); return err }
	}
	const bad = "a\x01"
	for _, tt := range []struct {
		want string
		call func() error
	}{
		{"ews: GetItem: t:ItemId: byte 1 is U+0001, which XML cannot carry", func() error { _, err := m.Message(ctx, ews.ItemID{ID: bad}, nil); return err }},
		{"ews: GetAttachment: t:AttachmentId: byte 1 is", func() error { _, err := m.Attachment(ctx, ews.AttachmentID{ID: bad}); return err }},
		{"ews: GetConversationItems: t:ConversationId: byte 1 is", func() error { _, err := m.ConversationItems(ctx, bad, nil); return err }},
		{"ews: GetServerTimeZones: t:Id: byte 1 is", func() error { _, err := m.TimeZones(ctx, bad); return err }},
		{"ews: UpdateInboxRules: t:RuleId: byte 1 is", func() error { return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.DeleteRule(bad)}, nil) }},
		{"ews: FolderID: ID: byte 1 is", func() error { _, err := m.Folder(ctx, ews.FolderID{ID: bad}); return err }},
		{"ews: Raw.XML: byte 17 is U+0001", func() error {
			return m.Do(ctx, ews.Raw{Op: "GetX", XML: "<m:GetX><!-- abcd\x01--></m:GetX>"}, nil)
		}},
		{"control characters", folder(c.Shared(bad + "@example.com"))},
		{"not UTF-8", folder(c.Shared("a\xff@example.com"))},
		{"control characters", folder(c.Impersonate(bad + "@example.com"))},
		{"control characters", folder(c.ImpersonateUPN(bad + "@example.com"))},
		{"S-1-", folder(c.ImpersonateSID(bad))},
	} {
		err := tt.call()
		require.ErrorContains(t, err, tt.want)
		require.NotContains(t, err.Error(), "\x01")
	}
	require.Zero(t, srv.Count(""), "nothing is asked of the server")
}

// TestSendable: everything else arrives as it was, line breaks and characters beyond the first plane included.
func TestSendable(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	const text = "tab\t, <&>\"', line\n, \u0085\u200f\u2028\u202e, \U0001F600\ufffd\ufdd0\U0001FFFE"
	id, err := m.CreateDraft(t.Context(), &ews.Draft{Subject: text, Body: ews.Body{Text: text}, Attachments: []ews.Upload{{Name: text, Content: ews.String(text)}},
		Properties: []ews.PropertyValue{{Property: ews.Property{Set: ews.PublicStrings, Name: "T", Type: ews.MAPIString}, Value: text}}})
	require.NoError(t, err)
	msg, err := m.Message(t.Context(), id, &ews.Query{Properties: []ews.Property{{Set: ews.PublicStrings, Name: "T", Type: ews.MAPIString}}})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]any{text, text, text, text, 0},
		[]any{msg.Subject, msg.Body.Text, msg.Attachments[0].Name, msg.Property(ews.Property{Set: ews.PublicStrings, Name: "T", Type: ews.MAPIString}), msg.Repaired}))
	r, err := m.Attachment(t.Context(), msg.Attachments[0].ID)
	require.NoError(t, err)
	defer r.Close()
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, text, string(content))
}

// TestCreateUserConfigurationTwice: a name that is taken is ErrExists, whatever Exchange says of it; another failure to save is not.
func TestCreateUserConfigurationTwice(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	c := &ews.UserConfiguration{Name: "Helpdesk"}
	fail := srv.Fault(ewstest.Fault{Op: "CreateUserConfiguration", Do: ewstest.ResponseError("ErrorItemSave", "")})
	err := m.CreateUserConfiguration(t.Context(), ews.Inbox, c)
	require.ErrorIs(t, err, ews.ErrConflict)
	require.NotErrorIs(t, err, ews.ErrExists, "there is none of that name")
	fail.Remove()
	require.NoError(t, m.CreateUserConfiguration(t.Context(), ews.Inbox, c))
	err = m.CreateUserConfiguration(t.Context(), ews.Inbox, c)
	require.ErrorIs(t, err, ews.ErrExists)
	require.ErrorContains(t, err, "already")
}
