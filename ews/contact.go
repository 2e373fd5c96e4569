package ews

import (
	"context"
	"iter"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Contact is somebody in a contact folder, or a distribution list kept there.
type Contact struct {
	Item

	DisplayName string
	FileAs      string // what it is sorted by
	GivenName   string
	MiddleName  string
	Surname     string
	Nickname    string
	Company     string
	Department  string
	JobTitle    string
	Office      string
	Manager     string
	Homepage    string
	Birthday    time.Time // UTC; midnight in the zone it was entered in
	Emails      []Address // up to three, in their order
	Phones      []Phone   // Kind is EWS's name: "BusinessPhone", "MobilePhone", "HomePhone" ...
	IM          []string
	Addresses   []PostalAddress

	// List says that this is a distribution list, of which Members are the entries; Mailbox.ExpandPrivateDL resolves those that stand for
	// other contacts.
	List    bool
	Members []Recipient
}

// PostalAddress is where a contact lives or works.
type PostalAddress struct {
	Kind       string // "Business", "Home" or "Other"
	Street     string
	City       string
	State      string
	PostalCode string
	Country    string
}

var phoneKinds = []string{"AssistantPhone", "BusinessFax", "BusinessPhone", "BusinessPhone2", "Callback", "CarPhone", "CompanyMainPhone",
	"HomeFax", "HomePhone", "HomePhone2", "Isdn", "MobilePhone", "OtherFax", "OtherTelephone", "Pager", "PrimaryPhone", "RadioPhone", "Telex", "TtyTddPhone"}

var addressKinds = []string{"Business", "Home", "Other"}

var contacts = kindOf[Contact]{
	name: "contact", elements: []string{"Contact", "DistributionList"},
	shape: &shape{
		find: []string{"contacts:DisplayName", "contacts:FileAs", "contacts:GivenName", "contacts:MiddleName", "contacts:Surname", "contacts:Nickname",
			"contacts:CompanyName", "contacts:Department", "contacts:JobTitle", "contacts:OfficeLocation", "contacts:Manager", "contacts:BusinessHomePage",
			"contacts:Birthday"},
		get: []string{"distributionlist:Members"},
		indexed: []indexedField{
			{"contacts:EmailAddress", []string{"EmailAddress1", "EmailAddress2", "EmailAddress3"}},
			{"contacts:PhoneNumber", phoneKinds},
			{"contacts:ImAddress", []string{"ImAddress1", "ImAddress2", "ImAddress3"}},
			{"contacts:PhysicalAddress:Street", addressKinds},
			{"contacts:PhysicalAddress:City", addressKinds},
			{"contacts:PhysicalAddress:State", addressKinds},
			{"contacts:PhysicalAddress:CountryOrRegion", addressKinds},
			{"contacts:PhysicalAddress:PostalCode", addressKinds},
		},
	},
	item:  func(c *Contact) *Item { return &c.Item },
	field: (*Contact).field,
	begin: func(c *Contact, element string) { c.List = element == "DistributionList" },
}

// Contact reads one contact. o may be nil; Summary counts as WithoutBody. Errors: ErrNotFound, ErrDenied, ErrInvalidRequest for the id of
// something else. EWS: GetItem.
func (m *Mailbox) Contact(ctx context.Context, id ItemID, o *ItemOptions) (*Contact, error) {
	return one(ctx, m, &contacts, id, o)
}

// Contacts lists a contact folder, nil meaning the mailbox's Contacts, newest first. o may be nil; Summary counts as WithoutBody. A pair with
// both a Contact and an error is about that one alone; a pair without a Contact is the last one. Errors: ErrNotFound for the folder,
// ErrDenied. EWS: FindItem, GetItem.
func (m *Mailbox) Contacts(ctx context.Context, f FolderRef, o *ItemOptions) iter.Seq2[*Contact, error] {
	if f == nil {
		f = Contacts
	}
	return items(ctx, m, &contacts, f, o)
}

func (c *Contact) field(s *wire.Scanner) {
	switch s.Local() {
	case "DisplayName":
		c.DisplayName = s.Text()
	case "FileAs":
		c.FileAs = s.Text()
	case "GivenName":
		c.GivenName = s.Text()
	case "MiddleName":
		c.MiddleName = s.Text()
	case "Surname":
		c.Surname = s.Text()
	case "Nickname":
		c.Nickname = s.Text()
	case "CompanyName":
		c.Company = s.Text()
	case "Department":
		c.Department = s.Text()
	case "JobTitle":
		c.JobTitle = s.Text()
	case "OfficeLocation":
		c.Office = s.Text()
	case "Manager":
		c.Manager = s.Text()
	case "BusinessHomePage":
		c.Homepage = s.Text()
	case "Birthday":
		c.Birthday = dateTime(s.TextBytes())
	case "EmailAddresses":
		for d := s.Depth(); s.Child(d); {
			if a := readEmailEntry(s); a.Email != "" {
				grow(s, &c.Emails, a)
			}
		}
	case "PhoneNumbers":
		for d := s.Depth(); s.Child(d); {
			key, _ := s.Attr("Key")
			if number := s.Text(); number != "" {
				grow(s, &c.Phones, Phone{key, number})
			}
		}
	case "ImAddresses":
		for d := s.Depth(); s.Child(d); {
			if a := s.Text(); a != "" {
				grow(s, &c.IM, a)
			}
		}
	case "PhysicalAddresses":
		for d := s.Depth(); s.Child(d); {
			if a := readPostalAddress(s); a != (PostalAddress{Kind: a.Kind}) {
				grow(s, &c.Addresses, a)
			}
		}
	case "Members":
		for d := s.Depth(); s.Child(d); {
			for d := s.Depth(); s.Child(d); {
				if s.Local() == "Mailbox" {
					grow(s, &c.Members, readRecipient(s))
				}
			}
		}
	}
}

// readEmailEntry reads an entry of a contact's addresses. EWS: EmailAddressDictionaryEntryType.
func readEmailEntry(s *wire.Scanner) (a Address) {
	a.Name, _ = s.Attr("Name")
	kind, _ := s.AttrBytes("RoutingType")
	a.RoutingType = routingType(kind)
	a.Email = plainAddress(s.Text())
	return a
}

func readPostalAddress(s *wire.Scanner) (a PostalAddress) {
	a.Kind, _ = s.Attr("Key")
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Street":
			a.Street = s.Text()
		case "City":
			a.City = s.Text()
		case "State":
			a.State = s.Text()
		case "PostalCode":
			a.PostalCode = s.Text()
		case "CountryOrRegion":
			a.Country = s.Text()
		}
	}
	return a
}
