package ews

import (
	"context"
	"errors"
	"slices"
)

// resend calls do for the items at work (indexes below n), and again for those that failed in a way that passes, so that one hiccup
// of the server does not fail a batch, and what took effect is not done twice. do returns *BatchError, with indexes into work, or what
// ended the whole request; an item that spoils the request for all is searched for. The error returned has indexes below n.
func (m *Mailbox) resend(ctx context.Context, op string, n int, do func(work []int) error) error {
	return m.resendWhole(ctx, op, n, isolating(op, do))
}

// resender is resend or resendWhole.
type resender func(ctx context.Context, op string, n int, do func(work []int) error) error

// resendWhole is resend for callers that deal with a request that failed as a whole themselves.
func (m *Mailbox) resendWhole(ctx context.Context, op string, n int, do func(work []int) error) error {
	work := make([]int, n)
	for i := range work {
		work[i] = i
	}
	policy := &m.c.retry
	failed := &BatchError{Op: op, Total: n}
	for attempt := 1; len(work) > 0; attempt++ {
		err := do(work)
		var b *BatchError
		if err == nil {
			break
		}
		if !errors.As(err, &b) {
			var e *Error
			if attempt == 1 || !errors.As(err, &e) {
				return err
			}
			for _, at := range work { // some of the batch has been dealt with: say which has not
				failed.Items = append(failed.Items, &ItemError{Index: at, Err: e})
			}
			break
		}
		var again []int
		for _, it := range b.Items {
			at := work[it.Index]
			if attempt < policy.MaxAttempts && it.Err.passes() {
				again = append(again, at)
				continue
			}
			failed.Items = append(failed.Items, &ItemError{Index: at, ID: it.ID, Err: it.Err})
		}
		if len(again) > 0 && sleep(ctx, jitter(policy.delay(attempt, policy.BaseDelay))) != nil {
			for _, it := range b.Items {
				if slices.Contains(again, work[it.Index]) {
					failed.Items = append(failed.Items, &ItemError{Index: work[it.Index], ID: it.ID, Err: it.Err})
				}
			}
			break
		}
		work = again
	}
	if len(failed.Items) == 0 {
		return nil
	}
	slices.SortFunc(failed.Items, func(a, b *ItemError) int { return a.Index - b.Index })
	return failed
}

// passes reports whether asking for the same item again is safe and may help. A batch that was throttled as a whole has been
// repeated as a whole before.
func (e *Error) passes() bool {
	return !e.MaybeApplied && (e.verdict == verdictRetry || e.verdict == verdictThrottle && e.partial || e.kind == ErrNotAttempted)
}

// pick returns the elements of all at work.
func pick[T any](all []T, work []int) []T {
	part := make([]T, len(work))
	for i, at := range work {
		part[i] = all[at]
	}
	return part
}
