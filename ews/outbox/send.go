package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// deliver does what is to be done about a claimed row.
func (b *Outbox) deliver(ctx context.Context, r *claimed) {
	ctx, cancel := context.WithDeadline(ctx, r.until)
	defer cancel()
	var err error
	if r.State == Sending {
		err = b.resolve(ctx, r)
	} else {
		err = b.send(ctx, r)
	}
	if err != nil && err != errFenced {
		// The row stays claimed until the claim runs out: then it is looked at as if this worker had died.
		b.o.Logger.WarnContext(ctx, "outbox: the outcome could not be written down", "id", r.ID, "error", err)
	}
}

// send sends a message that was not sent so far, for certain.
func (b *Outbox) send(ctx context.Context, r *claimed) error {
	if r.since != 0 && b.without != "look-up of the sent copy" {
		// It was proved once that it had not gone out, or a person decided to send it anew. What turned up since counts more.
		if fate, err := b.m.Settle(ctx, b.o.SentFolder, r.ID, ews.ItemID{}); err != nil {
			return b.again(ctx, r, err)
		} else if fate == ews.FateSent {
			return b.finish(ctx, r, Sent, "")
		}
	}
	if r.epoch > 1 && b.without != "look-up of earlier drafts" {
		// Those in Drafts could be sent as well; those in Deleted Items would prove something about this try.
		if err := b.m.RemoveDrafts(ctx, r.ID); err != nil {
			return b.again(ctx, r, err)
		}
	}
	m, err := decode(r.payload)
	if err != nil {
		return b.again(ctx, r, err)
	}
	var kept ews.ItemID
	err = b.mail(ctx, r, m, func(ctx context.Context, draft ews.ItemID) error {
		if b.without == "note before sending" {
			return nil
		}
		err := b.sending(ctx, r, draft.ID)
		if err == nil || err == errFenced || b.without == "proof of an open note" {
			return err
		}
		// The note may have been written: until something else is, the draft is what proves that nothing went out.
		kept = draft
		return fmt.Errorf("writing down that it may go out: %w (%w)", err, ews.ErrKeepDraft)
	})
	if b.without == "proof until it is written down" && err != nil && !ews.MaybeApplied(err) {
		_ = b.m.RemoveDrafts(ctx, r.ID)
	}
	switch {
	case err == nil:
		return b.finish(ctx, r, Sent, "")
	case errors.Is(err, errFenced):
		return errFenced
	case ews.MaybeApplied(err) && b.without == "doubt":
		return b.again(ctx, r, err)
	case ews.MaybeApplied(err):
		b.o.Logger.WarnContext(ctx, "outbox: it is open whether the message went out; looking for it", "id", r.ID, "error", err)
		return b.later(ctx, r, Sending, b.look(0), r.Tries, reason(err))
	}
	r.open = !kept.IsZero()
	if done := b.again(ctx, r, err); done != nil || !r.open {
		return done
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWrite)
	defer cancel()
	_ = b.m.Delete(ctx, ews.HardDelete, ews.ItemID{ID: kept.ID}) // or the next try does
	return nil
}

// mail makes the draft and sends it.
func (b *Outbox) mail(ctx context.Context, r *claimed, m *Message, before func(context.Context, ews.ItemID) error) error {
	files, err := b.uploads(ctx, m.Attachments)
	if err != nil {
		return err
	}
	if m.Kind == NewMail {
		d := &ews.Draft{Subject: m.Subject, Body: m.Body, To: m.To, Cc: m.Cc, Bcc: m.Bcc, ReplyTo: m.ReplyTo, From: m.From, Sender: m.Sender,
			Importance: m.Importance, Sensitivity: m.Sensitivity, ReadReceipt: m.ReadReceipt, DeliveryReceipt: m.DeliveryReceipt, Headers: m.Headers,
			InReplyTo: m.InReplyTo, References: m.References, Attachments: files, SendAt: m.SendAt, SentFolder: b.o.SentFolder,
			Marker: r.ID, BeforeSend: before}
		if m.MIME != nil {
			d.MIME = new(ews.Bytes(m.MIME))
		}
		_, err := b.m.Send(ctx, d)
		return err
	}
	answer := &ews.Answer{Subject: m.Subject, Body: m.Body, To: m.To, Cc: m.Cc, Bcc: m.Bcc, ReplyTo: m.ReplyTo, From: m.From,
		Importance: m.Importance, Sensitivity: m.Sensitivity, ReadReceipt: m.ReadReceipt, DeliveryReceipt: m.DeliveryReceipt, Headers: m.Headers,
		Attachments: files, SendAt: m.SendAt, SentFolder: b.o.SentFolder, Marker: r.ID, BeforeSend: before}
	send := b.m.Reply
	switch m.Kind {
	case ReplyAll:
		send = b.m.ReplyAll
	case Forward:
		send = b.m.Forward
	}
	about := ews.ItemID{ID: m.About.ID} // its version of the moment
	if !about.IsZero() {
		if _, err = send(ctx, about, answer); !errors.Is(err, ews.ErrNotFound) || ews.MaybeApplied(err) {
			return err
		}
	}
	// It is gone, or has moved; unless it was the draft that somebody removed, or the folder for the sent copy.
	missing := err
	now := about
	var look error
	if m.AboutKey != "" {
		now, look = b.m.FindByKey(ctx, m.AboutKey, b.o.Folders...)
	} else if _, look = b.m.Message(ctx, about, &ews.Query{Detail: ews.WithoutBody}); errors.Is(look, ews.ErrNotFound) {
		now, look = ews.ItemID{}, nil
	}
	switch {
	case look != nil:
		return look
	case now.IsZero():
		return refused{errors.New("the message to be answered is gone: neither its id nor, in Options.Folders, its key is found")}
	case now.ID == about.ID:
		return missing
	}
	_, err = send(ctx, ews.ItemID{ID: now.ID}, answer)
	return err
}

