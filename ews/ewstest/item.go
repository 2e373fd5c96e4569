package ewstest

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// item is a message in a folder: a content and what belongs to this copy of it. The server's lock guards it.
type item struct {
	mb     *Mailbox
	folder *folder
	pos    int // in folder.items
	id     string
	change uint64

	c          *content
	class      string
	categories []string
	importance string
	index      []byte // conversation index

	received, created, modified time.Time
	read, draft, associated     bool
	fromMe, submitted           bool
	unmodified                  bool
	flag                        flag
	searchKey                   []byte
	props                       extendedProps
	reminder                    reminder
	lastAttachment              uint32
	poison                      string
	sortOrder                   uint64 // arrival, across folders
	filed                       uint64 // number of the change that brought it into its folder
	reply                       *replyInfo

	appt   *appointment     // of a calendar item
	own    map[string]*node // what a contact, list or task has besides: elements by name, replaced as a whole
	recurs bool             // an occurrence: a copy that lies in no folder
}

type flag struct {
	status                string // NotFlagged, Flagged, Complete
	start, due, completed time.Time
}

type reminder struct {
	set     bool
	due     time.Time
	minutes int
}

// replyInfo remembers what a draft made by ReplyToItem and its kin answers, for the icon and the verb of the original.
type replyInfo struct {
	original string
	verb     int
}

// newItem makes an item that lies nowhere yet.
func (mb *Mailbox) newItem(c *content) *item {
	n := mb.s.next()
	it := &item{
		mb: mb, c: c, id: mb.newItemID(), change: n, sortOrder: n,
		class: c.class, categories: c.categories, importance: c.importance, index: c.index,
		unmodified: true, flag: flag{status: "NotFlagged"},
	}
	if it.class == "" {
		it.class = classNote
	}
	if it.importance == "" {
		it.importance = "Normal"
	}
	sum := sha256.Sum256([]byte(it.id))
	it.searchKey = sum[:16]
	return it
}

// newItemID numbers by itself, so that neighbours are the pairs that makeID makes of them.
func (mb *Mailbox) newItemID() string {
	mb.s.ids++
	return makeID(itemIDPrefix, mb.guid, mb.s.ids)
}

func (it *item) changeKey() string { return makeChangeKey(9, it.change) }

func (it *item) itemID() ItemID { return ItemID{it.id, it.changeKey()} }

// file puts an item that lies nowhere into a folder.
func (mb *Mailbox) file(it *item, f *folder) {
	it.mb, it.folder, it.pos = mb, f, len(f.items)
	f.items = append(f.items, it)
	mb.items[it.id] = it
	if it.associated {
		f.assoc++
	} else {
		f.count++
		if !it.read {
			f.unread++
		}
	}
	f.record(changeCreate, it)
}

// unfile takes an item out of its folder; its id is dead from now on.
func (it *item) unfile() {
	f := it.folder
	f.items[it.pos] = nil
	if it.associated {
		f.assoc--
	} else {
		f.count--
		if !it.read {
			f.unread--
		}
	}
	delete(it.mb.items, it.id)
	f.record(changeDelete, it)
	if len(f.items) > 64 && f.count+f.assoc < len(f.items)/2 {
		f.compact()
	}
	it.folder = nil
}

func (f *folder) compact() {
	kept := f.items[:0]
	for _, it := range f.items {
		if it != nil {
			it.pos = len(kept)
			kept = append(kept, it)
		}
	}
	clear(f.items[len(kept):])
	f.items = kept
}

// move files the item elsewhere under a new id, as the store does. PidTagSearchKey stays.
func (it *item) move(to *folder) {
	from, oldID := it.folder, it.id
	it.unfile()
	n := to.mb.s.next()
	it.id, it.change, it.sortOrder = to.mb.newItemID(), n, n
	to.mb.file(it, to)
	to.mb.s.emit(event{kind: eventMoved, mailbox: to.mb, folder: to, item: it, oldFolder: from, oldID: oldID})
}

// copyTo files a second item with the same content.
func (it *item) copyTo(to *folder) *item {
	n := *it
	num := to.mb.s.next()
	n.id, n.change, n.sortOrder = to.mb.newItemID(), num, num
	n.props = it.props.clone()
	to.mb.file(&n, to)
	to.mb.s.emit(event{kind: eventCopied, mailbox: to.mb, folder: to, item: &n, oldFolder: it.folder, oldID: it.id})
	return &n
}

// remove destroys the item.
func (it *item) remove() {
	f := it.folder
	it.unfile()
	it.mb.s.emit(event{kind: eventDeleted, mailbox: it.mb, folder: f, item: it})
}

// touch gives the item a new change key after a change to anything but its read flag.
func (it *item) touch() {
	it.change = it.mb.s.next()
	it.modified = it.mb.s.now()
	if it.folder != nil {
		it.folder.record(changeUpdate, it)
		it.mb.s.emit(event{kind: eventModified, mailbox: it.mb, folder: it.folder, item: it})
	}
}

