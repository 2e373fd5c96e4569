package ews_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// farm is an Exchange of several servers behind a balancer, each of which knows only the subscriptions that it took itself. Who asks for
// affinity is led to the server of the cookie, if the cookie was given for the same mailbox; everybody else to the next one.
type farm struct {
	mu    sync.Mutex
	turn  int
	subs  map[string]int // the server that knows it
	count int            // Subscribes
	lives int            // streams that lasted
}

const farmServers = 5

func (f *farm) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	anchor, at := r.Header.Get("X-AnchorMailbox"), -1
	for _, c := range r.Cookies() {
		var server int
		var of string
		if c.Name == "X-BackEndOverrideCookie" && r.Header.Get("X-PreferServerAffinity") == "true" {
			if _, err := fmt.Sscanf(c.Value, "be%d~%s", &server, &of); err == nil && of == anchor {
				at = server
			}
		}
	}
	if at < 0 {
		f.turn++
		at = f.turn % farmServers
	}
	cookie := []string{"Set-Cookie", fmt.Sprintf("X-BackEndOverrideCookie=be%d~%s; path=/; secure; HttpOnly", at, anchor)}
	switch op := operation(body); op {
	case "Subscribe":
		f.count++
		id := fmt.Sprint("S", f.count)
		f.subs[id] = at
		return reply(200, string(response(op, success(op, "<m:SubscriptionId>"+id+"</m:SubscriptionId>"))), cookie...)(r)
	case "GetStreamingEvents":
		for _, id := range subscriptionIDs.FindAllStringSubmatch(string(body), -1) {
			if f.subs[id[1]] != at {
				unknown := errMessage("ErrorSubscriptionNotFound", "<m:ErrorSubscriptionIds><m:SubscriptionId>"+id[1]+"</m:SubscriptionId></m:ErrorSubscriptionIds>")
				return reply(200, strings.ReplaceAll(messages(unknown), "GetItem", op), cookie...)(r)
			}
		}
		f.lives++
		resp, err := reply(200, "", cookie...)(r)
		resp.Body = io.NopCloser(&beating{ctx: r.Context(), beat: streamEnvelope("OK", "")})
		return resp, err
	default:
		return reply(200, string(response(op, success(op, ""))), cookie...)(r)
	}
}

// farmHours listens to a group for five hours and says what is wrong.
func farmHours(t *testing.T, change func(*http.Request)) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		f := &farm{subs: map[string]int{}}
		c := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			change(r)
			return f.RoundTrip(r)
		}), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		boxes := []*ews.Mailbox{c.Impersonate("one@example.com"), c.Impersonate("two@example.com"), c.Impersonate("three@example.com")}
		losses := 0
		for e, err := range c.Events(ctx, boxes, inboxOnly) {
			if e.Type == ews.EventDisconnected {
				losses++
			}
			if err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		}
		if losses > 0 || f.count != len(boxes) || f.lives != 11 {
			wrong = append(wrong, fmt.Sprintf("%d streams, %d losses, %d subscriptions", f.lives, losses, f.count))
		}
	})
	return wrong
}

// TestStreamOfAFarm: a group's subscriptions and all its streams, renewed ten times, are dealt with by one server.
func TestStreamOfAFarm(t *testing.T) {
	require.Empty(t, farmHours(t, func(*http.Request) {}))
}

// TestStreamOfAFarmMutants: without any one part of the affinity they are not.
func TestStreamOfAFarmMutants(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"no cookie": func(r *http.Request) { r.Header.Del("Cookie") },
		"no wish":   func(r *http.Request) { r.Header.Del("X-PreferServerAffinity") },
		"each with its own anchor": func(r *http.Request) {
			body, _ := r.GetBody()
			raw, _ := io.ReadAll(body)
			for _, box := range []string{"two@example.com", "three@example.com"} {
				if strings.Contains(string(raw), box) {
					r.Header.Set("X-AnchorMailbox", box)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := farmHours(t, change)
			require.NotEmpty(t, wrong, "nobody noticed")
			t.Log(wrong)
		})
	}
}
