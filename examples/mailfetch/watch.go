package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// stateFolder is where -watch keeps what it has done, below -out.
const stateFolder = ".fetched"

// stay fetches what is in the inbox and what arrives, until ctx ends, which is no error: the message under way is finished, the rest is
// the next run's. The fetcher does what a person would do at each failure; here is only what "fetched" means.
func (p *program) stay(ctx context.Context, tokens *tokens, open func(context.Context, string) error, mailbox *ews.Mailbox, out *outDir) error {
	_, err := mailbox.Folder(ctx, ews.Inbox)
	if needsSignIn(err) { // the stored token looked good, but has been revoked, and its refresh token with it
		if err = p.askPerson(ctx, tokens, open, err); err == nil {
			_, err = mailbox.Folder(ctx, ews.Inbox)
		}
	}
	if err != nil { // better said now than waited out
		return fmt.Errorf("the inbox: %w", err)
	}
	store, err := fetcher.NewFileStore(filepath.Join(p.out, stateFolder))
	if err != nil {
		return wrongSetting{fmt.Errorf("-out: %w", err)}
	}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.verbose {
		log = p.log
	}
	f, err := fetcher.New(mailbox, ews.Inbox, &fetcher.Options{
		Store:       store,
		WithoutBody: true, // the MIME has it
		Parallel:    1,    // outDir is for one
		After:       fetcher.Action{MarkRead: true, Move: fetcher.Place{Parent: ews.MsgFolderRoot, Path: []string{processedFolder}}},
		Logger:      log,
		Handler: func(ctx context.Context, msg *ews.Message) error {
			// Handed out a second time, after a crash, it gets the same name, and the file that is there is left as it is.
			key := fetcher.Key(msg)
			name := fmt.Sprintf("%s-%s-%s", msg.Received.Format("20060102-150405"), key[max(0, len(key)-8):], slug(msg.Subject))
			it, err := p.fetchMessage(ctx, mailbox, msg, name, out, nil)
			if err == nil {
				err = out.sync() // on the disk before it leaves the inbox
			}
			if err != nil {
				return fmt.Errorf("%w%s", err, diskAdvice(err))
			}
			p.add(it)
			p.report.Items = p.report.Items[:0] // a list of months would fill the memory
			p.say("%s, attachments: %d, %s", size(it.Bytes), len(it.Attachments), title(it.Subject))
			return nil
		},
	})
	if err != nil {
		return err
	}
	p.say("watching %s; Ctrl-C ends it", oneLine(strings.TrimSpace(p.report.Mailbox+" inbox")))
	err = f.Run(ctx)
	st := f.Stats()
	p.report.Failed = int(st.Quarantined)
	filed := int(st.Handled)
	for _, err := range store.Entries(context.WithoutCancel(ctx), f.Source(), fetcher.Handled) { // to be filed away by the next run
		if err == nil {
			filed--
		}
	}
	p.report.MarkedRead, p.report.Moved = max(filed, 0), max(filed, 0)
	if ctx.Err() != nil {
		p.say("ended; what is not fetched yet is in the inbox")
		return nil
	}
	return err
}