// setRead changes the read flag and reports whether it did.
func (it *item) setRead(read bool) bool {
	if it.read == read {
		return false
	}
	it.read = read
	if read {
		it.folder.unread--
	} else {
		it.folder.unread++
	}
	it.change = it.mb.s.next()
	it.modified = it.mb.s.now()
	it.folder.record(changeRead, it)
	it.mb.s.emit(event{kind: eventModified, mailbox: it.mb, folder: it.folder, item: it})
	return true
}

// size is what the store counts: the message, its properties and what hangs on it.
func (it *item) size() int64 {
	if it.c.raw != nil {
		return int64(len(it.c.raw)) + 1024
	}
	in := it.c.inside()
	n := int64(len(in.text)+len(in.html)+len(it.c.subject)) + 1024
	for _, a := range in.attachments {
		n += a.size()
	}
	return n
}

func (it *item) conversationID() string {
	if len(it.index) < 22 {
		return ""
	}
	return makeConversationID(it.mb.guid, it.index[6:22])
}

// Item is a snapshot of one item.
type Item struct {
	ID, ChangeKey, Folder, Class      string // Folder is the path
	Subject, From, Sender             string // addresses without names
	To, Cc, Bcc, ReplyTo              []string
	InternetMessageID                 string
	InReplyTo, References             string
	ConversationID, ConversationTopic string
	Received, Sent                    time.Time
	Size                              int64
	Read, Draft, HasAttachments       bool
	Submitted                         bool // sent, but held back until its time comes
	Importance                        string
	Categories                        []string
	SearchKey                         []byte // PidTagSearchKey: the same before and after a move
	Text, HTML                        string
	Attachments                       []Attachment
	MIME                              []byte
}

// Attachment of an Item. For an item attachment Data is its RFC 5322 form.
type Attachment struct {
	Name, ContentType, ContentID string
	Inline, IsItem               bool
	Data                         []byte
	URL                          string // of a reference attachment, which has no Data
}

func (it *item) snapshot() Item {
	c := it.c
	in := c.inside()
	out := Item{
		ID: it.id, ChangeKey: it.changeKey(), Folder: it.folder.path(), Class: it.class,
		Subject: c.subject, From: first(emails([]address{c.from})), Sender: first(emails([]address{c.sender})),
		To: emails(c.to), Cc: emails(c.cc), Bcc: emails(c.bcc), ReplyTo: emails(c.replyTo),
		InternetMessageID: c.messageID, InReplyTo: c.inReplyTo, References: c.references,
		ConversationID: it.conversationID(), ConversationTopic: c.topic,
		Received: it.received, Sent: c.sent, Size: it.size(),
		Read: it.read, Draft: it.draft, HasAttachments: c.hasAttachments(), Submitted: it.submitted,
		Importance: it.importance, Categories: append([]string(nil), it.categories...),
		SearchKey: append([]byte(nil), it.searchKey...),
		Text:      in.text, HTML: in.html, MIME: c.mime(),
	}
	for _, a := range in.attachments {
		at := Attachment{a.name, a.contentType, a.contentID, a.inline, a.item != nil, a.data, a.url}
		if a.item != nil {
			at.Data = a.item.mime()
		}
		out.Attachments = append(out.Attachments, at)
	}
	return out
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// Items returns the items of a folder, named as for Folder, in order of arrival; nil when there is no such folder.
func (mb *Mailbox) Items(folder string) []Item {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.s.sendDue()
	f := mb.lookup(folder)
	if f == nil {
		return nil
	}
	out := make([]Item, 0, f.count)
	for _, it := range f.live() {
		out = append(out, it.snapshot())
	}
	return out
}

// Item returns one item by its id.
func (mb *Mailbox) Item(id string) (Item, bool) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	if it := mb.items[id]; it != nil {
		return it.snapshot(), true
	}
	return Item{}, false
}

// Remove deletes an item for good, as another client would; false when it is not there.
func (mb *Mailbox) Remove(id string) bool {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	it := mb.items[id]
	if it == nil {
		return false
	}
	it.remove()
	return true
}

// MoveTo moves an item, as another client would, and returns its new id. Errors: ErrNoItem, ErrNoFolder.
func (mb *Mailbox) MoveTo(id, folder string) (ItemID, error) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	it, f := mb.items[id], mb.lookup(folder)
	switch {
	case it == nil:
		return ItemID{}, fmt.Errorf("%w: %.40q", ErrNoItem, id)
	case f == nil:
		return ItemID{}, fmt.Errorf("%w: %q", ErrNoFolder, folder)
	}
	it.move(f)
	return it.itemID(), nil
}

// SetRead changes an item's read flag, as another client would; false when it is not there.
func (mb *Mailbox) SetRead(id string, read bool) bool {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	it := mb.items[id]
	if it == nil {
		return false
	}
	it.setRead(read)
	return true
}

// Poison makes every operation that touches the item answer with that response code (ErrorItemCorrupt, ErrorMimeContentConversionFailed,
// ...) for it alone; an empty code heals it. False when the item is not there. The mark follows the item when it is moved.
func (mb *Mailbox) Poison(id, code string) bool {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	it := mb.items[id]
	if it == nil {
		return false
	}
	it.poison = code
	return true
}
