package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Run sends what is in the table until ctx ends; then it claims no more, lets the tries under way go on for Options.Drain, cancels the
// rest, which leaves their rows as they are to be, and returns nil. A server that does not answer can hold that up for half a minute
// more. It may run in several processes, and several times in one.
//
// Failures of a message, of the account and of the database are waited out. Errors: the table cannot be read at the start; New was given
// no mailbox.
func (b *Outbox) Run(ctx context.Context) error {
	if b.m == nil {
		return errors.New("outbox: Run needs a mailbox: New was given none")
	}
	rows, err := b.db.QueryContext(ctx, b.sql("SELECT epoch FROM {table} WHERE 1 = 0"))
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("outbox: reading table %s (Migrate creates it): %w", b.t, err)
	}
	rows.Close()

	b.hold.clear() // what was wrong with the account may be what Run was ended and begun anew for

	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running sync.WaitGroup
	defer func() {
		done := make(chan struct{})
		go func() { running.Wait(); close(done) }()
		timer := time.NewTimer(b.o.Drain)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			stop()
			<-done
		}
	}()

	slots := make(chan struct{}, b.o.Workers) // taken by those that work
	failures := 0
	for {
		wait := b.hold.left()
		if wait <= 0 {
			var more bool
			if more, err = b.fill(ctx, work, slots, &running); err == nil {
				failures, wait = 0, b.o.Poll-rand.N(b.o.Poll/4+1)
				if more {
					wait = 0
				}
			} else if ctx.Err() == nil {
				failures++
				wait = min(b.o.Poll<<min(failures, 8), time.Minute)
				b.o.Logger.ErrorContext(ctx, "outbox: looking for rows", "error", err, "pause", wait)
			}
		}
		if wait <= 0 { // there are more rows than workers
			select {
			case slots <- struct{}{}:
				<-slots
				continue
			case <-ctx.Done():
				return nil
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-b.wake:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// fill gives work to the free workers; more says that there were not enough of them.
func (b *Outbox) fill(ctx, work context.Context, slots chan struct{}, running *sync.WaitGroup) (more bool, err error) {
	free := cap(slots) - len(slots)
	if free == 0 {
		return true, nil
	}
	rows, err := b.claim(ctx, free)
	for _, r := range rows {
		slots <- struct{}{} // never waits: only this loop takes them
		running.Go(func() {
			defer func() { <-slots }()
			b.deliver(work, r)
		})
	}
	return len(rows) == free, err
}
