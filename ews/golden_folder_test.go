package ews_test

import (
	"context"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenFolder = goldenRequests{
	answers: map[string]string{
		"GetFolder":    `<m:Folders><t:SearchFolder><t:FolderId Id="F1" ChangeKey="K1"/><t:DisplayName>Inbox</t:DisplayName><t:SearchParameters Traversal="Deep"><t:Restriction><t:Not><t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:Subject"/><t:Constant Value="x"/></t:Contains></t:Not></t:Restriction><t:BaseFolderIds><t:FolderId Id="F2"/></t:BaseFolderIds></t:SearchParameters></t:SearchFolder></m:Folders>`,
		"FindFolder":   `<m:RootFolder TotalItemsInView="0" IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>`,
		"UpdateFolder": `<m:Folders><t:Folder><t:FolderId Id="F1" ChangeKey="K2"/></t:Folder></m:Folders>`,
		"MoveFolder":   `<m:Folders><t:Folder><t:FolderId Id="F1" ChangeKey="K2"/></t:Folder></m:Folders>`,
		"CopyFolder":   `<m:Folders><t:Folder><t:FolderId Id="F3" ChangeKey="K1"/></t:Folder></m:Folders>`,
		"EmptyFolder":  ``,
		"DeleteFolder": ``,
		"CreateFolder": `<m:Folders><t:Folder><t:FolderId Id="F2" ChangeKey="K1"/></t:Folder></m:Folders>`,
	},
	calls: []goldenCall{
		{"folder", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().Folder(ctx, ews.Inbox)
			return err
		}},
		{"folder-shared", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").Folder(ctx, ews.Inbox)
			return err
		}},
		{"folder-impersonated", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Impersonate("support@example.com").Folder(ctx, ews.FolderID{ID: "F1", ChangeKey: "K1"})
			return err
		}},
		{"folder-impersonated-upn", func(ctx context.Context, c *ews.Client) error {
			_, err := c.ImpersonateUPN("support@example.com").Folder(ctx, ews.Inbox)
			return err
		}},
		{"folder-impersonated-sid", func(ctx context.Context, c *ews.Client) error {
			_, err := c.ImpersonateSID("S-1-5-21-1").Folder(ctx, ews.Inbox)
			return err
		}},
		{"ensure", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().EnsureFolder(ctx, ews.Inbox, `Processed & "done"`)
			return err
		}},
		{"folders", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().Folders(ctx, ews.Inbox, false))
		}},
		{"folders-deep", func(ctx context.Context, c *ews.Client) error {
			return last(c.Shared("support@example.com").Folders(ctx, ews.MsgFolderRoot, true))
		}},
		{"rename-folder", func(ctx context.Context, c *ews.Client) error {
			return c.Own().RenameFolder(ctx, ews.FolderID{ID: "F1"}, "A & <B>")
		}},
		{"move-folder", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Shared("support@example.com").MoveFolder(ctx, ews.DeletedItems, ews.FolderID{ID: "F1", ChangeKey: "K1"})
			return err
		}},
		{"copy-folder", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().CopyFolder(ctx, ews.FolderID{ID: "F2"}, ews.Inbox)
			return err
		}},
		{"empty-folder", func(ctx context.Context, c *ews.Client) error {
			return c.Own().EmptyFolder(ctx, ews.SoftDelete, ews.DeletedItems, true)
		}},
		{"delete-folder", func(ctx context.Context, c *ews.Client) error {
			return c.Own().DeleteFolder(ctx, ews.ToDeletedItems, ews.FolderID{ID: "F1"})
		}},
	},
}
