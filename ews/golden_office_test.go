package ews_test

import (
	"context"
	"io"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

var (
	officeStart = time.Date(2026, 12, 24, 8, 0, 0, 0, time.UTC)
	officeItem  = ews.ItemID{ID: "I1", ChangeKey: "K1"}
	officeAnn   = ews.Address{Name: "Ann", Email: "ann@example.com"}
)

// everyRule has everything a rule can have.
var everyRule = ews.InboxRule{
	Name: "all & more", Priority: 2, Enabled: true,
	Conditions: ews.RulePredicates{
		Categories: []string{"Red"}, ContainsBodyStrings: []string{"a", "<b>"}, ContainsHeaderStrings: []string{"X-Spam"}, ContainsRecipientStrings: []string{"desk"},
		ContainsSenderStrings: []string{"@example.com"}, ContainsSubjectOrBodyStrings: []string{"c"}, ContainsSubjectStrings: []string{"d"},
		FlaggedForAction: "FollowUp", FromAddresses: []ews.Address{officeAnn}, FromConnectedAccounts: []string{"acc"}, HasAttachments: true,
		Importance: new(ews.NormalImportance), IsApprovalRequest: true, IsAutomaticForward: true, IsAutomaticReply: true, IsEncrypted: true,
		IsMeetingRequest: true, IsMeetingResponse: true, IsNDR: true, IsPermissionControlled: true, IsReadReceipt: true, IsSigned: true, IsVoicemail: true,
		ItemClasses: []string{"IPM.Note"}, MessageClassifications: []string{"m"}, NotSentToMe: true, SentCcMe: true, SentOnlyToMe: true,
		SentToAddresses: []ews.Address{{Email: "/o=x/cn=y", RoutingType: "EX"}}, SentToMe: true, SentToOrCcMe: true, Sensitivity: "Private",
		WithinDateRange: ews.RuleDateRange{Start: officeStart, End: officeStart.Add(time.Hour)}, WithinSizeRange: ews.RuleSizeRange{Min: 1, Max: 2},
	},
	Exceptions: ews.RulePredicates{ContainsSubjectStrings: []string{"keep"}},
	Actions: ews.RuleActions{
		AssignCategories: []string{"Red"}, CopyToFolder: ews.FolderID{ID: "F1", ChangeKey: "K1"}, Delete: true, ForwardAsAttachmentTo: []ews.Address{officeAnn},
		ForwardTo: []ews.Address{officeAnn}, MarkImportance: new(ews.HighImportance), MarkAsRead: true, MoveToFolder: ews.JunkEmail, PermanentDelete: true,
		RedirectTo: []ews.Address{officeAnn}, SendSMSAlertTo: []ews.Address{{Email: "+491", RoutingType: "MOBILE"}}, ServerReplyWith: officeItem, StopProcessing: true,
	},
}

var goldenOffice = goldenRequests{
	answers: map[string]string{
		"GetInboxRules":              `<m:OutlookRuleBlobExists>false</m:OutlookRuleBlobExists>`,
		"UpdateInboxRules":           ``,
		"GetUserConfiguration":       `<m:UserConfiguration><t:UserConfigurationName Name="N"/></m:UserConfiguration>`,
		"CreateUserConfiguration":    ``,
		"UpdateUserConfiguration":    ``,
		"DeleteUserConfiguration":    ``,
		"GetRoomLists":               `<m:RoomLists/>`,
		"GetRooms":                   `<m:Rooms/>`,
		"GetUserPhoto":               `<m:HasChanged>true</m:HasChanged><m:PictureData>QUJD</m:PictureData>`,
		"GetUserRetentionPolicyTags": `<m:RetentionPolicyTags/>`,
		"FindPeople":                 `<m:People/>`,
		"GetPersona":                 `<m:Persona><t:PersonaId Id="P1"/></m:Persona>`,
		"GetDelegate":                ``,
		"AddDelegate":                ``,
		"UpdateDelegate":             ``,
		"RemoveDelegate":             ``,
		"GetServiceConfiguration": `<m:GetServiceConfigurationResponse><m:ResponseMessages><m:ServiceConfigurationResponseMessageType ResponseClass="Success"/>` +
			`<m:ServiceConfigurationResponseMessageType ResponseClass="Success"/></m:ResponseMessages></m:GetServiceConfigurationResponse>`,
		"GetUserAvailability": `<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray><m:FreeBusyResponse/><m:FreeBusyResponse/></m:FreeBusyResponseArray>` +
			`<m:SuggestionsResponse><m:ResponseMessage ResponseClass="Success"/></m:SuggestionsResponse></m:GetUserAvailabilityResponse>`,
	},
	calls: []goldenCall{
		{"rules", func(ctx context.Context, c *ews.Client) error { _, _, err := c.Own().InboxRules(ctx); return err }},
		{"rules-shared", func(ctx context.Context, c *ews.Client) error {
			_, _, err := c.Shared("support@example.com").InboxRules(ctx)
			return err
		}},
		{"rules", func(ctx context.Context, c *ews.Client) error {
			set := ews.InboxRule{ID: "R1", Name: "least", Priority: 1}
			return c.Shared("support@example.com").UpdateInboxRules(ctx, []ews.RuleChange{ews.CreateRule(everyRule), ews.SetRule(set), ews.DeleteRule("R2")},
				&ews.RuleOptions{RemoveOutlookRules: true})
		}},
		{"user-configuration", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").UserConfiguration(ctx, ews.Calendar, "CategoryList")
			return err
		}},
		{"user-configuration", func(ctx context.Context, c *ews.Client) error {
			return c.Own().CreateUserConfiguration(ctx, ews.Drafts, &ews.UserConfiguration{Name: "N", XML: []byte("<a/>"), Binary: []byte{0, 1},
				Dictionary: []ews.ConfigEntry{{Key: ews.ConfigString("k&"), Value: ews.ConfigValue{Type: "StringArray", Values: []string{"a", "b"}}}, {Key: ews.ConfigString("null")}}})
		}},
		{"user-configuration", func(ctx context.Context, c *ews.Client) error {
			return c.Own().UpdateUserConfiguration(ctx, ews.FolderID{ID: "F1"}, &ews.UserConfiguration{Name: "N", Dictionary: []ews.ConfigEntry{}})
		}},
		{"user-configuration", func(ctx context.Context, c *ews.Client) error {
			return c.Own().DeleteUserConfiguration(ctx, ews.Drafts, "N")
		}},
		{"room-lists", func(ctx context.Context, c *ews.Client) error { _, err := c.Own().RoomLists(ctx); return err }},
		{"rooms", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Rooms(ctx, "rooms@example.com")
			return err
		}},
		{"photo", func(ctx context.Context, c *ews.Client) error {
			r, err := c.Own().UserPhoto(ctx, "ann@example.com", 96)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				r.Close()
			}
			return err
		}},
		{"retention", func(ctx context.Context, c *ews.Client) error { _, err := c.Own().RetentionTags(ctx); return err }},
		{"people", func(ctx context.Context, c *ews.Client) error { return last(c.Own().FindPeople(ctx, "ann & bob", nil)) }},
		{"people-directory", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().FindPeople(ctx, "ann", &ews.PeopleQuery{Folder: ews.FolderName("directory"), Limit: 7}))
		}},
		{"persona", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Person(ctx, ews.ItemID{ID: "P1"})
			return err
		}},
		{"delegates", func(ctx context.Context, c *ews.Client) error {
			_, _, err := c.Shared("support@example.com").Delegates(ctx, "ann@example.com")
			return err
		}},
		{"delegates", func(ctx context.Context, c *ews.Client) error {
			return c.Shared("support@example.com").AddDelegates(ctx, ews.DelegatesAndOwner, ews.Delegate{User: officeAnn,
				Calendar: "Editor", Tasks: "Author", Inbox: "Reviewer", Contacts: "None", Notes: "None", Journal: "None", CopiesOfMeetings: true})
		}},
		{"delegates", func(ctx context.Context, c *ews.Client) error {
			return c.Shared("support@example.com").UpdateDelegates(ctx, "", ews.Delegate{User: officeAnn, ViewPrivate: true})
		}},
		{"delegates-delivery", func(ctx context.Context, c *ews.Client) error {
			return c.Shared("support@example.com").UpdateDelegates(ctx, ews.NoDelegates)
		}},
		{"delegates", func(ctx context.Context, c *ews.Client) error {
			return c.Shared("support@example.com").RemoveDelegates(ctx, "ann@example.com")
		}},
		{"service", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").ServiceConfiguration(ctx)
			return err
		}},
		{"free-busy", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().FreeBusy(ctx, ews.FreeBusyQuery{Start: officeStart, End: officeStart.Add(time.Hour), Interval: time.Hour}, "ann@example.com", "bob@example.com")
			return err
		}},
		{"meeting-times", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().MeetingTimes(ctx, ews.MeetingQuery{Start: officeStart, End: officeStart.Add(24 * time.Hour), NonWorkHours: 2}, "ann@example.com", "bob@example.com")
			return err
		}},
		{"calendar", func(ctx context.Context, c *ews.Client) error {
			return last(c.Shared("support@example.com").Appointments(ctx, nil, officeStart, officeStart.Add(time.Hour), nil))
		}},
		{"appointment", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Appointment(ctx, officeItem, nil)
			return err
		}},
		{"contacts", func(ctx context.Context, c *ews.Client) error { return last(c.Own().Contacts(ctx, nil, nil)) }},
		{"contact", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Contact(ctx, officeItem, nil)
			return err
		}},
		{"tasks", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().Tasks(ctx, nil, &ews.ItemOptions{Detail: ews.WithoutBody}))
		}},
		{"task", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Task(ctx, officeItem, nil)
			return err
		}},
		{"accept", func(ctx context.Context, c *ews.Client) error {
			return c.Own().Respond(ctx, officeItem, ews.Accept, nil)
		}},
		{"tentative-shared", func(ctx context.Context, c *ews.Client) error {
			return c.Shared("support@example.com").Respond(ctx, ews.ItemID{ID: "I1"}, ews.Tentative, &ews.MeetingReply{Quiet: true})
		}},
		{"decline", func(ctx context.Context, c *ews.Client) error {
			return c.Own().Respond(ctx, officeItem, ews.Decline, &ews.MeetingReply{Body: ews.Body{Text: "no & sorry"}})
		}},
	},
}
