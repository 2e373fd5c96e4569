package ews

import (
	"context"
	"errors"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// SendOptions say how Mailbox.SendDraft sends. nil and the zero value are the usual.
type SendOptions struct {
	// SentFolder, Marker and BeforeSend are as in Draft. Marker "" is the one that the draft has from CreateDraft; a draft without,
	// made in Outlook say, gets one.
	SentFolder FolderRef
	Marker     string
	BeforeSend func(ctx context.Context, draft ItemID) error
}

// SendDraft sends a message that lies in Drafts, whoever made it. Whether it was sent is settled as by Send, but a draft that was not
// sent stays where it is.
//
// With a ChangeKey that version is sent and no other: what somebody has changed since then is ErrConflict, and not sent. Without, the
// version of the moment is sent. Errors: ErrNotFound, also for what has been sent already; ErrConflict; and those of Send.
// EWS: SendItem, with GetItem and UpdateItem for the marker.
func (m *Mailbox) SendDraft(ctx context.Context, draft ItemID, o *SendOptions) (*Sent, error) {
	if draft.IsZero() {
		return nil, errors.New("ews: SendDraft: the id is empty")
	}
	if o == nil {
		o = new(SendOptions)
	}
	wrong := badTexts("the id", draft.ID, "its ChangeKey", draft.ChangeKey, "the marker", o.Marker)
	if wrong = append(wrong, badFolder("SentFolder", o.SentFolder)...); len(wrong) > 0 {
		return nil, errors.New("ews: SendDraft: " + strings.Join(wrong, "; "))
	}
	marker, now, err := m.markerOf(ctx, draft)
	if err != nil {
		return nil, err
	}
	if draft.ChangeKey == "" {
		draft = now
	}
	p := &sending{sent: o.SentFolder, marker: o.Marker, before: o.BeforeSend, keep: true}
	if p.marker == "" {
		p.marker = marker
	}
	if p.marker == "" {
		p.marker = newMarker()
	}
	if p.marker != marker {
		e := &edit{id: draft, firm: true}
		if err := single(m.settled(ctx, []*edit{e}, &Update{exact: true, Set: []PropertyValue{markerValue(p.marker)}})); err != nil {
			return nil, certain(err)
		}
		draft = e.done
	}
	return m.send(ctx, draft, p)
}

// markerOf reads an item's marker, "" if it has none, and its version. EWS: GetItem.
func (m *Mailbox) markerOf(ctx context.Context, id ItemID) (marker string, now ItemID, err error) {
	err = m.do(ctx, &call{
		op: "GetItem",
		body: func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			w.Start("t:AdditionalProperties")
			markerField(w)
			w.End()
			w.End()
			writeItemIDs(w, []ItemID{{ID: id.ID}})
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			marker, now = "", id
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "Items" {
					return nil
				}
				if d := s.Depth(); s.Child(d) {
					for d := s.Depth(); s.Child(d); {
						switch s.Local() {
						case "ItemId":
							now = itemID(s)
						case "ExtendedProperty":
							marker, _ = readProperty(s).Value.(string)
						}
					}
				}
				return s.Err()
			})
		},
	})
	return marker, now, err
}
