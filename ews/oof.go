package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// OutOfOffice are a mailbox's automatic replies. Exchange sends them once to each sender.
type OutOfOffice struct {
	State    OutOfOfficeState
	Audience OutOfOfficeAudience // who of the senders outside the organisation gets External
	Start    time.Time           // of OutOfOfficeScheduled; Exchange may keep and tell older times while it is on or off
	End      time.Time
	Internal string // the reply within the organisation: text, or HTML, which is what Exchange makes of it
	External string // the reply to others

	// Allowed is the widest Audience that the organisation lets through. It is only read.
	Allowed OutOfOfficeAudience
}

// OutOfOfficeState says when automatic replies are sent.
type OutOfOfficeState int

// The zero state sends none.
const (
	OutOfOfficeOff       OutOfOfficeState = iota
	OutOfOfficeOn                         // until it is switched off
	OutOfOfficeScheduled                  // from Start to End
)

// OutOfOfficeAudience says who outside the organisation gets automatic replies.
type OutOfOfficeAudience int

// The zero audience is nobody.
const (
	NobodyOutside OutOfOfficeAudience = iota
	KnownOutside                      // the senders among the mailbox's contacts
	AllOutside
)

var (
	oofStates    = [...]string{OutOfOfficeOff: "Disabled", OutOfOfficeOn: "Enabled", OutOfOfficeScheduled: "Scheduled"}
	oofAudiences = [...]string{NobodyOutside: "None", KnownOutside: "Known", AllOutside: "All"}
)

// OutOfOffice reads the mailbox's automatic replies. It needs the mailbox's address: Config.Mailbox for Client.Own. Exchange answers
// for the account's own and the impersonated mailbox, and for others only with full access. Errors: ErrNotFound for an unknown
// address, ErrDenied. EWS: GetUserOofSettings operation.
func (m *Mailbox) OutOfOffice(ctx context.Context) (*OutOfOffice, error) {
	address, err := m.ownAddress("OutOfOffice")
	if err != nil {
		return nil, err
	}
	var o *OutOfOffice
	err = m.do(ctx, &call{
		op: "GetUserOofSettings",
		body: func(w *wire.Writer) error {
			w.Start("m:GetUserOofSettingsRequest")
			writeOofMailbox(w, address)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			var settings OutOfOffice
			o = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "OofSettings":
					settings.read(s)
					o = &settings
				case "AllowExternalOof":
					settings.Allowed = oofAudience(s.Text())
				}
				return s.Err()
			})
		},
	})
	if err == nil && o == nil {
		err = &Error{Op: "GetUserOofSettings", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no settings"}
	}
	return o, err
}

// SetOutOfOffice replaces the mailbox's automatic replies, all of them: read them first to change one. Times are sent to the second.
// Errors: as OutOfOffice; ErrInvalidRequest for what Exchange finds wrong, such as an End that is past. EWS: SetUserOofSettings operation.
func (m *Mailbox) SetOutOfOffice(ctx context.Context, o *OutOfOffice) error {
	address, err := m.ownAddress("SetOutOfOffice")
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	return m.do(ctx, &call{
		op: "SetUserOofSettings",
		body: func(w *wire.Writer) error {
			w.Start("m:SetUserOofSettingsRequest")
			writeOofMailbox(w, address)
			o.write(w)
			w.End()
			return nil
		},
	})
}

func (o *OutOfOffice) check() error {
	switch {
	case o == nil:
		return errors.New("ews: SetOutOfOffice: the settings are nil")
	case o.State < 0 || int(o.State) >= len(oofStates):
		return fmt.Errorf("ews: OutOfOffice.State: there is no %d", o.State)
	case o.Audience < 0 || int(o.Audience) >= len(oofAudiences):
		return fmt.Errorf("ews: OutOfOffice.Audience: there is no %d", o.Audience)
	case o.State == OutOfOfficeScheduled && (o.Start.IsZero() || !o.Start.Before(o.End)):
		return errors.New("ews: OutOfOffice: Start and End must be set, Start first, for OutOfOfficeScheduled")
	}
	if bad := badTimes("Start", o.Start, "End", o.End); bad != "" && o.State == OutOfOfficeScheduled {
		return errors.New("ews: OutOfOffice: " + bad)
	}
	if wrong := badTexts("Internal", o.Internal, "External", o.External); len(wrong) > 0 {
		return errors.New("ews: OutOfOffice: " + strings.Join(wrong, "; "))
	}
	return nil
}

func (o *OutOfOffice) write(w *wire.Writer) {
	w.Start("t:UserOofSettings")
	w.Leaf("t:OofState", oofStates[o.State])
	w.Leaf("t:ExternalAudience", oofAudiences[o.Audience])
	if o.State == OutOfOfficeScheduled {
		w.Start("t:Duration")
		w.Leaf("t:StartTime", constantTime(o.Start))
		w.Leaf("t:EndTime", constantTime(o.End))
		w.End()
	}
	w.Start("t:InternalReply")
	w.Leaf("t:Message", o.Internal)
	w.End()
	w.Start("t:ExternalReply")
	w.Leaf("t:Message", o.External)
	w.End()
	w.End()
}

func (o *OutOfOffice) read(s *wire.Scanner) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "OofState":
			switch strings.TrimSpace(s.Text()) {
			case "Enabled":
				o.State = OutOfOfficeOn
			case "Scheduled":
				o.State = OutOfOfficeScheduled
			}
		case "ExternalAudience":
			o.Audience = oofAudience(s.Text())
		case "Duration":
			o.Start, o.End = readDuration(s)
		case "InternalReply":
			o.Internal = readReplyBody(s)
		case "ExternalReply":
			o.External = readReplyBody(s)
		}
	}
}

func oofAudience(text string) OutOfOfficeAudience {
	switch strings.TrimSpace(text) {
	case "Known":
		return KnownOutside
	case "All":
		return AllOutside
	}
	return NobodyOutside
}

// readDuration reads a t:Duration.
func readDuration(s *wire.Scanner) (start, end time.Time) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "StartTime":
			start = dateTime(s.TextBytes())
		case "EndTime":
			end = dateTime(s.TextBytes())
		}
	}
	return start, end
}

// readReplyBody reads the Message of a t:ReplyBody.
func readReplyBody(s *wire.Scanner) (text string) {
	for d := s.Depth(); s.Child(d); {
		if s.Local() == "Message" {
			text = s.Text()
		}
	}
	return text
}

func writeOofMailbox(w *wire.Writer, address string) {
	w.Start("t:Mailbox")
	w.Leaf("t:Address", address)
	w.End()
}

// ownAddress is the mailbox's address, for the operations that name the mailbox by it.
func (m *Mailbox) ownAddress(method string) (string, error) {
	if m.err != nil {
		return "", m.err
	}
	address := m.Address()
	switch {
	case address == "":
		return "", fmt.Errorf("ews: %s: needs the mailbox's address: set Config.Mailbox", method)
	case m.act.kind == "SID":
		return "", fmt.Errorf("ews: %s: needs the mailbox's address, not a security identifier: use Impersonate", method)
	}
	return address, nil
}
