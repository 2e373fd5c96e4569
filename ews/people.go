package ews

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Person is somebody of the directory or the contacts: what Outlook makes of all entries about one human being.
type Person struct {
	ID          ItemID // for Mailbox.Person; no item
	Type        string // "Person", "DistributionList", "Room", "Place", "ModernGroup" or "Unknown"
	DisplayName string
	GivenName   string
	Surname     string
	Company     string
	Department  string
	Title       string
	Office      string
	IMAddress   string
	Email       Address   // the usual one
	Emails      []Address // all
	Phones      []Phone
	Created     time.Time
}

// Phone is a telephone number.
type Phone struct {
	Kind   string // "Business", "Mobile", "Home" ... of a Person; "BusinessPhone", "MobilePhone" ... of a Contact
	Number string
}

// PeopleQuery says where FindPeople looks. The zero value, and nil, is the mailbox's contacts and whom it writes to.
type PeopleQuery struct {
	// Folder is a contact folder, or FolderName("directory") for the organisation's directory. nil: what Outlook suggests.
	Folder FolderRef

	// Limit ends the list after so many. 0: all.
	Limit int
}

// peoplePage is how many are asked for at a time.
const peoplePage = 100

// personFields are what FindPeople shows of each.
var personFields = []string{"persona:PersonaId", "persona:PersonaType", "persona:CreationTime", "persona:DisplayName", "persona:GivenName",
	"persona:Surname", "persona:Title", "persona:CompanyName", "persona:EmailAddress", "persona:EmailAddresses",
	"persona:PhoneNumber", "persona:ImAddress"}

// FindPeople lists people whose name or address begins with the words of text; q may be nil. Text may be empty with a contact folder only.
// The last pair carries the error. Exchange Online and Exchange 2013 know it; the directory is searched by text, not listed.
// EWS: FindPeople operation.
func (m *Mailbox) FindPeople(ctx context.Context, text string, q *PeopleQuery) iter.Seq2[*Person, error] {
	var query PeopleQuery
	if q != nil {
		query = *q
	}
	return func(yield func(*Person, error) bool) {
		if text == "" && query.Folder == nil {
			yield(nil, errors.New("ews: FindPeople: needs a text or PeopleQuery.Folder"))
			return
		}
		if err := unsendable("FindPeople", "text", text); err != nil {
			yield(nil, err)
			return
		}
		var before ItemID
		for given := 0; ; {
			size := peoplePage
			if query.Limit > 0 {
				size = min(size, query.Limit-given)
			}
			page, total, err := m.peoplePage(ctx, text, query.Folder, given, size)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && page[0].ID == before {
				yield(nil, &Error{Op: "FindPeople", Mailbox: m.Address(), kind: ErrBadResponse, what: "the server repeats a page instead of going on"})
				return
			}
			for i := range page[:min(len(page), size)] {
				if !yield(&page[i], nil) {
					return
				}
			}
			if len(page) > 0 {
				before = page[0].ID
			}
			given += len(page)
			short := len(page) < size && given >= total // the total is 0 where it is not known
			if len(page) == 0 || short || query.Limit > 0 && given >= query.Limit {
				return
			}
		}
	}
}

func (m *Mailbox) peoplePage(ctx context.Context, text string, f FolderRef, offset, size int) (page []Person, total int, err error) {
	err = m.do(ctx, &call{
		op: "FindPeople",
		body: func(w *wire.Writer) error {
			w.Start("m:FindPeople")
			w.Start("m:PersonaShape")
			w.Leaf("t:BaseShape", "IdOnly")
			w.Start("t:AdditionalProperties")
			for _, field := range personFields {
				w.Empty("t:FieldURI", "FieldURI", field)
			}
			w.End()
			w.End()
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", itoa(size), "Offset", itoa(offset), "BasePoint", "Beginning")
			if f != nil {
				w.Start("m:ParentFolderId")
				f.writeTo(w, m)
				w.End()
			}
			if text != "" {
				w.Leaf("m:QueryString", text)
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			page, total = nil, 0
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "People":
					for d := s.Depth(); s.Child(d); {
						grow(s, &page, readPerson(s))
					}
				case "TotalNumberOfPeopleInView":
					total = int(integer(s.TextBytes()))
				}
				return s.Err()
			})
		},
	})
	return page, total, err
}

// Person reads all that is known of a person that FindPeople found. Errors: ErrNotFound, ErrInvalidRequest. EWS: GetPersona operation.
func (m *Mailbox) Person(ctx context.Context, id ItemID) (*Person, error) {
	if id.IsZero() {
		return nil, errors.New("ews: Person: the id is empty")
	}
	var p *Person
	err := m.do(ctx, &call{
		op: "GetPersona",
		body: func(w *wire.Writer) error {
			w.Start("m:GetPersona")
			writeID(w, "m:PersonaId", id.ID, id.ChangeKey)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			p = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "Persona" {
					p = new(readPerson(s))
				}
				return s.Err()
			})
		},
	})
	if err == nil && p == nil {
		err = &Error{Op: "GetPersona", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer holds no person"}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func readPerson(s *wire.Scanner) (p Person) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "PersonaId":
			p.ID = itemID(s)
		case "PersonaType":
			p.Type = s.Text()
		case "CreationTime":
			p.Created = dateTime(s.TextBytes())
		case "DisplayName":
			p.DisplayName = s.Text()
		case "GivenName":
			p.GivenName = s.Text()
		case "Surname":
			p.Surname = s.Text()
		case "Title":
			p.Title = s.Text()
		case "Department":
			p.Department = s.Text()
		case "CompanyName":
			p.Company = s.Text()
		case "Location":
			p.Office = s.Text()
		case "ImAddress":
			p.IMAddress = s.Text()
		case "EmailAddress":
			p.Email = readRecipient(s).Address
		case "EmailAddresses":
			p.Emails = readAddressList(s)
		case "Emails1", "Emails2", "Emails3":
			for d := s.Depth(); s.Child(d); { // EmailAddressAttributedValue
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "Value" {
						p.addEmail(readRecipient(s).Address)
					}
				}
			}
		case "PhoneNumber":
			p.addPhone(s)
		case "BusinessPhoneNumbers", "BusinessPhoneNumbers2", "HomePhones", "HomePhones2", "MobilePhones", "MobilePhones2", "OtherTelephones",
			"AssistantPhoneNumbers", "OrganizationMainPhones", "CallbackPhones", "CarPhones", "OtherPhones2", "Pagers":
			for d := s.Depth(); s.Child(d); { // PhoneNumberAttributedValue
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "Value" {
						p.addPhone(s)
					}
				}
			}
		}
	}
	return p
}

func (p *Person) addEmail(a Address) {
	if !slices.Contains(p.Emails, a) && a.Email != "" && len(p.Emails) < maxPhones {
		p.Emails = append(p.Emails, a)
	}
}

// addPhone reads an element of PersonaPhoneNumberType, unless it repeats one.
func (p *Person) addPhone(s *wire.Scanner) {
	var phone Phone
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Number":
			phone.Number = s.Text()
		case "Type":
			phone.Kind = s.Text()
		}
	}
	for _, have := range p.Phones {
		if have.Number == phone.Number {
			return
		}
	}
	if phone.Number != "" && len(p.Phones) < maxPhones {
		p.Phones = append(p.Phones, phone)
	}
}

// maxPhones bounds what is kept of a person's numbers, and addresses; the directory has about 20 kinds.
const maxPhones = 100
