package ews

import (
	"context"
	"iter"
	"time"
)

// BrokenEvents is Events of a group with one of its guards removed.
func (c *Client) BrokenEvents(ctx context.Context, boxes []*Mailbox, o EventsOptions, guard string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		err := o.check()
		var l *listener
		if err == nil {
			l, err = newListener(c, boxes, &o)
		}
		if err == nil {
			l.without(guard)
			err = l.run(ctx, yield)
		}
		if err != errStop {
			yield(Event{}, err)
		}
	}
}

// BrokenWatch is Watch with one of its guards removed.
func (m *Mailbox) BrokenWatch(ctx context.Context, f FolderRef, o WatchOptions, guard string) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		w, err := newWatch(m, f, "", &o)
		if err == nil {
			w.without(guard)
			err = w.run(ctx, yield)
		}
		if err != errStop {
			yield(Batch{}, err)
		}
	}
}

// BrokenSync is Sync that takes any page: one without a sync state or, if failed, one that failed, too.
func (m *Mailbox) BrokenSync(ctx context.Context, f FolderRef, from Cursor, o SyncOptions, failed bool) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		p := newSyncPass(m, f, &o)
		p.sound = func(err error, _ string) error {
			if failed {
				return nil
			}
			return err
		}
		if err := p.run(ctx, from, yield); err != nil {
			yield(Batch{}, err)
		}
	}
}

func (w *watch) without(guard string) {
	switch guard {
	case "Sync after connecting":
		w.hear = func(e Event) {
			if e.Type != EventConnected {
				w.bell.hear(e)
				return
			}
			w.bell.mu.Lock()
			defer w.bell.mu.Unlock()
			w.bell.open = true
		}
	case "report of losses":
		w.hear = func(e Event) {
			if e.Type != EventDisconnected {
				w.bell.hear(e)
			}
		}
	case "Sync now and then":
		w.o.CheckInterval = 1000 * time.Hour
	case "polling":
		w.o.PollInterval = 1000 * time.Hour
	case "random part":
		w.jitter = func(d time.Duration) time.Duration { return d }
	case "pages of what is known":
		w.listed = func(Cursor) bool { return false }
	case "pause between Syncs":
		w.o.MinInterval = 1
	default:
		w.listener.without(guard)
	}
}

func (l *listener) without(guard string) {
	open := l.open
	switch guard {
	case "":
	case "watchdog on silence":
		l.o.Silence = 1000 * time.Hour
	case "renewal before the end":
		l.open = func(ctx context.Context, ids []string) (*eventStream, []string, error) {
			es, lost, err := open(ctx, ids)
			if err == nil {
				es.renew.Stop()
			}
			return es, lost, err
		}
	case "names of the lost":
		l.drop = func(_ []string, err error) error { return l.forget(nil, err) }
	case "going on without the late":
		l.alone = func(error) bool { return false }
	case "loss of subscriptions":
		l.drop = func(_ []string, err error) error { return err }
	case "leaving the slots alone":
		l.open = func(ctx context.Context, ids []string) (*eventStream, []string, error) {
			pace := l.c.paces.of(l.boxes[0].m.account())
			defer l.c.paces.done(pace)
			patience := time.Hour
			if err := pace.acquire(ctx, &patience); err != nil {
				return nil, nil, err
			}
			es, lost, err := open(ctx, ids)
			if err != nil {
				pace.release()
				return nil, lost, err
			}
			context.AfterFunc(es.st.x.ctx, pace.release)
			return es, lost, nil
		}
	default:
		panic(guard)
	}
}

// WideSync is Sync that lacks a part of how it widens its pages.
func (m *Mailbox) WideSync(ctx context.Context, f FolderRef, from Cursor, o SyncOptions, guard string) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		p := newSyncPass(m, f, &o)
		switch guard {
		case "":
		case "wider pages":
			p.widen = func(int) bool { return false }
		case "asking again":
			p.widen = func(fresh int) bool { p.wider(fresh); return false }
		case "the same state": // what was dropped is taken for read
			state := ""
			p.sound = func(err error, s string) error { state = s; return stateless(err, s) }
			p.widen = func(fresh int) bool {
				again := p.wider(fresh)
				if again {
					p.at.state = state
				}
				return again
			}
		default:
			panic(guard)
		}
		if err := p.run(ctx, from, yield); err != nil {
			yield(Batch{}, err)
		}
	}
}
