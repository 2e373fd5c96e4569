package tokenstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/tokenstore"
)

const days = 24 * time.Hour

// maxError is how far a host's wall clock is off at most, either way.
const maxError = 10 * time.Minute

// variant is what a simulation runs: the zero value is the shipped code, each field takes one guard away.
type variant struct {
	wallClockOnly      bool // as if times were compared by the wall clock alone
	monotonicClockOnly bool // as if they were compared by the monotonic clock alone
	noLock             bool // neither lock nor intent
	failuresNotShared  bool // a failure another instance noted is not seen
	noSaveRetry        bool // a save is tried once before the token is handed out
	noWarning          bool // nobody is told before a credential ends
	forgetful          bool // a failure is forgotten as soon as it is reported
}

// window is a time during which something is down.
type window struct{ from, to time.Time }

func (w window) has(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }

func down(ws []window, at time.Time) bool {
	for _, w := range ws {
		if w.has(at) {
			return true
		}
	}
	return false
}

// twoHosts is two hosts, their store and their authorization server. The bubble's time is the hosts' monotonic clock, and
// asleep the time it has stood still while the world went on.
type twoHosts struct {
	v                  variant
	r                  *rand.Rand
	start              time.Time
	p                  *idp
	disk               *tokenstore.MemoryStore
	store              tokenstore.Store // as the hosts see it
	hosts              [2]*host
	idpDown, storeDown []window
	secretEnds         time.Time

	mu           sync.Mutex // guards what follows
	dice         *rand.Rand // thrown by all goroutines
	asleep       time.Duration
	burst        int // failing writes to come
	lastTrouble  time.Time
	failures     []time.Time // of writes, in true time
	told         int
	secretWarned time.Time
	validUntil   map[string]time.Time // in true time, by access token
	stored       map[string]bool      // access tokens that have been in the store
	tries        map[string]int       // failed writes of the others
	refused      int                  // tokens handed out that the resource server refused
	violation    error
}

// host is a machine with one instance.
type host struct {
	w     *twoHosts
	id    int
	clock clock
	src   *tokenstore.Source
	seen  map[string]time.Time // when this host first had an access token, by its monotonic clock
	bad   int                  // failed polls in a row, when all is well
	awake time.Time            // until then the instance is not asked

	refused   int // polls in a row that brought no token the resource server takes
	refusedAt time.Time
}

func (w *twoHosts) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.violation == nil {
		w.violation = fmt.Errorf("after %v: %w", time.Since(w.start).Round(time.Second), fmt.Errorf(format, args...))
	}
}

func (w *twoHosts) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.violation
}

// trueTime is what a good clock shows.
func (w *twoHosts) trueTime() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Round(0).Add(w.asleep)
}

// throw reports true once in n times.
func (w *twoHosts) throw(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.IntN(n) == 0
}

func (w *twoHosts) upTo(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.dice.Int64N(int64(d)))
}

// sleep is both machines suspended: no timer fires, no monotonic clock moves, while wall clocks and servers go on.
func (w *twoHosts) sleep(d time.Duration) {
	w.mu.Lock()
	w.asleep += d
	w.mu.Unlock()
	for _, h := range w.hosts {
		h.clock.move(d)
	}
}

// trouble notes that something went wrong at the given time, and returns when something last did.
func (w *twoHosts) trouble(at time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.After(w.lastTrouble) {
		w.lastTrouble = at
	}
	return w.lastTrouble
}

// writeFails makes writes fail in bursts, at any moment of a refresh.
func (w *twoHosts) writeFails() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.burst > 0 {
		w.burst--
		w.lastTrouble = time.Now()
		w.failures = append(w.failures, w.lastTrouble.Add(w.asleep))
		return errors.New("disk full")
	}
	if w.dice.IntN(150) == 0 {
		w.burst = w.dice.IntN(25)
	}
	return nil
}

// simStore is the hosts' way to the disk.
type simStore struct {
	w     *twoHosts
	calm  bool // never fails
	strip []string
}

func (s simStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if down(s.w.storeDown, time.Now()) {
		return tokenstore.Record{}, errors.New("database is down")
	}
	r, err := s.w.disk.Get(ctx, key)
	if err == nil {
		s.w.wasStored(r.Data)
	}
	if err == nil && len(s.strip) > 0 {
		r.Data = without(r.Data, s.strip...)
	}
	return r, err
}

// without takes members out of a record.
func without(data []byte, members ...string) []byte {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil {
		return data
	}
	for _, name := range members {
		delete(m, name)
	}
	data, _ = json.Marshal(m)
	return data
}

