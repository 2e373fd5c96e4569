package ews_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
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

func TestStreamFixtures(t *testing.T) {
	type outcome struct {
		Events     []string
		Subscribes int
	}
	for name, want := range map[string]outcome{
		"stream-ok-event-heartbeat-closed":     {[]string{"connected", "NewMailEvent AAMkAD1=", "connected"}, 1},
		"stream-no-declarations":               {[]string{"connected", "NewMailEvent AAMkAD1=", "NewMailEvent AAMkAD1=", "connected"}, 1},
		"stream-crlf-whitespace-between":       {[]string{"connected", "NewMailEvent AAMkAD1=", "connected"}, 1},
		"stream-error-subscription":            {[]string{"connected", "disconnected: subscription lost", "connected"}, 2},
		"stream-truncated":                     {[]string{"connected", "disconnected: unavailable", "connected"}, 1},
		"stream-truncated, one byte at a time": {[]string{"connected", "disconnected: unavailable", "connected"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file, _, slow := strings.Cut(name, ",")
			content := readFile(t, shared(t, "fixtures", "constructed", file+".stream"))
			synctest.Test(t, func(t *testing.T) {
				first := text(content)
				if slow {
					first = func(context.Context) io.Reader { return iotest.OneByteReader(strings.NewReader(content)) }
				}
				srv := &streamServer{streams: []func(context.Context) io.Reader{first, open}}
				m := newClient(t, srv, nil).Own()
				began := time.Now()
				got := outcome{until(t, m, 2), srv.count("Subscribe")}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
				require.LessOrEqual(t, time.Since(began), 2*time.Second)
				require.Equal(t, "Unsubscribe", srv.ops[len(srv.ops)-1])
			})
		})
	}
}

func TestStreamAffinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{text(streamEnvelope("OK", newMail("S2", "I2"))), open}}
		c := newClient(t, srv, nil)
		one, two := c.Impersonate("one@example.com"), c.Impersonate("two@example.com")
		for e, err := range c.Events(t.Context(), []*ews.Mailbox{one, two}, inboxOnly) {
			require.NoError(t, err)
			if e.Item.ID != "" {
				require.Same(t, two, e.Mailbox)
				break
			}
		}
		require.Equal(t, []string{"Subscribe", "Subscribe", "GetStreamingEvents", "Unsubscribe", "Unsubscribe"}, srv.ops)
		for i, r := range srv.reqs {
			require.Equal(t, "one@example.com", r.Header.Get("X-AnchorMailbox"), "the first mailbox leads the group")
			require.Equal(t, "true", r.Header.Get("X-PreferServerAffinity"))
			want := ""
			if i > 0 {
				want = "X-BackEndOverrideCookie=be1~42"
			}
			require.Equal(t, want, r.Header.Get("Cookie"))
		}
		require.Equal(t, "identity", srv.reqs[2].Header.Get("Accept-Encoding"), "packing holds events back")
		require.Contains(t, srv.bodies[2], "<t:SubscriptionId>S1</t:SubscriptionId><t:SubscriptionId>S2</t:SubscriptionId>")
		require.Contains(t, srv.bodies[1], "two@example.com")
	})
}

// TestStreamGroup: what befalls one mailbox of a group leaves the others alone.
func TestStreamGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newMemExchange(t, nil)
		second := x.AddMailbox("second@example.com")
		second.Grant(support)
		x.AddMailbox("foreign@example.com")
		shared, foreign := x.client.Shared("second@example.com"), x.client.Shared("foreign@example.com")
		var left []*ews.Mailbox
		var got []string
		connects := 0
		for e, err := range x.client.Events(t.Context(), []*ews.Mailbox{x.m, foreign, shared}, &ews.EventsOptions{SubscribeOptions: ews.SubscribeOptions{
			Folders: []ews.FolderRef{ews.Inbox}, Types: []ews.EventType{ews.EventNewMail}}}) {
			if err != nil {
				require.NotNil(t, e.Mailbox, err)
				left = append(left, e.Mailbox)
				continue
			}
			if e.Type == ews.EventConnected {
				if connects++; connects == 2 {
					break
				}
				deliver(t, x.box, "Subject: a\n\n", nil)
				deliver(t, second, "Subject: b\n\n", nil)
			}
			if e.Type == ews.EventNewMail {
				got = append(got, e.Mailbox.Address())
				if len(got) == 2 {
					x.DropSubscriptions()
				}
			}
		}
		require.Equal(t, []*ews.Mailbox{foreign}, left)
		require.ElementsMatch(t, []string{support, "second@example.com"}, got)
		require.Equal(t, 3+2, x.Count("Subscribe"))
		x.end(t)
	})
}

