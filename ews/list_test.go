package ews_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestListsAreBounded: an answer that holds more entries than any real one is refused, and costs no memory to speak of.
func TestListsAreBounded(t *testing.T) {
	many := func(element string) string { return strings.Repeat("<t:"+element+"/>", 20_001) }
	for name, tc := range map[string]struct {
		op, xml string
		call    func(ctx context.Context, m *ews.Mailbox) error
	}{
		"rules": {"GetInboxRules", `<m:InboxRules>` + many("Rule") + `</m:InboxRules>`, func(ctx context.Context, m *ews.Mailbox) error { _, _, err := m.InboxRules(ctx); return err }},
		"strings of a rule": {"GetInboxRules", `<m:InboxRules><t:Rule><t:Conditions><t:Categories>` + many("String") + `</t:Categories></t:Conditions></t:Rule></m:InboxRules>`,
			func(ctx context.Context, m *ews.Mailbox) error { _, _, err := m.InboxRules(ctx); return err }},
		"people": {"FindPeople", `<m:People>` + many("Persona") + `</m:People>`, func(ctx context.Context, m *ews.Mailbox) error { return last(m.FindPeople(ctx, "x", nil)) }},
		"rooms":  {"GetRoomLists", `<m:RoomLists>` + many("Address") + `</m:RoomLists>`, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.RoomLists(ctx); return err }},
		"tags": {"GetUserRetentionPolicyTags", `<m:RetentionPolicyTags>` + many("RetentionPolicyTag") + `</m:RetentionPolicyTags>`,
			func(ctx context.Context, m *ews.Mailbox) error { _, err := m.RetentionTags(ctx); return err }},
		"dictionary": {"GetUserConfiguration", `<m:UserConfiguration><t:Dictionary>` + many("DictionaryEntry") + `</t:Dictionary></m:UserConfiguration>`, func(ctx context.Context, m *ews.Mailbox) error {
			_, err := m.UserConfiguration(ctx, ews.Calendar, "x")
			return err
		}},
		"attendees": {"GetItem", `<m:Items><t:CalendarItem><t:ItemId Id="I1"/><t:RequiredAttendees>` + many("Attendee") + `</t:RequiredAttendees></t:CalendarItem></m:Items>`, func(ctx context.Context, m *ews.Mailbox) error {
			_, err := m.Appointment(ctx, officeItem, nil)
			return err
		}},
		"members": {"GetItem", `<m:Items><t:DistributionList><t:ItemId Id="I1"/><t:EmailAddresses>` + strings.Repeat("<t:Entry>a</t:Entry>", 20_001) + `</t:EmailAddresses></t:DistributionList></m:Items>`,
			func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Contact(ctx, officeItem, nil); return err }},
	} {
		xml := envelope(`<m:` + tc.op + `Response><m:ResponseMessages><m:M ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + tc.xml + `</m:M></m:ResponseMessages></m:` + tc.op + `Response>`)
		require.ErrorIs(t, tc.call(t.Context(), answering(t, xml)), ews.ErrTooLarge, name)
	}
}
