package ews

import (
	"context"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// JunkMode says what Mailbox.MarkAsJunk does.
type JunkMode int

// What becomes of a message and of its sender.
const (
	ToJunkEmail   JunkMode = iota // its sender is blocked, the message is moved to JunkEmail
	BackToInbox                   // its sender is blocked no longer, the message is moved to the Inbox
	BlockSender                   // its sender is blocked, the message stays
	UnblockSender                 // its sender is blocked no longer, the message stays
)

// MarkAsJunk tells Exchange what is junk and what is not: it adds the senders to the mailbox's list of blocked senders, or takes them
// off, and moves the messages if mode says so. It returns their ids, in order: new ones for those that were moved; zero for an
// item that failed or whose new id the server did not tell. Items that fail are in a *BatchError, the others are marked.
//
// With a mode that moves, a lost answer is not asked for again, since the items would not be found: MaybeApplied tells. Errors:
// ErrNotFound, ErrDenied, ErrThrottled after the retry budget. EWS: MarkAsJunk operation, since Exchange 2013.
func (m *Mailbox) MarkAsJunk(ctx context.Context, mode JunkMode, ids ...ItemID) ([]ItemID, error) {
	marked := make([]ItemID, len(ids))
	if mode < ToJunkEmail || mode > UnblockSender {
		return marked, fmt.Errorf("ews: MarkAsJunk: there is no mode %d", mode)
	}
	err := inBatches("MarkAsJunk", ids, func(ids []ItemID, offset int) error {
		return m.resend(ctx, "MarkAsJunk", len(ids), func(work []int) error {
			return m.markAsJunkOnce(ctx, mode, pick(ids, work), func(i int, id ItemID) { marked[offset+work[i]] = id })
		})
	})
	return marked, err
}

func (m *Mailbox) markAsJunkOnce(ctx context.Context, mode JunkMode, ids []ItemID, done func(i int, id ItemID)) error {
	junk, move := mode == ToJunkEmail || mode == BlockSender, mode == ToJunkEmail || mode == BackToInbox
	moved := make([]ItemID, len(ids))
	if !move {
		copy(moved, ids)
	}
	err := m.do(ctx, &call{
		op:   "MarkAsJunk",
		once: move,
		body: func(w *wire.Writer) error {
			w.Start("m:MarkAsJunk", "IsJunk", yes(junk), "MoveItem", yes(move))
			writeItemIDs(w, ids)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(ids), func(i int, s *wire.Scanner) error {
				if s.Local() == "MovedItemId" && i < len(ids) {
					moved[i] = itemID(s)
				}
				return s.Err()
			})
		},
	})
	for i, failed := range failures(err, len(ids)) {
		if !failed {
			done(i, moved[i])
		}
	}
	return err
}
