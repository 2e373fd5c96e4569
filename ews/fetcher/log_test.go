package fetcher_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestLog: who reads the log at night learns which message fails and how, where a handler panicked, that a message was given up, or stays where it is, and what to do where Exchange refuses.
func TestLog(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		var lines bytes.Buffer
		p.o.Logger = slog.New(slog.NewTextHandler(&lines, nil)) // takes one record at a time
		p.o.MaxAttempts, p.o.After.MarkRead = 1, true
		handle := p.o.Handler
		p.o.Handler = func(ctx context.Context, msg *ews.Message) error {
			switch msg.Subject {
			case "panics":
				var nobody *ews.Message
				_ = nobody.Subject
			case "fails":
				return errors.New("no such customer")
			}
			return handle(ctx, msg)
		}
		p.send("panics")
		p.send("fails")
		p.send("secret subject")
		p.start()
		time.Sleep(time.Hour)
		st := p.f.Stats()
		require.Regexp(t, "^sk-", st.LastErrorKey)
		require.Zero(t, st.Refused)
		full := p.Fault(ewstest.Fault{Op: "UpdateItem", Times: -1, Do: ewstest.ResponseError("ErrorQuotaExceeded", "")})
		p.send("stays")
		time.Sleep(time.Hour)
		require.Equal(t, int64(1), p.f.Stats().Refused)
		require.GreaterOrEqual(t, full.Hits(), 2)
		full.Remove()
		p.Fault(ewstest.Fault{Op: "SyncFolderItems", Times: -1, Do: ewstest.Blocked()})
		time.Sleep(time.Hour)
		require.Empty(t, p.f.Stats().LastErrorKey, "no message's")
		p.stop()

		log := lines.String()
		count := func(parts ...string) (n int) {
			for line := range strings.Lines(log) {
				has := true
				for _, part := range parts {
					has = has && strings.Contains(line, part)
				}
				if has {
					n++
				}
			}
			return n
		}
		require.NotZero(t, count("failed; it will be tried again", "what=message", "no such customer", "key=sk-"), log)
		require.Equal(t, 2, count("failed, for the last time", "what=message", "key=sk-"), log)
		require.NotZero(t, count("the handler panicked", "key=sk-", "nil pointer", "fetcher_test.TestLog", "log_test.go"), log)
		require.Equal(t, 2, count("a message was given up", "state=failed"), log)
		require.Equal(t, 2, count("a message was given up", "state=quarantined"), log)
		require.Equal(t, 1, count("failed, for the last time", "what=action", "the mailbox is full", "key=sk-"), log)
		require.Equal(t, 1, count("what=sync", "advice="), log)
		require.Greater(t, count("what=sync"), 2, log)
		require.NotContains(t, log, "secret subject")
	})
}

// TestTimeoutNamed: "context deadline exceeded" alone would have somebody look for a slow database.
func TestTimeoutNamed(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.o.Timeout = 90 * time.Second
		p.o.Handler = func(ctx context.Context, _ *ews.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}
		p.send("slow")
		p.start()
		p.rest()
		require.Equal(t, "fetcher: Options.Timeout, 1m30s, was over before the handler was through: context deadline exceeded", p.f.Stats().LastError)
		p.stop()
		list, err := all(t.Context(), p.store, p.f.Source(), fetcher.Pending)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Contains(t, list[0].Reason, "Options.Timeout")
	})
}
