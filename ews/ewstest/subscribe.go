package ewstest

import (
	"encoding/base64"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// subscription is a pull, push or streaming subscription.
type subscription struct {
	id        string
	owner     *Mailbox
	mailbox   *Mailbox
	streaming bool
	all       bool
	folders   []*folder
	kinds     []string
	timeout   time.Duration // of a pull subscription: dies when not asked for so long
	asked     time.Time
	start     uint64
	queue     []notice               // pull: kept until acknowledged by a later watermark
	listeners map[chan struct{}]bool // streams that are open on it; woken when something arrives
}

func (sub *subscription) wants(e event, parent *folder) bool {
	if sub.mailbox != e.mailbox || !slices.Contains(sub.kinds, string(e.kind)) {
		return false
	}
	return sub.all || slices.Contains(sub.folders, parent) || slices.Contains(sub.folders, e.oldFolder) && e.oldFolder != nil ||
		e.item == nil && slices.Contains(sub.folders, e.folder)
}

func (sub *subscription) push(n notice) {
	sub.queue = append(sub.queue, n)
	sub.wake()
}

func (sub *subscription) wake() {
	for ch := range sub.listeners {
		select {
		case ch <- struct{}{}:
		default: // it is going to look anyway
		}
	}
}

// subscribe EWS: Subscribe operation.
func (c *call) subscribe() *soapFault {
	req := c.env.op.first()
	return c.respond("Subscribe", []*node{req}, func(*node) (func(), *opError) {
		push := req.name == "m:PushSubscriptionRequest"
		if u, err := url.Parse(req.leaf("t:URL")); push && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return nil, fail("ErrorInvalidPushSubscriptionUrl")
		}
		sub := &subscription{
			owner: c.user, mailbox: c.user, streaming: req.name == "m:StreamingSubscriptionRequest",
			all:       req.attr("SubscribeToAllFolders") == "true" || req.attr("SubscribeToAllFolders") == "1",
			listeners: map[chan struct{}]bool{}, asked: c.s.now(), start: c.s.next(),
		}
		sub.timeout = 30 * time.Minute
		if minutes, ok := parseInt(req.leaf("t:Timeout")); ok {
			sub.timeout = time.Duration(minutes) * time.Minute
		}
		for _, n := range req.kid("t:FolderIds").all() {
			f, err := c.folder(n)
			if err != nil {
				return nil, err
			}
			sub.folders, sub.mailbox = append(sub.folders, f), f.mb
		}
		if sub.all == (len(sub.folders) > 0) {
			return nil, fail("ErrorInvalidSubscriptionRequest")
		}
		for _, n := range req.kid("t:EventTypes").all() {
			sub.kinds = append(sub.kinds, n.value())
		}
		sub.id = base64.StdEncoding.EncodeToString([]byte("ewstest01.internal\x00" + strconv.FormatUint(sub.start, 10) + c.user.address))
		c.s.subscriptions[sub.id] = sub
		if push {
			sub.timeout = math.MaxInt64
			c.startPush(sub, req)
		}
		return func() {
			c.a.leaf("m:SubscriptionId", sub.id)
			if !sub.streaming {
				c.a.leaf("m:Watermark", watermark(sub.start))
			}
		}, nil
	})
}

func watermark(seq uint64) string {
	return base64.StdEncoding.EncodeToString([]byte("AQAAA-" + strconv.FormatUint(seq, 10)))
}

func parseWatermark(s string) (uint64, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	text, ok := strings.CutPrefix(string(b), "AQAAA-")
	seq, perr := strconv.ParseUint(text, 10, 64)
	return seq, err == nil && ok && perr == nil
}

// subscriptionOf finds a live subscription of the caller.
func (c *call) subscriptionOf(id string) (*subscription, *opError) {
	if id == "" {
		return nil, fail("ErrorInvalidSubscription")
	}
	sub := c.s.subscriptions[id]
	if sub == nil || sub.owner != c.user {
		return nil, fail("ErrorSubscriptionNotFound")
	}
	if now := c.s.now(); !sub.streaming && now.Sub(sub.asked) > sub.timeout {
		delete(c.s.subscriptions, id)
		return nil, fail("ErrorExpiredSubscription")
	}
	return sub, nil
}

func (c *call) unsubscribe() *soapFault {
	return c.respond("Unsubscribe", []*node{c.env.op}, func(n *node) (func(), *opError) {
		sub, err := c.subscriptionOf(n.leaf("m:SubscriptionId"))
		if err != nil {
			return nil, err
		}
		c.s.drop(sub)
		return nil, nil
	})
}

// drop ends a subscription and wakes the streams that listen to it.
func (s *Server) drop(sub *subscription) {
	delete(s.subscriptions, sub.id)
	sub.wake()
}

// DropSubscriptions forgets every subscription, as a restart of the server does: clients meet ErrorSubscriptionNotFound.
func (s *Server) DropSubscriptions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscriptions {
		s.drop(sub)
	}
}

// maxEvents is how many events one GetEvents answer holds at most.
const maxEvents = 50

// getEvents EWS: GetEvents operation.
func (c *call) getEvents() *soapFault {
	return c.respond("GetEvents", []*node{c.env.op}, func(n *node) (func(), *opError) {
		sub, err := c.subscriptionOf(n.leaf("m:SubscriptionId"))
		if err != nil {
			return nil, err
		}
		if sub.streaming {
			return nil, fail("ErrorInvalidSubscription")
		}
		from, ok := parseWatermark(n.leaf("m:Watermark"))
		if !ok || from < sub.start {
			return nil, fail("ErrorInvalidWatermark")
		}
		sub.asked = c.s.now()
		rest := sub.queue
		for len(rest) > 0 && rest[0].seq <= from {
			rest = rest[1:]
		}
		sub.queue = rest
		show := rest[:min(len(rest), maxEvents)]
		return func() {
			c.a.start("m:Notification")
			c.a.leaf("t:SubscriptionId", sub.id)
			c.a.leaf("t:PreviousWatermark", watermark(from))
			c.a.bool("t:MoreEvents", len(show) < len(rest))
			for _, e := range show {
				c.a.notice(e, true)
			}
			if len(show) == 0 {
				c.a.start("t:StatusEvent")
				c.a.leaf("t:Watermark", watermark(from))
				c.a.end()
			}
			c.a.end()
		}, nil
	})
}

// notice writes one event. Streaming notifications carry no watermarks.
func (a *answer) notice(n notice, marks bool) {
	a.start("t:" + string(n.kind))
	if marks {
		a.leaf("t:Watermark", watermark(n.seq))
	}
	a.time("t:TimeStamp", n.at)
	id := func(element, value, key string) {
		if value != "" {
			a.empty("t:"+element, "Id", value, "ChangeKey", key)
		}
	}
	id("FolderId", n.folderID, n.folderKey)
	id("ItemId", n.itemID, n.itemKey)
	id("ParentFolderId", n.parentID, n.parentKey)
	if n.kind == eventMoved || n.kind == eventCopied {
		if n.itemID != "" {
			id("OldItemId", n.oldID, n.oldKey)
		} else {
			id("OldFolderId", n.oldID, n.oldKey)
		}
		id("OldParentFolderId", n.oldParent, n.oldParentK)
	}
	if n.kind == eventModified && n.folderID != "" {
		a.int("t:UnreadCount", int64(n.unread))
	}
	a.end()
}
