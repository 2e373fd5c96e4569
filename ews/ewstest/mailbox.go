package ewstest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Mailbox is one mailbox of a Server. Its methods are safe for concurrent use and may be called at any time, also while
// requests are being answered: what they do is what another client of the same mailbox could have done.
type Mailbox struct {
	s       *Server
	guid    [16]byte
	address string
	name    string
	aliases []string
	grants  map[string]bool // lower-case addresses of mailboxes with full access

	root    *folder // the invisible top: parent of msgfolderroot
	folders map[string]*folder
	named   map[string]*folder // by distinguished name
	items   map[string]*item
	threads threads
	oof     Oof
	rules   []*node                 // t:Rule elements, by priority
	blocked map[string]bool         // senders, in lower case
	behalf  map[string]bool         // users who may send on behalf of it, in lower case
	always  map[string]alwaysAction // by conversation id

	outlookRules  bool // Outlook keeps rules of its own
	configs       map[configKey]*node
	delegates     delegates
	photo         []byte
	occurrences   map[string]occurrenceOf // by the id handed out for it
	occurrenceIDs map[occurrenceKey]string
}

// ItemID names one version of an item.
type ItemID struct{ ID, ChangeKey string }

// DeliverOptions say how Deliver files a message. The zero value is a new, unread message in the Inbox.
type DeliverOptions struct {
	Folder     string    // distinguished name or path as for Mailbox.Folder; "" is the Inbox
	Received   time.Time // when the server took it; zero is now
	Read       bool
	Categories []string // besides those of a Keywords field
	Class      string   // item class; "" derives it from the message
}

// ErrNoFolder is returned for a folder that the mailbox does not have.
var ErrNoFolder = errors.New("ewstest: no such folder")

// ErrNoItem is returned for an item that the mailbox does not have, or no longer under that id.
var ErrNoItem = errors.New("ewstest: no such item")

func newMailbox(s *Server, addr string) *Mailbox {
	mb := &Mailbox{
		s: s, address: addr, name: addr,
		grants:  map[string]bool{},
		folders: map[string]*folder{},
		named:   map[string]*folder{},
		items:   map[string]*item{},
		blocked: map[string]bool{},
		behalf:  map[string]bool{},
		configs: map[configKey]*node{},

		occurrences:   map[string]occurrenceOf{},
		occurrenceIDs: map[occurrenceKey]string{},
	}
	sum := sha256.Sum256([]byte(strings.ToLower(addr)))
	copy(mb.guid[:], sum[:])
	if local, _, ok := strings.Cut(addr, "@"); ok && local != "" {
		mb.name = local
	}
	mb.createDistinguished()
	return mb
}

// Address returns the primary SMTP address.
func (mb *Mailbox) Address() string { return mb.address }

// SetName sets the display name, by default the address's local part.
func (mb *Mailbox) SetName(display string) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.name = display
}

// AddAlias makes the mailbox reachable by, and receive mail for, a second address.
func (mb *Mailbox) AddAlias(addr string) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.aliases = append(mb.aliases, addr)
	mb.s.byAddress[strings.ToLower(addr)] = mb
}

// Grant gives the user with that address full access and the right to send as this mailbox. Without it a delegated token of
// somebody else finds neither folders nor items here.
func (mb *Mailbox) Grant(user string) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.grants[strings.ToLower(user)] = true
}

// Deliver files a message as if it had arrived by SMTP. raw may be anything: it is kept as it is, not copied, must not be
// changed afterwards, and comes out again byte for byte as the item's MIME content. Errors: ErrNoFolder.
func (mb *Mailbox) Deliver(raw []byte, o *DeliverOptions) (ItemID, error) {
	if o == nil {
		o = &DeliverOptions{}
	}
	c := newContent(raw) // the only costly part; outside the lock
	if o.Class != "" {
		c.class = o.Class
	} else {
		c.class = deepClass(c)
	}
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	f := mb.named["inbox"]
	if o.Folder != "" {
		if f = mb.lookup(o.Folder); f == nil {
			return ItemID{}, fmt.Errorf("%w: %q", ErrNoFolder, o.Folder)
		}
	}
	it := mb.newItem(c)
	it.read = o.Read
	for _, cat := range o.Categories {
		it.categories = appendNew(it.categories, cat)
	}
	mb.arrive(it, f, o.Received)
	return it.itemID(), nil // of an item that a rule deleted at once, too: its id is never found
}

// arrive files a new item as an arriving message and announces it. The caller holds the lock.
func (mb *Mailbox) arrive(it *item, f *folder, received time.Time) {
	now := mb.s.now()
	if received.IsZero() {
		received = now
	}
	it.received, it.created, it.modified = received.UTC(), now, now
	it.index = mb.threads.assign(it.c, received)
	if f == mb.named["inbox"] && mb.blocked[strings.ToLower(it.c.from.email)] {
		f = mb.named["junkemail"]
	}
	if always, ok := mb.always[it.conversationID()]; ok && f == mb.named["inbox"] {
		for _, category := range always.categories {
			it.categories = appendNew(it.categories, category)
		}
		if always.to != nil && mb.folders[always.to.id] == always.to {
			f = always.to
		}
	}
	if f == mb.named["inbox"] && len(mb.rules) > 0 {
		if f = mb.applyRules(it, f); f == nil {
			return // a rule deleted it
		}
	}
	mb.file(it, f)
	mb.attend(it)
	mb.s.emit(event{kind: eventCreated, mailbox: mb, folder: f, item: it})
	if f == mb.named["inbox"] {
		mb.s.emit(event{kind: eventNewMail, mailbox: mb, folder: f, item: it})
	}
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return list
		}
	}
	return append(list[:len(list):len(list)], s)
}

// self is the mailbox's owner as an address.
func (mb *Mailbox) self() address { return address{mb.name, mb.address} }

func (mb *Mailbox) has(addr string) bool {
	if strings.EqualFold(addr, mb.address) {
		return true
	}
	for _, a := range mb.aliases {
		if strings.EqualFold(addr, a) {
			return true
		}
	}
	return false
}