func TestStreamGroupErrors(t *testing.T) {
	c := newClient(t, &streamServer{}, nil)
	other := newClient(t, &streamServer{}, nil)
	for name, boxes := range map[string][]*ews.Mailbox{"none": nil, "too many": make([]*ews.Mailbox, 201), "of another client": {c.Own(), other.Own()}} {
		n := 0
		for e, err := range c.Events(t.Context(), boxes, nil) {
			require.Error(t, err, name)
			require.Zero(t, e)
			n++
		}
		require.Equal(t, 1, n)
	}
	for _, err := range c.Shared("a@example.com").Events(t.Context(), nil) {
		require.ErrorContains(t, err, "name the folders")
	}
	for _, o := range []*ews.EventsOptions{{ConnectionTimeout: time.Hour}, {Silence: -1}} {
		for _, err := range c.Own().Events(t.Context(), o) {
			require.Error(t, err)
		}
	}
}

// TestStreamSilence: a stream that shows no sign of life is given up; one that does is renewed before Exchange ends it.
func TestStreamSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{open}}
		m := newClient(t, srv, nil).Own()
		var at []time.Duration
		began := time.Now()
		for e, err := range m.Events(t.Context(), inboxOnly) {
			require.NoError(t, err)
			if e.Type == ews.EventDisconnected {
				require.ErrorIs(t, e.Err, ews.ErrUnavailable)
				require.ErrorContains(t, e.Err, "silent for 2m0s")
				at = append(at, time.Since(began))
				break
			}
		}
		require.Equal(t, []time.Duration{2 * time.Minute}, at)
	})
	for _, beat := range []string{streamEnvelope("OK", ""), streamEnvelope("", "<m:Notifications><m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:StatusEvent/></m:Notification></m:Notifications>")} {
		synctest.Test(t, func(t *testing.T) {
			srv := &streamServer{streams: []func(context.Context) io.Reader{func(ctx context.Context) io.Reader { return &beating{ctx: ctx, beat: beat} }}}
			m := newClient(t, srv, nil).Own()
			began := time.Now()
			require.Equal(t, []string{"connected", "connected", "connected"}, until(t, m, 3))
			require.GreaterOrEqual(t, time.Since(began), 2*28*time.Minute)
			require.Less(t, time.Since(began), 2*30*time.Minute)
			require.Equal(t, 1, srv.count("Subscribe"))
		})
	}
	// Dribbling bytes are no sign of life.
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{func(ctx context.Context) io.Reader {
			return io.MultiReader(strings.NewReader(streamEnvelope("OK", "")), &beating{ctx: ctx, beat: " "})
		}}}
		began := time.Now()
		for e, err := range newClient(t, srv, nil).Own().Events(t.Context(), inboxOnly) {
			require.NoError(t, err)
			if e.Type == ews.EventDisconnected {
				break
			}
		}
		require.Equal(t, 2*time.Minute, time.Since(began))
	})
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

