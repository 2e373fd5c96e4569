package ews_test

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenRead = goldenRequests{
	answers: map[string]string{
		"FindItem":      `<m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="true"><t:Items><t:Message><t:ItemId Id="I1" ChangeKey="K1"/></t:Message></t:Items></m:RootFolder>`,
		"GetItem":       `<m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">QUJD</t:MimeContent><t:ItemId Id="I1" ChangeKey="K9"/></t:Message></m:Items>`,
		"GetAttachment": `<m:Attachments><t:FileAttachment><t:Content>QUJD</t:Content></t:FileAttachment></m:Attachments>`,
	},
	calls: []goldenCall{
		{"list", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Own().Messages(ctx, ews.Inbox, nil))
		}},
		{"list-summary", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Shared("support@example.com").Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.Summary, OldestFirst: true, PageSize: 50}))
		}},
		{"list-filtered", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Own().Messages(ctx, ews.Inbox, &ews.Query{
				UnreadOnly: true, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Before: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
				Limit: 10, Body: ews.TextBody, Headers: true}))
		}},
		{"list-without-body", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Own().Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.WithoutBody}))
		}},
		{"message", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Message(ctx, ews.ItemID{ID: "I1", ChangeKey: "K1"}, &ews.Query{Body: ews.HTMLBody})
			return err
		}},
		{"list-restricted", func(ctx context.Context, c *ews.Client) error {
			day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			ticket := ews.Property{Set: ews.PublicStrings, Name: "Ticket", Type: ews.MAPIInteger}
			return drain(c.Own().Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.Summary, UnreadOnly: true, Properties: []ews.Property{ticket}, Where: ews.And{
				ews.FieldSubject.Contains(`[Ticket#"1"]`), ews.FieldClass.HasPrefix("IPM.Note"), ews.FieldReceived.AtOrAfter(day), ews.FieldSize.Under(1 << 20),
				ews.FieldImportance.AtLeast(ews.NormalImportance), ews.FieldHasAttachments.Is(false), ews.FieldCategories.Is("Red & blue"),
				ews.Or{ews.Not{ews.Exists{Field: ews.FieldInReplyTo}}, ews.Excludes{Field: ews.PropertyFlagStatus, Mask: 2}},
				ews.Compare{Field: ews.FieldFrom, Op: ews.IsEqualTo, Value: ews.FieldSender}, ticket.Is(7), ews.PropertySearchKey.Is([]byte{1, 2}),
				ews.Contains{Field: ews.FieldFrom, Text: "müller", Mode: ews.ExactPhrase, Comparison: ews.LooseAndIgnoreCaseAndIgnoreNonSpace},
			}}))
		}},
		{"list-sorted", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Own().Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.Summary, Sort: []ews.SortField{{Field: ews.FieldImportance, Descending: true}, {Field: ews.PropertyFlagStatus}},
				Fields: []ews.Field{ews.FieldSubject, ews.PropertyFlagStatus, ews.OtherField("item:Flag")}}))
		}},
		{"list-search", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Own().Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.Summary, Search: `subject:"project plan" AND from:ann`, Fields: []ews.Field{ews.FieldSubject}}))
		}},
		{"list-fields", func(ctx context.Context, c *ews.Client) error {
			return drain(c.Own().Messages(ctx, ews.Inbox, &ews.Query{Fields: []ews.Field{ews.FieldSubject, ews.FieldTo, ews.FieldSubject}}))
		}},
		{"message-properties", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Message(ctx, ews.ItemID{ID: "I1"}, &ews.Query{Properties: []ews.Property{
				{Set: ews.PublicStrings, Name: "Ticket", Type: ews.MAPIInteger}, {Set: ews.CommonProperties, ID: 0x8503, Type: ews.MAPIBoolean},
				{Set: "c11ff724-aa03-4555-9952-8fa248a11c3e", Name: "Keys", Type: ews.MAPIStringArray}, {Tag: 0x1035, Type: ews.MAPIString}, ews.PropertySearchKey}})
			return err
		}},
		{"message-extra", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Message(ctx, ews.ItemID{ID: "I1"}, &ews.Query{Extra: ews.WithClientFields | ews.WithUniqueBody | ews.WithNormalizedBody | ews.WithTextBody, SafeHTML: true, MaxBodySize: 65536})
			return err
		}},
		{"message-loop-marks", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Message(ctx, ews.ItemID{ID: "I1"}, &ews.Query{Extra: ews.WithLoopMarks})
			return err
		}},
		{"mime", func(ctx context.Context, c *ews.Client) error {
			r, err := c.Own().MIME(ctx, ews.ItemID{ID: "I1"})
			if err == nil {
				err = r.Close()
			}
			return err
		}},
		{"attachment", func(ctx context.Context, c *ews.Client) error {
			r, err := c.Own().Attachment(ctx, ews.AttachmentID{ID: "A1"})
			if err == nil {
				err = r.Close()
			}
			return err
		}},
		{"find-sent", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().FindSent(ctx, nil, "marker-1")
			return err
		}},
	},
}
