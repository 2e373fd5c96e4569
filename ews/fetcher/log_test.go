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
)

// TestLog: who reads the log at night learns which message fails and how, where a handler panicked, that a message was given up, and what to do where Exchange refuses.
func TestLog(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		var lines bytes.Buffer
		p.o.Logger = slog.New(slog.NewTextHandler(&lines, nil)) // takes one record at a time
		p.o.MaxAttempts = 1
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
		require.Equal(t, 1, count("what=sync", "advice="), log)
		require.Greater(t, count("what=sync"), 2, log)
		require.NotContains(t, log, "secret subject")
	})
}
