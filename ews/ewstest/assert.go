package ewstest

import (
	"sync"
	"time"
)

// TB is what the assertions need of *testing.T and its like.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// AssertCount reports an error unless the operation was asked for exactly n times; "" counts all requests.
func (s *Server) AssertCount(t TB, operation string, n int) {
	t.Helper()
	if got := s.Count(operation); got != n {
		t.Errorf("%s was asked for %d times, want %d", orDefault(operation, "anything"), got, n)
	}
}

// AssertSent reports an error unless exactly one message with that subject left the server's mailboxes, and returns it. Two are what a
// send that was repeated looks like.
func (s *Server) AssertSent(t TB, subject string) (sent Outbound) {
	t.Helper()
	n := 0
	for _, o := range s.Outbound() {
		if newContent(o.MIME).subject == subject {
			sent = o
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d messages %q were sent, want one", n, subject)
	}
	return sent
}

// AssertItem reports an error unless exactly one item with that subject is in the folder, named as for Mailbox.Folder, and returns it.
func (mb *Mailbox) AssertItem(t TB, folder, subject string) (found Item) {
	t.Helper()
	n := 0
	for _, it := range mb.Items(folder) {
		if it.Subject == subject {
			found = it
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d items %q are in %s of %s, want one", n, subject, folder, mb.Address())
	}
	return found
}

// AssertEmpty reports an error for items in the folder: drafts that a failed send left behind, say.
func (mb *Mailbox) AssertEmpty(t TB, folder string) {
	t.Helper()
	var subjects []string
	for _, it := range mb.Items(folder) {
		subjects = append(subjects, it.Subject)
	}
	if len(subjects) > 0 {
		t.Errorf("%s of %s holds %q", folder, mb.Address(), subjects)
	}
}

// Clock is a clock that stands until it is moved: Options.Now is its Now. With testing/synctest it is not needed. It is safe for
// concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at start.
func NewClock(start time.Time) *Clock { return &Clock{at: start} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock; backwards it does not go.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(max(d, 0))
}
