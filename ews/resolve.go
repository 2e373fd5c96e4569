package ews

import (
	"context"
	"errors"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Recipient is an entry of the directory or of a contact folder.
type Recipient struct {
	Address

	// Type is what mail to it reaches: "Mailbox", "PublicDL" (a distribution list), "PrivateDL" (one of a contact folder),
	// "GroupMailbox", "PublicFolder", "Contact", "OneOff" (a bare address) or "Unknown".
	Type string

	Item ItemID // of the contact or private distribution list; zero for the directory
}

// Resolved is what a name stands for. The fields below Recipient are as complete as the directory is.
type Resolved struct {
	Recipient

	DisplayName   string
	GivenName     string
	Surname       string
	Alias         string // the mailbox's nickname
	Company       string
	Department    string
	JobTitle      string
	Office        string
	BusinessPhone string
	MobilePhone   string
	Emails        []string // all addresses, without "SMTP:" in front
	Source        string   // where it was found: "ActiveDirectory" or "Store"
}

// ResolveScope says where ResolveNames looks.
type ResolveScope int

// Places to look for a name.
const (
	ResolveDirectory ResolveScope = iota // the organisation's address book
	ResolveContacts                      // the mailbox's contact folder
	ResolveBoth                          // the directory, and the contacts for what is not there
)

// maxName is the longest name ResolveNames sends; nothing in a directory is longer.
const maxName = 1024

// ResolveNames finds whom a name stands for: the beginning of a name, an alias, an SMTP address, or an X.500 one (see SMTPAddresses for
// that). Nobody of that name is an empty list and no error. Exchange gives
// 100 matches at most; more reports that there are others, for which only a longer name helps.
//
// The contacts of a Shared mailbox need rights on its contact folder: ErrDenied or ErrNotFound where they are missing.
// EWS: ResolveNames operation.
func (m *Mailbox) ResolveNames(ctx context.Context, name string, where ResolveScope) (found []Resolved, more bool, err error) {
	switch {
	case name == "":
		return nil, false, errors.New("ews: ResolveNames: the name is empty")
	case len(name) > maxName:
		return nil, false, fmt.Errorf("ews: ResolveNames: the name has %d bytes: %d at most", len(name), maxName)
	}
	if err := unsendable("ResolveNames", "name", name); err != nil {
		return nil, false, err
	}
	var scope string
	switch where {
	case ResolveDirectory:
		scope = "ActiveDirectory"
	case ResolveContacts:
		scope = "Contacts"
	case ResolveBoth:
		scope = "ActiveDirectoryContacts"
	default:
		return nil, false, fmt.Errorf("ews: ResolveNames: there is no scope %d", where)
	}
	err = m.do(ctx, &call{
		op: "ResolveNames",
		body: func(w *wire.Writer) error {
			w.Start("m:ResolveNames", "ReturnFullContactData", "true", "SearchScope", scope)
			if m.shared != "" && where != ResolveDirectory { // without it, the contacts searched are the account's own
				w.Start("m:ParentFolderIds")
				FolderName("contacts").writeTo(w, m)
				w.End()
			}
			w.Leaf("m:UnresolvedEntry", name)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			found, more = nil, false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "ResolutionSet" {
					return nil
				}
				more = isPart(s)
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "Resolution" {
						found = append(found, readResolved(s))
					}
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, false, err
	}
	return found, more, nil
}

// isPart reports whether the current element says that there is more than it holds.
func isPart(s *wire.Scanner) bool {
	last, told := s.AttrBytes("IncludesLastItemInRange")
	return told && !boolean(last)
}

func readResolved(s *wire.Scanner) (r Resolved) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Mailbox":
			r.Recipient = readRecipient(s)
		case "Contact":
			for d := s.Depth(); s.Child(d); {
				r.contactField(s)
			}
		}
	}
	return r
}

func (r *Resolved) contactField(s *wire.Scanner) {
	switch s.Local() {
	case "DisplayName":
		r.DisplayName = s.Text()
	case "GivenName":
		r.GivenName = s.Text()
	case "Surname":
		r.Surname = s.Text()
	case "CompanyName":
		r.Company = s.Text()
	case "Department":
		r.Department = s.Text()
	case "JobTitle":
		r.JobTitle = s.Text()
	case "OfficeLocation":
		r.Office = s.Text()
	case "Alias":
		r.Alias = s.Text()
	case "ContactSource":
		r.Source = s.Text()
	case "EmailAddresses":
		for d := s.Depth(); s.Child(d); {
			if e := s.Text(); e != "" {
				r.Emails = append(r.Emails, plainAddress(e))
			}
		}
	case "PhoneNumbers":
		for d := s.Depth(); s.Child(d); {
			switch key, _ := s.Attr("Key"); key {
			case "BusinessPhone":
				r.BusinessPhone = s.Text()
			case "MobilePhone":
				r.MobilePhone = s.Text()
			}
		}
	}
}

// plainAddress takes the "SMTP:" or "smtp:" away that the directory puts in front of addresses.
func plainAddress(a string) string {
	if len(a) > 5 && (a[:5] == "SMTP:" || a[:5] == "smtp:") {
		return a[5:]
	}
	return a
}

// readRecipient reads a Mailbox element. EWS: EmailAddressType.
func readRecipient(s *wire.Scanner) (r Recipient) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Name":
			r.Name = s.Text()
		case "EmailAddress":
			r.Email = s.Text()
		case "RoutingType":
			r.RoutingType = routingType(s.TextBytes())
		case "MailboxType":
			r.Type = s.Text()
		case "ItemId":
			r.Item = itemID(s)
		}
	}
	return r
}
