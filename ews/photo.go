package ews

import (
	"context"
	"fmt"
	"io"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// PhotoSize is the size of a picture in pixels: each side of a square at most.
type PhotoSize int

// photoSizes are those Exchange makes.
var photoSizes = map[PhotoSize]string{48: "HR48x48", 64: "HR64x64", 96: "HR96x96", 120: "HR120x120", 240: "HR240x240", 360: "HR360x360",
	432: "HR432x432", 504: "HR504x504", 648: "HR648x648"}

// UserPhoto returns the picture of somebody of the organisation, a JPEG, streamed: the caller closes it. size is one of 48, 64, 96, 120, 240, 360,
// 432, 504 and 648; Exchange sends the nearest it has. Errors, also of Read: ErrNotFound where there is no picture. EWS: GetUserPhoto
// operation, of Exchange 2013.
func (m *Mailbox) UserPhoto(ctx context.Context, address string, size PhotoSize) (io.ReadCloser, error) {
	if bad := badAddress(address); bad != "" {
		return nil, fmt.Errorf("ews: UserPhoto: %s", bad)
	}
	name, ok := photoSizes[size]
	if !ok {
		return nil, fmt.Errorf("ews: UserPhoto: there is no size %d: take 48, 64, 96, 120, 240, 360, 432, 504 or 648", size)
	}
	found := false
	st, err := m.stream(ctx, &call{
		op: "GetUserPhoto",
		body: func(w *wire.Writer) error {
			w.Start("m:GetUserPhoto")
			w.Leaf("m:Email", address)
			w.Leaf("m:SizeRequested", name)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			found = false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if found = s.Local() == "PictureData"; found {
					return errHold
				}
				return nil
			})
		},
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, st.refuse(&Error{kind: ErrNotFound, what: "there is no picture of " + line(address)})
	}
	return st.Base64(), nil
}
