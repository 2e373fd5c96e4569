package ews_test

import (
	"context"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenWrite = goldenRequests{
	answers: map[string]string{
		"UpdateItem":       `<m:Items><t:Message><t:ItemId Id="D1" ChangeKey="K2"/></t:Message></m:Items>`,
		"MoveItem":         `<m:Items><t:Message><t:ItemId Id="I1b" ChangeKey="K1"/></t:Message></m:Items>`,
		"CopyItem":         `<m:Items><t:Message><t:ItemId Id="I1c" ChangeKey="K1"/></t:Message></m:Items>`,
		"DeleteItem":       ``,
		"CreateItem":       `<m:Items><t:Message><t:ItemId Id="D1" ChangeKey="K1"/></t:Message></m:Items>`,
		"CreateAttachment": `<m:Attachments><t:FileAttachment><t:AttachmentId Id="A1" RootItemId="D1" RootItemChangeKey="K3"/></t:FileAttachment></m:Attachments>`,
		"SendItem":         ``,
	},
	calls: []goldenCall{
		{"read", func(ctx context.Context, c *ews.Client) error {
			return c.Own().SetRead(ctx, true, ews.ItemID{ID: "I1", ChangeKey: "K1"}, ews.ItemID{ID: "I2"})
		}},
		{"move", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Move(ctx, ews.FolderID{ID: "F2"}, ews.ItemID{ID: "I1", ChangeKey: "K1"}, ews.ItemID{ID: "I2"})
			return err
		}},
		{"copy", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Copy(ctx, ews.DeletedItems, ews.ItemID{ID: "I1"})
			return err
		}},
		{"delete", func(ctx context.Context, c *ews.Client) error {
			return c.Own().Delete(ctx, ews.ToDeletedItems, ews.ItemID{ID: "I1"})
		}},
		{"delete-hard", func(ctx context.Context, c *ews.Client) error {
			return c.Own().Delete(ctx, ews.HardDelete, ews.ItemID{ID: "I1"})
		}},
		{"send", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Send(ctx, &ews.Draft{Subject: "Grüße & <Küsse>", Body: ews.Body{Text: "line one\r\nline two"},
				To: []ews.Address{{Name: "Ann Example", Email: "ann@example.com"}}, Marker: "marker-1"})
			return err
		}},
		{"send-everything", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").Send(ctx, &ews.Draft{Subject: "All fields", Body: ews.Body{HTML: true, Text: "<p>hello</p>"},
				To: []ews.Address{{Email: "ann@example.com"}}, Cc: []ews.Address{{Email: "bob@example.com"}}, Bcc: []ews.Address{{Email: "eve@example.com"}},
				ReplyTo: []ews.Address{{Email: "desk@example.com"}}, From: ews.Address{Name: "Support", Email: "support@example.com"},
				Importance: ews.HighImportance, InReplyTo: "<1@example.com>", References: "<0@example.com> <1@example.com>", Marker: "marker-2",
				Attachments: []ews.Upload{{Name: "a.txt", ContentType: "text/plain", Content: ews.String("hello")},
					{Name: "b.png", ContentID: "b@1", Inline: true, Content: ews.Bytes([]byte{1, 2})}}})
			return err
		}},
		{"send-mime", func(ctx context.Context, c *ews.Client) error {
			mime := ews.String("Subject: x\r\n\r\ny\r\n")
			_, err := c.Own().Send(ctx, &ews.Draft{MIME: &mime, Marker: "marker-3", SentFolder: ews.FolderID{ID: "F3"}})
			return err
		}},
		{"reply", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Reply(ctx, ews.ItemID{ID: "I1", ChangeKey: "K1"}, &ews.Answer{Body: ews.Body{Text: "Thank you."}, Marker: "marker-4"})
			return err
		}},
		{"reply-all", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().ReplyAll(ctx, ews.ItemID{ID: "I1"}, &ews.Answer{Subject: "[#42] hello", Body: ews.Body{HTML: true, Text: "<b>Thanks</b>"},
				Cc: []ews.Address{{Email: "bob@example.com"}}, From: ews.Address{Email: "support@example.com"}, Marker: "marker-5",
				Attachments: []ews.Upload{{Name: "a.txt", Content: ews.String("hello")}}})
			return err
		}},
		{"find-by-key", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().FindByKey(ctx, "AAECAw==", ews.Inbox)
			return err
		}},
		{"remove-drafts", func(ctx context.Context, c *ews.Client) error {
			return c.Own().RemoveDrafts(ctx, "marker-7")
		}},
		{"forward", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Forward(ctx, ews.ItemID{ID: "I1", ChangeKey: "K1"}, &ews.Answer{To: []ews.Address{{Email: "ann@example.com"}}, Marker: "marker-6"})
			return err
		}},
	},
}
