package ews

import (
	"context"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// ConversationAction is something done to all messages of conversations: MoveConversation, CopyConversation, DeleteConversation,
// CategorizeConversation, ReadConversation, FlagConversation or RetainConversation.
type ConversationAction interface {
	conversationAction() (name string, once bool)
	badAction() string
	writeAction(w *wire.Writer, m *Mailbox)
}

// MoveConversation moves the messages. With Always, also those that will come; Exchange then works in the background.
type MoveConversation struct {
	To     FolderRef
	Always bool
}

// CopyConversation copies the messages.
type CopyConversation struct{ To FolderRef }

// DeleteConversation deletes the messages. With Always, also those that will come: "ignore conversation"; Mode is then ToDeletedItems.
type DeleteConversation struct {
	Mode   DeleteMode
	Always bool
}

// CategorizeConversation sets the categories of the messages, and of those that will come. Without any it ends that.
type CategorizeConversation struct{ Categories []string }

// ReadConversation marks the messages as read or unread. Nobody is sent a read receipt for it.
type ReadConversation struct{ Read bool }

// FlagConversation sets the flag of the messages. Since Exchange 2013.
type FlagConversation struct{ Flag Flag }

// RetainConversation puts the messages under a retention policy. Since Exchange 2013.
type RetainConversation struct {
	Tag     string // GUID of the policy's tag; "": none
	Archive bool   // the tag archives, instead of deleting
}

// ConversationScope bounds an action. Nil is all messages, wherever they lie.
type ConversationScope struct {
	// Folder leaves alone what lies elsewhere. nil: all folders. The Always of an action knows no bounds.
	Folder FolderRef

	// Before leaves alone what arrived later: the time at which the conversation was shown to whoever decided. Zero: now. It has
	// a meaning with a Folder only.
	Before time.Time
}

// ApplyToConversations does an action to the messages of conversations. Those that fail are in a *BatchError, the others are
// done. An action may be repeated at will, but a copy: its lost answer is not asked for again, and MaybeApplied tells. Errors:
// ErrNotFound, ErrDenied, ErrInvalidRequest for what is wrong with the action, ErrThrottled after the retry budget.
// EWS: ApplyConversationAction operation.
func (m *Mailbox) ApplyToConversations(ctx context.Context, a ConversationAction, in *ConversationScope, conversationIDs ...string) error {
	const op = "ApplyConversationAction"
	if a == nil {
		return m.invalid(op, "the action is nil")
	}
	if bad := a.badAction(); bad != "" {
		return m.invalid(op, bad)
	}
	if in == nil {
		in = new(ConversationScope)
	}
	if in.Folder != nil {
		if err := usable(in.Folder); err != nil {
			return err
		}
	}
	if bad := badTime("ConversationScope.Before", in.Before); len(bad) > 0 {
		return m.invalid(op, bad[0])
	}
	before := in.Before
	if before.IsZero() {
		before = time.Now()
	}
	ids := make([]ItemID, len(conversationIDs))
	for i, id := range conversationIDs {
		ids[i].ID = id
	}
	name, once := a.conversationAction()
	return inBatches(op, ids, func(ids []ItemID, _ int) error {
		return m.resend(ctx, op, len(ids), func(work []int) error {
			ids := pick(ids, work)
			return m.do(ctx, &call{
				op:   op,
				once: once,
				body: func(w *wire.Writer) error {
					w.Start("m:ApplyConversationAction")
					w.Start("m:ConversationActions")
					for _, id := range ids {
						w.Start("t:ConversationAction")
						w.Leaf("t:Action", name)
						w.Empty("t:ConversationId", "Id", id.ID)
						if in.Folder != nil {
							w.Start("t:ContextFolderId")
							in.Folder.writeTo(w, m)
							w.End()
							w.Leaf("t:ConversationLastSyncTime", before.UTC().Format(time.RFC3339))
						}
						a.writeAction(w, m)
						w.End()
					}
					w.End()
					w.End()
					return nil
				},
				read: func(s *wire.Scanner) error { return readBatch(s, len(ids), nil) },
			})
		})
	})
}

func (a MoveConversation) conversationAction() (string, bool) {
	if a.Always {
		return "AlwaysMove", false
	}
	return "Move", false
}
func (a CopyConversation) conversationAction() (string, bool) { return "Copy", true }
func (a DeleteConversation) conversationAction() (string, bool) {
	if a.Always {
		return "AlwaysDelete", false
	}
	return "Delete", false
}
func (a CategorizeConversation) conversationAction() (string, bool) { return "AlwaysCategorize", false }
func (a ReadConversation) conversationAction() (string, bool)       { return "SetReadState", false }
func (a FlagConversation) conversationAction() (string, bool)       { return "Flag", false }
func (a RetainConversation) conversationAction() (string, bool)     { return "SetRetentionPolicy", false }

func (a MoveConversation) badAction() string { return badDestination(a.To) }
func (a CopyConversation) badAction() string { return badDestination(a.To) }

func badDestination(f FolderRef) string {
	if err := usable(f); err != nil {
		return "To: " + strings.TrimPrefix(err.Error(), "ews: ")
	}
	return ""
}

func (a DeleteConversation) badAction() string {
	if _, err := disposal("DeleteConversation", a.Mode); err != nil {
		return err.Error()
	}
	if a.Always && a.Mode != ToDeletedItems {
		return "DeleteConversation.Mode: with Always it is ToDeletedItems"
	}
	return ""
}

func (a CategorizeConversation) badAction() string {
	return strings.Join(badList("CategorizeConversation.Categories", a.Categories), "; ")
}
func (a ReadConversation) badAction() string { return "" }
func (a FlagConversation) badAction() string { return a.Flag.bad() }

func (a RetainConversation) badAction() string {
	if a.Tag != "" && !guid.MatchString(a.Tag) {
		return "RetainConversation.Tag: it is no GUID"
	}
	return ""
}

func writeDestination(w *wire.Writer, m *Mailbox, to FolderRef) {
	w.Start("t:DestinationFolderId")
	to.writeTo(w, m)
	w.End()
}

func (a MoveConversation) writeAction(w *wire.Writer, m *Mailbox) {
	if a.Always {
		w.Leaf("t:ProcessRightAway", "true")
	}
	writeDestination(w, m, a.To)
}

func (a CopyConversation) writeAction(w *wire.Writer, m *Mailbox) {
	writeDestination(w, m, a.To)
}

func (a DeleteConversation) writeAction(w *wire.Writer, _ *Mailbox) {
	if a.Always {
		w.Leaf("t:ProcessRightAway", "true")
		w.Leaf("t:EnableAlwaysDelete", "true")
		return
	}
	kind, _ := disposal("", a.Mode) // checked before
	w.Leaf("t:DeleteType", kind)
}

func (a CategorizeConversation) writeAction(w *wire.Writer, _ *Mailbox) {
	w.Leaf("t:ProcessRightAway", "true")
	writeStrings(w, "t:Categories", a.Categories)
}

func (a ReadConversation) writeAction(w *wire.Writer, _ *Mailbox) {
	w.Leaf("t:IsRead", yes(a.Read))
	w.Leaf("t:SuppressReadReceipts", "true")
}

func (a FlagConversation) writeAction(w *wire.Writer, _ *Mailbox) { a.Flag.writeTo(w) }

func (a RetainConversation) writeAction(w *wire.Writer, _ *Mailbox) {
	kind := "Delete"
	if a.Archive {
		kind = "Archive"
	}
	w.Leaf("t:RetentionPolicyType", kind)
	if a.Tag != "" {
		w.Leaf("t:RetentionPolicyTagId", a.Tag)
	}
}
