package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Permission is what one user, or everybody, may do in a folder. EWS: Permission element.
type Permission struct {
	User  Address // whom it is for; zero for Default and Anonymous
	SID   string  // the user's security identifier, where Exchange tells it
	Group string  // "Default" (everybody in the organisation) or "Anonymous"; "" for a user

	// Level is the role that Exchange Online and Outlook show: "None", "Owner", "PublishingEditor", "Editor", "PublishingAuthor", "Author",
	// "NoneditingAuthor", "Reviewer", "Contributor", or "Custom" for any other combination of the rights below; for a calendar also
	// "FreeBusyTimeOnly" and "FreeBusyTimeAndSubjectAndLocation".
	Level string

	CanCreateItems, CanCreateSubFolders bool
	Owner, Visible, Contact             bool   // IsFolderOwner, IsFolderVisible, IsFolderContact
	EditItems, DeleteItems              string // "None", "Owned" or "All"
	ReadItems                           string // "None" or "FullDetails"; for a calendar also "TimeOnly", "TimeAndSubjectAndLocation"
}

// Rights are what the account may do in a folder, all its permissions taken together. EWS: EffectiveRights element.
type Rights struct {
	CreateAssociated, CreateContents, CreateHierarchy, Delete, Modify, Read, ViewPrivateItems bool
}

// FolderPermissions are the permissions of a folder.
type FolderPermissions struct {
	Entries []Permission // nil where the account may not see them: that takes the folder's owner
	Unknown []string     // entries of users that the directory no longer knows
	Mine    Rights
}

// Permissions reads who may do what in a folder, and what this account may. Errors: ErrNotFound, also where the account may not see the
// folder, and ErrDenied. EWS: GetFolder with folder:PermissionSet and folder:EffectiveRights.
func (m *Mailbox) Permissions(ctx context.Context, f FolderRef) (*FolderPermissions, error) {
	var p *FolderPermissions
	err := m.getFolder(ctx, f, folderFields(fieldURI("folder:PermissionSet"), fieldURI("folder:EffectiveRights")), func(s *wire.Scanner) { p = readPermissions(s) })
	if err != nil {
		return nil, err
	}
	return p, nil
}

// readPermissions reads the folder the scanner stands on: a t:Folder, or a t:CalendarFolder with a set of its own kind.
func readPermissions(s *wire.Scanner) *FolderPermissions {
	p := new(FolderPermissions)
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "PermissionSet":
			for d := s.Depth(); s.Child(d); {
				switch s.Local() {
				case "Permissions", "CalendarPermissions":
					for d := s.Depth(); s.Child(d); {
						p.Entries = append(p.Entries, readPermission(s))
					}
				case "UnknownEntries":
					for d := s.Depth(); s.Child(d); {
						p.Unknown = append(p.Unknown, s.Text())
					}
				}
			}
		case "EffectiveRights":
			p.Mine = readRights(s)
		}
	}
	return p
}

func readPermission(s *wire.Scanner) (p Permission) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "UserId":
			readUserID(s, &p)
		case "CanCreateItems":
			p.CanCreateItems = boolean(s.TextBytes())
		case "CanCreateSubFolders":
			p.CanCreateSubFolders = boolean(s.TextBytes())
		case "IsFolderOwner":
			p.Owner = boolean(s.TextBytes())
		case "IsFolderVisible":
			p.Visible = boolean(s.TextBytes())
		case "IsFolderContact":
			p.Contact = boolean(s.TextBytes())
		case "EditItems":
			p.EditItems = s.Text()
		case "DeleteItems":
			p.DeleteItems = s.Text()
		case "ReadItems":
			p.ReadItems = s.Text()
		case "PermissionLevel", "CalendarPermissionLevel":
			p.Level = s.Text()
		}
	}
	return p
}

func readUserID(s *wire.Scanner, p *Permission) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "SID":
			p.SID = s.Text()
		case "PrimarySmtpAddress":
			p.User.Email, p.User.RoutingType = s.Text(), "SMTP"
		case "DisplayName":
			p.User.Name = s.Text()
		case "DistinguishedUser":
			p.Group = s.Text()
		}
	}
}

func readRights(s *wire.Scanner) (r Rights) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "CreateAssociated":
			r.CreateAssociated = boolean(s.TextBytes())
		case "CreateContents":
			r.CreateContents = boolean(s.TextBytes())
		case "CreateHierarchy":
			r.CreateHierarchy = boolean(s.TextBytes())
		case "Delete":
			r.Delete = boolean(s.TextBytes())
		case "Modify":
			r.Modify = boolean(s.TextBytes())
		case "Read":
			r.Read = boolean(s.TextBytes())
		case "ViewPrivateItems":
			r.ViewPrivateItems = boolean(s.TextBytes())
		}
	}
	return r
}
