package fetcher

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ewsmail/ewsmail/ews"
)

// target is a place that messages are moved to, and what is said when it is the folder that they are fetched from.
type target struct {
	Place
	wrong string
}

// targets are the places that messages are moved to. None may be the folder that is fetched: each message would be a new item there, and
// one from quarantine is tried again.
func (o *Options) targets() (list []target) {
	if p := o.Quarantine; p != nil && p.Parent != nil {
		list = append(list, target{*p, "Options.Quarantine: it is the folder that is fetched: messages would be tried again for ever; the zero Place leaves them there"})
	}
	if p := o.After.Move; p.Parent != nil {
		list = append(list, target{p, "Options.After.Move: it is the folder that is fetched; the zero Place leaves messages there"})
	}
	return list
}

// apart refuses what has the name of the folder that is fetched, without asking Exchange.
func (o *Options) apart(m *ews.Mailbox, folder ews.FolderRef) (err error) {
	from := sourceName(m, folder, o.Path)
	for _, to := range o.targets() {
		if sourceName(m, to.Parent, to.Path) == from {
			err = errors.Join(err, errors.New("fetcher: "+to.wrong))
		}
	}
	return err
}

// sameFolderError ends Run: somebody has to change the options, or the folders.
type sameFolderError struct{ what, name string }

func (e *sameFolderError) Error() string {
	return fmt.Sprintf("fetcher: %s (the same folder by another name, %q)", e.what, e.name)
}

// apart refuses, when the watching begins, a target that is the folder that is fetched by another name: by its path and as a
// distinguished folder, or in other letters. It costs one request, and none more where the names of the folders themselves differ.
// What cannot be asked about a target is left to the move.
func (f *Fetcher) apart(ctx context.Context, folder ews.FolderRef) error {
	var open []target // not known to be another folder
	for _, to := range f.o.targets() {
		_, fixed := folder.(ews.FolderName)
		_, theirs := to.Parent.(ews.FolderName)
		if fixed && theirs && len(to.Path) == 0 { // New has compared them
			continue
		}
		open = append(open, to)
	}
	if len(open) == 0 || f.checked.Load() {
		return nil
	}
	from, err := f.mailbox.Folder(ctx, folder)
	if err != nil {
		return err
	}
	sure := true
	for _, to := range open {
		if n := len(to.Path); n > 0 && !strings.EqualFold(to.Path[n-1], from.Name) {
			continue
		}
		there, err := f.mailbox.FindFolder(ctx, to.Parent, to.Path...)
		switch {
		case err == nil && there.ID.ID == from.ID.ID:
			return &sameFolderError{to.wrong, from.Name}
		case err != nil && !errors.Is(err, ews.ErrNotFound):
			sure = false
		}
	}
	f.checked.Store(sure)
	return nil
}
