package ews_test

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenSync = goldenRequests{
	answers: map[string]string{
		"SyncFolderItems": `<m:SyncState>H4sIAAA==</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes><t:Create><t:Message><t:ItemId Id="I1" ChangeKey="K1"/></t:Message></t:Create>` +
			`<t:Delete><t:ItemId Id="I2" ChangeKey="K1"/></t:Delete></m:Changes>`,
		"SyncFolderHierarchy": `<m:SyncState>H4sIAAA==</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange><m:Changes/>`,
		"Subscribe":           `<m:SubscriptionId>S1</m:SubscriptionId><m:Watermark>W1</m:Watermark>`,
		"Unsubscribe":         ``,
		"GetEvents":           `<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:MoreEvents>false</t:MoreEvents><t:StatusEvent><t:Watermark>W2</t:Watermark></t:StatusEvent></m:Notification>`,
		"GetStreamingEvents":  `<m:ConnectionStatus>OK</m:ConnectionStatus>`,
	},
	calls: []goldenCall{
		{"sync", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().Sync(ctx, ews.Inbox, "", nil))
		}},
		{"sync-on", func(ctx context.Context, c *ews.Client) error {
			return last(c.Shared("support@example.com").Sync(ctx, ews.Inbox, "ewsi.72f0d4dd.H4sIAAA==", &ews.SyncOptions{Detail: ews.Summary, PageSize: 5000,
				Ignore: []ews.ItemID{{ID: "I8", ChangeKey: "K1"}, {ID: "I9"}}}))
		}},
		{"sync-folders", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().SyncFolders(ctx, ews.MsgFolderRoot, ""))
		}},
		{"sync-folders-on", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().SyncFolders(ctx, ews.MsgFolderRoot, "ewsf.72f0d4dd.H4sIAAA=="))
		}},
		{"pull", func(ctx context.Context, c *ews.Client) error {
			sub, err := c.Own().SubscribePull(ctx, nil)
			if err != nil {
				return err
			}
			if err := last(c.Own().Pull(ctx, sub)); err != nil {
				return err
			}
			return c.Own().Unsubscribe(ctx, sub)
		}},
		{"pull-on", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").SubscribePull(ctx, &ews.PullOptions{Watermark: "W9", Timeout: 90 * time.Second,
				SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox, ews.FolderID{ID: "F2"}}, Types: []ews.EventType{ews.EventNewMail, ews.EventFreeBusy}}})
			return err
		}},
		{"push", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().SubscribePush(ctx, &ews.PushOptions{URL: "https://app.example.com/ews?key=secret&x=1", Watermark: "W9",
				SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox}}})
			return err
		}},
		{"events", func(ctx context.Context, c *ews.Client) error {
			for e, err := range c.Own().Events(ctx, &ews.EventsOptions{SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox}}, ConnectionTimeout: 5 * time.Minute}) {
				if err != nil || e.Type == ews.EventConnected {
					return err
				}
			}
			return nil
		}},
	},
}
