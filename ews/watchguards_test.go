package ews_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// proxy is what lies between a client and Exchange, and does to streams what such boxes do.
type proxy struct {
	life time.Duration // after which a stream is reset; 0: never
	hole atomic.Bool   // what Exchange sends over streams that are open is lost, and nobody is told
	deaf atomic.Bool   // events are lost
}

// wireThrough is a connection through the proxy.
type wireThrough struct {
	net.Conn
	p      *proxy
	stream atomic.Bool
	lost   atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (p *proxy) wrap(c net.Conn) net.Conn {
	return &wireThrough{Conn: c, p: p, closed: make(chan struct{})}
}

func (w *wireThrough) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "<m:GetStreamingEvents>") {
		w.stream.Store(true)
		if w.p.life > 0 {
			time.AfterFunc(w.p.life, func() { w.Close() })
		}
	}
	return w.Conn.Write(b)
}

func (w *wireThrough) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.stream.Load() && w.p.hole.Swap(false) {
		w.lost.Store(true)
	}
	if err == nil && w.lost.Load() {
		<-w.closed
		return 0, net.ErrClosed
	}
	if w.p.deaf.Load() {
		copy(b, bytes.ReplaceAll(b[:n], []byte("Event>"), []byte("Crumb>")))
	}
	return n, err
}

func (w *wireThrough) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}

// guarded is a Watch in its first hours.
type guarded struct {
	*memExchange
	*proxy
	t     *testing.T
	w     *watching
	n     int
	wrong []string
}

// arrives has a message come in, and notes when it was seen too late, or not within an hour.
func (g *guarded) arrives(within time.Duration) {
	subject := fmt.Sprint("message ", g.n)
	g.n++
	began := time.Now()
	deliver(g.t, g.box, "Subject: "+subject+"\n\n", nil)
	for !slices.Contains(g.w.now().subjects, subject) && time.Since(began) < time.Hour {
		time.Sleep(time.Second)
	}
	if took := time.Since(began); took > within {
		g.wrong = append(g.wrong, fmt.Sprintf("%s was seen after %v, not within %v", subject, took, within))
	}
}

func (g *guarded) lost() (n int) {
	for _, k := range g.w.now().kinds() {
		if k == ews.StreamLost {
			n++
		}
	}
	return n
}

// guards are what Watch's promises rest on, each with hours in which it is needed.
var guards = map[string]func(g *guarded){
	"Sync after connecting": func(g *guarded) {
		g.Fault(ewstest.Fault{Op: "Subscribe", Times: 2, Do: ewstest.CutBefore()})
		g.DropSubscriptions()
		time.Sleep(1100 * time.Millisecond)
		require.Equal(g.t, 1, g.lost())
		g.arrives(15 * time.Second) // in the gap: nothing rings for it
	},
	"report of losses": func(g *guarded) {
		g.Fault(ewstest.Fault{Op: "Subscribe", Times: -1, Do: ewstest.CutBefore()})
		g.DropSubscriptions()
		time.Sleep(time.Second)
		g.arrives(ews.DefaultPollInterval) // the polling begins with the loss
		if g.lost() != 1 {
			g.wrong = append(g.wrong, "the loss was not reported")
		}
	},
	"Sync now and then": func(g *guarded) {
		g.deaf.Store(true) // the stream lives, and its events get lost
		for range 4 {
			g.arrives(ews.DefaultCheckInterval)
		}
	},
	"polling": func(g *guarded) {
		g.Fault(ewstest.Fault{Op: "Subscribe", Times: -1, Do: ewstest.ResponseError("ErrorSubscriptionDelegateAccessNotSupported", "")})
		g.DropSubscriptions()
		time.Sleep(2 * time.Minute)
		for range 10 {
			g.arrives(ews.DefaultPollInterval)
		}
	},
	"pause between Syncs": func(g *guarded) {
		g.ResetRequests()
		for range 100 {
			deliver(g.t, g.box, "Subject: burst\n\n", nil)
			time.Sleep(20 * time.Millisecond)
		}
		if n := g.Count("SyncFolderItems"); n > 6 {
			g.wrong = append(g.wrong, fmt.Sprintf("%d Syncs in two seconds", n))
		}
	},
	"watchdog on silence": func(g *guarded) {
		g.hole.Store(true) // half of the connection is gone, as after a firewall forgot it
		g.arrives(ews.DefaultSilence + 15*time.Second)
		g.arrives(time.Second)
	},
	"renewal before the end": func(g *guarded) {
		for range 9 {
			time.Sleep(20 * time.Minute)
			g.arrives(time.Second)
		}
		if g.lost() > 0 {
			g.wrong = append(g.wrong, fmt.Sprintf("%d streams were lost at their end", g.lost()))
		}
	},
	"leaving the slots alone": func(g *guarded) {
		for range 3 {
			ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
			if _, err := g.m.Folder(ctx, ews.Inbox); err != nil {
				g.wrong = append(g.wrong, "a call beside the stream: "+err.Error())
			}
			cancel()
			time.Sleep(time.Minute)
		}
	},
}

// guard plays one of them, with a guard removed.
func guard(t *testing.T, name, without string) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		p := &proxy{life: 29*time.Minute + 30*time.Second} // before Exchange ends the stream in good order, after its renewal
		x := newMemExchange(t, func(c *ews.Config) { c.Concurrency = 1 })
		x.net.wrap = p.wrap
		g := &guarded{memExchange: x, proxy: p, t: t}
		g.w = startWatchOf(t, func(ctx context.Context, o *ews.WatchOptions) iter.Seq2[ews.Batch, error] {
			if without != "" {
				return x.m.BrokenWatch(ctx, ews.Inbox, *o, without)
			}
			return x.m.Watch(ctx, ews.Inbox, "", o)
		}, nil)
		time.Sleep(time.Minute)
		guards[name](g)
		g.ClearFaults()
		g.w.stop(t)
		x.end(t)
		wrong = g.wrong
	})
	return wrong
}

// TestWatchGuards: the hours in which each guard is needed pass as promised.
func TestWatchGuards(t *testing.T) {
	for name := range guards {
		t.Run(name, func(t *testing.T) { require.Empty(t, guard(t, name, "")) })
	}
}

// TestWatchGuardsMutants: and without the guard they do not.
func TestWatchGuardsMutants(t *testing.T) {
	for name := range guards {
		t.Run("without "+name, func(t *testing.T) {
			wrong := guard(t, name, name)
			require.NotEmpty(t, wrong, "nobody noticed")
			t.Log(wrong[0])
		})
	}
}
