package ews

import (
	"context"
	"errors"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// ExpandDL returns the direct members of a distribution list of the directory, by its SMTP address. Lists among them have Type
// "PublicDL" and are expanded by another call; mind that lists may hold each other. more reports that Exchange gave only the
// first of many members; there is no way to ask for the rest.
//
// Errors: ErrNotFound, also for an address that is no distribution list and for a list whose members are hidden.
// EWS: ExpandDL operation.
func (m *Mailbox) ExpandDL(ctx context.Context, address string) (members []Recipient, more bool, err error) {
	if bad := badAddress(address); bad != "" {
		return nil, false, fmt.Errorf("ews: ExpandDL: %s", bad)
	}
	return m.expand(ctx, func(w *wire.Writer) { w.Leaf("t:EmailAddress", address) })
}

// ExpandPrivateDL is ExpandDL for a distribution list of a contact folder: Recipient.Item of one with Type "PrivateDL".
// EWS: ExpandDL operation.
func (m *Mailbox) ExpandPrivateDL(ctx context.Context, id ItemID) (members []Recipient, more bool, err error) {
	if id.IsZero() {
		return nil, false, errors.New("ews: ExpandPrivateDL: the id is empty")
	}
	return m.expand(ctx, func(w *wire.Writer) { writeID(w, "t:ItemId", id.ID, id.ChangeKey) })
}

func (m *Mailbox) expand(ctx context.Context, list func(w *wire.Writer)) (members []Recipient, more bool, err error) {
	found := false
	err = m.do(ctx, &call{
		op: "ExpandDL",
		body: func(w *wire.Writer) error {
			w.Start("m:ExpandDL")
			w.Start("m:Mailbox")
			list(w)
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			members, more, found = nil, false, false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "DLExpansion" {
					return nil
				}
				found, more = true, isPart(s)
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "Mailbox" {
						members = append(members, readRecipient(s))
					}
				}
				return s.Err()
			})
		},
	})
	if err == nil && !found { // ErrorNameResolutionNoResults, which is an answer to ResolveNames only
		err = &Error{Op: "ExpandDL", Mailbox: m.Address(), kind: ErrNotFound, what: "there is no such distribution list"}
	}
	if err != nil {
		return nil, false, err
	}
	return members, more, nil
}
