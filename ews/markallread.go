package ews

import (
	"context"
	"errors"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MarkAllOptions says what Mailbox.MarkAllRead does. nil and the zero value mark as read and send nothing.
type MarkAllOptions struct {
	// Unread marks as unread instead.
	Unread bool

	// SendReceipts lets Exchange send the read receipts that senders have asked for.
	SendReceipts bool
}

// MarkAllRead marks all messages of folders as read, those of their subfolders not. It may be repeated at will. Folders that fail
// are in a *BatchError, whose indexes are those of folders; the others are marked. Errors: ErrNotFound, ErrDenied, ErrThrottled
// after the retry budget. EWS: MarkAllItemsAsRead operation, since Exchange 2013.
func (m *Mailbox) MarkAllRead(ctx context.Context, o *MarkAllOptions, folders ...FolderRef) error {
	if o == nil {
		o = new(MarkAllOptions)
	}
	if len(folders) == 0 {
		return errors.New("ews: MarkAllRead: no folder is named")
	}
	for _, f := range folders {
		if err := usable(f); err != nil {
			return err
		}
	}
	return m.resend(ctx, "MarkAllItemsAsRead", len(folders), func(work []int) error {
		return m.markAllOnce(ctx, o, pick(folders, work))
	})
}

func (m *Mailbox) markAllOnce(ctx context.Context, o *MarkAllOptions, folders []FolderRef) error {
	return m.do(ctx, &call{
		op: "MarkAllItemsAsRead",
		body: func(w *wire.Writer) error {
			w.Start("m:MarkAllItemsAsRead")
			w.Leaf("m:ReadFlag", yes(!o.Unread))
			w.Leaf("m:SuppressReadReceipts", yes(!o.SendReceipts))
			w.Start("m:FolderIds")
			for _, f := range folders {
				f.writeTo(w, m)
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readBatch(s, len(folders), nil) },
	})
}
