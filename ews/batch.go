package ews

import (
	"errors"
	"fmt"
	"strconv"
)

// writeBatch is how many items one changing request names: Exchange charges and times them one by one.
const writeBatch = 10

// inBatches calls do for ids, some at a time, and joins what fails. An error other than *BatchError ends it: the items not yet sent
// then count as failed with ErrNotAttempted, so that what took effect can be told from what did not.
func inBatches(op string, ids []ItemID, do func(ids []ItemID, offset int) error) error {
	for i, id := range ids {
		if id.IsZero() {
			return fmt.Errorf("ews: %s: ids[%d]: the id is empty", op, i)
		}
	}
	joined := &BatchError{Op: op, Total: len(ids)}
	for offset := 0; offset < len(ids); offset += writeBatch {
		part := ids[offset:min(offset+writeBatch, len(ids))]
		err := do(part, offset)
		var b *BatchError
		switch {
		case err == nil:
		case errors.As(err, &b):
			for _, it := range b.Items {
				joined.Items = append(joined.Items, &ItemError{Index: offset + it.Index, ID: ids[offset+it.Index].ID, Err: it.Err})
			}
		case offset == 0 && len(part) == len(ids):
			return err
		default:
			var e *Error
			if !errors.As(err, &e) {
				if offset == 0 {
					return err // nothing was sent: wrong use, or the context
				}
				e = &Error{Op: op, kind: ErrNotAttempted, cause: err}
			}
			for i, id := range ids[offset:] {
				if i >= len(part) {
					e = &Error{Op: op, kind: ErrNotAttempted, cause: err}
				}
				joined.Items = append(joined.Items, &ItemError{Index: offset + i, ID: id.ID, Err: e})
			}
			return joined
		}
	}
	if len(joined.Items) > 0 {
		return joined
	}
	return nil
}

// failures tells which of n items err is about: all of them unless it is a *BatchError.
func failures(err error, n int) []bool {
	failed := make([]bool, n)
	var b *BatchError
	switch {
	case errors.As(err, &b):
		for _, it := range b.Items {
			failed[it.Index] = true
		}
	case err != nil:
		for i := range failed {
			failed[i] = true
		}
	}
	return failed
}

// yes is an xs:boolean.
func yes(b bool) string { return strconv.FormatBool(b) }

// single is the error about the one item that a batch consisted of.
func single(err error) error {
	var b *BatchError
	if errors.As(err, &b) && b.Total == 1 && len(b.Items) == 1 {
		return b.Items[0].Err
	}
	return err
}

// firstOf is the first error of a batch that is of no use in parts.
func firstOf(err error) error {
	var b *BatchError
	if errors.As(err, &b) && len(b.Items) > 0 {
		return b.Items[0].Err
	}
	return err
}
