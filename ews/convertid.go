package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// IDFormat is a way to write the id of an item or folder.
type IDFormat string

// Formats that ConvertIDs knows.
const (
	EWSID       IDFormat = "EwsId"       // ItemID.ID and FolderID.ID
	EWSLegacyID IDFormat = "EwsLegacyId" // that of Exchange 2007 before SP1
	EntryID     IDFormat = "EntryId"     // MAPI's PR_ENTRYID in base64
	HexEntryID  IDFormat = "HexEntryId"  // MAPI's PR_ENTRYID in hexadecimal, as Outlook and its add-ins show it
	StoreID     IDFormat = "StoreId"     // that of the Exchange Management Shell's cmdlets
	OWAID       IDFormat = "OwaId"       // that in the addresses of Outlook on the web
)

// convertBatch is how many ids one request names. Converting is arithmetic on the id and looks nothing up.
const convertBatch = 200

// ConvertIDs writes ids of this mailbox in another format, and returns them in order; nothing else changes. Ids that cannot be converted
// are "" and in a *BatchError: ErrInvalidRequest, ErrNotFound. It needs the mailbox's address: Config.Mailbox for Client.Own.
// Not for ids of public folders or the archive.
//
// Moving to Microsoft Graph: it takes an EWSID in its translateExchangeIds call (sourceIdType "ewsId"), which returns Graph's own
// id ("restId"), or one that stays when the message is moved ("restImmutableEntryId"). So keep EWSIDs, and convert the ids of the
// other formats into them here while EWS is there. EWS: ConvertId operation.
func (m *Mailbox) ConvertIDs(ctx context.Context, from, to IDFormat, ids ...string) ([]string, error) {
	address, err := m.ownAddress("ConvertIDs")
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if id == "" {
			return nil, fmt.Errorf("ews: ConvertIDs: ids[%d]: the id is empty", i)
		}
	}
	formats := []IDFormat{EWSID, EWSLegacyID, EntryID, HexEntryID, StoreID, OWAID}
	if wrong := append(badChoice("from", from, formats...), badChoice("to", to, formats...)...); len(wrong) > 0 {
		return nil, errors.New("ews: ConvertIDs: " + strings.Join(wrong, "; "))
	}
	converted := make([]string, len(ids))
	failed := &BatchError{Op: "ConvertId", Total: len(ids)}
	for offset := 0; offset < len(ids); offset += convertBatch {
		part := ids[offset:min(offset+convertBatch, len(ids))]
		err := m.resend(ctx, "ConvertId", len(part), func(work []int) error {
			return m.convertOnce(ctx, address, from, to, pick(part, work), func(i int, id string) { converted[offset+work[i]] = id })
		})
		var b *BatchError
		if err != nil && !errors.As(err, &b) {
			return nil, err // nothing was changed: the caller asks for all of them again
		}
		if b != nil {
			for _, it := range b.Items {
				failed.Items = append(failed.Items, &ItemError{Index: offset + it.Index, ID: part[it.Index], Err: it.Err})
			}
		}
	}
	if len(failed.Items) > 0 {
		return converted, failed
	}
	return converted, nil
}

func (m *Mailbox) convertOnce(ctx context.Context, address string, from, to IDFormat, ids []string, done func(i int, id string)) error {
	return m.do(ctx, &call{
		op: "ConvertId",
		body: func(w *wire.Writer) error {
			w.Start("m:ConvertId", "DestinationFormat", string(to))
			w.Start("m:SourceIds")
			for _, id := range ids {
				w.Empty("t:AlternateId", "Format", string(from), "Id", id, "Mailbox", address)
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(ids), func(i int, s *wire.Scanner) error {
				if s.Local() == "AlternateId" && i < len(ids) {
					id, _ := s.Attr("Id")
					done(i, id)
				}
				return s.Err()
			})
		},
	})
}
