package ews_test

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

var goldenConversation = goldenRequests{
	answers: map[string]string{
		"FindConversation":        `<m:Conversations/><m:TotalConversationsInView>0</m:TotalConversationsInView>`,
		"GetConversationItems":    `<m:Conversation><t:ConversationId Id="C1"/></m:Conversation>`,
		"ApplyConversationAction": ``,
	},
	calls: []goldenCall{
		{"folder", func(ctx context.Context, c *ews.Client) error {
			return last(c.Own().Conversations(ctx, ews.Inbox, nil))
		}},
		{"filtered", func(ctx context.Context, c *ews.Client) error {
			return last(c.Shared("support@example.com").Conversations(ctx, ews.Inbox, &ews.ConversationQuery{Filter: ews.UnreadConversations, Search: "subject:news", OldestFirst: true, PageSize: 10}))
		}},
		{"all", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().ConversationItems(ctx, "C1", nil)
			return err
		}},
		{"some", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().ConversationItems(ctx, "C1", &ews.ThreadOptions{Ignore: []ews.FolderRef{ews.DeletedItems, ews.FolderID{ID: "F1"}}, NewestFirst: true, Limit: 20,
				Query: &ews.Query{Detail: ews.WithoutBody, Extra: ews.WithUniqueBody}})
			return err
		}},
		{"move", apply(ews.MoveConversation{To: ews.FolderID{ID: "F1"}}, &ews.ConversationScope{Folder: ews.Inbox, Before: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)})},
		{"always-move", apply(ews.MoveConversation{To: ews.DeletedItems, Always: true}, nil)},
		{"copy", apply(ews.CopyConversation{To: ews.FolderID{ID: "F1"}}, nil)},
		{"delete", apply(ews.DeleteConversation{Mode: ews.SoftDelete}, nil)},
		{"ignore", apply(ews.DeleteConversation{Always: true}, nil)},
		{"categorize", apply(ews.CategorizeConversation{Categories: []string{"Red", "a & b"}}, nil)},
		{"read", apply(ews.ReadConversation{Read: true}, nil)},
		{"flag", apply(ews.FlagConversation{Flag: ews.Flag{Status: ews.FlagComplete}}, nil)},
		{"search-folder", func(ctx context.Context, c *ews.Client) error {
			f := &ews.SearchFolder{Name: "Unanswered", Where: ews.And{ews.FieldRead.Is(false), ews.FieldFrom.Contains("@example.org")}, In: []ews.FolderRef{ews.Inbox, ews.FolderID{ID: "F1"}}, Deep: true}
			id, err := c.Own().CreateSearchFolder(ctx, ews.SearchFolders, f)
			if err == nil {
				err = c.Own().UpdateSearchFolder(ctx, id, f)
			}
			return err
		}},
		{"search-folder-read", func(ctx context.Context, c *ews.Client) error {
			_, err := c.Own().SearchFolder(ctx, ews.FolderID{ID: "F1"})
			return err
		}},
		{"retain", apply(ews.RetainConversation{Tag: "c11ff724-aa03-4555-9952-8fa248a11c3e", Archive: true}, nil)},
	},
}

func apply(a ews.ConversationAction, in *ews.ConversationScope) func(ctx context.Context, c *ews.Client) error {
	return func(ctx context.Context, c *ews.Client) error {
		return c.Own().ApplyToConversations(ctx, a, in, "C1")
	}
}
