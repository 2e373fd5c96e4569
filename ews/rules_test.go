package ews_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestInboxRulesSamples(t *testing.T) {
	got, outlook, err := sampled(t, "GetInboxRules-2.response.xml").InboxRules(t.Context())
	require.NoError(t, err)
	require.True(t, outlook)
	want := []ews.InboxRule{{ID: "dCsAAABjzvA=", Name: "MoveInterestingToJunk", Priority: 1, Enabled: true,
		Conditions: ews.RulePredicates{ContainsSubjectStrings: []string{"Interesting"}},
		Actions:    ews.RuleActions{MoveToFolder: ews.FolderID{ID: "AAMkAGYzZjZm", ChangeKey: "AQAAAA=="}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	require.NoError(t, sampled(t, "UpdateInboxRules-4.response.xml").UpdateInboxRules(t.Context(), []ews.RuleChange{ews.DeleteRule("x")}, nil))
}

// TestInboxRuleComesBack: every condition and action that is written is read again as it was.
func TestInboxRuleComesBack(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	srv.AddMailbox("ann@example.com")
	rule := everyRule
	folder, err := m.Folder(t.Context(), ews.JunkEmail)
	require.NoError(t, err)
	rule.Actions.CopyToFolder = folder.ID
	rule.Actions.SendSMSAlertTo = []ews.Address{{Email: "+491", RoutingType: "MOBILE"}}
	require.NoError(t, m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.CreateRule(rule)}, nil))
	got, outlook, err := m.InboxRules(t.Context())
	require.NoError(t, err)
	require.False(t, outlook)
	require.Len(t, got, 1)
	rule.ID = got[0].ID
	require.NotEmpty(t, rule.ID)
	for _, list := range []*[]ews.Address{&rule.Conditions.FromAddresses, &rule.Actions.ForwardAsAttachmentTo, &rule.Actions.ForwardTo, &rule.Actions.RedirectTo} {
		*list = []ews.Address{{Name: "Ann", Email: "ann@example.com", RoutingType: ""}}
	}
	if d := cmp.Diff([]ews.InboxRule{rule}, got); d != "" {
		t.Error(d)
	}
}

func TestInboxRules(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	archive := ews.InboxRule{Name: "news", Priority: 1, Enabled: true, Conditions: ews.RulePredicates{ContainsSubjectStrings: []string{"news"}},
		Exceptions: ews.RulePredicates{ContainsSubjectStrings: []string{"good"}},
		Actions:    ews.RuleActions{MoveToFolder: ews.FolderName("archive"), MarkAsRead: true, AssignCategories: []string{"Red"}}}
	require.NoError(t, m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.CreateRule(archive)}, nil))
	deliver(t, box, "Subject: bad news\n\n", nil)
	deliver(t, box, "Subject: good news\n\n", nil)
	require.Len(t, box.Items("inbox"), 1)
	kept := box.Items("archive")
	require.Len(t, kept, 1)
	require.True(t, kept[0].Read)

	rules, _, err := m.InboxRules(t.Context())
	require.NoError(t, err)
	rules[0].Enabled = false
	require.NoError(t, m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.SetRule(rules[0])}, nil))
	deliver(t, box, "Subject: bad news\n\n", nil)
	require.Len(t, box.Items("archive"), 1, "it is switched off")
	require.NoError(t, m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.DeleteRule(rules[0].ID)}, nil))
	rules, _, err = m.InboxRules(t.Context())
	require.NoError(t, err)
	require.Empty(t, rules)
}

func TestInboxRulesErrors(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	good := ews.InboxRule{Name: "good", Priority: 1, Actions: ews.RuleActions{Delete: true}}
	bad := ews.InboxRule{Name: "bad", Priority: 2, Actions: ews.RuleActions{MoveToFolder: ews.FolderID{ID: "AAMkFgone="}}}
	err := m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.CreateRule(good), ews.CreateRule(bad)}, nil)
	var wrong *ews.RulesError
	require.True(t, errors.As(err, &wrong), "%v", err)
	require.Equal(t, []ews.RuleError{{Change: 1, Field: "Action:MoveToFolder", Code: "FolderDoesNotExist", Message: "The folder does not exist.", Value: "AAMkFgone="}}, wrong.Rules)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	require.Equal(t, "ErrorInboxRulesValidationError", asError(t, err).Code)
	require.ErrorContains(t, err, "change 1: Action:MoveToFolder: FolderDoesNotExist")
	require.False(t, ews.MaybeApplied(err))
	rules, _, err := m.InboxRules(t.Context())
	require.NoError(t, err)
	require.Empty(t, rules, "all or none")
	err = m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.DeleteRule("none")}, nil)
	require.True(t, errors.As(err, &wrong))
	require.Equal(t, "RuleNotFound", wrong.Rules[0].Code)

	box.SetOutlookRules(true)
	_, outlook, err := m.InboxRules(t.Context())
	require.NoError(t, err)
	require.True(t, outlook)
	err = m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.CreateRule(good)}, nil)
	require.ErrorIs(t, err, ews.ErrExists, "Outlook's rules are removed only when that is asked for")
	_, outlook, _ = m.InboxRules(t.Context())
	require.True(t, outlook)
	require.NoError(t, m.UpdateInboxRules(t.Context(), []ews.RuleChange{ews.CreateRule(good)}, &ews.RuleOptions{RemoveOutlookRules: true}))
	_, outlook, _ = m.InboxRules(t.Context())
	require.False(t, outlook)

	c, rec := recordingClient(t)
	for name, changes := range map[string][]ews.RuleChange{"none": nil, "zero": {{}}, "id of a new one": {ews.CreateRule(ews.InboxRule{ID: "x", Name: "n", Priority: 1})},
		"no id": {ews.SetRule(good)}, "no id to delete": {ews.DeleteRule("")}, "no name": {ews.CreateRule(ews.InboxRule{Priority: 1})}, "no priority": {ews.CreateRule(ews.InboxRule{Name: "n"})}} {
		require.Error(t, c.Own().UpdateInboxRules(t.Context(), changes, nil), name)
	}
	require.Empty(t, rec.ops, "wrong use is told before the wire")
}
