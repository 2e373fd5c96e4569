package ewstest

import "fmt"

// archiveFolders of a mailbox that has an archive, parents first.
var archiveFolders = []struct{ name, parent, display, class string }{
	{"archiveroot", "", "Top of Information Store", ""},
	{"archivemsgfolderroot", "archiveroot", "Top of Information Store", "IPF"},
	{"archiveinbox", "archivemsgfolderroot", "Inbox", "IPF.Note"},
	{"archivedeleteditems", "archivemsgfolderroot", "Deleted Items", "IPF.Note"},
	{"archiverecoverableitemsroot", "archiveroot", "Recoverable Items", ""},
	{"archiverecoverableitemsdeletions", "archiverecoverableitemsroot", "Deletions", ""},
	{"archiverecoverableitemspurges", "archiverecoverableitemsroot", "Purges", ""},
	{"archiverecoverableitemsversions", "archiverecoverableitemsroot", "Versions", ""},
}

// EnableArchive gives the mailbox an archive. Its folders are reached by their distinguished names, "archiveinbox" and
// "archivemsgfolderroot", and by paths below them: "archivemsgfolderroot/2019".
func (mb *Mailbox) EnableArchive() {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	if mb.named["archiveroot"] != nil {
		return
	}
	for _, d := range archiveFolders {
		f := mb.newFolder(mb.named[d.parent], d.display, d.class)
		f.distinguished = d.name
		mb.named[d.name] = f
	}
}

// archiveCopy returns the folder of the archive that has the path of f, made if it is missing. The caller holds the lock.
func (mb *Mailbox) archiveCopy(f *folder) *folder {
	switch f.distinguished {
	case "inbox", "deleteditems", "msgfolderroot":
		return mb.named["archive"+f.distinguished]
	}
	if f.parent == nil {
		return mb.named["archivemsgfolderroot"]
	}
	top := mb.archiveCopy(f.parent)
	if c := top.child(f.name); c != nil {
		return c
	}
	c := mb.newFolder(top, f.name, f.class)
	mb.s.emit(event{kind: eventCreated, mailbox: mb, folder: c})
	return c
}

// PublicFolders returns the store of the organisation's public folders, which every user may open: AddFolder makes folders in it, Deliver
// files messages there. Until the first call there are none.
func (s *Server) PublicFolders() *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.public == nil {
		mb := newMailbox(s, "public-folders@ewstest.invalid")
		root := mb.newFolder(nil, "IPM_SUBTREE", "")
		root.distinguished = publicRoot
		mb.named[publicRoot], mb.named["msgfolderroot"] = root, root
		s.public = mb
		s.mailboxes = append(s.mailboxes, mb)
	}
	return s.public
}

const publicRoot = "publicfoldersroot"

// ContentMailbox returns the GUID of the mailbox that holds the contents of public folders: the first entry of their PidTagReplicaList.
func (mb *Mailbox) ContentMailbox() string {
	g := mb.guid
	return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
}

// replicas is PidTagReplicaList.
func (mb *Mailbox) replicas() []byte { return append([]byte(mb.ContentMailbox()), 0) }
