package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// streamServer answers Subscribe with S1, S2 ..., and GetStreamingEvents with each of streams in turn; the last one repeats.
type streamServer struct {
	streams []func(ctx context.Context) io.Reader

	mu     sync.Mutex
	reqs   []*http.Request
	ops    []string
	bodies []string
}

func (s *streamServer) count(op string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.ops {
		if o == op {
			n++
		}
	}
	return n
}

func (s *streamServer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	op := operation(body)
	s.mu.Lock()
	s.reqs, s.ops, s.bodies = append(s.reqs, r), append(s.ops, op), append(s.bodies, string(body))
	s.mu.Unlock()
	switch op {
	case "Subscribe":
		return reply(200, string(response(op, success(op, fmt.Sprintf("<m:SubscriptionId>S%d</m:SubscriptionId>", s.count(op))))),
			"Set-Cookie", "X-BackEndOverrideCookie=be1~42; path=/; HttpOnly", "Set-Cookie", "other=1")(r)
	case "GetStreamingEvents":
		i := min(s.count(op), len(s.streams)) - 1
		resp, _ := reply(200, "")(r)
		resp.Body = io.NopCloser(s.streams[i](r.Context()))
		return resp, nil
	}
	return reply(200, string(response(op, success(op, ""))))(r)
}

// text is a stream that ends after it.
func text(s string) func(context.Context) io.Reader {
	return func(context.Context) io.Reader { return strings.NewReader(s) }
}

// open is a stream that says OK and then nothing.
func open(ctx context.Context) io.Reader {
	return io.MultiReader(strings.NewReader(streamEnvelope("OK", "")), quiet{ctx})
}

// quiet never has anything to read.
type quiet struct{ ctx context.Context }

func (q quiet) Read([]byte) (int, error) {
	<-q.ctx.Done()
	return 0, context.Cause(q.ctx)
}

func streamEnvelope(status, content string) string {
	if status != "" {
		status = "<m:ConnectionStatus>" + status + "</m:ConnectionStatus>"
	}
	return string(response("GetStreamingEvents", success("GetStreamingEvents", content+status)))
}

func newMail(sub, id string) string {
	return `<m:Notifications><m:Notification><t:SubscriptionId>` + sub + `</t:SubscriptionId><t:NewMailEvent><t:TimeStamp>2026-01-16T04:31:29Z</t:TimeStamp>` +
		`<t:ItemId Id="` + id + `" ChangeKey="K"/><t:ParentFolderId Id="F" ChangeKey="K"/></t:NewMailEvent></m:Notification></m:Notifications>`
}

var inboxOnly = &ews.EventsOptions{SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox}}}

// happened writes an event shortly.
func happened(e ews.Event) string {
	switch {
	case e.Err != nil:
		for name, kind := range map[string]error{"subscription lost": ews.ErrSubscriptionLost, "unavailable": ews.ErrUnavailable, "throttled": ews.ErrThrottled, "bad": ews.ErrBadResponse} {
			if errors.Is(e.Err, kind) {
				return string(e.Type) + ": " + name
			}
		}
		return string(e.Type) + ": " + e.Err.Error()
	case e.Item.ID != "":
		return string(e.Type) + " " + e.Item.ID
	}
	return string(e.Type)
}

// until collects events up to the n-th time that the stream opens.
func until(t testing.TB, m *ews.Mailbox, connects int) (all []string) {
	for e, err := range m.Events(t.Context(), inboxOnly) {
		require.NoError(t, err)
		all = append(all, happened(e))
		if e.Type == ews.EventConnected {
			if connects--; connects == 0 {
				break
			}
		}
	}
	return all
}

// beating repeats itself every 45 seconds, the first time at once.
type beating struct {
	ctx  context.Context
	beat string
	rest string
	n    int
}

func (b *beating) Read(p []byte) (int, error) {
	if b.rest == "" {
		if b.n++; b.n > 1 {
			select {
			case <-time.After(45 * time.Second):
			case <-b.ctx.Done():
				return 0, context.Cause(b.ctx)
			}
		}
		b.rest = b.beat
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

type pieces struct {
	rest string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), p.size)])
	p.rest = p.rest[n:]
	return n, nil
}
