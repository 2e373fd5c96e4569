package ews

import (
	"context"
	"errors"
	"slices"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// edit is one item on its way through Update.
type edit struct {
	id         ItemID // with the version that is to be changed; without, it is looked up
	firm       bool   // the version is the caller's: a newer one is a conflict
	looked     bool   // categories are those of that version
	categories []string
	done       ItemID // as changed
}

// maxConflicts is how often a change that is made to the version of the moment is tried while others keep changing the item.
const maxConflicts = 3

// settled changes items of which it does not matter, firm ones aside, which version is changed: Exchange wants one to be named, so
// those that lack it are looked up, and so are those that somebody else has changed in between.
func (m *Mailbox) settled(ctx context.Context, all []*edit, c *Update) error {
	joined := &BatchError{Op: "UpdateItem", Total: len(all)}
	work := make([]int, len(all)) // indexes of the items still to be changed
	for i := range work {
		work[i] = i
	}
	// part does a step for the items at work and returns those that it failed for.
	part := func(do func(part []*edit) error) (map[int]*Error, error) {
		err := do(pick(all, work))
		var b *BatchError
		if err != nil && !errors.As(err, &b) {
			return nil, err
		}
		failed := map[int]*Error{}
		if b != nil {
			for _, it := range b.Items {
				failed[work[it.Index]] = it.Err
			}
		}
		return failed, nil
	}
	for try := 1; len(work) > 0; try++ {
		failed, err := part(func(part []*edit) error { return m.look(ctx, part, c) })
		if err != nil {
			return err
		}
		work = slices.DeleteFunc(work, func(i int) bool {
			if e := failed[i]; e != nil {
				joined.Items = append(joined.Items, &ItemError{Index: i, Err: e})
				return true
			}
			if e := all[i]; c.changesNothing(e) {
				e.done = e.id
				return true
			}
			return false
		})
		if len(work) == 0 {
			break
		}
		if failed, err = part(func(part []*edit) error { return m.update(ctx, part, c) }); err != nil {
			return err
		}
		work = slices.DeleteFunc(work, func(i int) bool {
			e := failed[i]
			if e != nil && errors.Is(e, ErrConflict) && !all[i].firm && try < maxConflicts {
				all[i].id.ChangeKey, all[i].looked = "", false
				return false
			}
			if e != nil {
				joined.Items = append(joined.Items, &ItemError{Index: i, Err: e})
			}
			return true
		})
	}
	if len(joined.Items) == 0 {
		return nil
	}
	slices.SortFunc(joined.Items, func(a, b *ItemError) int { return a.Index - b.Index })
	return joined
}

// look fills in the change keys, and for a change that merges the categories, of the items that lack them. Items that fail are in
// a *BatchError. EWS: GetItem.
func (m *Mailbox) look(ctx context.Context, all []*edit, c *Update) error {
	var missing []int
	for i, e := range all {
		if e.id.ChangeKey == "" || c.merges() && !e.looked {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err := m.resend(ctx, "GetItem", len(missing), func(work []int) error {
		return m.lookOnce(ctx, pick(pick(all, missing), work), c.merges())
	})
	var b *BatchError
	if errors.As(err, &b) {
		for _, it := range b.Items {
			it.Index = missing[it.Index]
		}
	}
	return err
}

func (m *Mailbox) lookOnce(ctx context.Context, all []*edit, categories bool) error {
	return m.do(ctx, &call{
		op: "GetItem",
		body: func(w *wire.Writer) error {
			w.Start("m:GetItem")
			w.Start("m:ItemShape")
			w.Leaf("t:BaseShape", "IdOnly")
			if categories {
				w.Start("t:AdditionalProperties")
				w.Empty("t:FieldURI", "FieldURI", "item:Categories")
				w.End()
			}
			w.End()
			w.Start("m:ItemIds")
			for _, e := range all {
				writeID(w, "t:ItemId", e.id.ID, "")
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			return readBatch(s, len(all), func(i int, s *wire.Scanner) error {
				if s.Local() == "Items" && i < len(all) {
					all[i].read(s)
				}
				return s.Err()
			})
		},
	})
}

// read reads the first item below the current element (m:Items).
func (e *edit) read(s *wire.Scanner) {
	e.categories, e.looked = nil, true
	d := s.Depth()
	if !s.Child(d) {
		return
	}
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ItemId":
			if !e.firm {
				e.id = itemID(s)
			}
		case "Categories":
			for d := s.Depth(); s.Child(d) && len(e.categories) < maxEntries; {
				e.categories = append(e.categories, s.Text())
			}
		}
	}
}

// current returns the item's id with the change key that it has now. EWS: GetItem.
func (m *Mailbox) current(ctx context.Context, id ItemID) (ItemID, error) {
	e := &edit{id: ItemID{ID: id.ID}}
	err := m.look(ctx, []*edit{e}, new(Update))
	var b *BatchError
	if errors.As(err, &b) {
		return ItemID{}, b.Items[0].Err
	}
	return e.id, err
}