// TestStreamDoesNotSpin: streams that end at once, in whatever way, are opened with growing pauses.
func TestStreamDoesNotSpin(t *testing.T) {
	for name, end := range map[string]string{
		"closed":      streamEnvelope("OK", "") + streamEnvelope("Closed", ""),
		"cut":         streamEnvelope("OK", ""),
		"lost":        streamEnvelope("OK", "") + strings.ReplaceAll(messages(errMessage("ErrorInvalidSubscription", "")), "GetItem", "GetStreamingEvents"),
		"garbage":     streamEnvelope("OK", "") + "garbage",
		"refused":     strings.ReplaceAll(messages(errMessage("ErrorSubscriptionNotFound", "")), "GetItem", "GetStreamingEvents"),
		"connections": fault("ErrorExceededConnectionCount", value("BackOffMilliseconds", "0")),
		"endless":     streamEnvelope("OK", "") + envelope("<m:GetStreamingEventsResponse><m:ResponseMessages>"+strings.Repeat("<m:x/>", 300_000)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := &streamServer{streams: []func(context.Context) io.Reader{text(end)}}
				c := newClient(t, srv, func(c *ews.Config) { c.Concurrency, c.Limits = 1, &ews.Limits{ResponseBytes: 1 << 20} })
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				var last error
				for _, err := range c.Own().Events(ctx, inboxOnly) {
					last = err
				}
				require.ErrorIs(t, last, context.DeadlineExceeded)
				require.LessOrEqual(t, srv.count("GetStreamingEvents"), 40)
				require.GreaterOrEqual(t, srv.count("GetStreamingEvents"), 3)
				require.LessOrEqual(t, srv.count("Subscribe"), 40)
				// None of it keeps other calls from being made.
				began := time.Now()
				require.NoError(t, c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem"}))
				require.Zero(t, time.Since(began))
			})
		})
	}
}

// TestCallsWhileAStreamOpens: not even a proxy that holds the stream's beginning back keeps other calls waiting.
func TestCallsWhileAStreamOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{func(ctx context.Context) io.Reader { return quiet{ctx} }}}
		c := newClient(t, srv, func(c *ews.Config) { c.Concurrency = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range c.Own().Events(ctx, inboxOnly) {
			}
		}()
		time.Sleep(time.Second)
		require.Equal(t, 1, srv.count("GetStreamingEvents"))
		began := time.Now()
		require.NoError(t, c.Own().DoCall(t.Context(), &ews.Call{Op: "GetItem"}))
		require.Zero(t, time.Since(began))
		cancel()
		<-done
	})
}

func TestEventsOverRealConnections(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	ids := map[string]string{}
	for e, err := range m.Events(t.Context(), nil) {
		require.NoError(t, err)
		switch e.Type {
		case ews.EventConnected:
			id := deliver(t, box, "Subject: a\n\n", nil)
			ids["old"] = id.ID
			_, err := m.Folder(t.Context(), ews.Inbox)
			require.NoError(t, err)
			moved, err := m.Move(t.Context(), ews.DeletedItems, id)
			require.NoError(t, err)
			ids["new"] = moved[0].ID
		case ews.EventMoved:
			require.Equal(t, ids["old"], e.OldItem.ID)
			require.Equal(t, ids["new"], e.Item.ID)
			require.NotEmpty(t, e.OldParent.ID)
			require.NotEqual(t, e.OldParent.ID, e.Parent.ID)
			require.WithinDuration(t, time.Now(), e.Time, time.Minute)
			require.Same(t, m, e.Mailbox)
		}
		if e.Type == ews.EventMoved {
			break
		}
	}
	require.Equal(t, 1, srv.Count("Unsubscribe"))
}

