package ews

import "errors"

// isolating wraps do, a request about several items, so that one item that spoils the whole answer does not cost the others: where a
// request failed as a whole and one of its items may be why, its halves are asked for, and theirs. What must not happen twice is asked for
// again only after a refusal that Exchange gives before it acts.
func isolating(op string, do func(work []int) error) func(work []int) error {
	return func(work []int) error {
		err := do(work)
		if len(work) < 2 || !spoilt(err) {
			return err
		}
		b := &bisection{op: op, work: work, do: do, failed: &BatchError{Op: op, Total: len(work)}}
		b.split(0, len(work), err)
		switch {
		case b.hopeless():
			return err
		case len(b.failed.Items) == 0:
			return nil
		}
		return b.failed
	}
}

// maxHopeless is how many items may fail alone before any request succeeded, until it is taken for the server's fault, not theirs.
const maxHopeless = 4

type bisection struct {
	op     string
	work   []int
	do     func(work []int) error
	failed *BatchError // indexes into work
	served bool        // some request was answered
	alone  int         // items that failed alone
	ended  *Error      // what ended it early
}

func (b *bisection) hopeless() bool { return !b.served && b.alone >= min(maxHopeless, len(b.work)) }

// split asks for the halves of a part that failed as a whole.
func (b *bisection) split(from, to int, err error) {
	if to-from == 1 {
		b.alone++
		b.note(from, to, err)
		return
	}
	mid := (from + to) / 2
	for _, half := range [][2]int{{from, mid}, {mid, to}} {
		switch {
		case b.hopeless():
			return
		case b.ended != nil:
			b.note(half[0], half[1], &Error{Op: b.op, Mailbox: b.ended.Mailbox, kind: ErrNotAttempted, cause: b.ended})
			continue
		}
		err := b.do(b.work[half[0]:half[1]])
		var batch *BatchError
		switch {
		case err == nil:
			b.served = true
		case errors.As(err, &batch):
			b.served = true
			for _, it := range batch.Items {
				b.failed.Items = append(b.failed.Items, &ItemError{Index: half[0] + it.Index, ID: it.ID, Err: it.Err})
			}
		case spoilt(err):
			b.split(half[0], half[1], err)
		default: // not an item's fault: no use in asking for the others
			b.note(half[0], half[1], err)
			b.served = true
		}
	}
}

// note gives the items of a part their error.
func (b *bisection) note(from, to int, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Op: b.op, kind: ErrNotAttempted, cause: err}
	}
	if !spoilt(err) && b.ended == nil {
		b.ended = e
	}
	for i := from; i < to; i++ {
		b.failed.Items = append(b.failed.Items, &ItemError{Index: i, Err: e})
	}
}

// spoilt: one item of several may be why the request failed as a whole.
func spoilt(err error) bool {
	var batch *BatchError
	var e *Error
	if errors.As(err, &batch) || !errors.As(err, &e) || e.MaybeApplied { // a batch's errors have their item already
		return false
	}
	if e.fault && e.StatusCode != 0 {
		switch e.Code {
		case "ErrorSchemaValidation", "ErrorInvalidRequest", "ErrorInvalidId", "ErrorInvalidIdMalformed", "ErrorInvalidIdEmpty",
			"ErrorInvalidIdMalformedEwsLegacyIdFormat", "ErrorInvalidIdMonikerTooLong", "ErrorInvalidChangeKey":
			return true // found while the request was read
		}
	}
	// Anything else may have come up in the middle of the batch.
	return !e.once && poisoned(err)
}
