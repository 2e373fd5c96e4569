package ews

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// log writes the event of one request. Nothing in it is secret: no header, no token, no text of the server, no content.
func (x *exchange) log(ctx context.Context, err error, again bool, wait time.Duration) {
	level, msg := slog.LevelDebug, "ews request"
	switch {
	case err != nil && again:
		level, msg = slog.LevelInfo, "ews request failed, trying again"
	case err != nil:
		level, msg = slog.LevelWarn, "ews request failed"
	}
	log := x.m.c.log
	if !log.Enabled(ctx, level) {
		return
	}
	var took time.Duration
	if !x.began.IsZero() { // it got to send something
		took = time.Since(x.began)
	}
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("operation", x.c.op),
		slog.String("mailbox", x.m.Address()),
		slog.Int("attempt", x.attempt),
		slog.Int("status", x.status),
		slog.Duration("duration", took),
		slog.Int64("bytes_out", x.env.Len()),
	)
	if x.body != nil {
		attrs = append(attrs, slog.Int64("bytes_in", x.body.wire.n.Load()))
	}
	if n := x.repaired.Load(); n > 0 {
		attrs = append(attrs, slog.Int64("repaired_characters", n))
	}
	if x.id != "" {
		attrs = append(attrs, slog.String("client_request_id", x.id))
	}
	if x.header != nil {
		if id := oneOf(x.header, "request-id"); id != "" {
			attrs = append(attrs, slog.String("request_id", x.hide(id)))
		}
		if fe := oneOf(x.header, "X-FEServer"); fe != "" {
			attrs = append(attrs, slog.String("front_end", x.hide(fe)))
		}
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", reason(err)))
		var e *Error
		if errors.As(err, &e) && e.Code != "" {
			attrs = append(attrs, slog.String("code", e.Code))
		}
		var b *BatchError
		if errors.As(err, &b) {
			attrs = append(attrs, slog.Int("failed_items", len(b.Items)))
		}
	}
	if again {
		attrs = append(attrs, slog.Duration("wait", wait))
	}
	log.LogAttrs(ctx, level, msg, attrs...)
}

// reason is an error's kind in our own words. The server's text may quote subjects and addresses.
func reason(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return "other"
	}
	what, _ := e.words()
	return what
}
