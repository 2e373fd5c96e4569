package ews_test

import (
	"context"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenPlace = goldenRequests{
	calls: []goldenCall{
		{"archive", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Archive().Folder(ctx, ews.Inbox)
			return err
		}},
		{"archive-shared", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").Archive().Folder(ctx, ews.RecoverableItemsDeletions)
			return err
		}},
		{"public-folders", func(ctx context.Context, c *ews.Client) error {
			return last(c.Impersonate("support@example.com").PublicFolders("pf@example.com").Folders(ctx, ews.MsgFolderRoot, false))
		}},
		{"permissions", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Permissions(ctx, ews.Inbox)
			return err
		}},
		{"create-folder", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().CreateFolder(ctx, ews.MsgFolderRoot, "Tasks", "IPF.Task")
			return err
		}},
	},
}
