package ews_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestUserConfigurationSamples(t *testing.T) {
	got, err := sampled(t, "GetUserConfiguration-2.response.xml").UserConfiguration(t.Context(), ews.Drafts, "TestConfig")
	require.NoError(t, err)
	want := &ews.UserConfiguration{Name: "TestConfig", Dictionary: []ews.ConfigEntry{{Key: ews.ConfigString("PhoneNumber"), Value: ews.ConfigString("555-555-1111")}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	v, ok := got.Lookup("PhoneNumber")
	require.True(t, ok)
	require.Equal(t, "555-555-1111", v.Values[0])
	require.NoError(t, sampled(t, "CreateUserConfiguration-2.response.xml").CreateUserConfiguration(t.Context(), ews.Drafts, got))
	require.NoError(t, sampled(t, "UpdateUserConfiguration-2.response.xml").UpdateUserConfiguration(t.Context(), ews.Drafts, got))
	require.NoError(t, sampled(t, "DeleteUserConfiguration-2.response.xml").DeleteUserConfiguration(t.Context(), ews.Drafts, "TestConfig"))
}

func TestUserConfiguration(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	c := &ews.UserConfiguration{Name: "Desk", XML: []byte("<a>ü</a>"), Binary: []byte{0, 1, 2, 255},
		Dictionary: []ews.ConfigEntry{
			{Key: ews.ConfigString("k"), Value: ews.ConfigValue{Type: "StringArray", Values: []string{"a", "b & c"}}},
			{Key: ews.ConfigValue{Type: "Integer32", Values: []string{"7"}}, Value: ews.ConfigValue{Type: "Boolean", Values: []string{"true"}}},
			{Key: ews.ConfigString("null")}}}
	_, err := m.UserConfiguration(t.Context(), ews.Drafts, "Desk")
	require.ErrorIs(t, err, ews.ErrNotFound)
	require.ErrorIs(t, m.UpdateUserConfiguration(t.Context(), ews.Drafts, c), ews.ErrNotFound)
	require.NoError(t, m.CreateUserConfiguration(t.Context(), ews.Drafts, c))
	require.Error(t, m.CreateUserConfiguration(t.Context(), ews.Drafts, c))
	got, err := m.UserConfiguration(t.Context(), ews.Drafts, "Desk")
	require.NoError(t, err)
	require.False(t, got.ID.IsZero())
	c.ID = got.ID
	if d := cmp.Diff(c, got); d != "" {
		t.Error(d)
	}
	require.NoError(t, m.UpdateUserConfiguration(t.Context(), ews.Drafts, &ews.UserConfiguration{Name: "Desk", XML: []byte{}}))
	got, err = m.UserConfiguration(t.Context(), ews.Drafts, "Desk")
	require.NoError(t, err)
	require.Empty(t, got.XML)
	require.Equal(t, c.Binary, got.Binary, "what is nil stays")
	require.Len(t, got.Dictionary, 3)
	_, err = m.UserConfiguration(t.Context(), ews.Inbox, "Desk")
	require.ErrorIs(t, err, ews.ErrNotFound, "of another folder")
	require.NoError(t, m.DeleteUserConfiguration(t.Context(), ews.Drafts, "Desk"))
	require.ErrorIs(t, m.DeleteUserConfiguration(t.Context(), ews.Drafts, "Desk"), ews.ErrNotFound)
	require.Error(t, m.CreateUserConfiguration(t.Context(), ews.Drafts, nil))
	require.Error(t, m.CreateUserConfiguration(t.Context(), nil, c))
	require.Error(t, m.DeleteUserConfiguration(t.Context(), ews.Drafts, ""))
}

// outlookCategories is a list as Outlook keeps it ([MS-OXOCFG] 4.4).
const outlookCategories = `<?xml version="1.0"?>` + "\r\n" +
	`<categories default="Red Category" lastSavedSession="5" lastSavedTime="2007-12-28T03:01:50.429" xmlns="CategoryList.xsd">` +
	`<category name="Red Category" color="0" keyboardShortcut="0" usageCount="7" lastTimeUsedNotes="1601-01-01T00:00:00.000" lastTimeUsedJournal="1601-01-01T00:00:00.000"` +
	` lastTimeUsedContacts="1601-01-01T00:00:00.000" lastTimeUsedTasks="1601-01-01T00:00:00.000" lastTimeUsedCalendar="2007-12-28T03:01:50.429"` +
	` lastTimeUsedMail="1601-01-01T00:00:00.000" lastTimeUsed="2007-12-28T03:01:50.429" lastSessionUsed="3" guid="{2B7FC69C-7046-44A2-8FF3-007D7467DC82}"/>` +
	`<category name="Grün &amp; Co" color="-1" keyboardShortcut="2" guid="{33A1F357-B62E-4A2B-A5D1-E7A0B8A6E5B1}" renameOnFirstUse="1"/></categories>`

func TestMasterCategories(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	got, err := m.MasterCategories(t.Context())
	require.NoError(t, err)
	require.Empty(t, got, "no list yet")
	config := &ews.UserConfiguration{Name: "CategoryList", XML: []byte(outlookCategories)}
	require.NoError(t, m.CreateUserConfiguration(t.Context(), ews.Calendar, config))
	got, err = m.MasterCategories(t.Context())
	require.NoError(t, err)
	want := []ews.Category{{Name: "Red Category", Color: ews.ColorRed, ID: "{2B7FC69C-7046-44A2-8FF3-007D7467DC82}"},
		{Name: "Grün & Co", Color: ews.ColorNone, Shortcut: 2, ID: "{33A1F357-B62E-4A2B-A5D1-E7A0B8A6E5B1}"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	got[0].Name, got[0].Color = `New "name" <1>`, ews.ColorDarkMaroon
	got = append(got, ews.Category{Name: "Escalated", Color: ews.ColorBlue})
	require.NoError(t, m.SetMasterCategories(t.Context(), got))
	again, err := m.MasterCategories(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^\{[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-A[0-9A-F]{3}-[0-9A-F]{12}\}$`, again[2].ID)
	got[2].ID = again[2].ID
	if d := cmp.Diff(got, again); d != "" {
		t.Error(d)
	}
	config, err = m.UserConfiguration(t.Context(), ews.Calendar, "CategoryList")
	require.NoError(t, err)
	require.Contains(t, string(config.XML), `usageCount="7"`, "what Outlook notes of a category stays with it")
	require.Contains(t, string(config.XML), `renameOnFirstUse="1"`)
	require.Contains(t, string(config.XML), `xmlns="CategoryList.xsd"`)

	for _, bad := range []ews.Category{{}, {Name: "a,b"}, {Name: "a", Color: 25}, {Name: "a", Color: -2}} {
		require.Error(t, m.SetMasterCategories(t.Context(), []ews.Category{bad}))
	}
}

func TestMasterCategoriesOfANewMailbox(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	require.NoError(t, m.SetMasterCategories(t.Context(), []ews.Category{{Name: "Urgent"}}))
	got, err := m.MasterCategories(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Urgent", got[0].Name)
}

func TestMasterCategoriesBroken(t *testing.T) {
	srv, _, m := newMailbox(t, nil)
	require.NoError(t, m.CreateUserConfiguration(t.Context(), ews.Calendar, &ews.UserConfiguration{Name: "CategoryList", XML: []byte("<categories")}))
	_, err := m.MasterCategories(t.Context())
	require.ErrorIs(t, err, ews.ErrBadItem)
	require.ErrorIs(t, m.SetMasterCategories(t.Context(), nil), ews.ErrBadItem, "a list that cannot be read is not written over")
	srv.Fault(ewstest.Fault{Op: "GetUserConfiguration", Times: -1, Do: ewstest.ResponseError("ErrorAccessDenied", "")})
	_, err = m.MasterCategories(t.Context())
	require.ErrorIs(t, err, ews.ErrDenied)
}
