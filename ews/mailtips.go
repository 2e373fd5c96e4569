package ews

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// MailTip is what Exchange knows of a recipient before a message is sent. What it does not tell is zero; it tells little of
// recipients outside the organisation.
type MailTip struct {
	Recipient       Address
	OutOfOffice     string    // the automatic reply the sender would get, mostly HTML; "" for none
	AwayFrom        time.Time // the time OutOfOffice is sent, where that is scheduled
	AwayUntil       time.Time
	Custom          string // the administrator's hint, HTML
	TotalMembers    int    // of a distribution list, to any depth
	ExternalMembers int    // those of them outside the organisation
	MaxMessageSize  int64  // bytes
	MailboxFull     bool
	Restricted      bool // the sender may not write to it
	Moderated       bool // somebody must approve what is sent to it
	Invalid         bool // there is no such recipient

	// Pending are the tips that Exchange could not find out in time, by EWS's names ("OutOfOfficeMessage" ...); ask again.
	Pending []string
}

// MailTips asks what becomes of a message from this mailbox to recipients, in order: automatic replies, full mailboxes, large lists. A
// recipient that failed has a zero MailTip and is in a *BatchError. It needs the mailbox's address: Config.Mailbox for
// Client.Own. EWS: GetMailTips operation.
func (m *Mailbox) MailTips(ctx context.Context, recipients ...string) ([]MailTip, error) {
	sender, err := m.ownAddress("MailTips")
	if err != nil {
		return nil, err
	}
	ids := make([]ItemID, len(recipients)) // an address is what identifies the things of this batch
	for i, r := range recipients {
		if bad := badAddress(r); bad != "" {
			return nil, fmt.Errorf("ews: MailTips: recipients[%d]: %s", i, bad)
		}
		ids[i].ID = r
	}
	tips := make([]MailTip, len(recipients))
	err = inBatches("GetMailTips", ids, func(ids []ItemID, offset int) error {
		return m.resend(ctx, "GetMailTips", len(ids), func(work []int) error {
			return m.mailTipsOnce(ctx, sender, pick(ids, work), func(i int, tip MailTip) { tips[offset+work[i]] = tip })
		})
	})
	return tips, err
}

func (m *Mailbox) mailTipsOnce(ctx context.Context, sender string, recipients []ItemID, done func(i int, tip MailTip)) error {
	return m.do(ctx, &call{
		op: "GetMailTips",
		body: func(w *wire.Writer) error {
			w.Start("m:GetMailTips")
			w.Start("m:SendingAs")
			w.Leaf("t:EmailAddress", sender)
			w.End()
			w.Start("m:Recipients")
			for _, r := range recipients {
				writeAddress(w, Address{Email: r.ID})
			}
			w.End()
			w.Leaf("m:MailTipsRequested", "All")
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readHeadedBatch(s, len(recipients), func(i int, s *wire.Scanner) error {
				if s.Local() == "MailTips" && i < len(recipients) {
					done(i, readMailTip(s))
				}
				return s.Err()
			})
		},
	})
}

// readHeadedBatch is readBatch for operations whose response is a response message itself and holds one for each thing asked for: GetMailTips,
// those on delegates, GetServiceConfiguration.
func readHeadedBatch(s *wire.Scanner, n int, each func(i int, s *wire.Scanner) error) error {
	head := responseMessage{class: classAttr(s)}
	batch := error(&Error{kind: ErrBadResponse, what: "the answer says nothing about what was asked for"})
	for d := s.Depth(); s.Child(d); {
		if s.Local() == "ResponseMessages" {
			batch = readBatchMessages(s, n, each)
		} else {
			head.field(s)
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if e := head.err(); e != nil {
		return e
	}
	return batch
}

func readBatchMessages(s *wire.Scanner, n int, each func(i int, s *wire.Scanner) error) error {
	b := &BatchError{Total: n}
	i := 0
	for d := s.Depth(); s.Child(d); i++ {
		if i >= n {
			return &Error{kind: ErrBadResponse, what: "the answer has more response messages than were asked for"}
		}
		e, err := readResponseMessage(s, i, each)
		if err != nil {
			return err
		}
		if e != nil {
			b.Items = append(b.Items, &ItemError{Index: i, Err: e})
		}
	}
	for ; i < n; i++ {
		b.Items = append(b.Items, &ItemError{Index: i, Err: &Error{
			kind: ErrNotAttempted, what: "the answer says nothing about this one", verdict: verdictRetry}})
	}
	if len(b.Items) > 0 {
		return b
	}
	return nil
}

func readMailTip(s *wire.Scanner) (tip MailTip) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "RecipientAddress":
			tip.Recipient = readRecipient(s).Address
		case "PendingMailTips":
			tip.Pending = strings.Fields(s.Text())
		case "OutOfOffice":
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "ReplyBody":
					tip.OutOfOffice = readReplyBody(s)
				case "Duration":
					tip.AwayFrom, tip.AwayUntil = readDuration(s)
				}
			}
		case "MailboxFull":
			tip.MailboxFull = boolean(s.TextBytes())
		case "CustomMailTip":
			tip.Custom = s.Text()
		case "TotalMemberCount":
			tip.TotalMembers = int(integer(s.TextBytes()))
		case "ExternalMemberCount":
			tip.ExternalMembers = int(integer(s.TextBytes()))
		case "MaxMessageSize":
			tip.MaxMessageSize = integer(s.TextBytes())
		case "DeliveryRestricted":
			tip.Restricted = boolean(s.TextBytes())
		case "IsModerated":
			tip.Moderated = boolean(s.TextBytes())
		case "InvalidRecipient":
			tip.Invalid = boolean(s.TextBytes())
		}
	}
	return tip
}
