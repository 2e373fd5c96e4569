package ews

import (
	"context"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// RoomLists returns the organisation's lists of meeting rooms; Rooms tells what is in one. EWS: GetRoomLists operation.
func (m *Mailbox) RoomLists(ctx context.Context) ([]Recipient, error) {
	return m.rooms(ctx, "GetRoomLists", func(w *wire.Writer) { w.Empty("m:GetRoomLists") })
}

// Rooms returns the meeting rooms of a list, by the list's address. Errors: ErrNotFound. EWS: GetRooms operation.
func (m *Mailbox) Rooms(ctx context.Context, list string) ([]Recipient, error) {
	if bad := badAddress(list); bad != "" {
		return nil, fmt.Errorf("ews: Rooms: %s", bad)
	}
	return m.rooms(ctx, "GetRooms", func(w *wire.Writer) {
		w.Start("m:GetRooms")
		w.Start("m:RoomList")
		w.Leaf("t:EmailAddress", list)
		w.End()
		w.End()
	})
}

func (m *Mailbox) rooms(ctx context.Context, op string, write func(w *wire.Writer)) ([]Recipient, error) {
	var found []Recipient
	err := m.do(ctx, &call{
		op:   op,
		body: func(w *wire.Writer) error { write(w); return nil },
		read: func(s *wire.Scanner) error {
			found = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "RoomLists":
					for d := s.Depth(); s.Child(d); {
						grow(s, &found, readRecipient(s))
					}
				case "Rooms":
					for d := s.Depth(); s.Child(d); {
						for d := s.Depth(); s.Child(d); {
							if s.Local() == "Id" {
								grow(s, &found, readRecipient(s))
							}
						}
					}
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
