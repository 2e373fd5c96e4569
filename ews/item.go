package ews

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// The folders of items that are no messages. See Mailbox.Appointments, Mailbox.Contacts and Mailbox.Tasks.
const (
	Calendar FolderName = "calendar"
	Contacts FolderName = "contacts"
	Tasks    FolderName = "tasks"
)

// Item is what appointments, contacts and tasks have in common with messages.
type Item struct {
	ID             ItemID
	ParentFolder   FolderID
	Class          string // "IPM.Appointment", "IPM.Contact", "IPM.DistList", "IPM.Task" ...
	Subject        string
	Body           Body // only with Full detail
	Categories     []string
	Importance     Importance
	Sensitivity    string // "Normal", "Personal", "Private" or "Confidential"
	Created        time.Time
	Modified       time.Time
	HasAttachments bool
	Attachments    []Attachment // not with Summary detail
}

// ItemOptions say how much of appointments, contacts and tasks is read. Nil, and the zero value, is all of it.
type ItemOptions struct {
	Detail Detail     // Summary: what a listing shows; of appointments without attendees, and one request less
	Body   BodyFormat // with Full detail
	Limit  int        // ends a list after so many. 0: all
}

// itemFields are the properties of an Item that lists have.
var itemFields = []string{"item:ParentFolderId", "item:ItemClass", "item:Subject", "item:Sensitivity", "item:Categories", "item:Importance",
	"item:DateTimeCreated", "item:HasAttachments", "item:LastModifiedTime"}

// shape is what is asked of items of one kind.
type shape struct {
	find []string // fields that FindItem gives
	get  []string // those that only GetItem gives
	// indexed are the fields that are one entry of a dictionary: the field, and the entries' names.
	indexed []indexedField
}

type indexedField struct {
	uri  string
	keys []string
}

func (sh *shape) write(w *wire.Writer, o *ItemOptions, detail Detail) {
	w.Start("m:ItemShape")
	w.Leaf("t:BaseShape", "IdOnly")
	if detail == Full {
		w.Leaf("t:BodyType", o.Body.element())
	}
	w.Start("t:AdditionalProperties")
	fields := func(list []string) {
		for _, f := range list {
			w.Empty("t:FieldURI", "FieldURI", f)
		}
	}
	fields(itemFields)
	fields(sh.find)
	if detail != Summary {
		fields(sh.get)
		w.Empty("t:FieldURI", "FieldURI", "item:Attachments")
		for _, f := range sh.indexed {
			for _, key := range f.keys {
				w.Empty("t:IndexedFieldURI", "FieldURI", f.uri, "FieldIndex", key)
			}
		}
	}
	if detail == Full {
		w.Empty("t:FieldURI", "FieldURI", "item:Body")
	}
	w.End()
	w.End()
}

// read reads the current element if it belongs to what all items have.
func (it *Item) read(s *wire.Scanner) bool {
	switch s.Local() {
	case "ItemId":
		it.ID = itemID(s)
	case "ParentFolderId":
		it.ParentFolder = folderID(s)
	case "ItemClass":
		it.Class = itemClass(s.TextBytes())
	case "Subject":
		it.Subject = s.Text()
	case "Sensitivity":
		it.Sensitivity = sensitivity(s.TextBytes())
	case "Body":
		new(messageReader).body(s, &it.Body)
	case "Attachments":
		for d := s.Depth(); s.Child(d); {
			var a Attachment
			readAttachment(s, &a)
			grow(s, &it.Attachments, a)
		}
	case "Categories":
		it.Categories = readStrings(s)
	case "Importance":
		it.Importance = importance(s.TextBytes())
	case "DateTimeCreated":
		it.Created = dateTime(s.TextBytes())
	case "LastModifiedTime":
		it.Modified = dateTime(s.TextBytes())
	case "HasAttachments":
		it.HasAttachments = boolean(s.TextBytes())
	default:
		return false
	}
	return true
}

// getItems reads items by their ids in one request, and again those that failed in a way that passes. read is called for each
// on its element, and returns its id. failed says which did not come; err is the failure of all.
func (m *Mailbox) getItems(ctx context.Context, ids []ItemID, sh *shape, o *ItemOptions, read func(i int, s *wire.Scanner) ItemID) (failed *BatchError, err error) {
	detail := o.Detail
	if detail == Summary {
		detail = WithoutBody
	}
	err = m.resend(ctx, "GetItem", len(ids), func(work []int) error {
		came := make([]bool, len(work))
		err := m.do(ctx, &call{
			op: "GetItem",
			body: func(w *wire.Writer) error {
				w.Start("m:GetItem")
				sh.write(w, o, detail)
				w.Start("m:ItemIds")
				for _, at := range work {
					writeID(w, "t:ItemId", ids[at].ID, "") // whatever its version is by now
				}
				w.End()
				w.End()
				return nil
			},
			read: func(s *wire.Scanner) error {
				return readBatch(s, len(work), func(i int, s *wire.Scanner) error {
					if d := s.Depth(); s.Local() == "Items" && i < len(work) && s.Child(d) {
						came[i] = !read(work[i], s).IsZero()
					}
					return s.Err()
				})
			},
		})
		return m.missing("GetItem", came, err)
	})
	if errors.As(err, &failed) {
		for _, it := range failed.Items {
			it.ID = ids[it.Index].ID
		}
		return failed, nil
	}
	return nil, err
}

