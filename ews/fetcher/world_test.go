package fetcher_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

const address = "help@example.com"

// world is an Exchange, without a network, and a client of it.
type world struct {
	*ewstest.Server
	box       *ewstest.Mailbox
	client    *ews.Client
	m         *ews.Mailbox
	transport *http.Transport
}

func newWorld(t testing.TB, o *ewstest.Options) *world {
	w := &world{Server: ewstest.New(o)}
	w.box = w.AddMailbox(address)
	w.transport = w.Transport()
	var err error
	w.client, err = ews.NewClient(ews.Config{Endpoint: w.Endpoint(), AllowLoopbackHTTP: true, HTTPClient: w.httpClient(),
		Mailbox: address, Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))})
	require.NoError(t, err)
	w.m = w.client.Own()
	return w
}

// close ends everything: within a synctest bubble that has to be before its end.
func (w *world) close() {
	w.client.Close()
	w.transport.CloseIdleConnections()
	w.Close()
}

func (w *world) httpClient() *http.Client { return &http.Client{Transport: w.transport} }

// mail is a message with a subject.
func mail(subject string) []byte {
	return fmt.Appendf(nil, "From: ann@example.org\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n\r\nHello.\r\n", address, subject, subject)
}

func (w *world) deliver(t testing.TB, n int) {
	for i := range n {
		w.mail(t, mail(fmt.Sprint("m", i)), nil)
	}
}

func (w *world) mail(t testing.TB, raw []byte, o *ewstest.DeliverOptions) string {
	id, err := w.box.Deliver(raw, o)
	require.NoError(t, err)
	return id.ID
}

// tickets is a helpdesk whose tickets have a unique key.
type tickets struct {
	mu    sync.Mutex
	byKey map[string]string // subject
	made  map[string]int    // tickets, by subject
	calls map[string]int    // of the handler, by subject
}

func newTickets() *tickets {
	return &tickets{byKey: map[string]string{}, made: map[string]int{}, calls: map[string]int{}}
}

// handle commits a ticket, once for each key.
func (h *tickets) handle(_ context.Context, msg *ews.Message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[msg.Subject]++
	if _, ok := h.byKey[fetcher.Key(msg)]; !ok {
		h.byKey[fetcher.Key(msg)] = msg.Subject
		h.made[msg.Subject]++
	}
	return nil
}

func (h *tickets) counts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]int{}
	for subject, n := range h.made {
		all[subject] = n
	}
	return all
}

// each is one ticket for each of n messages.
func each(n int) map[string]int {
	all := map[string]int{}
	for i := range n {
		all[fmt.Sprint("m", i)] = 1
	}
	return all
}

// polling watches without a stream.
func polling() *ews.WatchOptions {
	return &ews.WatchOptions{NoStream: true, PollInterval: 10 * time.Second}
}

// long reports whether the long versions of the tests are wanted.
func long() bool { return os.Getenv("EWSMAIL_LONG") != "" }

// size is how much a test does: everything in the long run, a part of it in passing, and the least when the race detector makes each step many
// times slower, which looks for other things than those that are counted here.
func size[T any](whole, part, least T) T {
	switch {
	case long():
		return whole
	case raceEnabled:
		return least
	}
	return part
}

// all lists the entries in a state.
func all(ctx context.Context, s fetcher.Store, source string, in fetcher.State) (list []fetcher.Entry, err error) {
	for e, eerr := range s.Entries(ctx, source, in) {
		if err = eerr; err == nil {
			list = append(list, e)
		}
	}
	return list, err
}

// total counts a folder's messages, without making them.
func total(box *ewstest.Mailbox, folder string) int {
	f, _ := box.Folder(folder)
	return f.Total
}
