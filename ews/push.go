package ews

import (
	"context"
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// PushHandler receives the notifications of push subscriptions: an http.Handler to be mounted at PushOptions.URL. It is safe for
// concurrent use as long as its fields are not changed.
//
// Exchange does not authenticate itself to it. What proves a request genuine is the Key in the URL, known to nobody else, and a
// subscription id that Accept knows; and all that a forged request can do is to ring a bell. Serve it over https. EWS: SendNotification.
type PushHandler struct {
	// Key must stand in the query of the request's URL as "key". Make it of 16 random bytes or more. Empty: every request is refused.
	Key string

	// Accept tells whether a subscription is still wanted. Exchange ends one that is not. nil: all are.
	Accept func(ctx context.Context, subscriptionID string) bool

	// Notify is called with the events of each notification, once per request and possibly at the same time for several; events is
	// empty when Exchange only shows that the subscription lives. It should be quick: ring a bell, return. After an error
	// Exchange posts the same events again.
	Notify func(ctx context.Context, subscriptionID string, events []Event) error

	// MaxBytes is the largest request that is read. 0: DefaultPushBytes; negative: no limit.
	MaxBytes int64
}

// DefaultPushBytes is the default of PushHandler.MaxBytes: Exchange sends a few KiB.
const DefaultPushBytes = 1 << 20

// ServeHTTP answers a SendNotification request.
func (h *PushHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if h.Key == "" || subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("key")), []byte(h.Key)) != 1 {
		http.Error(w, "not found", http.StatusNotFound) // whoever does not know the key is not told that there is a door
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	limit := h.MaxBytes
	switch {
	case limit == 0:
		limit = DefaultPushBytes
	case limit < 0:
		limit = 1<<63 - 1
	}
	notes, err := readPushed(http.MaxBytesReader(w, r.Body, limit))
	if err != nil || len(notes) == 0 {
		http.Error(w, "no SendNotification request", http.StatusBadRequest)
		return
	}
	ctx := r.Context()
	status := "OK"
	for _, n := range notes {
		if h.Accept != nil && !h.Accept(ctx, n.subscription) {
			status = "Unsubscribe" // a request is about one subscription
			continue
		}
		events := n.events[:0]
		for _, e := range n.events {
			if e.Type != EventStatus {
				events = append(events, e)
			}
		}
		if h.Notify == nil {
			continue
		}
		if err := h.Notify(ctx, n.subscription, events); err != nil {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(pushAnswer(status))
}

func pushAnswer(status string) []byte {
	var w wire.Writer
	w.StartEnvelope()
	w.Start("soap:Body")
	w.Start("m:SendNotificationResult")
	w.Leaf("m:SubscriptionStatus", status)
	w.EndAll()
	return w.Bytes()
}

// readPushed reads a SendNotification request to its end: a cut one is sent again.
func readPushed(r io.Reader) ([]notification, error) {
	s := wire.NewScanner(r, &wire.Limits{TextBytes: 64 << 10})
	defer s.Release()
	var notes []notification
	if s.Root() && s.Local() == "Envelope" {
		s.SkipForeign()
		for s.Child(1) {
			if s.Local() != "Body" {
				continue
			}
			for s.Child(2) {
				if s.Local() == "SendNotification" {
					notes = readPushedMessages(s, notes)
				}
			}
		}
	}
	return notes, s.Err()
}

func readPushedMessages(s *wire.Scanner, notes []notification) []notification {
	for d := s.Depth(); s.Child(d); {
		if s.Local() != "ResponseMessages" {
			continue
		}
		for d := s.Depth(); s.Child(d); {
			for d := s.Depth(); s.Child(d); {
				if s.Local() != "Notification" {
					continue
				}
				var n notification
				readNotification(s, &n)
				n.subscription = strings.TrimSpace(n.subscription)
				if n.subscription != "" {
					notes = append(notes, n)
				}
			}
		}
	}
	return notes
}
