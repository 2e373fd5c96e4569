package main

import (
	"context"
	"time"
)

// followInterval is how soon an instance sees what a person did in another one: two small files are read each time.
const followInterval = 2 * time.Second

// follow has this instance do what was said to others on the same store, until ctx ends: other settings replace the connection, the work
// goes on after a sign-in and ends after a disconnect.
func (a *app) follow(ctx context.Context) {
	last := ""
	for {
		select {
		case <-time.After(followInterval):
		case <-ctx.Done():
			return
		}
		err := a.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if text := errorText(err); text != last { // said once, not every two seconds
			if last = text; text != "" {
				a.log.Error("what other instances have stored cannot be read; all stays as it is", "error", err)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// look takes over what is stored.
func (a *app) look(ctx context.Context) error {
	done, err := a.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	s, version, err := load(ctx, a.store)
	if err != nil {
		return err
	}
	if s.Demo && !s.ofTenant(a.tenant) {
		return nil // another program's demo tenant, which ends with it
	}
	if version != a.current().version {
		c, err := a.connect(ctx, s, version)
		if err != nil {
			return err
		}
		a.replace(c)
		a.log.Info("another instance has saved settings", "mailbox", s.Mailbox)
	}
	return a.resume(ctx, a.current())
}