// missing adds to err, of an answer about len(came) things, those that were reported as a success but did not come.
func (m *Mailbox) missing(op string, came []bool, err error) error {
	var b *BatchError
	if err != nil && !errors.As(err, &b) {
		return err
	}
	for i, ok := range came {
		if ok || b != nil && b.Item(i) != nil {
			continue
		}
		if b == nil {
			b = &BatchError{Op: op, Total: len(came)}
		}
		b.Items = append(b.Items, &ItemError{Index: i, Err: &Error{Op: op, Mailbox: m.Address(), kind: ErrBadItem, what: "the server reports success but sent no such item"}})
	}
	if b == nil {
		return err
	}
	return b
}

// kindOf says how items of one Go type are read: what to ask, and the field that an element of the item stands for.
type kindOf[T any] struct {
	shape *shape
	// name is what errors call it; elements are those that it arrives as.
	name     string
	elements []string
	item     func(v *T) *Item
	field    func(v *T, s *wire.Scanner)
	begin    func(v *T, element string) // nil: the item's element tells nothing
}

func (k *kindOf[T]) read(s *wire.Scanner) *T {
	v := new(T)
	if k.begin != nil {
		k.begin(v, s.Local())
	}
	it := k.item(v)
	for d := s.Depth(); s.Child(d); {
		if !it.read(s) {
			k.field(v, s)
		}
	}
	return v
}

// wrong is the error of an item that is something else; element is what it arrived as. Its fields would be nearly all empty.
func (k *kindOf[T]) wrong(m *Mailbox, element string) *Error {
	if slices.Contains(k.elements, element) {
		return nil
	}
	return &Error{Op: "GetItem", Mailbox: m.Address(), kind: ErrInvalidRequest, what: "the item is no " + k.name + " but a " + line(element),
		hint: "Mailbox.Message reads items of every kind; its Kind tells which"}
}

// one reads an item by its id.
func one[T any](ctx context.Context, m *Mailbox, k *kindOf[T], id ItemID, o *ItemOptions) (*T, error) {
	if id.IsZero() {
		return nil, errors.New("ews: the item's id is empty")
	}
	if o == nil {
		o = new(ItemOptions)
	}
	var v *T
	var wrong *Error
	failed, err := m.getItems(ctx, []ItemID{id}, k.shape, o, func(_ int, s *wire.Scanner) ItemID {
		wrong = k.wrong(m, s.Local())
		v = k.read(s)
		return k.item(v).ID
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed.Items[0].Err
	case wrong != nil:
		return nil, wrong
	}
	return v, nil
}

// several reads items by their ids and yields them in order; false ends the list. One that vanished is left out; one that failed
// otherwise comes with its error and what known holds.
func several[T any](ctx context.Context, m *Mailbox, k *kindOf[T], known []*T, o *ItemOptions, yield func(*T, error) bool) bool {
	ids := make([]ItemID, len(known))
	for i, v := range known {
		ids[i] = k.item(v).ID
	}
	wrong := make([]*Error, len(known))
	failed, err := m.getItems(ctx, ids, k.shape, o, func(i int, s *wire.Scanner) ItemID {
		wrong[i] = k.wrong(m, s.Local())
		v := k.read(s)
		if !k.item(v).ID.IsZero() && s.Err() == nil {
			known[i] = v
		}
		return k.item(v).ID
	})
	if err != nil {
		yield(nil, err)
		return false
	}
	for i, v := range known {
		var err error
		if e := failed.item(i); e != nil {
			if errors.Is(e, ErrNotFound) {
				continue // gone since it was listed
			}
			err = e
		} else if wrong[i] != nil {
			err = wrong[i]
		}
		if !yield(v, err) {
			return false
		}
	}
	return true
}

// item is Item of a BatchError that may be nil.
func (e *BatchError) item(index int) *Error {
	if e == nil {
		return nil
	}
	return e.Item(index)
}

// items lists a folder's items, newest first, by the way that lists messages.
func items[T any](ctx context.Context, m *Mailbox, k *kindOf[T], f FolderRef, o *ItemOptions) iter.Seq2[*T, error] {
	var options ItemOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*T, error) bool) {
		var some []*T
		hand := func() bool {
			ok := several(ctx, m, k, some, &options, yield)
			some = some[:0]
			return ok
		}
		for msg, err := range m.Messages(ctx, f, &Query{Detail: Summary, Limit: options.Limit}) {
			if err != nil {
				yield(nil, err)
				return
			}
			v := new(T)
			*k.item(v) = Item{ID: msg.ID, ParentFolder: msg.ParentFolder, Class: msg.Class, Subject: msg.Subject}
			if some = append(some, v); len(some) == batchItems && !hand() {
				return
			}
		}
		if len(some) > 0 {
			hand()
		}
	}
}
