package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
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
		}
		if !p.start.IsZero() {
			p.report.Seconds = time.Since(p.start).Seconds()
		}
		if len(p.report.Errors) > 0 {
			status = 1
		}
	}
	p.report.OK = status == 0
	write := p.report.writeTable
	if s.json {
		write = p.report.writeJSON
	} else if p.report.Mailbox == "" { // it never came to anything that could be counted
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
	if err := p.signIn(ctx, tokens, open); err != nil {
		return err
	}

	// 2. The mailbox.
	client, err := ews.NewClient(ews.Config{
		Endpoint:          p.endpoint,
		Token:             tokens.source,
		Mailbox:           tokens.account,
		ClientID:          p.clientID,
		AllowLoopbackHTTP: p.loopbackHTTP,
		Retry:             p.retry(),
		Logger:            p.log,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	mailbox := client.Own()
	p.report.Mailbox = tokens.account
	if p.mailbox != "" && p.mailbox != tokens.account {
		mailbox = client.Shared(p.mailbox)
		p.report.Mailbox = p.mailbox
	}

	// 3. Its mail, to files.
	out, err := p.openOut()
	if err != nil {
		return err
	}
	defer func() { err = both(err, out.Close()) }()
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
	if err != nil {
		return err
	}
	if p.readOnly || len(fetched) == 0 {
		return nil
	}

	// 4. An answer, and everything filed away.
	if err := p.answer(ctx, mailbox, fetched); err != nil {
		return err
	}
	return p.file(ctx, mailbox, fetched)
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
	if p.out == "" {
		dir, err := os.MkdirTemp("", "mailfetch-")
		if err != nil {
			return nil, fmt.Errorf("-out: %w; name a folder", err)
		}
		p.out = dir
	}
	p.report.Out = p.out
	return openOut(p.out)
}

// say prints a line for the person in front of the program.
func (p *program) say(format string, args ...any) {
	fmt.Fprintf(p.stderr, "mailfetch: "+format+"\n", args...)
}
