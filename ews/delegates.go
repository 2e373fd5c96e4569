package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Delegate is somebody who acts for the mailbox's owner.
type Delegate struct {
	User Address // by Email
	SID  string  // security identifier; only read

	// What the delegate may do in the owner's folders: "None", "Reviewer" (read), "Author" (read and create), "Editor" (change all) or
	// "Custom", which is only read. "": leave it as it is.
	Calendar, Tasks, Inbox, Contacts, Notes, Journal string

	CopiesOfMeetings bool // gets copies of meeting requests and answers; needs "Editor" on Calendar
	ViewPrivate      bool // sees items marked private
}

// MeetingDelivery says who gets the meeting requests meant for the owner of a mailbox with delegates.
type MeetingDelivery string

// The ways to deliver them.
const (
	DelegatesOnly        MeetingDelivery = "DelegatesOnly"
	DelegatesAndOwner    MeetingDelivery = "DelegatesAndMe"
	DelegatesInformOwner MeetingDelivery = "DelegatesAndSendInformationToMe" // the owner cannot answer them
	NoDelegates          MeetingDelivery = "NoForward"
)

// Delegates reads the mailbox's delegates, or those of them with the given addresses; one who is none is in a *BatchError. It needs
// the mailbox's address: Config.Mailbox for Client.Own. Errors: ErrDenied, ErrNotFound. EWS: GetDelegate operation.
func (m *Mailbox) Delegates(ctx context.Context, users ...string) (list []Delegate, delivery MeetingDelivery, err error) {
	owner, err := m.delegator("Delegates", users)
	if err != nil {
		return nil, "", err
	}
	err = m.do(ctx, &call{
		op: "GetDelegate",
		body: func(w *wire.Writer) error {
			w.Start("m:GetDelegate", "IncludePermissions", "true")
			writeDelegator(w, owner)
			writeUserIDs(w, users)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			list, delivery = nil, ""
			return readDelegates(s, &list, &delivery)
		},
	})
	var b *BatchError
	if err != nil && !errors.As(err, &b) {
		return nil, "", err
	}
	return list, delivery, err
}

// AddDelegates makes people delegates, by their addresses. delivery "" leaves it as it is. Those who failed are in a *BatchError:
// ErrExists for who is one already, ErrInvalidRequest for who is unknown. It is not repeated after a lost answer (MaybeApplied).
// EWS: AddDelegate operation.
func (m *Mailbox) AddDelegates(ctx context.Context, delivery MeetingDelivery, list ...Delegate) error {
	if len(list) == 0 {
		return errors.New("ews: AddDelegates: the list is empty")
	}
	return m.changeDelegates(ctx, "AddDelegate", delivery, list)
}

// UpdateDelegates changes what delegates may do, and delivery unless it is "". Those who failed are in a *BatchError: ErrDenied with
// ErrorNotDelegate for who is none. EWS: UpdateDelegate operation.
func (m *Mailbox) UpdateDelegates(ctx context.Context, delivery MeetingDelivery, list ...Delegate) error {
	if len(list) == 0 && delivery == "" {
		return errors.New("ews: UpdateDelegates: there is nothing to change")
	}
	return m.changeDelegates(ctx, "UpdateDelegate", delivery, list)
}

// RemoveDelegates ends that people are delegates, by their addresses. Those who failed are in a *BatchError: ErrDenied with
// ErrorNotDelegate for who is none. EWS: RemoveDelegate operation.
func (m *Mailbox) RemoveDelegates(ctx context.Context, users ...string) error {
	owner, err := m.delegator("RemoveDelegates", users)
	if err == nil && len(users) == 0 {
		err = errors.New("ews: RemoveDelegates: the list is empty")
	}
	if err != nil {
		return err
	}
	return m.do(ctx, &call{
		op:   "RemoveDelegate",
		once: true, // a second one is told that there is none
		body: func(w *wire.Writer) error {
			w.Start("m:RemoveDelegate")
			writeDelegator(w, owner)
			writeUserIDs(w, users)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readHeadedBatch(s, len(users), nil) },
	})
}

