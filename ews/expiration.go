package ews

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// neverYear is the year of the dates by which Exchange says "never".
const neverYear = 9999

// PasswordExpiration returns when the password of the mailbox's account expires; the zero time means never. Errors: ErrDenied for somebody
// else's mailbox. EWS: GetPasswordExpirationDate operation.
func (m *Mailbox) PasswordExpiration(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := m.do(ctx, &call{
		op: "GetPasswordExpirationDate",
		body: func(w *wire.Writer) error {
			w.Start("m:GetPasswordExpirationDate")
			if address := m.anchor(); address != "" { // without it, Exchange tells of the account itself
				w.Leaf("m:MailboxSmtpAddress", address)
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			at = time.Time{}
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "PasswordExpirationDate" {
					at = dateTime(s.TextBytes())
				}
				return s.Err()
			})
		},
	})
	if err == nil && at.IsZero() { // no date is no "never"
		err = &Error{Op: "GetPasswordExpirationDate", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no date"}
	}
	if err != nil || at.Year() >= neverYear {
		return time.Time{}, err
	}
	return at, nil
}
