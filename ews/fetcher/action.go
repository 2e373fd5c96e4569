package fetcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// Place is a folder: the one reached from Parent by the names of Path, created if it is missing. The zero Place is no folder.
type Place struct {
	Parent ews.FolderRef
	Path   []string
}

// name tells places apart.
func (p Place) name() string { return fmt.Sprintf("%v%q", p.Parent, p.Path) }

// DefaultQuarantine is where messages go that were given up: see Options.Quarantine.
var DefaultQuarantine = Place{Parent: ews.MsgFolderRoot, Path: []string{"Quarantine"}}

// Action is what is done to a message in the mailbox when its ticket is committed, in the order of the fields. It survives crashes: each
// part may be repeated, and is, until all are done. A message that somebody else moves meanwhile is left alone.
type Action struct {
	MarkRead   bool
	Categories []string // added to those it has
	Move       Place    // zero: it stays
	Delete     bool     // instead of Move: into the deleted items, or as Mode says
	Mode       ews.DeleteMode
}

func (a *Action) isZero() bool {
	return !a.MarkRead && len(a.Categories) == 0 && a.Move.Parent == nil && !a.Delete
}

func (a *Action) check(field string) error {
	switch {
	case a.Delete && a.Move.Parent != nil:
		return errors.New("fetcher: Options." + field + ": Move and Delete exclude each other")
	case a.Move.Parent == nil && len(a.Move.Path) > 0:
		return errors.New("fetcher: Options." + field + ".Move: Parent is nil: name a folder, such as ews.Inbox")
	}
	return nil
}

// perform does the action. It may be repeated, after a crash or a lost answer, also when the message is gone: then it is done.
func (a *Action) perform(ctx context.Context, m *ews.Mailbox, places *places, item string) error {
	id := ews.ItemID{ID: item}
	err := a.apply(ctx, m, places, id)
	if errors.Is(err, errItemGone) {
		return nil
	}
	return err
}

// errItemGone: the message is not where it was. The move of an earlier try that seemed to fail looks the same as somebody else's.
var errItemGone = errors.New("fetcher: the message is gone")

func (a *Action) apply(ctx context.Context, m *ews.Mailbox, places *places, id ews.ItemID) error {
	if a.MarkRead || len(a.Categories) > 0 {
		change := &ews.Update{AddCategories: a.Categories}
		if a.MarkRead {
			change.Read = new(true)
		}
		if _, err := m.Update(ctx, change, id); err != nil {
			return goneOr(err)
		}
	}
	switch {
	case a.Delete:
		return goneOr(m.Delete(ctx, a.Mode, id))
	case a.Move.Parent != nil:
		return places.move(ctx, m, a.Move, id)
	}
	return nil
}

func goneOr(err error) error {
	if errors.Is(err, ews.ErrNotFound) {
		return errItemGone
	}
	return err
}

// places remembers the ids of folders that were looked up.
type places struct {
	trust time.Duration // how long: see lookAgain

	mu  sync.Mutex
	ids map[string]found
}

type found struct {
	id ews.FolderID
	at time.Time
}

func (p *places) resolve(ctx context.Context, m *ews.Mailbox, at Place) (ews.FolderRef, error) {
	if len(at.Path) == 0 {
		return at.Parent, nil
	}
	name := at.name()
	p.mu.Lock()
	known, ok := p.ids[name]
	p.mu.Unlock()
	if ok && time.Since(known.at) < p.trust {
		return known.id, nil
	}
	f, err := m.EnsureFolder(ctx, at.Parent, at.Path...)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids = map[string]found{}
	}
	id := ews.FolderID{ID: f.ID.ID}
	p.ids[name] = found{id, time.Now()}
	return id, nil
}

func (p *places) forget(at Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ids, at.name())
}

// move moves the message. "Not found" may mean the message or the target folder, which somebody may have removed since it was looked up.
func (p *places) move(ctx context.Context, m *ews.Mailbox, to Place, id ews.ItemID) error {
	folder, err := p.resolve(ctx, m, to)
	if err != nil {
		return err
	}
	if _, err = m.Move(ctx, folder, id); !errors.Is(err, ews.ErrNotFound) {
		return err
	}
	if _, err := m.Folder(ctx, folder); err != nil {
		p.forget(to)
		return err // the next try makes it anew
	}
	return errItemGone
}