func (m *Mailbox) changeDelegates(ctx context.Context, op string, delivery MeetingDelivery, list []Delegate) error {
	users := make([]string, len(list))
	for i, d := range list {
		users[i] = d.User.Email
	}
	owner, err := m.delegator(op, users)
	if err != nil {
		return err
	}
	if wrong := badDelegates(delivery, list); len(wrong) > 0 {
		return fmt.Errorf("ews: %s: %s", op, strings.Join(wrong, "; "))
	}
	return m.do(ctx, &call{
		op:   op,
		once: op == "AddDelegate", // a second one is told that they are delegates already
		body: func(w *wire.Writer) error {
			w.Start("m:" + op)
			writeDelegator(w, owner)
			if len(list) > 0 {
				w.Start("m:DelegateUsers")
				for i := range list {
					list[i].write(w)
				}
				w.End()
			}
			if delivery != "" {
				w.Leaf("m:DeliverMeetingRequests", string(delivery))
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			if len(list) == 0 {
				return readResponses(s, nil)
			}
			return readHeadedBatch(s, len(list), nil)
		},
	})
}

// badDelegates names what EWS's schema does not have.
func badDelegates(delivery MeetingDelivery, list []Delegate) (wrong []string) {
	if delivery != "" {
		wrong = badChoice("delivery", delivery, DelegatesOnly, DelegatesAndOwner, DelegatesInformOwner, NoDelegates)
	}
	for i := range list {
		for _, p := range list[i].levels() {
			level := *p.at.(*string)
			field := fmt.Sprintf("list[%d].%s", i, strings.TrimSuffix(p.element, "FolderPermissionLevel"))
			switch level {
			case "":
			case "Custom":
				wrong = append(wrong, field+`: "Custom" is only read: to leave it as it is, set ""`)
			default:
				wrong = append(wrong, badChoice(field, level, "None", "Reviewer", "Author", "Editor")...)
			}
		}
	}
	return wrong
}

// delegator is the address of the mailbox whose delegates are meant.
func (m *Mailbox) delegator(method string, users []string) (string, error) {
	for i, u := range users {
		if bad := badAddress(u); bad != "" {
			return "", fmt.Errorf("ews: %s: users[%d]: %s", method, i, bad)
		}
	}
	return m.ownAddress(method)
}

func writeDelegator(w *wire.Writer, owner string) {
	w.Start("m:Mailbox")
	w.Leaf("t:EmailAddress", owner)
	w.End()
}

func writeUserIDs(w *wire.Writer, users []string) {
	if len(users) == 0 {
		return
	}
	w.Start("m:UserIds")
	for _, u := range users {
		writeUserID(w, u)
	}
	w.End()
}

func writeUserID(w *wire.Writer, user string) {
	w.Start("t:UserId")
	w.Leaf("t:PrimarySmtpAddress", user)
	w.End()
}

// levels are the permission elements, in the schema's order.
func (d *Delegate) levels() []rulePart {
	return []rulePart{
		{"CalendarFolderPermissionLevel", &d.Calendar}, {"TasksFolderPermissionLevel", &d.Tasks}, {"InboxFolderPermissionLevel", &d.Inbox},
		{"ContactsFolderPermissionLevel", &d.Contacts}, {"NotesFolderPermissionLevel", &d.Notes}, {"JournalFolderPermissionLevel", &d.Journal},
	}
}

func (d *Delegate) write(w *wire.Writer) {
	w.Start("t:DelegateUser")
	writeUserID(w, d.User.Email)
	writeRuleParts(w, nil, "t:DelegatePermissions", d.levels())
	w.Leaf("t:ReceiveCopiesOfMeetingMessages", trueFalse(d.CopiesOfMeetings))
	w.Leaf("t:ViewPrivateItems", trueFalse(d.ViewPrivate))
	w.End()
}

// readDelegates reads the answer to GetDelegate: a response message itself, with one for each delegate in it.
func readDelegates(s *wire.Scanner, list *[]Delegate, delivery *MeetingDelivery) error {
	head := responseMessage{class: classAttr(s)}
	told := head.class != ""
	b := &BatchError{}
	for d := s.Depth(); s.Child(d); {
		switch {
		case head.field(s):
			told = true
		case s.Local() == "DeliverMeetingRequests":
			*delivery = MeetingDelivery(strings.TrimSpace(s.Text()))
		case s.Local() == "ResponseMessages":
			for d := s.Depth(); s.Child(d); b.Total++ {
				told = true
				e, err := readResponseMessage(s, b.Total, func(_ int, s *wire.Scanner) error {
					if s.Local() == "DelegateUser" {
						grow(s, list, readDelegate(s))
					}
					return s.Err()
				})
				if err != nil {
					return err
				}
				if e != nil {
					grow(s, &b.Items, &ItemError{Index: b.Total, Err: e})
				}
			}
		}
	}
	switch e := head.err(); {
	case s.Err() != nil:
		return s.Err()
	case e != nil:
		return e
	case !told:
		return &Error{kind: ErrBadResponse, what: "the answer is empty: it neither confirms nor refuses"}
	case len(b.Items) > 0:
		return b
	}
	return nil
}

func readDelegate(s *wire.Scanner) (out Delegate) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "UserId":
			out.User.RoutingType = "SMTP"
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "SID":
					out.SID = s.Text()
				case "PrimarySmtpAddress":
					out.User.Email = s.Text()
				case "DisplayName":
					out.User.Name = s.Text()
				}
			}
		case "DelegatePermissions":
			readRuleParts(s, out.levels())
		case "ReceiveCopiesOfMeetingMessages":
			out.CopiesOfMeetings = boolean(s.TextBytes())
		case "ViewPrivateItems":
			out.ViewPrivate = boolean(s.TextBytes())
		}
	}
	return out
}
