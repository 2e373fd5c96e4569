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
