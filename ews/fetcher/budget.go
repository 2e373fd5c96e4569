package fetcher

import "context"

// Budget bounds what several fetchers of one process do at the same time. Give the same one to all of them. A handler holds its place until it
// returns: the handlers of one mailbox that hang (Options.Timeout ends their contexts) take up Options.Parallel places, so that a Budget of
// more leaves some to the other mailboxes.
type Budget struct{ slots chan struct{} }

// NewBudget returns a Budget of so many handlers at a time, at least 1.
func NewBudget(handlers int) *Budget { return &Budget{make(chan struct{}, max(1, handlers))} }

// acquire waits for a slot; those who wait longest come first. A nil Budget has no bound.
func (b *Budget) acquire(ctx context.Context) (release func(), err error) {
	if b == nil {
		return func() {}, nil
	}
	select {
	case b.slots <- struct{}{}:
		return func() { <-b.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