func (s simStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if s.w.v.noSaveRetry {
		ctx = context.WithoutCancel(ctx) // the first try is made whatever the time
	}
	v, err := s.put(ctx, key, r)
	if v != "" || errors.Is(err, tokenstore.ErrConflict) {
		s.w.wasStored(r.Data)
	} else {
		s.w.mu.Lock()
		defer s.w.mu.Unlock()
		s.w.tries[accessToken(r.Data)]++
	}
	if err != nil {
		v = ""
	}
	return v, err
}

func accessToken(record []byte) string {
	var st struct {
		AccessToken string `json:"access_token"`
	}
	_ = json.Unmarshal(record, &st)
	return st.AccessToken
}

func (w *twoHosts) wasStored(record []byte) {
	tok := accessToken(record)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored[tok] = true
}

// put returns a version and an error when the write was done and the acknowledgement got lost.
func (s simStore) put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if down(s.w.storeDown, time.Now()) {
		return "", errors.New("database is down")
	}
	if !s.calm {
		if err := s.w.writeFails(); err != nil {
			return "", err
		}
	}
	v, err := s.w.disk.Put(ctx, key, r)
	if err == nil && !s.calm {
		err = s.w.writeFails()
	}
	return v, err
}

func (s simStore) Delete(ctx context.Context, key string) error { return s.w.disk.Delete(ctx, key) }

type whoKey struct{}

// Refresh is a host's way to the authorization server.
func (h *host) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	w := h.w
	if w.throw(4) {
		select {
		case <-time.After(w.upTo(3 * time.Second)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if w.throw(100) {
		w.sleep(w.upTo(2 * time.Hour)) // with the request on its way
	}
	tok, err := w.p.Refresh(context.WithValue(ctx, whoKey{}, h.id), old)
	if err != nil {
		return nil, err
	}
	w.issued(tok)
	if w.throw(100) {
		w.sleep(w.upTo(2 * time.Hour)) // with the answer on its way
	}
	h.dated(tok)
	return tok, nil
}

func (w *twoHosts) issued(tok *oauth2.Token) {
	at := w.trueTime()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.validUntil[tok.AccessToken] = at.Add(time.Hour)
}

// dated sets the expiry as clients do: expires_in from now, by their own clock.
func (h *host) dated(tok *oauth2.Token) {
	tok.Expiry = h.clock.now().Add(time.Hour)
	h.first(tok)
}

// first returns when this host first had the token.
func (h *host) first(tok *oauth2.Token) time.Time {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	at, ok := h.seen[tok.AccessToken]
	if !ok {
		at = time.Now()
		h.seen[tok.AccessToken] = at
	}
	return at
}

// judge looks at a token that was handed out by a call before which the machines had slept for so long in all.
func (h *host) judge(tok *oauth2.Token, asleep time.Duration) {
	w := h.w
	now := h.clock.now().Add(asleep - w.asleepFor()) // nothing can be done about a machine that falls asleep while the token is on its way
	if !tok.Expiry.Round(0).After(now.Round(0)) {
		w.fail("host %d handed out a token that had expired at %v by its own wall clock, %v", h.id, tok.Expiry.Round(0), now.Round(0))
	}
	if age := time.Since(h.first(tok)); age >= time.Hour {
		w.fail("host %d handed out a token of an hour that it had for %v", h.id, age)
	}
	w.mu.Lock()
	stored, tries := w.stored[tok.AccessToken], w.tries[tok.AccessToken]
	w.mu.Unlock()
	if !stored && tries < 5 {
		w.fail("host %d handed out a token after %d attempts to save it", h.id, tries)
	}
}

// valid is the resource server's opinion of a token.
func (w *twoHosts) valid(tok *oauth2.Token) bool {
	now := w.trueTime()
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Before(w.validUntil[tok.AccessToken])
}

// clockOf is the clock the source goes by.
func (h *host) clockOf() func() time.Time {
	switch {
	case h.w.v.wallClockOnly:
		return func() time.Time { return h.clock.now().Round(0) }
	case h.w.v.monotonicClockOnly:
		off := h.clock.offset()
		return func() time.Time { return nowOff(off) }
	}
	return h.clock.now
}

func (h *host) open() {
	w := h.w
	o := &tokenstore.SourceOptions{
		SecretExpires:    w.secretEnds,
		OnReauthRequired: func(context.Context, tokenstore.Status) { w.mu.Lock(); defer w.mu.Unlock(); w.told++ },
		OnExpiring: func(_ context.Context, e tokenstore.Expiring) {
			at := w.trueTime()
			w.mu.Lock()
			defer w.mu.Unlock()
			if e.What == "client secret" && w.secretWarned.IsZero() {
				w.secretWarned = at
			}
		},
	}
	if w.v.noSaveRetry {
		o.SaveTimeout = time.Nanosecond
	}
	if w.v.noWarning {
		o.WarnBefore = -1
	}
	h.src = tokenstore.NewSource(w.store, mailbox, h, o)
	tokenstore.SetClock(h.src, h.clockOf())
}
