package ews

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// store is the part of Exchange that folder names are looked up in.
type store uint8

const (
	primary store = iota
	archive
	public
)

// Archive returns the archive mailbox (In-Place Archive) that belongs to m, entered the same way: own, shared or impersonated. The names
// of folders mean those of the archive: Inbox, DeletedItems, MsgFolderRoot, Root and the recoverable items have a counterpart there.
// All other folders of an archive are found by path, below MsgFolderRoot; their ids, and those of items, are used as ever, and name what
// they name whichever of the two is asked. Mail is not sent from an archive.
//
// A mailbox without an archive answers ErrNotFound. EWS: DistinguishedFolderId archiveinbox, archivemsgfolderroot ...
func (m *Mailbox) Archive() *Mailbox {
	a := *m
	a.store = archive
	return &a
}

// PublicFolders returns the organisation's public folders with the rights of m's account. MsgFolderRoot, Root and PublicFoldersRoot mean
// the root of their tree; there are no other names, everything else is found by path (FindFolder, Folders) or id.
//
// Exchange keeps the tree in one mailbox and the contents of each folder in some other. hierarchy is the address of the first, as
// Autodiscover tells it (PublicFolderInformation; package ews/autodiscover has it in its Result); "" leaves the choice to Exchange, by the
// account's own mailbox. What reads or writes the messages of a folder goes through [Mailbox.PublicFolder].
// EWS: "Public folder access with EWS in Exchange".
func (m *Mailbox) PublicFolders(hierarchy string) *Mailbox {
	p := *m
	p.store, p.publicMailbox = public, hierarchy
	if p.err == nil && hierarchy != "" {
		if bad := badAddress(hierarchy); bad != "" {
			p.err = fmt.Errorf("ews: PublicFolders: %s", bad)
		}
	}
	return &p
}

// PublicFolder returns the public folders by way of the mailbox that holds the contents of the folder f, which is where requests about
// the messages in f must go: it sets X-AnchorMailbox and X-PublicFolderMailbox. Use it for f and its messages only.
//
// It asks Exchange once, for PidTagReplicaList (0x6698), and needs the domain of an address: Config.Mailbox for Client.Own. Errors:
// ErrNotFound, ErrDenied, ErrBadResponse where the folder is no public one. EWS: GetFolder, "Route public folder content requests".
func (m *Mailbox) PublicFolder(ctx context.Context, f FolderRef) (*Mailbox, error) {
	if err := usable(f); err != nil {
		return nil, err
	}
	_, domain, ok := strings.Cut(m.Address(), "@")
	if !ok {
		return nil, errors.New("ews: PublicFolder: the account's domain is not known: set Config.Mailbox, or impersonate by address")
	}
	var replicas string
	shape := folderFields(func(w *wire.Writer) { w.Empty("t:ExtendedFieldURI", "PropertyTag", "0x6698", "PropertyType", "Binary") })
	err := m.getFolder(ctx, f, shape, func(s *wire.Scanner) {
		replicas = ""
		if descend(s, "ExtendedProperty") && descend(s, "Value") {
			replicas = s.Text()
		}
	})
	if err != nil {
		return nil, err
	}
	guid, ok := firstReplica(replicas)
	if !ok {
		return nil, &Error{Op: "GetFolder", Mailbox: m.Address(), kind: ErrBadResponse, what: "the answer names no mailbox that holds the folder's contents",
			hint: "check that it is a public folder"}
	}
	p := *m
	p.store, p.publicMailbox = public, guid+"@"+domain
	return &p, nil
}

// inStore returns what a folder's name is called in the mailbox's store.
func (m *Mailbox) inStore(f FolderName) (string, error) {
	switch name := strings.ToLower(string(f)); m.store {
	case archive:
		switch {
		case name == "inbox", name == "deleteditems", name == "msgfolderroot", name == "root", strings.HasPrefix(name, "recoverableitems"):
			return "archive" + name, nil
		case strings.HasPrefix(name, "archive") && name != "archive":
			return string(f), nil
		}
		return "", fmt.Errorf("ews: an archive has no folder named %q: find it by path with FindFolder, below MsgFolderRoot", string(f))
	case public:
		if name == "publicfoldersroot" || name == "msgfolderroot" || name == "root" {
			return string(PublicFoldersRoot), nil
		}
		return "", fmt.Errorf("ews: public folders have no folder named %q: find it by path with FindFolder, below PublicFoldersRoot", string(f))
	}
	return string(f), nil
}
