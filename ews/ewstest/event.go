package ewstest

import (
	"time"
)

// eventKind is what happened, named as notifications name it.
type eventKind string

const (
	eventCreated  eventKind = "CreatedEvent"
	eventDeleted  eventKind = "DeletedEvent"
	eventModified eventKind = "ModifiedEvent"
	eventMoved    eventKind = "MovedEvent"
	eventCopied   eventKind = "CopiedEvent"
	eventNewMail  eventKind = "NewMailEvent"
)

// event is a change to an item, or to a folder when item is nil.
type event struct {
	kind      eventKind
	mailbox   *Mailbox
	folder    *folder // where the item lies now, or the folder itself
	item      *item
	oldFolder *folder // of moves and copies
	oldID     string
}

// notice is an event as it was when it happened, ready to be written.
type notice struct {
	seq                   uint64
	kind                  eventKind
	at                    time.Time
	itemID, itemKey       string
	folderID, folderKey   string
	parentID, parentKey   string
	oldID, oldKey         string
	oldParent, oldParentK string
	unread                int
}

// emit tells the subscriptions. The caller holds the lock.
func (s *Server) emit(e event) {
	if len(s.subscriptions) == 0 {
		return
	}
	n := notice{seq: s.next(), kind: e.kind, at: s.now(), oldID: e.oldID}
	parent := e.folder
	if e.item != nil {
		n.itemID, n.itemKey = e.item.id, e.item.changeKey()
	} else {
		n.folderID, n.folderKey, n.unread = e.folder.id, e.folder.changeKey(), e.folder.unread
		parent = e.folder.parent
	}
	if parent != nil {
		n.parentID, n.parentKey = parent.id, parent.changeKey()
	}
	if e.oldFolder != nil {
		n.oldKey = n.itemKey + n.folderKey
		n.oldParent, n.oldParentK = e.oldFolder.id, e.oldFolder.changeKey()
	}
	for _, sub := range s.subscriptions {
		if sub.wants(e, parent) {
			sub.push(n)
		}
	}
}

// changeKind is an entry of a folder's change log, from which SyncFolderItems answers.
type changeKind uint8

const (
	changeCreate changeKind = iota
	changeUpdate
	changeRead
	changeDelete
)

type change struct {
	seq     uint64
	kind    changeKind
	it      *item
	id      string
	created uint64 // of a deletion: when the item came here
}

// record notes a change to an item of the folder.
func (f *folder) record(kind changeKind, it *item) {
	f.modified = f.mb.s.next()
	f.change = f.modified
	ch := change{seq: f.modified, kind: kind, it: it, id: it.id}
	switch kind {
	case changeCreate:
		it.filed = ch.seq
	case changeDelete:
		ch.it, ch.created = nil, it.filed
	}
	f.log = append(f.log, ch)
}
