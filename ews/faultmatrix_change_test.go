package ews_test

import (
	"context"
	"io"

	"github.com/ewsmail/ewsmail/ews"
)

// matrixChange are the operations that change messages.
var matrixChange = []matrixOperation{
	{"Update", "UpdateItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Update(ctx, &ews.Update{Categories: []string{"a"}, Importance: new(ews.LowImportance)}, matrixItem)
		return err
	}},
	{"Update of a version", "UpdateItem", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Update(ctx, &ews.Update{Subject: new("s")}, matrixItem)
		return err
	}},
	{"MarkAllRead", "MarkAllItemsAsRead", false, func(ctx context.Context, m *ews.Mailbox) error { return m.MarkAllRead(ctx, nil, ews.Inbox) }},
	{"MarkAsJunk", "MarkAsJunk", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.MarkAsJunk(ctx, ews.ToJunkEmail, matrixItem)
		return err
	}},
	{"MarkAsJunk without moving", "MarkAsJunk", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.MarkAsJunk(ctx, ews.BlockSender, matrixItem)
		return err
	}},
	{"MoveToArchive", "ArchiveItem", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.MoveToArchive(ctx, ews.Inbox, matrixItem)
		return err
	}},
	{"SendDraft", "GetItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.SendDraft(ctx, matrixItem, nil)
		return err
	}},
	{"Attach", "CreateAttachment", true, func(ctx context.Context, m *ews.Mailbox) error {
		_, _, err := m.Attach(ctx, matrixItem, ews.Upload{Name: "a", Content: ews.String("b")})
		return err
	}},
	{"Attachments", "GetAttachment", false, func(ctx context.Context, m *ews.Mailbox) error {
		for c, err := range m.Attachments(ctx, ews.AttachmentID{ID: "A1"}) {
			if err == nil {
				_, err = io.Copy(io.Discard, c.Content)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"AttachedMessage", "GetAttachment", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.AttachedMessage(ctx, ews.AttachmentID{ID: "A1"}, nil)
		return err
	}},
	{"DeleteAttachments", "DeleteAttachment", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.DeleteAttachments(ctx, ews.AttachmentID{ID: "A1"})
		return err
	}},
}
