package ews_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestChoices: a value that is none of those which EWS's schema has is refused by the field's name, before anything is sent.
func TestChoices(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, "From: ann@example.org\nTo: support@example.com\nSubject: a\n\nb", nil)
	ctx := t.Context()
	ann := ews.Address{Email: "ann@example.org"}
	send := func(d ews.Draft) func() error {
		d.To = []ews.Address{ann}
		return func() error { _, err := m.Send(ctx, &d); return err }
	}
	rule := func(r ews.InboxRule) func() error {
		r.Name, r.Priority = "r", 1
		r.Actions.MarkAsRead = true
		return func() error { return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.CreateRule(r)}, nil) }
	}
	high := ews.Importance(99)
	for want, call := range map[string]func() error{
		"Importance: there is no 99":                send(ews.Draft{Importance: 99}),
		`Sensitivity: "Foo" is none of Normal`:      send(ews.Draft{Sensitivity: "Foo"}),
		`SentFolder: FolderName: "sent" is none of`: send(ews.Draft{SentFolder: ews.FolderName("sent")}),
		`SentFolder: FolderName: "Inbox" is written "inbox"`: func() error {
			_, err := m.Reply(ctx, id, &ews.Answer{SentFolder: ews.FolderName("Inbox")})
			return err
		},
		"SendDraft: SentFolder: FolderID: ID: byte 0": func() error {
			_, err := m.SendDraft(ctx, id, &ews.SendOptions{SentFolder: ews.FolderID{ID: "\x01"}})
			return err
		},
		"SendDraft: its ChangeKey: byte 0":      func() error { _, err := m.SendDraft(ctx, ews.ItemID{ID: "A", ChangeKey: "\x01"}, nil); return err },
		"Update: Importance: there is no 99":    func() error { _, err := m.Update(ctx, &ews.Update{Importance: &high}, id); return err },
		`Update: Sensitivity: "" is none of`:    func() error { _, err := m.Update(ctx, &ews.Update{Sensitivity: new("")}, id); return err },
		`FolderName: "trash" is none of EWS's`:  func() error { _, err := m.Move(ctx, ews.FolderName("trash"), id); return err },
		`"there" is none of EWS's`:              func() error { _, err := m.Folder(ctx, ews.FolderName("there").In(support)); return err },
		`ConvertIDs: to: "RestId" is none of`:   func() error { _, err := m.ConvertIDs(ctx, ews.EWSID, "RestId", "AAMk"); return err },
		`AddDelegate: delivery: "Everybody" is`: func() error { return m.AddDelegates(ctx, "Everybody", ews.Delegate{User: ann}) },
		`list[0].Calendar: "Owner" is none of None, Reviewer`: func() error {
			return m.AddDelegates(ctx, "", ews.Delegate{User: ann, Calendar: "Owner"})
		},
		`list[0].Tasks: "Custom" is only read`: func() error { return m.UpdateDelegates(ctx, "", ews.Delegate{User: ann, Tasks: "Custom"}) },
		`Types[1]: "Mail" is none of NewMailEvent`: func() error {
			_, err := m.SubscribePull(ctx, &ews.PullOptions{SubscribeOptions: ews.SubscribeOptions{Types: []ews.EventType{ews.EventNewMail, "Mail"}}})
			return err
		},
		`Conditions.Sensitivity: "Foo" is none of`:  rule(ews.InboxRule{Conditions: ews.RulePredicates{Sensitivity: "Foo"}}),
		`Exceptions.FlaggedForAction: "Foo" is`:     rule(ews.InboxRule{Exceptions: ews.RulePredicates{FlaggedForAction: "Foo"}}),
		`Conditions.WithinSizeRange: -1 to 0 KiB`:   rule(ews.InboxRule{Conditions: ews.RulePredicates{WithinSizeRange: ews.RuleSizeRange{Min: -1}}}),
		`Actions.ForwardToRecipients[0].Email: is`:  rule(ews.InboxRule{Actions: ews.RuleActions{ForwardTo: []ews.Address{{Name: "Ann"}}}}),
		`Actions.MoveToFolder: FolderName: "trash"`: rule(ews.InboxRule{Actions: ews.RuleActions{MoveToFolder: ews.FolderName("trash")}}),
		`Dictionary[0].Key: has no Type`: func() error {
			return m.CreateUserConfiguration(ctx, ews.Inbox, &ews.UserConfiguration{Name: "a", Dictionary: []ews.ConfigEntry{{Value: ews.ConfigString("v")}}})
		},
		`Dictionary[0]: a Boolean of 0 Values`: func() error {
			return m.CreateUserConfiguration(ctx, ews.Inbox, &ews.UserConfiguration{Name: "a",
				Dictionary: []ews.ConfigEntry{{Key: ews.ConfigString("k"), Value: ews.ConfigValue{Type: "Boolean"}}}})
		},
		`Query.Fields: an entry is nil`: func() error {
			_, err := m.AttachedMessage(ctx, ews.AttachmentID{ID: "A"}, &ews.Query{Fields: []ews.Field{nil}})
			return err
		},
		`Raw.Version: "Exchange" is no schema version`: func() error {
			return m.Do(ctx, ews.Raw{Op: "GetRoomLists", XML: "<m:GetRoomLists/>", Version: "Exchange"}, nil)
		},
		`Pull: Subscription.BackEnd: "a;b" is not`: func() error { return lastOf(m.Pull(ctx, &ews.Subscription{ID: "A", BackEnd: "a;b"})) },
		`PullOptions.Timeout: 2562047h`:            func() error { _, err := m.SubscribePull(ctx, &ews.PullOptions{Timeout: 1<<63 - 1}); return err },
	} {
		require.ErrorContains(t, call(), want)
	}
	require.Zero(t, srv.Count(""), "nothing is asked of the server")
}

// TestFolderNames: every distinguished folder of Exchange's schema can be named.
func TestFolderNames(t *testing.T) {
	schema := readFile(t, filepath.Join(shared(t, "schema"), "types.xsd"))
	_, list, _ := strings.Cut(schema, `<xs:simpleType name="DistinguishedFolderIdNameType">`)
	list, _, _ = strings.Cut(list, "</xs:simpleType>")
	names := regexp.MustCompile(`<xs:enumeration value="([^"]+)"`).FindAllStringSubmatch(list, -1)
	require.Greater(t, len(names), 60)
	srv, _, m := newMailbox(t, nil)
	for i, name := range names {
		if _, err := m.Folder(t.Context(), ews.FolderName(name[1])); err != nil {
			require.ErrorIs(t, err, ews.ErrNotFound, name[1])
		}
		require.Equal(t, i+1, srv.Count(""))
	}
}
