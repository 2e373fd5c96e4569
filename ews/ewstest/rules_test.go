package ewstest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInboxRules(t *testing.T) {
	f := start(t, nil)
	rule := func(id, name, priority, conditions, actions string) string {
		return `<t:Rule>` + id + `<t:DisplayName>` + name + `</t:DisplayName><t:Priority>` + priority + `</t:Priority><t:IsEnabled>true</t:IsEnabled><t:Conditions>` + conditions + `</t:Conditions><t:Actions>` + actions + `</t:Actions></t:Rule>`
	}
	change := func(ops string) *element {
		return f.do(t, `<m:UpdateInboxRules><m:RemoveOutlookRuleBlob>true</m:RemoveOutlookRuleBlob><m:Operations>`+ops+`</m:Operations></m:UpdateInboxRules>`)
	}
	e := change(`<t:CreateRuleOperation>` + rule("", "second", "2", `<t:FromAddresses><t:Address><t:EmailAddress>spam@x.y</t:EmailAddress></t:Address></t:FromAddresses>`, `<t:PermanentDelete>true</t:PermanentDelete>`) + `</t:CreateRuleOperation>` +
		`<t:CreateRuleOperation>` + rule("", "first", "1", `<t:ContainsSubjectStrings><t:String>news</t:String></t:ContainsSubjectStrings>`,
		`<t:AssignCategories><t:String>Red</t:String></t:AssignCategories><t:MarkAsRead>true</t:MarkAsRead><t:MoveToFolder><t:DistinguishedFolderId Id="archive"/></t:MoveToFolder>`) + `</t:CreateRuleOperation>`)
	require.Equal(t, []string{"NoError"}, e.codes())
	e = f.do(t, `<m:GetInboxRules/>`)
	require.Equal(t, []string{"first", "second"}, e.texts("DisplayName"))
	f.deliver(t, "From: a@b.c\nSubject: Daily NEWS\n\n")
	f.deliver(t, "From: spam@x.y\nSubject: buy\n\n")
	f.deliver(t, "From: a@b.c\nSubject: help\n\n")
	in, kept := f.mb.Items("inbox"), f.mb.Items("archive")
	require.Len(t, in, 1)
	require.Equal(t, "help", in[0].Subject)
	require.Len(t, kept, 1)
	require.True(t, kept[0].Read)
	require.Equal(t, []string{"Red"}, kept[0].Categories)
	id := e.texts("RuleId")[0]
	require.Equal(t, []string{"NoError"}, change(`<t:DeleteRuleOperation><t:RuleId>`+id+`</t:RuleId></t:DeleteRuleOperation>`).codes())
	require.Equal(t, []string{"ErrorInboxRulesValidationError"}, change(`<t:DeleteRuleOperation><t:RuleId>`+id+`</t:RuleId></t:DeleteRuleOperation>`).codes())
	require.Equal(t, []string{"second"}, f.do(t, `<m:GetInboxRules/>`).texts("DisplayName"))
}

func TestGroups(t *testing.T) {
	f := start(t, nil)
	ann, bob := f.AddMailbox("ann@example.com"), f.AddMailbox("bob@example.com")
	f.AddGroup("all@example.com", "Everybody", "ann@example.com", "team@example.com", "far@example.org")
	f.AddGroup("team@example.com", "Team", "bob@example.com", "all@example.com")
	e := f.do(t, `<m:ExpandDL><m:Mailbox><t:EmailAddress>all@example.com</t:EmailAddress></m:Mailbox></m:ExpandDL>`)
	require.Equal(t, []string{"Mailbox", "PublicDL", "OneOff"}, e.texts("MailboxType"))
	require.Equal(t, []string{"ErrorNameResolutionNoResults"}, f.do(t, `<m:ExpandDL><m:Mailbox><t:EmailAddress>no@example.com</t:EmailAddress></m:Mailbox></m:ExpandDL>`).codes())
	f.do(t, createItem("SendOnly", `<t:Message><t:Subject>hi</t:Subject>`+to("all@example.com", "ann@example.com")+`</t:Message>`))
	require.Len(t, ann.Items("inbox"), 1)
	require.Len(t, bob.Items("inbox"), 1)
	require.Equal(t, "9999-12-31T23:59:59", f.do(t, `<m:GetPasswordExpirationDate/>`).text("PasswordExpirationDate"))
}
