package ews

import (
	"net/http"
	"sync"
)

// backEnd is the Exchange server that holds a subscription: every request about it, and the other subscriptions on the same
// connection, must reach that one. nil is none in particular. EWS: "Maintain affinity between a group of subscriptions and the
// Mailbox server".
type backEnd struct {
	anchor string // the first mailbox of the group; "" leaves each request its own

	mu     sync.Mutex
	cookie string // X-BackEndOverrideCookie: the server that took the first subscription
}

const backEndCookie = "X-BackEndOverrideCookie"

// ask adds the wish to a request.
func (b *backEnd) ask(h http.Header) {
	if b == nil {
		return
	}
	h.Set("X-PreferServerAffinity", "true")
	if b.anchor != "" {
		h.Set("X-AnchorMailbox", b.anchor)
	}
	if c := b.server(); c != "" {
		h.Set("Cookie", (&http.Cookie{Name: backEndCookie, Value: c}).String())
	}
}

// learn takes the server's name from the first answer that has one.
func (b *backEnd) learn(h http.Header) {
	if b == nil {
		return
	}
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == backEndCookie && c.Value != "" {
			b.mu.Lock()
			if b.cookie == "" {
				b.cookie = c.Value
			}
			b.mu.Unlock()
		}
	}
}

func (b *backEnd) server() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cookie
}

// forget lets Exchange choose a server anew: the old one may be gone.
func (b *backEnd) forget() {
	b.mu.Lock()
	b.cookie = ""
	b.mu.Unlock()
}
