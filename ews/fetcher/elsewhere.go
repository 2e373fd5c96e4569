package fetcher

import (
	"context"
	"errors"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// lookAgain is how long a path is trusted to lead to the folder that it led to. A folder that somebody deletes is mostly not gone: it lies in
// the deleted items, with its id, its cursor and room for more, while mail goes to the new one that was made in its place.
const lookAgain = 5 * time.Minute

var errElsewhere = errors.New("fetcher: Options.Path leads to another folder by now, which is fetched from here on")

// staying returns a context that ends, with errElsewhere as its cause, when Options.Path leads to another folder than this one. While it
// leads nowhere, this one is still the best there is. stop is to be called in the end.
func (f *Fetcher) staying(ctx context.Context, folder ews.FolderRef) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if len(f.o.Path) == 0 {
			return
		}
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		told := false
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			now, err := f.resolve(ctx)
			switch {
			case err == nil && now != folder:
				cancel(errElsewhere)
				return
			case errors.Is(err, ews.ErrNotFound) && !told:
				f.o.Logger.Warn("Options.Path leads nowhere any more; the folder that it led to is fetched until the program is restarted", "source", f.name, "err", err.Error())
			}
			told = err != nil
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}
