package ewstest

import (
	"io"
	"net/http"
	"slices"
	"time"
)

// heartbeat is how often an idle stream shows that it is alive.
const heartbeat = 45 * time.Second

// streamEvents EWS: GetStreamingEvents operation. The answer is one envelope after another until the time asked for is over, the
// client goes away or the server closes; a heartbeat is an envelope with ConnectionStatus OK and no notification.
func (c *call) streamEvents(ex *exchange, effect *Effect) {
	subs, fault, bad := c.openStream()
	if fault != nil {
		c.a = newAnswer(&c.s.o)
		c.a.fault(fault)
		ex.send(c.ctx, http.StatusInternalServerError, c.a, effect)
		return
	}
	h := ex.w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	ex.status(http.StatusOK)
	var dst io.Writer = ex.w
	if effect != nil {
		dst = effect.wrap(c.ctx, ex)
	}
	send := func(a *answer) bool {
		_, err := a.w.WriteTo(dst)
		_ = http.NewResponseController(ex.w).Flush()
		return err == nil && c.ctx.Err() == nil
	}
	if len(bad) > 0 {
		send(c.streamError(bad))
		return
	}
	minutes, _ := parseInt(c.env.op.leaf("m:ConnectionTimeout"))
	end := time.NewTimer(time.Duration(minutes) * time.Minute)
	defer end.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	wake, done := c.s.listen(subs)
	defer done()
	if !send(c.streamMessage("OK", nil)) {
		return
	}
	for {
		notices, gone := c.takeNotices(subs)
		if len(gone) > 0 {
			send(c.streamError(gone))
			return
		}
		if len(notices) > 0 {
			if !send(c.streamMessage("", notices)) {
				return
			}
			continue
		}
		select {
		case <-c.ctx.Done():
			return
		case <-end.C:
			send(c.streamMessage("Closed", nil))
			return
		case <-beat.C:
			if !send(c.streamMessage("OK", nil)) {
				return
			}
		case <-wake:
		}
	}
}

// openStream looks up the subscriptions a stream is asked for; bad ones end it at once.
func (c *call) openStream() (subs []*subscription, fault *soapFault, bad []string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if fault = c.actAs(); fault != nil {
		return nil, fault, nil
	}
	for _, n := range c.env.op.kid("m:SubscriptionIds").all() {
		sub, err := c.subscriptionOf(n.value())
		if err != nil || !sub.streaming {
			bad = append(bad, n.value())
			continue
		}
		if !slices.Contains(subs, sub) {
			subs = append(subs, sub)
		}
	}
	return subs, nil, bad
}

type delivery struct {
	sub     *subscription
	notices []notice
}

// takeNotices empties the queues of the subscriptions.
func (c *call) takeNotices(subs []*subscription) (out []delivery, gone []string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, sub := range subs {
		if c.s.subscriptions[sub.id] != sub {
			gone = append(gone, sub.id)
			continue
		}
		if len(sub.queue) > 0 {
			out = append(out, delivery{sub, sub.queue})
			sub.queue = nil
		}
	}
	return out, gone
}

// listen registers a channel with the subscriptions; the returned function takes it out again.
func (s *Server) listen(subs []*subscription) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	set := func(on bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, sub := range subs {
			if on {
				sub.listeners[ch] = true
			} else {
				delete(sub.listeners, ch)
			}
		}
	}
	set(true)
	return ch, func() { set(false) }
}

func (c *call) streamEnvelope(err *opError, body func(a *answer)) *answer {
	a := newAnswer(&c.s.o)
	a.open(c.s.o.Version)
	a.root("m:GetStreamingEventsResponse")
	a.start("m:ResponseMessages")
	a.message("GetStreamingEventsResponseMessage", err, func() { body(a) }, func() { body(a) })
	a.close()
	return a
}

func (c *call) streamMessage(status string, deliveries []delivery) *answer {
	return c.streamEnvelope(nil, func(a *answer) {
		if len(deliveries) > 0 {
			a.start("m:Notifications")
			for _, d := range deliveries {
				a.start("m:Notification")
				a.leaf("t:SubscriptionId", d.sub.id)
				for _, n := range d.notices {
					a.notice(n, false)
				}
				a.end()
			}
			a.end()
		}
		a.optional("m:ConnectionStatus", status)
	})
}

func (c *call) streamError(ids []string) *answer {
	return c.streamEnvelope(fail("ErrorInvalidSubscription"), func(a *answer) {
		a.start("m:ErrorSubscriptionIds")
		for _, id := range ids {
			a.leaf("m:SubscriptionId", id)
		}
		a.end()
		a.leaf("m:ConnectionStatus", "Closed")
	})
}
