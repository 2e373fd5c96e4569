package ewstest

import (
	"fmt"
	"strings"
)

// folder of a mailbox. The server's lock guards it.
type folder struct {
	mb            *Mailbox
	id            string
	change        uint64
	parent        *folder
	children      []*folder
	name          string
	class         string
	distinguished string
	deleted       bool
	props         extendedProps
	search        *search // of a search folder

	items       []*item // in order of arrival; nil where one has left
	count       int
	unread      int
	assoc       int
	log         []change // what SyncFolderItems reports
	modified    uint64   // number of the last change to its contents
	view        *viewCache
	oldestState uint64 // sync states before it are invalid
}

// distinguishedFolders of a new mailbox, parents first.
var distinguishedFolders = []struct{ name, parent, display, class string }{
	{"root", "", "Top of Information Store", ""},
	{"msgfolderroot", "root", "Top of Information Store", "IPF"},
	{"inbox", "msgfolderroot", "Inbox", "IPF.Note"},
	{"outbox", "msgfolderroot", "Outbox", "IPF.Note"},
	{"sentitems", "msgfolderroot", "Sent Items", "IPF.Note"},
	{"deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note"},
	{"drafts", "msgfolderroot", "Drafts", "IPF.Note"},
	{"junkemail", "msgfolderroot", "Junk Email", "IPF.Note"},
	{"archive", "msgfolderroot", "Archive", "IPF.Note"},
	{"calendar", "msgfolderroot", "Calendar", "IPF.Appointment"},
	{"contacts", "msgfolderroot", "Contacts", "IPF.Contact"},
	{"tasks", "msgfolderroot", "Tasks", "IPF.Task"},
	{"notes", "msgfolderroot", "Notes", "IPF.StickyNote"},
	{"journal", "msgfolderroot", "Journal", "IPF.Journal"},
	{"conversationhistory", "msgfolderroot", "Conversation History", "IPF.Note"},
	{"syncissues", "msgfolderroot", "Sync Issues", "IPF.Note"},
	{"searchfolders", "root", "Finder", ""},
	{"recoverableitemsroot", "root", "Recoverable Items", ""},
	{"recoverableitemsdeletions", "recoverableitemsroot", "Deletions", ""},
	{"recoverableitemspurges", "recoverableitemsroot", "Purges", ""},
	{"recoverableitemsversions", "recoverableitemsroot", "Versions", ""},
}

func (mb *Mailbox) createDistinguished() {
	for _, d := range distinguishedFolders {
		f := mb.newFolder(mb.named[d.parent], d.display, d.class)
		f.distinguished = d.name
		mb.named[d.name] = f
	}
	mb.root = mb.named["root"]
}

func (mb *Mailbox) newFolder(parent *folder, name, class string) *folder {
	n := mb.s.next()
	f := &folder{mb: mb, id: makeID(folderIDPrefix, mb.guid, n), change: n, parent: parent, name: name, class: class}
	if parent != nil {
		parent.children = append(parent.children, f)
		parent.change = n
	}
	mb.folders[f.id] = f
	return f
}

func (f *folder) changeKey() string { return makeChangeKey(1, f.change) }

func (f *folder) child(name string) *folder {
	for _, c := range f.children {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

func (f *folder) path() string {
	if f.parent == nil || f.parent.parent == nil {
		if f.parent == nil {
			return ""
		}
		if f.distinguished == "msgfolderroot" {
			return ""
		}
		return f.name
	}
	if p := f.parent.path(); p != "" {
		return p + "/" + f.name
	}
	return f.name
}

func (f *folder) within(top *folder) bool {
	for ; f != nil; f = f.parent {
		if f == top {
			return true
		}
	}
	return false
}

// descend calls fn for every folder below f, parents first, until fn returns false.
func (f *folder) descend(fn func(*folder) bool) bool {
	for _, c := range f.children {
		if !fn(c) || !c.descend(fn) {
			return false
		}
	}
	return true
}

// lookup finds a folder by distinguished name or path below msgfolderroot; a path may start with a distinguished name.
func (mb *Mailbox) lookup(path string) *folder {
	path = strings.Trim(path, "/")
	if f := mb.named[strings.ToLower(path)]; f != nil {
		return f
	}
	parts := strings.Split(path, "/")
	at := mb.named["msgfolderroot"]
	if f := mb.named[strings.ToLower(parts[0])]; f != nil && len(parts) > 1 {
		at, parts = f, parts[1:]
	}
	for _, p := range parts {
		if at = at.child(p); at == nil {
			return nil
		}
	}
	return at
}

// Folder is a snapshot of one folder.
type Folder struct {
	ID, ChangeKey           string
	Name, Path, Class       string // Path is relative to the top of the mailbox's visible tree
	Distinguished           string // "inbox", or ""
	Total, Unread, Children int
}

func (f *folder) snapshot() Folder {
	return Folder{f.id, f.changeKey(), f.name, f.path(), f.class, f.distinguished, f.count, f.unread, len(f.children)}
}

// Folder returns a folder by its distinguished name ("inbox", "sentitems") or by path: "Processed" lies at the top,
// "inbox/Processed" and "Inbox/Processed" below the Inbox.
func (mb *Mailbox) Folder(path string) (Folder, bool) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	if f := mb.lookup(path); f != nil {
		return f.snapshot(), true
	}
	return Folder{}, false
}

// Folders returns the visible tree, parents before children.
func (mb *Mailbox) Folders() []Folder {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	var out []Folder
	mb.named["msgfolderroot"].descend(func(f *folder) bool {
		out = append(out, f.snapshot())
		return true
	})
	return out
}

// AddFolder returns the mail folder at path, created with its parents if it is missing.
func (mb *Mailbox) AddFolder(path string) Folder {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	if f := mb.lookup(path); f != nil {
		return f.snapshot()
	}
	at := mb.named["msgfolderroot"]
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if f := mb.named[strings.ToLower(parts[0])]; f != nil {
		at, parts = f, parts[1:]
	}
	for _, p := range parts {
		next := at.child(p)
		if next == nil {
			next = mb.newFolder(at, p, "IPF.Note")
			mb.s.emit(event{kind: eventCreated, mailbox: mb, folder: next})
		}
		at = next
	}
	return at.snapshot()
}

// RemoveFolder deletes the folder at path with everything in it, as another client would. Errors: ErrNoFolder; a distinguished
// folder cannot be deleted.
func (mb *Mailbox) RemoveFolder(path string) error {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	f := mb.lookup(path)
	if f == nil {
		return fmt.Errorf("%w: %q", ErrNoFolder, path)
	}
	if f.distinguished != "" {
		return fmt.Errorf("ewstest: %q is a distinguished folder", path)
	}
	f.destroy()
	return nil
}

// destroy removes a folder, what is in it and what is below it.
func (f *folder) destroy() {
	for len(f.children) > 0 {
		f.children[0].destroy()
	}
	for _, it := range f.live() {
		it.remove()
	}
	f.detach()
	f.deleted = true
	delete(f.mb.folders, f.id)
	f.mb.s.emit(event{kind: eventDeleted, mailbox: f.mb, folder: f})
}

func (f *folder) detach() {
	for i, c := range f.parent.children {
		if c == f {
			f.parent.children = append(f.parent.children[:i:i], f.parent.children[i+1:]...)
			break
		}
	}
	f.parent.change = f.mb.s.next()
}

// live returns the folder's items in order of arrival.
func (f *folder) live() []*item {
	out := make([]*item, 0, f.count)
	for _, it := range f.items {
		if it != nil && !it.associated {
			out = append(out, it)
		}
	}
	return out
}
