package ews

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Subscription is a pull or push subscription that Exchange keeps: plain data, to be stored if it is to outlive the program.
// Streaming subscriptions are the business of Events and Watch.
type Subscription struct {
	ID string

	// Watermark is how far a pull subscription has been read; Pull moves it on.
	Watermark string

	// BackEnd is the server that holds the subscription (X-BackEndOverrideCookie), if Exchange named it.
	BackEnd string
}

// SubscribeOptions says what is to be notified. The zero value, and nil, is all that happens to mail in all folders.
type SubscribeOptions struct {
	// Folders to watch, each without its subfolders. Empty: all folders of the mailbox, which Exchange offers only for the account's own
	// mailbox or an impersonated one.
	Folders []FolderRef

	// Types of events. Empty: new mail, created, deleted, modified, moved, copied.
	Types []EventType
}

// PullOptions is SubscribeOptions for SubscribePull.
type PullOptions struct {
	SubscribeOptions

	// Timeout ends the subscription when it is not asked for so long; Exchange counts in minutes, 1 to 1440. 0: 30 minutes.
	Timeout time.Duration

	// Watermark goes on from where an earlier subscription ended.
	Watermark string
}

// PushOptions is SubscribeOptions for SubscribePush.
type PushOptions struct {
	SubscribeOptions

	// URL is where Exchange posts notifications to: that of a PushHandler, with its key. Exchange must reach it.
	URL string

	// StatusFrequency is how often Exchange shows that the subscription lives, and how long it goes on trying to reach a
	// silent URL before it drops the subscription; in minutes, 1 to 1440. 0: 5 minutes.
	StatusFrequency time.Duration

	// Watermark goes on from where an earlier subscription ended.
	Watermark string
}

// SubscribePull subscribes to events that are fetched with Pull. o may be nil. Errors: ErrNotFound, ErrDenied, ErrThrottled, also for
// too many subscriptions (ErrorExceededSubscriptionCount). EWS: Subscribe, PullSubscriptionRequest.
func (m *Mailbox) SubscribePull(ctx context.Context, o *PullOptions) (*Subscription, error) {
	if o == nil {
		o = new(PullOptions)
	}
	timeout, err := minutes("PullOptions.Timeout", o.Timeout, 30)
	if err != nil {
		return nil, err
	}
	b := new(backEnd)
	return m.subscribe(ctx, b, &o.SubscribeOptions, "m:PullSubscriptionRequest", false, func(w *wire.Writer) {
		if o.Watermark != "" {
			w.Leaf("t:Watermark", o.Watermark)
		}
		w.Leaf("t:Timeout", itoa(timeout))
	})
}

// SubscribePush subscribes to events that Exchange posts to a URL: see PushHandler. Errors: ErrInvalidRequest for a URL that Exchange
// does not accept, ErrNotFound, ErrDenied, ErrThrottled. EWS: Subscribe, PushSubscriptionRequest.
func (m *Mailbox) SubscribePush(ctx context.Context, o *PushOptions) (*Subscription, error) {
	if o == nil {
		o = new(PushOptions)
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("ews: PushOptions.URL: %.80q is no http or https URL", keyless(o.URL))
	}
	frequency, err := minutes("PushOptions.StatusFrequency", o.StatusFrequency, 5)
	if err != nil {
		return nil, err
	}
	return m.subscribe(ctx, new(backEnd), &o.SubscribeOptions, "m:PushSubscriptionRequest", false, func(w *wire.Writer) {
		if o.Watermark != "" {
			w.Leaf("t:Watermark", o.Watermark)
		}
		w.Leaf("t:StatusFrequency", itoa(frequency))
		w.Leaf("t:URL", o.URL)
	})
}

// subscribeStreaming subscribes to events that come over a stream; see call.hasty.
func (m *Mailbox) subscribeStreaming(ctx context.Context, b *backEnd, o *SubscribeOptions, hasty bool) (*Subscription, error) {
	return m.subscribe(ctx, b, o, "m:StreamingSubscriptionRequest", hasty, nil)
}