// resolve finds out what became of a message that may have gone out.
func (b *Outbox) resolve(ctx context.Context, r *claimed) error {
	if b.without == "look-up of the sent copy" {
		return b.later(ctx, r, Queued, 0, r.Tries+1, "")
	}
	undecided := func(err error) error {
		if b.o.GiveUp >= 0 && r.inDoubt() > b.o.GiveUp {
			return b.finish(ctx, r, Unknown, reason(err))
		}
		return b.later(ctx, r, Sending, max(b.look(r.inDoubt()), b.pause(err)), r.Tries, reason(err))
	}
	found, err := b.m.FindSent(ctx, b.o.SentFolder, r.ID)
	switch {
	case err != nil:
		return undecided(err)
	case !found.IsZero():
		return b.finish(ctx, r, Sent, "")
	case r.inDoubt() < b.o.Settle:
		return b.later(ctx, r, Sending, b.look(r.inDoubt()), r.Tries, r.Reason)
	}
	if b.without == "proof" {
		return b.later(ctx, r, Queued, 0, r.Tries+1, "")
	}
	fate, err := b.settle(ctx, r)
	switch {
	case err != nil:
		return undecided(err)
	case fate == ews.FateSent:
		return b.finish(ctx, r, Sent, "")
	case fate == ews.FateNotSent:
		// The proof stays where it is until the next try removes it, which looks for it once this is written down.
		return b.later(ctx, r, Queued, 0, r.Tries+1, "an earlier try ended before it was sent")
	}
	b.o.Logger.ErrorContext(ctx, "outbox: nobody can tell whether the message went out", "id", r.ID)
	return b.finish(ctx, r, Unknown, "neither its draft nor its sent copy can be found")
}

// settle decides about a message of which nothing has been seen for Options.Settle.
func (b *Outbox) settle(ctx context.Context, r *claimed) (ews.Fate, error) {
	if b.without == "lasting proof" {
		err := b.m.Delete(ctx, ews.HardDelete, ews.ItemID{ID: r.draft})
		switch {
		case err == nil:
			return ews.FateNotSent, nil
		case errors.Is(err, ews.ErrNotFound):
			return ews.FateUnknown, nil
		}
		return ews.FateUnknown, err
	}
	return b.m.Settle(ctx, b.o.SentFolder, r.ID, ews.ItemID{ID: r.draft})
}

// look is the pause before the next look for a sent copy: as long as it has been looked for, within bounds.
func (b *Outbox) look(inDoubt time.Duration) time.Duration {
	return min(max(inDoubt, b.o.Settle/60), b.o.Settle/4)
}

// again leaves a message that was not sent, for certain, for another try, or fails it for good.
func (b *Outbox) again(ctx context.Context, r *claimed, err error) error {
	why := reason(err)
	switch judge(err) {
	case interrupted:
		return b.later(ctx, r, Queued, 0, r.Tries, r.Reason)
	case blocked:
		wait := b.hold.extend(r.ID)
		if wait == 0 {
			break // others get through: it is this message's trouble
		}
		b.o.Logger.ErrorContext(ctx, "outbox: the account is in trouble; nothing is sent for a while", "pause", wait, "error", err)
		if b.expired(r) {
			return b.finish(ctx, r, Failed, "given up: "+why)
		}
		return b.later(ctx, r, Queued, wait, r.Tries, why)
	case permanent:
		b.o.Logger.ErrorContext(ctx, "outbox: the message cannot be sent", "id", r.ID, "error", err)
		return b.finish(ctx, r, Failed, why)
	}
	if b.expired(r) {
		b.o.Logger.ErrorContext(ctx, "outbox: given up", "id", r.ID, "error", err)
		return b.finish(ctx, r, Failed, "given up: "+why)
	}
	wait := b.o.RetryDelay
	for range r.Tries {
		if wait > b.o.MaxRetryDelay/2 {
			wait = b.o.MaxRetryDelay
			break
		}
		wait *= 2
	}
	wait -= rand.N(wait/4 + 1) // those that failed together should not come back together
	wait = max(wait, b.pause(err))
	b.stats.retried.Add(1)
	b.o.Logger.InfoContext(ctx, "outbox: not sent, to be tried again", "id", r.ID, "wait", wait, "error", err)
	return b.later(ctx, r, Queued, wait, r.Tries+1, why)
}

func (b *Outbox) expired(r *claimed) bool { return b.o.GiveUp >= 0 && r.age() > b.o.GiveUp }

// pause is what the server asked for.
func (b *Outbox) pause(err error) time.Duration {
	d, _ := ews.RetryAfter(err)
	return d
}
