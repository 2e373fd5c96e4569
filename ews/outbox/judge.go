package outbox

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// judgement of an error with which a message was not sent.
type judgement int

const (
	passing     judgement = iota
	permanent             // it is the message's fault
	blocked               // it is the account's, or the configuration's: the next message would fare no better
	interrupted           // it is ours: the worker is being stopped
)

func judge(err error) judgement {
	var r refused
	var e *ews.Error
	var signIn interface{ NeedsSignIn() bool }
	switch {
	case errors.As(err, &r):
		return permanent
	case errors.Is(err, context.Canceled):
		return interrupted
	case errors.As(err, &signIn) && signIn.NeedsSignIn():
		return blocked
	case errors.Is(err, errNewer):
		return passing
	case !errors.As(err, &e):
		if strings.HasPrefix(err.Error(), "ews: Draft:") || strings.HasPrefix(err.Error(), "ews: Answer:") {
			return permanent // a field that is wrong
		}
		return passing // the database, Options.Open, a deadline
	case e.Temporary():
		return passing
	case e.Code == "ErrorSendAsDenied", e.Code == "ErrorSendOnBehalfOfDenied", // the right to send as From is missing
		errors.Is(e, ews.ErrInvalidRequest), errors.Is(e, ews.ErrBadItem), errors.Is(e, ews.ErrQuota):
		return permanent
	case errors.Is(e, ews.ErrEWSBlocked), errors.Is(e, ews.ErrUnauthorized), errors.Is(e, ews.ErrDenied), errors.Is(e, ews.ErrEndpoint),
		errors.Is(e, ews.ErrVersion):
		return blocked
	}
	return passing
}

// reason is an error's text for the table.
func reason(err error) string {
	if err == nil {
		return ""
	}
	s := strings.ToValidUTF8(err.Error(), "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 1000 {
		s = string(r[:1000])
	}
	return s
}

// hold keeps all workers from trying while the account is in trouble.
type hold struct {
	mu    sync.Mutex
	until time.Time
	row   int
	ids   map[string]bool // of messages that met the trouble; true: and others got through since
}

// The pauses of an account in trouble: asking more often changes nothing.
const (
	minHold = time.Minute
	maxHold = 15 * time.Minute
)

// extend returns how long the account is to be left alone after that message met trouble; 0: others were sent since it last did, so that it
// may be the message that Exchange, or what stands before it, refuses in this way. (IIS answers 404 to what is too large for it.)
func (h *hold) extend(id string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[id] {
		return 0
	}
	if h.ids == nil {
		h.ids = map[string]bool{}
	}
	h.ids[id] = false
	if left := time.Until(h.until); left > 0 { // those that were under way together count once
		return left
	}
	d := min(minHold<<min(h.row, 8), maxHold)
	h.row++
	h.until = time.Now().Add(d)
	return d
}

func (h *hold) left() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Until(h.until)
}

// clear ends the hold: a message was sent.
func (h *hold) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.row, h.until = 0, time.Time{}
	for id := range h.ids {
		h.ids[id] = true
	}
}

// forget forgets a message whose outcome is known.
func (h *hold) forget(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ids, id)
}
