package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// desk is what works on a connected mailbox unattended: mail becomes tickets, answers become mail.
type desk struct {
	name    string // of the mailbox, in the database
	mailbox *ews.Mailbox
	db      *database
	fetcher *fetcher.Fetcher
	outbox  *outbox.Outbox
	log     *slog.Logger

	mu     sync.Mutex // never held across I/O
	cancel context.CancelFunc
	ended  chan struct{}
}

// backfill is how old the mail may be that becomes tickets when a mailbox is connected for the first time: it may have ten years in it.
const backfill = 14 * 24 * time.Hour

func (a *app) newDesk(ctx context.Context, c *connection) (*desk, error) {
	d := &desk{name: strings.ToLower(c.settings.Mailbox), mailbox: c.mailbox(), db: a.db, log: a.log}
	if c.settings.Demo {
		d.name += " at " + c.settings.EWSURL // every start of the demo has a new mailbox of the same address
	}
	var err error
	d.fetcher, err = fetcher.New(d.mailbox, ews.Inbox, &fetcher.Options{
		Name:      d.name,
		Store:     a.db.fetched,
		TxHandler: d.ticket,
		Body:      ews.TextBody, // shown as it is: no mail's HTML ever reaches a browser
		Ordered:   true,
		Parallel:  2, // attachments are in memory meanwhile
		Skip:      []fetcher.Guard{fetcher.Automatic(ews.AutoReply|ews.Bounce|ews.Receipt|ews.OwnMail, c.settings.Mailbox)},
		After:     fetcher.Action{MarkRead: true},
		Backfill:  backfill,
		Logger:    a.log,
	})
	if err != nil {
		return nil, err
	}
	d.outbox, err = outbox.New(ctx, a.db.DB, d.mailbox, &outbox.Options{
		Mailbox: d.name,
		Folders: []ews.FolderRef{ews.Inbox, ews.DeletedItems}, // where a message that is answered may be by now
		Settle:  a.settle,
		Logger:  a.log,
	})
	return d, err
}

// start begins the work, unless it is under way.
func (d *desk) start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background()) // ends with stop, not with the request that began it
	ended := make(chan struct{})
	d.cancel, d.ended = cancel, ended
	go func() {
		defer close(ended)
		var both sync.WaitGroup
		both.Go(func() { d.keep(ctx, "fetching", d.fetcher.Run) })
		both.Go(func() { d.keep(ctx, "sending", d.outbox.Run) })
		both.Wait()
	}()
}

// keep runs it until ctx ends. Both wait out whatever goes wrong by themselves; an end before is a database that cannot be read.
func (d *desk) keep(ctx context.Context, what string, run func(context.Context) error) {
	for {
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		d.log.Error(what+" has ended; it begins anew in 10 seconds", "error", err)
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// stop ends the work: what was begun is finished, or done at the next start. It returns within seconds, when nothing is under way any more.
func (d *desk) stop() {
	d.mu.Lock()
	cancel, ended := d.cancel, d.ended
	d.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-ended
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == ended {
		d.cancel, d.ended = nil, nil
	}
}

func (d *desk) running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cancel != nil
}

// errNothing is the answer to ids that are not there, or another mailbox's.
var errNothing = errors.New("there is no such ticket, message or answer in this mailbox")