// minutes turns a duration into Exchange's count of minutes, rounded up.
func minutes(name string, d time.Duration, def int) (int, error) {
	if d == 0 {
		return def, nil
	}
	if d < 0 || d > 24*time.Hour {
		return 0, fmt.Errorf("ews: %s: %v is outside of 1 minute to 24 hours", name, d)
	}
	return int((d + time.Minute - 1) / time.Minute), nil
}

func (m *Mailbox) subscribe(ctx context.Context, b *backEnd, o *SubscribeOptions, request string, hasty bool, rest func(w *wire.Writer)) (*Subscription, error) {
	if len(o.Folders) == 0 && m.shared != "" {
		return nil, fmt.Errorf("ews: SubscribeOptions.Folders: name the folders: Exchange subscribes to all of %s only for its owner", m.shared)
	}
	for i, f := range o.Folders {
		if err := usable(f); err != nil {
			return nil, fmt.Errorf("ews: SubscribeOptions.Folders[%d]: %s", i, strings.TrimPrefix(err.Error(), "ews: "))
		}
	}
	for i, t := range o.Types {
		if wrong := badChoice(fmt.Sprintf("SubscribeOptions.Types[%d]", i), t, EventNewMail, EventCreated, EventDeleted, EventModified, EventMoved,
			EventCopied, EventFreeBusy); len(wrong) > 0 {
			return nil, errors.New("ews: " + wrong[0])
		}
	}
	types := o.Types
	if len(types) == 0 {
		types = mailEvents
	}
	sub := new(Subscription)
	err := m.do(ctx, &call{
		op:      "Subscribe", // one that is not used dies by itself, so asking twice does no harm
		backEnd: b,
		hasty:   hasty,
		body: func(w *wire.Writer) error {
			w.Start("m:Subscribe")
			if len(o.Folders) == 0 {
				if m.store != primary {
					w.Fail(errors.New("ews: Subscribe: all folders of the mailbox itself are meant by none, not those of an archive or public ones: set Folders"))
				}
				w.Start(request, "SubscribeToAllFolders", "true")
			} else {
				w.Start(request)
				w.Start("t:FolderIds")
				for _, f := range o.Folders {
					f.writeTo(w, m)
				}
				w.End()
			}
			w.Start("t:EventTypes")
			for _, t := range types {
				w.Leaf("t:EventType", string(t))
			}
			w.End()
			if rest != nil {
				rest(w)
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			*sub = Subscription{}
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "SubscriptionId":
					sub.ID = strings.TrimSpace(s.Text())
				case "Watermark":
					sub.Watermark = strings.TrimSpace(s.Text())
				}
				return s.Err()
			})
			if err == nil && sub.ID == "" {
				err = &Error{kind: ErrBadResponse, what: "the answer has no subscription id"}
			}
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	sub.BackEnd = b.server()
	return sub, nil
}

// Unsubscribe ends a subscription. One that Exchange does not know any more is no error. EWS: Unsubscribe.
func (m *Mailbox) Unsubscribe(ctx context.Context, sub *Subscription) error {
	if err := sub.usable("Unsubscribe"); err != nil {
		return err
	}
	return m.unsubscribe(ctx, &backEnd{cookie: sub.BackEnd}, sub.ID)
}

func (s *Subscription) usable(verb string) error {
	if s == nil || s.ID == "" {
		return errors.New("ews: " + verb + ": the subscription is nil, or has no ID")
	}
	if (&http.Cookie{Name: backEndCookie, Value: s.BackEnd}).Valid() != nil {
		return fmt.Errorf("ews: %s: Subscription.BackEnd: %.40q is not what Exchange gave", verb, s.BackEnd)
	}
	return nil
}

func (m *Mailbox) unsubscribe(ctx context.Context, b *backEnd, id string) error {
	return known(m.do(ctx, &call{
		op:      "Unsubscribe",
		backEnd: b,
		body: func(w *wire.Writer) error {
			w.Start("m:Unsubscribe")
			w.Leaf("m:SubscriptionId", id)
			w.End()
			return nil
		},
	}))
}
