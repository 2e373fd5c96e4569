package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// processedFolder is where fetched messages are filed, beside the inbox. It is created if missing.
const processedFolder = "Processed"

// run is the program without its process: what it is given comes in, what it prints and its exit status go out.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	s, err := parse(args, env, stderr)
	if errors.Is(err, errHelp) {
		return 0
	}
	p := &program{settings: s, stderr: stderr, report: &report{Errors: []string{}, Items: []item{}}}
	status := 0
	if err != nil {
		p.fail(err)
		status = 2
	} else {
		if err := p.job(ctx); err != nil {
			p.fail(err)
			if errors.As(err, new(wrongSetting)) {
				status = 2
			}
		}
		if !p.start.IsZero() {
			p.report.Seconds = time.Since(p.start).Seconds()
		}
		if status == 0 && len(p.report.Errors) > 0 {
			status = 1
		}
	}
	p.report.OK = status == 0
	write := p.report.writeTable
	if s.json {
		write = p.report.writeJSON
	} else if !p.began {
		return status
	}
	if err := write(stdout); err != nil {
		fmt.Fprintln(stderr, "mailfetch: cannot write the result:", err)
		return 1
	}
	return status
}

// program is one run.
type program struct {
	*settings
	stderr io.Writer
	report *report
	log    *slog.Logger
	start  time.Time // of the job, the demo tenant's own start apart
	began  bool      // somebody is signed in: there is something to count
}

// job is the main job. What it could not do for a single message it notes and goes on; an error ends it.
func (p *program) job(ctx context.Context) (err error) {
	p.log = slog.New(slog.DiscardHandler)
	if p.verbose {
		p.log = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	open := p.openPage
	if p.demo {
		tenant, err := p.startDemo()
		if err != nil {
			return err
		}
		defer tenant.Close()
		if !p.interactive {
			open = tenant.Approve
		}
	}

	p.start = time.Now()

	// 1. The app registration, and whoever signs in with it.
	tokens, err := p.openTokens(ctx)
	if err != nil {
		return err
	}
	defer func() { err = both(err, p.closeTokens(ctx, tokens)) }()
	out, err := p.openOut() // before a person is asked to sign in
	if err != nil {
		return err
	}
	defer func() { err = both(err, p.closeOut(out)) }()
	if err := p.signIn(ctx, tokens, open); err != nil {
		return err
	}

	// 2. The mailbox.
	anchor := tokens.account
	if checkAddress(anchor) != nil {
		anchor = "" // AD FS may say CONTOSO\name, or nothing: Exchange knows whose token it is
	}
	client, err := ews.NewClient(ews.Config{
		Endpoint:          p.endpoint,
		Token:             tokens.source,
		Mailbox:           anchor,
		ClientID:          p.clientID,
		AllowLoopbackHTTP: true,
		Retry:             p.retry(),
		Logger:            p.log,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	p.began = true
	mailbox := client.Own()
	p.report.Mailbox = tokens.account
	if p.mailbox != "" && !strings.EqualFold(p.mailbox, tokens.account) {
		mailbox = client.Shared(p.mailbox)
		p.report.Mailbox = p.mailbox
	}

	if p.watch {
		return p.stay(ctx, tokens, open, mailbox, out)
	}

	// 3. Its mail, to files.
	list, err := p.list(ctx, mailbox)
	if needsSignIn(err) { // the stored token looked good, but has been revoked, and its refresh token with it
		if err := p.askPerson(ctx, tokens, open, err); err != nil {
			return err
		}
		list, err = p.list(ctx, mailbox)
	}
	if err != nil {
		return err
	}
	fetched, err := p.fetch(ctx, mailbox, list, out)
	switch {
	case p.readOnly || len(fetched) == 0:
		return err
	case err != nil && (ctx.Err() != nil || refusesAll(err)):
		return err
	case err != nil: // what is complete is filed away, or the next run would get no further than this one
		return both(err, p.file(ctx, mailbox, fetched))
	}

	// 4. An answer, and everything filed away. What could not be answered stays in the inbox.
	waiting, err := p.answer(ctx, mailbox, fetched)
	if err != nil && (ctx.Err() != nil || refusesAll(err)) {
		return err
	}
	fetched = slices.DeleteFunc(fetched, func(msg *ews.Message) bool { return msg.ID.ID == waiting.ID })
	return both(err, p.file(ctx, mailbox, fetched))
}

// retry is how long a call keeps trying. The library's default suits a daemon; in front of a person a minute is long.
func (p *program) retry() *ews.RetryPolicy {
	r := &ews.RetryPolicy{MaxWait: p.patience, MaxDelay: 15 * time.Second}
	if p.patience == 0 {
		r.MaxAttempts, r.MaxWait = 1, -1
	}
	return r
}

func (p *program) openOut() (*outDir, error) {
	dir := p.out
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "mailfetch-"); err != nil {
			return nil, wrongSetting{fmt.Errorf("-out: %w; name a folder", err)}
		}
	}
	out, err := openOut(dir)
	if err != nil {
		return nil, wrongSetting{fmt.Errorf("-out: %w; name a folder that you may create and write to", err)}
	}
	p.report.Out = dir
	return out, nil
}

// closeOut removes what was not finished, and a temporary folder that nothing came into.
func (p *program) closeOut(out *outDir) error {
	err := out.Close()
	if p.out == "" && os.Remove(p.report.Out) == nil { // which succeeds for an empty one only
		p.report.Out = ""
	}
	return err
}

// say prints a line for the person in front of the program.
func (p *program) say(format string, args ...any) {
	fmt.Fprintf(p.stderr, "mailfetch: "+format+"\n", args...)
}
