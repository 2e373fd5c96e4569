package ewstest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// pusher sends the notifications of a push subscription to its URL until the client unsubscribes in an answer, does not answer
// any more, or the server closes.
type pusher struct {
	s         *Server
	sub       *subscription
	url, data string
	frequency time.Duration // of status events while nothing happens
	client    *http.Client
	mark      uint64
}

// Between tries to reach a client that does not answer; after the last one the subscription is dropped.
var pushRetries = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// startPush starts the pusher of a new subscription. The caller holds the lock.
func (c *call) startPush(sub *subscription, req *node) {
	minutes, _ := parseInt(req.leaf("t:StatusFrequency"))
	client := c.s.o.PushClient
	if client == nil {
		client = &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	}
	p := &pusher{
		s: c.s, sub: sub, url: req.leaf("t:URL"), data: req.leaf("t:CallerData"),
		frequency: time.Duration(max(minutes, 1)) * time.Minute, client: client, mark: sub.start,
	}
	if !c.s.closed {
		c.s.serve.Go(func() { p.run(c.s.base) })
	}
}

func (p *pusher) run(ctx context.Context) {
	defer p.client.CloseIdleConnections()
	wake, done := p.s.listen([]*subscription{p.sub})
	defer done()
	status := time.NewTimer(0) // the first notification, at once, asks whether anybody is there
	defer status.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-status.C:
		case <-wake:
		}
		notices, live := p.take()
		if !live || !p.deliver(ctx, notices) {
			p.s.mu.Lock()
			delete(p.s.subscriptions, p.sub.id)
			p.s.mu.Unlock()
			return
		}
		status.Reset(p.frequency)
	}
}

func (p *pusher) take() (out []notice, live bool) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	out, p.sub.queue = p.sub.queue, nil
	return out, p.s.subscriptions[p.sub.id] == p.sub
}

// deliver sends one notification, repeatedly if it must, and reports whether the client wants more.
func (p *pusher) deliver(ctx context.Context, notices []notice) bool {
	a := newAnswer(&p.s.o)
	a.open(p.s.o.Version)
	a.root("m:SendNotification")
	a.start("m:ResponseMessages")
	a.message("SendNotificationResponseMessage", nil, func() {
		a.start("m:Notification")
		a.leaf("t:SubscriptionId", p.sub.id)
		a.leaf("t:PreviousWatermark", watermark(p.mark))
		a.bool("t:MoreEvents", false)
		for _, n := range notices {
			a.notice(n, true)
		}
		if len(notices) == 0 {
			a.start("t:StatusEvent")
			a.leaf("t:Watermark", watermark(p.mark))
			a.end()
		}
		a.end()
	}, nil)
	a.close()
	if len(notices) > 0 {
		p.mark = notices[len(notices)-1].seq
	}
	for i := 0; ; i++ {
		more, err := p.post(ctx, a)
		if err == nil {
			return more
		}
		if i == len(pushRetries) || !sleep(ctx, pushRetries[i]) {
			return false
		}
	}
}

// post returns whether the client answered OK, or an error when it did not answer as it should.
func (p *pusher) post(ctx context.Context, a *answer) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, a.w.NewReader())
	if err != nil {
		return false, err
	}
	r.ContentLength = a.w.Len()
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", "http://schemas.microsoft.com/exchange/services/2006/messages/SendNotification")
	if p.data != "" {
		r.Header.Set("X-CallerData", p.data)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	return readSubscriptionStatus(io.LimitReader(resp.Body, 1<<20))
}

func readSubscriptionStatus(r io.Reader) (bool, error) {
	s := wire.NewScanner(r, nil)
	defer s.Release()
	var status string
	var walk func()
	walk = func() {
		for d := s.Depth(); s.Child(d); {
			if s.Local() == "SubscriptionStatus" {
				status = strings.TrimSpace(s.Text())
				continue
			}
			walk()
		}
	}
	if s.Root() {
		walk()
	}
	switch {
	case status == "OK":
		return true, nil
	case status == "Unsubscribe":
		return false, nil
	}
	return false, orElse(s.Err(), errNotXML)
}
