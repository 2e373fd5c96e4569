package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/ewsmail/ewsmail/ews"
)

const answerText = "Thank you, your message has arrived and is being looked at.\n\n(This answer was written by a program: ewsmail's mailfetch example.)\n"

// answer answers one of the fetched messages in its thread. With an error it returns the message that waits for an answer
// still, if it came to choosing one.
func (p *program) answer(ctx context.Context, mailbox *ews.Mailbox, fetched []*ews.Message) (waiting ews.ItemID, err error) {
	msg, err := p.choose(ctx, mailbox, fetched)
	if err != nil {
		return waiting, fmt.Errorf("answer: %w", err)
	}
	if msg == nil {
		p.say("nothing to answer: no message was written by a person who can be answered")
		return waiting, nil
	}
	// The marker is the message's own, so that a run that was interrupted before it could file the message away does not
	// answer it again.
	marker := "mailfetch " + msg.SearchKey
	if msg.SearchKey == "" {
		marker = "" // a random one
	} else if sent, err := mailbox.FindSent(ctx, nil, marker); err != nil {
		return msg.ID, fmt.Errorf("answer: %w", err)
	} else if !sent.IsZero() {
		p.say("already answered by an earlier run: %s", title(msg.Subject))
		return waiting, nil
	}
	if _, err := mailbox.Reply(ctx, msg.ID, &ews.Answer{Body: ews.Body{Text: answerText}, Marker: marker}); err != nil {
		return msg.ID, fmt.Errorf("answer %q: %w", title(msg.Subject), err)
	}
	p.report.Replied++
	p.say("answered %s: %s", oneLine(answerTo(msg).Email), title(msg.Subject))
	return waiting, nil
}

// candidates is how many messages' headers are read, at most, in search of one to answer.
const candidates = 100

// choose returns the newest message that continues a thread and may be answered, else the newest that may be, else nil.
func (p *program) choose(ctx context.Context, mailbox *ews.Mailbox, messages []*ews.Message) (*ews.Message, error) {
	read := 0
	for _, msg := range rank(messages, p.report.Mailbox) {
		if read++; read > candidates {
			break
		}
		// The headers decide. They were not asked for in the listing, because they are most of a message's description.
		full, err := mailbox.Message(ctx, msg.ID, &ews.Query{Detail: ews.WithoutBody, Headers: true})
		switch {
		case err != nil && (concernsOneMessage(err) || errors.Is(err, ews.ErrNotFound)):
			continue
		case err != nil:
			return nil, err
		case full.Automatic(p.report.Mailbox).MayReply(): // two programs that answer each other never stop
			return full, nil
		}
	}
	return nil, nil
}

// rank returns the messages that a person seems to have written, newest first, those of a thread before the others.
func rank(messages []*ews.Message, own string) []*ews.Message {
	var threads, others []*ews.Message
	for _, msg := range slices.Backward(messages) {
		switch {
		case !personal(msg, own):
		case msg.InReplyTo != "" || msg.References != "":
			threads = append(threads, msg)
		default:
			others = append(others, msg)
		}
	}
	return append(threads, others...)
}

func answerTo(msg *ews.Message) ews.Address {
	if len(msg.ReplyTo) > 0 {
		return msg.ReplyTo[0]
	}
	return msg.From
}

// personal reports whether the message can be answered at all, and not to a machine or to ourselves.
func personal(msg *ews.Message, own string) bool {
	to := answerTo(msg)
	if to.RoutingType == "EX" || strings.EqualFold(to.Email, own) || msg.Draft {
		return false
	}
	if _, err := mail.ParseAddress("<" + to.Email + ">"); err != nil || !msg.Automatic(own).MayReply() {
		return false
	}
	// Bounces and receipts, out-of-office texts, invitations, contacts: whatever is not an ordinary message.
	return strings.EqualFold(msg.Class, "IPM.Note") || strings.HasPrefix(strings.ToUpper(msg.Class), "IPM.NOTE.SMIME")
}
