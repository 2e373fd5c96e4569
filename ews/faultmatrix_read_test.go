package ews_test

import (
	"context"

	"github.com/ewsmail/ewsmail/ews"
)

// matrixRead are the operations that find and read.
var matrixRead = []matrixOperation{
	{"Messages sorted", "FindItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		return drain(m.Messages(ctx, ews.Inbox, &ews.Query{Sort: []ews.SortField{{Field: ews.FieldSize}}, Where: ews.FieldRead.Is(true)}))
	}},
	{"Messages searched", "FindItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		return drain(m.Messages(ctx, ews.Inbox, &ews.Query{Search: "x"}))
	}},
	{"Conversations", "FindConversation", false, func(ctx context.Context, m *ews.Mailbox) error {
		return last(m.Conversations(ctx, ews.Inbox, nil))
	}},
	{"ConversationItems", "GetConversationItems", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.ConversationItems(ctx, "C1", nil)
		return err
	}},
	{"CreateSearchFolder", "CreateFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.CreateSearchFolder(ctx, ews.SearchFolders, &ews.SearchFolder{Name: "x", Where: ews.FieldRead.Is(true), In: []ews.FolderRef{ews.Inbox}})
		return err
	}},
	{"SearchFolder", "GetFolder", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.SearchFolder(ctx, ews.FolderID{ID: "F1"})
		return err
	}},
	{"ApplyToConversations", "ApplyConversationAction", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.ApplyToConversations(ctx, ews.MoveConversation{To: ews.DeletedItems}, nil, "C1")
	}},
	{"ApplyToConversations, copy", "ApplyConversationAction", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.ApplyToConversations(ctx, ews.CopyConversation{To: ews.DeletedItems}, nil, "C1")
	}},
}