func TestPull(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	srv, box, m := newMailbox(t, &ewstest.Options{Now: func() time.Time { return now }})
	sub, err := m.SubscribePull(t.Context(), &ews.PullOptions{Timeout: 10 * time.Minute, SubscribeOptions: ews.SubscribeOptions{
		Folders: []ews.FolderRef{ews.Inbox}, Types: []ews.EventType{ews.EventNewMail}}})
	require.NoError(t, err)
	require.NotEmpty(t, sub.BackEnd)
	pull := func(most int) (ids []string) {
		for e, err := range m.Pull(t.Context(), sub) {
			require.NoError(t, err)
			require.Equal(t, ews.EventNewMail, e.Type)
			ids = append(ids, e.Item.ID)
			if len(ids) == most {
				break
			}
		}
		return ids
	}
	require.Empty(t, pull(-1))
	var want []string
	for i := range 120 { // more than one answer holds
		want = append(want, deliver(t, box, fmt.Sprintf("Subject: %d\n\n", i), nil).ID)
	}
	require.Equal(t, want[:10], pull(10))
	require.Equal(t, want[9:], pull(-1), "the event whose loop body did not end comes again")
	require.Empty(t, pull(-1))
	stored := *sub // plain data: another program goes on with it
	want = []string{deliver(t, box, "Subject: x\n\n", nil).ID}
	require.Equal(t, want, pull(-1))
	sub = &stored
	require.Equal(t, want, pull(-1))
	now = now.Add(time.Hour)
	for _, err := range m.Pull(t.Context(), sub) {
		require.ErrorIs(t, err, ews.ErrSubscriptionLost)
	}
	require.NoError(t, m.Unsubscribe(t.Context(), sub), "gone is gone")
	require.Equal(t, 1, srv.Count("Unsubscribe"))

	for _, o := range []*ews.PullOptions{{Timeout: -1}, {Timeout: 25 * time.Hour}} {
		_, err := m.SubscribePull(t.Context(), o)
		require.ErrorContains(t, err, "PullOptions.Timeout")
	}
}

func TestPullSample(t *testing.T) {
	rt := &script{answers: []answer{recorded(t, filepath.Join(shared(t, "samples"), "GetEvents-2.response.xml"))}}
	sub := &ews.Subscription{ID: "f6bc657d-dde1-4f94-952d-143b95d6483d", Watermark: "AAAAAMAGAAAAAAAAAQ=="}
	n := 0
	for e, err := range newClient(t, rt, nil).Own().Pull(t.Context(), sub) {
		require.NoError(t, err)
		require.Equal(t, ews.EventNewMail, e.Type)
		n++
	}
	require.Equal(t, 2, n)
	require.Equal(t, "AAAAAOQGAAAAAAAAAQ==", sub.Watermark)
}

// FuzzStream: whatever a stream holds and however it is cut into reads, listening ends when the stream does, and the pieces do not
// matter.
func FuzzStream(f *testing.F) {
	ok, mail := streamEnvelope("OK", ""), streamEnvelope("", newMail("S1", "I1"))
	for _, s := range []string{ok + mail, ok + mail + mail + streamEnvelope("Closed", ""), mail[:300], ok + "\r\n\r\n" + mail + " ", "", ok + "<a/>", ok + mail[:len(mail)-1],
		ok + strings.ReplaceAll(messages(errMessage("ErrorInvalidSubscription", "<m:ErrorSubscriptionIds><m:SubscriptionId>S1</m:SubscriptionId></m:ErrorSubscriptionIds>")), "GetItem", "GetStreamingEvents")} {
		f.Add([]byte(s), uint16(7))
	}
	f.Fuzz(func(t *testing.T, content []byte, piece uint16) {
		run := func(size int) (all []string) {
			srv := &streamServer{streams: []func(context.Context) io.Reader{func(context.Context) io.Reader {
				return &pieces{rest: string(content), size: size}
			}}}
			c, err := ews.NewClient(ews.Config{Endpoint: testEndpoint, HTTPClient: &http.Client{Transport: srv}, Retry: &ews.RetryPolicy{MaxAttempts: 1},
				Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t"}))})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			for e, err := range c.Own().Events(ctx, inboxOnly) {
				if err != nil {
					all = append(all, "end")
					break
				}
				if e.Type == ews.EventConnected {
					if n++; n == 2 {
						break
					}
				}
				all = append(all, happened(e))
				if e.Type == ews.EventDisconnected {
					break
				}
			}
			return all
		}
		whole := run(len(content) + 1)
		if d := cmp.Diff(whole, run(1+int(piece)%512)); d != "" {
			t.Error(d)
		}
	})
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
