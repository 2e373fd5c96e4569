package fetcher

import (
	"context"
	"iter"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// pages watches the folder from a cursor on, and turns what is reported into pages to be recorded. It ends as Watch does, or, with
// Options.Once, when it has caught up.
func (f *Fetcher) pages(ctx context.Context, e pullEffect, report func(ews.WatchReport)) iter.Seq2[pulledEvent, error] {
	return func(yield func(pulledEvent, error) bool) {
		folder, err := f.resolve(ctx)
		if err != nil {
			yield(pulledEvent{}, err)
			return
		}
		if err := f.apart(ctx, folder); err != nil {
			yield(pulledEvent{}, err)
			return
		}
		p := &pager{f: f, listing: e.listing, fresh: e.cursor == "", since: e.since}
		if p.fresh && !p.since.IsZero() {
			since, err := f.bound(ctx, folder, p.since)
			if err != nil {
				yield(pulledEvent{}, err)
				return
			}
			if since.Before(p.since) { // for good: this listing may be broken off, and later ones have the bound, too
				p.since = since
				if !yield(pulledEvent{page: Page{Cursor: e.cursor, Since: since}}, nil) {
					return
				}
			}
		}
		ctx, stop := f.stay(ctx, folder)
		defer stop()
		var batches iter.Seq2[ews.Batch, error]
		if f.o.Once {
			o := f.o.sync()
			o.Known = p.known
			batches = f.mailbox.Sync(ctx, folder, e.cursor, &o)
		} else {
			var o ews.WatchOptions
			if f.o.Watch != nil {
				o = *f.o.Watch
			}
			o.Sync = f.o.sync()
			o.Sync.Known = p.known
			theirs := o.Report
			o.Report = func(r ews.WatchReport) {
				report(r)
				if theirs != nil {
					theirs(r)
				}
			}
			batches = f.mailbox.Watch(ctx, folder, e.cursor, &o)
		}
		for b, err := range batches {
			if err != nil {
				if context.Cause(ctx) == errElsewhere {
					err = errElsewhere
				}
				yield(pulledEvent{}, err)
				return
			}
			if !yield(p.page(b), nil) {
				return
			}
		}
	}
}

// newest moves the bound of a listing that begins back to the newest message that is in the folder by now: Exchange's clock says when a
// message was received, this machine's may be ahead of it, and what arrives during the listing must not count as old.
func (f *Fetcher) newest(ctx context.Context, folder ews.FolderRef, since time.Time) (time.Time, error) {
	for msg, err := range f.mailbox.Messages(ctx, folder, &ews.Query{Detail: ews.Summary, Limit: 1, PageSize: 1}) {
		if err != nil {
			return since, err
		}
		if after := msg.Received.Truncate(time.Second).Add(time.Second); after.Before(since) {
			since = after
		}
		return since, nil
	}
	return allMail, nil // it is empty
}

// allMail is a bound before all mail: one that leaves nothing alone.
var allMail = time.Unix(0, 0).UTC()

// pager makes pages of batches.
type pager struct {
	f       *Fetcher
	since   time.Time
	fresh   bool // the next page is the first from the empty cursor
	listing bool // a listing of the whole folder is under way
	asked   bool // known was called for the page that comes next
	seen    []Seen
}

// known leaves what was handed out before, and what is older than the first run cared for, out of a listing. Where the former are now is
// recorded with the page.
func (p *pager) known(ctx context.Context, page []*ews.Message) ([]bool, error) {
	keys := make([]string, len(page))
	for i, msg := range page {
		keys[i] = p.f.key(msg)
	}
	known, err := p.f.o.Store.Known(ctx, p.f.name, keys)
	if err != nil {
		return nil, &unknowable{err}
	}
	p.asked, p.seen = true, p.seen[:0]
	for i, msg := range page {
		if known[i] {
			p.seen = append(p.seen, seen(keys[i], msg))
		} else if p.since.After(allMail) && msg.Received.Before(p.since) {
			known[i] = true
		}
	}
	return known, nil
}

// unknowable is a failure of the Store in known, which ews hands on.
type unknowable struct{ error }

func (e *unknowable) Unwrap() error { return e.error }

func seen(key string, msg *ews.Message) Seen {
	s := Seen{Key: key, Item: msg.ID.ID, Received: msg.Received, Subject: msg.Subject, From: msg.From.Email}
	if msg.ConversationID != "" {
		s.Conversation = digest(msg.ConversationID)
	}
	return s
}

func (p *pager) page(b ews.Batch) pulledEvent {
	listing := p.asked || p.fresh || b.Restarted || p.listing
	e := pulledEvent{last: b.Last, msgs: map[string]*ews.Message{}, page: Page{Cursor: b.Cursor, Listing: listing}}
	if listing {
		e.page.Begins, e.page.Ends = !p.listing, b.Last
		p.listing = !b.Last
	}
	e.page.Seen = append(e.page.Seen, p.seen...)
	p.seen, p.asked, p.fresh = nil, false, false
	for _, c := range b.Changes {
		switch c.Kind {
		case ews.Created:
			key := p.f.key(c.Message)
			e.page.Seen = append(e.page.Seen, seen(key, c.Message))
			if c.Err == nil {
				e.msgs[key] = c.Message
			}
		case ews.Deleted:
			e.page.Gone = append(e.page.Gone, c.ID.ID)
		}
	}
	arrange(e.page.Seen)
	return e
}
