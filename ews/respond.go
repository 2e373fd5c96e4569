package ews

import (
	"context"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MeetingReply says how an invitation is answered.
type MeetingReply struct {
	Body Body // text for the organizer

	// Quiet changes the mailbox's own calendar only and tells the organizer nothing.
	Quiet bool
}

// Respond answers an invitation with Accept, Tentative or Decline: a meeting request, or the meeting in the calendar. Exchange enters the
// answer into the calendar, tells the organizer and moves the request to DeletedItems. r may be nil.
//
// A meeting that is cancelled, over, or one's own is ErrInvalidRequest. The call is not repeated where the organizer could be told twice; then MaybeApplied.
// EWS: CreateItem with AcceptItem, TentativelyAcceptItem or DeclineItem.
func (m *Mailbox) Respond(ctx context.Context, id ItemID, answer MeetingAnswer, r *MeetingReply) error {
	element := map[MeetingAnswer]string{Accept: "t:AcceptItem", Tentative: "t:TentativelyAcceptItem", Decline: "t:DeclineItem"}[answer]
	if element == "" {
		return fmt.Errorf("ews: Respond: %.40q is no answer: give Accept, Tentative or Decline", answer)
	}
	if r == nil {
		r = new(MeetingReply)
	}
	if err := unsendable("Respond", "Body", r.Body.Text); err != nil {
		return err
	}
	if id.ChangeKey == "" { // Exchange refuses to answer an item whose version is not named
		var err error
		if id, err = m.current(ctx, id); err != nil {
			return err
		}
	}
	disposition := "SendAndSaveCopy"
	if r.Quiet {
		disposition = "SaveOnly"
	}
	return m.do(ctx, &call{
		op:   "CreateItem",
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:CreateItem", "MessageDisposition", disposition)
			if m.shared != "" {
				w.Start("m:SavedItemFolderId")
				SentItems.writeTo(w, m)
				w.End()
			}
			w.Start("m:Items")
			w.Start(element)
			if r.Body.Text != "" {
				writeBody(w, "t:Body", r.Body)
			}
			writeID(w, "t:ReferenceItemId", id.ID, id.ChangeKey)
			w.End()
			w.End()
			w.End()
			return nil
		},
	})
}
