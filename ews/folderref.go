package ews

import (
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// FolderRef names a folder: a FolderName for the folders every mailbox has, or a FolderID obtained from a Folder or a Message.
type FolderRef interface {
	writeTo(w *wire.Writer, m *Mailbox)
}

// FolderName is a distinguished folder: one that every mailbox has, by a name that does not depend on the user's language.
// EWS: DistinguishedFolderId.
type FolderName string

// The distinguished folders that mail lives in. Any other of EWS's names works too, such as FolderName("conversationhistory"); one
// that EWS does not have is refused.
const (
	Inbox         FolderName = "inbox"
	Drafts        FolderName = "drafts"
	Outbox        FolderName = "outbox"
	SentItems     FolderName = "sentitems"
	DeletedItems  FolderName = "deleteditems"
	JunkEmail     FolderName = "junkemail"
	MsgFolderRoot FolderName = "msgfolderroot" // "Top of Information Store": the parent of the folders a user sees
	Root          FolderName = "root"

	ArchiveMsgFolderRoot FolderName = "archivemsgfolderroot"
	ArchiveInbox         FolderName = "archiveinbox"
	ArchiveDeletedItems  FolderName = "archivedeleteditems"

	RecoverableItemsDeletions FolderName = "recoverableitemsdeletions" // what was deleted for good, while retention keeps it
	PublicFoldersRoot         FolderName = "publicfoldersroot"
)

// FolderID identifies a folder. IDs are opaque and case-sensitive; an ID stays the same when the folder is renamed or moved
// within its mailbox.
type FolderID struct {
	ID        string
	ChangeKey string // version; may be empty in requests
}

func (f FolderName) writeTo(w *wire.Writer, m *Mailbox) {
	name, err := m.inStore(f)
	if err == nil {
		err = f.usable()
	}
	if err != nil {
		w.Fail(err)
		return
	}
	if m.shared == "" || name == string(PublicFoldersRoot) {
		w.Empty("t:DistinguishedFolderId", "Id", name)
		return
	}
	w.Start("t:DistinguishedFolderId", "Id", name)
	w.Start("t:Mailbox")
	w.Leaf("t:EmailAddress", m.shared)
	w.End()
	w.End()
}

// In names the folder of another mailbox: SentItems.In("support@example.com") as Draft.SentFolder, or where Move shall move to.
func (f FolderName) In(address string) FolderRef { return folderIn{f, address} }

type folderIn struct {
	name    FolderName
	address string
}

func (f folderIn) writeTo(w *wire.Writer, m *Mailbox) {
	if err := usable(f); err != nil {
		w.Fail(err)
		return
	}
	there := *m
	there.shared, there.store = f.address, primary
	f.name.writeTo(w, &there)
}

func (f FolderID) writeTo(w *wire.Writer, _ *Mailbox) { writeID(w, "t:FolderId", f.ID, f.ChangeKey) }

// writeID writes an element with Id and, if known, ChangeKey.
func writeID(w *wire.Writer, element, id, changeKey string) {
	if changeKey == "" {
		w.Empty(element, "Id", id)
		return
	}
	w.Empty(element, "Id", id, "ChangeKey", changeKey)
}
