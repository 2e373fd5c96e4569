package ews

import (
	"context"
	"errors"
	"sync"
)

// Bounds of one GetItem request, and of how many are under way for one listing. Exchange cuts requests at one minute; several of a
// moderate size hide the network's latency better than a few large ones. With the page that is read meanwhile they are as many as
// DefaultConcurrency.
const (
	batchItems    = 50
	batchBytes    = 8 << 20 // of Message.Size, most of which is attachments, which are not read
	batchesAtOnce = DefaultConcurrency - 1
)

func batchSize(found []*Message) int {
	var bytes int64
	for i, msg := range found {
		bytes += msg.Size
		if i > 0 && (i == batchItems || bytes > batchBytes) {
			return i
		}
	}
	return len(found)
}

// batch is some messages of a page, and what reading them gave.
type batch struct {
	messages []*Message
	failed   *BatchError
	err      error
	done     chan struct{}
}

// readAhead reads what summaries lack, several batches ahead of the loop that takes the messages, and hands them out in order.
type readAhead struct {
	m       *Mailbox
	q       *Query
	ctx     context.Context // of the requests; ends with the loop
	started *sync.WaitGroup
	tell    bool // a message that is not there (any more) is an error instead of being left out

	waiting  []*batch // to be handed out
	underWay int      // the first of them, which are being read or have been
}

// add appends messages.
func (r *readAhead) add(found []*Message) {
	for len(found) > 0 {
		n := len(found)
		if r.q.Detail != Summary || r.tell {
			n = batchSize(found)
		}
		r.waiting = append(r.waiting, &batch{messages: found[:n], done: make(chan struct{})})
		found = found[n:]
	}
	r.start()
}

// room reports whether more messages could be read at once than there are.
func (r *readAhead) room() bool { return r.underWay == len(r.waiting) && r.underWay < batchesAtOnce }

func (r *readAhead) start() {
	for ; r.underWay < len(r.waiting) && r.underWay < batchesAtOnce; r.underWay++ {
		b := r.waiting[r.underWay]
		if r.q.Detail == Summary && !r.tell {
			close(b.done)
			continue
		}
		r.started.Go(func() {
			defer close(b.done)
			b.failed, b.err = r.m.fill(r.ctx, b.messages, r.q)
		})
	}
}

// hand waits for the first batch, and yields its messages. errStop: the loop was left.
func (r *readAhead) hand(yield func(*Message, error) bool) error {
	b := r.waiting[0]
	<-b.done
	if b.err != nil {
		return b.err
	}
	r.waiting[0] = nil // memory does not grow with the page
	r.waiting = r.waiting[1:]
	r.underWay--
	r.start()
	for i, msg := range b.messages {
		b.messages[i] = nil
		var err error
		if b.failed != nil {
			if e := b.failed.Item(i); e != nil {
				if errors.Is(e, ErrNotFound) && !r.tell {
					continue // gone since it was listed
				}
				err = e
			}
		}
		if !yield(msg, err) {
			return errStop
		}
	}
	return nil
}

// hand completes messages, and yields them.
func (l *listing) hand(ctx context.Context, found []*Message, yield func(*Message, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	var started sync.WaitGroup
	defer started.Wait()
	defer cancel()
	r := readAhead{m: l.m, q: l.q, ctx: ctx, started: &started}
	r.add(found)
	for len(r.waiting) > 0 {
		if err := r.hand(yield); err != nil {
			return err
		}
	}
	return nil
}
