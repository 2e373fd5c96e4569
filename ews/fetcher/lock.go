package fetcher

import "context"

// Lock is an exclusive lock that is held. tokenstore's locks are.
type Lock interface {
	// Check fails when the lock is lost.
	Check(ctx context.Context) error
	Unlock() error
}

// Locker waits until it holds the exclusive lock of that name, or ctx ends. See LockWith.
type Locker func(ctx context.Context, name string) (Lock, error)

// LockWith makes a Locker of a method that returns its own kind of Lock, such as that of a tokenstore store:
//
//	options.Lock = fetcher.LockWith(store.Lock)
func LockWith[L Lock](lock func(ctx context.Context, name string) (L, error)) Locker {
	return func(ctx context.Context, name string) (Lock, error) {
		l, err := lock(ctx, name)
		if err != nil {
			return nil, err
		}
		return l, nil
	}
}
