package tokenstore

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// Refresher exchanges a refresh token for new tokens at the authorization server. It makes one request, or none, and honours ctx.
//
// A Refresher may also have the method
//
//	RefreshWithClaims(ctx context.Context, old *oauth2.Token, claims string) (*oauth2.Token, error)
//
// which is used after a claims challenge. Its errors may have the methods NeedsSignIn() bool (the refresh token is dead),
// Temporary() bool and RetryDelay() time.Duration (the server asked to wait); *oauth2.RetrieveError is understood as well. What
// is not known counts as temporary.
type Refresher interface {
	Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)
}

type claimsRefresher interface {
	RefreshWithClaims(ctx context.Context, old *oauth2.Token, claims string) (*oauth2.Token, error)
}

// SourceOptions adjusts a [Source]; nil means defaults, and so does a zero in any field.
type SourceOptions struct {
	// RefreshBefore is how long before its expiry a token is refreshed in the background, while it is still served. Default
	// 5 minutes, at most a quarter of the token's lifetime. Negative: only after expiry.
	RefreshBefore time.Duration
	// Jitter brings that forward by a random time up to this, so that many mailboxes and instances do not refresh together.
	// Default 2 minutes, at most an eighth of the lifetime. Negative: none.
	Jitter time.Duration
	// RefreshTimeout bounds one request to the authorization server. Default 30 seconds.
	RefreshTimeout time.Duration
	// LockTimeout bounds the wait for another instance that is refreshing. Default RefreshTimeout and 30 seconds.
	LockTimeout time.Duration
	// SaveTimeout bounds the attempts to save a refreshed token before it is handed out unsaved, to be saved later.
	// Default 5 seconds.
	SaveTimeout time.Duration
	// OmitAccessToken keeps access tokens out of the store. Each instance and each start then refreshes for itself.
	OmitAccessToken bool
	// LenientRotation says that the authorization server does not revoke a grant when a spent refresh token is presented (Entra
	// ID does not). A refused refresh token is then followed by one try with the one before it.
	LenientRotation bool
	// RefreshTokenLifetime is how long a refresh token works after its issue, for OnExpiring. Default 90 days (Entra ID).
	RefreshTokenLifetime time.Duration
	// SecretExpires is when the client's secret or certificate ends, for OnExpiring; zero: unknown.
	SecretExpires time.Time
	// WarnBefore is how long before either OnExpiring is called. Default 14 days.
	WarnBefore time.Duration
	// OnReauthRequired is called when the refresh token is found dead: somebody must sign in again. Each process calls it once per
	// sign-in, and again after a restart. It runs beside the source, which it may use but not Close.
	OnReauthRequired func(ctx context.Context, s Status)
	// OnExpiring is called, at most once a day in each process, while a refresh token or secret is about to end.
	OnExpiring func(ctx context.Context, e Expiring)
	// Watch has the source follow its record, if the store is a [Watcher], so that a sign-in, sign-out or refresh of another instance
	// counts at once. Without it they are seen when the token in memory expires, or within seconds while there is none. It takes
	// a goroutine, from NewSource to Close, and what the store's Watch takes: see there before watching thousands.
	Watch bool
	// Logger gets events, without secrets. Default: none.
	Logger *slog.Logger
}

func (o *SourceOptions) withDefaults() SourceOptions {
	var c SourceOptions
	if o != nil {
		c = *o
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
		*d = max(*d, 0)
	}
	def(&c.RefreshBefore, 5*time.Minute)
	def(&c.Jitter, 2*time.Minute)
	def(&c.RefreshTimeout, 30*time.Second)
	def(&c.LockTimeout, c.RefreshTimeout+30*time.Second)
	def(&c.SaveTimeout, 5*time.Second)
	def(&c.RefreshTokenLifetime, 90*24*time.Hour)
	def(&c.WarnBefore, 14*24*time.Hour)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Source hands out access tokens of one record and keeps them fresh. Use one per record and process, for all goroutines.
type Source struct {
	store     Store
	locker    Locker // nil: the store cannot lock, its compare-and-swap has to do
	key       string
	refresher Refresher
	opts      SourceOptions
	log       *slog.Logger
	now       func() time.Time // time.Now; tests set clocks and send machines to sleep, which testing/synctest cannot

	held atomic.Pointer[held] // what Token serves without I/O

	// turn is held by whoever works on the record: a flight, SignIn, SignOut, Close. It guards work.
	turn chan struct{}
	work work

	mu       sync.Mutex // guards the fields below; never held across I/O or waiting
	flight   *flight
	failure  *failure
	claims   string // of a claims challenge, for the next exchange
	forced   forced
	unsaved  bool
	closed   bool
	quit     chan struct{} // closed by Close
	unfollow context.CancelFunc
	retrying bool // the goroutine that saves later runs
	after    sync.WaitGroup

	count counters
}

// work is the state of the record's keeper; guarded by turn.
type work struct {
	known   *stored  // the newest state this process has seen or made
	pending *pending // made, but not saved yet
	failed  *refusedToken
	since   since  // when attempts of others were first seen
	told    string // the grant that OnReauthRequired was called for
	warned  map[string]time.Time
}

// refusedToken is this process's own last failure. It holds for the refresh token it was about.
type refusedToken struct {
	refreshToken string
	err          *Error
}

// stored is a state and the version it has in the store.
type stored struct {
	*state
	version string
}

// held is a token in memory. It is immutable.
type held struct {
	tok        *oauth2.Token
	grant      string
	generation int64
	rejected   bool

	// The same two moments by both clocks: the monotonic one stops while a machine sleeps, the wall clock can be set back.
	got                 time.Time
	refreshIn, usableIn time.Duration
	refreshAt, deadAt   time.Time
}

func (h *held) fresh(now time.Time) bool {
	return h != nil && !h.rejected && now.Sub(h.got) < h.refreshIn && now.Round(0).Before(h.refreshAt)
}

func (h *held) usable(now time.Time) bool {
	return h != nil && !h.rejected && now.Sub(h.got) < h.usableIn && now.Round(0).Before(h.deadAt)
}

// passed reports whether d has passed since begun, by either clock.
func passed(begun, now time.Time, d time.Duration) bool {
	return now.Sub(begun) >= d || now.Round(0).Sub(begun.Round(0)) >= d
}

// assumedLifetime is that of an access token whose server does not tell.
const assumedLifetime = time.Hour

func (s *Source) hold(st *state, tok *oauth2.Token, now time.Time) *held {
	expiry, issued := st.Expiry, st.Issued
	if issued.IsZero() {
		issued = now
	}
	if expiry.IsZero() {
		expiry = issued.Add(assumedLifetime)
	}
	life := max(0, expiry.Sub(issued)) // by the clock of whoever got it, which may not be this one
	early := min(s.opts.RefreshBefore, life/4)
	if j := min(s.opts.Jitter, life/8); j > 0 {
		early += rand.N(j)
	}
	margin := min(30*time.Second, life/10) // a token must survive the request it is handed out for
	early = max(early, margin)
	h := &held{
		tok: tok, grant: st.Grant, generation: st.Generation, got: now,
		refreshAt: wall(expiry.Add(-early)), deadAt: wall(expiry.Add(-margin)),
	}
	// Nobody has a token for longer than it lives, even if this host's wall clock is far behind the one that dated it.
	h.refreshIn = min(h.refreshAt.Sub(now.Round(0)), life-early)
	h.usableIn = min(h.deadAt.Sub(now.Round(0)), life-margin)
	return h
}

// NewSource returns a source of the tokens in the store's record of that key. It does no I/O, unless Watch is set. Close it when done. It
// panics without a store or a refresher, rather than when the first token expires.
func NewSource(s Store, key string, r Refresher, o *SourceOptions) *Source {
	if s == nil || r == nil {
		panic("tokenstore: NewSource needs a store and a refresher")
	}
	src := &Source{
		store: s, key: key, refresher: r, opts: o.withDefaults(), now: time.Now,
		turn: make(chan struct{}, 1), quit: make(chan struct{}), unfollow: func() {},
	}
	src.locker, _ = s.(Locker)
	src.log = src.opts.Logger.With("record", key)
	if w, ok := s.(Watcher); ok && src.opts.Watch {
		var ctx context.Context
		ctx, src.unfollow = context.WithCancel(context.Background())
		src.after.Add(1)
		go src.follow(ctx, w)
	}
	return src
}

// String prints the record's name only.
func (s *Source) String() string { return "tokenstore.Source(" + keyText(s.key) + ")" }

// GoString is String.
func (s *Source) GoString() string { return s.String() }

// LogValue is String.
func (s *Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON gives the record's name only.
func (s *Source) MarshalJSON() ([]byte, error) { return redactedJSON(s.String()) }

// Token returns a usable access token: at once and without I/O while it is fresh; at once, with a refresh in the background, when it
// expires soon; after a refresh otherwise. However many callers wait, one refresh runs, on a context of its own: a caller whose
// ctx ends leaves, the refresh goes on. The token is shared and must not be modified; its RefreshToken is empty.
//
// Errors: ctx's; [ErrNoToken] and [ErrNeedsSignIn], when a person must sign in; [ErrClosed]; otherwise an [*Error] that tells
// whether and when trying again makes sense. While refreshing fails, the server is asked every 30 seconds at most, less
// and less often, and calls in between get the last error; every 15 minutes when the refresh token is dead.
func (s *Source) Token(ctx context.Context) (*oauth2.Token, error) {
	now := s.now()
	h := s.held.Load()
	if h.fresh(now) {
		return h.tok, nil
	}
	if h.usable(now) {
		_, _ = s.join(ctx, now)
		return h.tok, nil
	}
	return s.wait(ctx)
}

// flight is one run of obtain that any number of callers wait for.
type flight struct {
	done   chan struct{}
	save   bool // only save what is not saved yet
	cancel context.CancelFunc
	held   *held
	err    error
}

// failure is the last flight's, kept so that callers in between do not start one.
type failure struct {
	err   error
	until time.Time
}

func (s *Source) wait(ctx context.Context) (*oauth2.Token, error) {
	for tries := 0; tries < 3; {
		f, err := s.join(ctx, s.now())
		if err != nil {
			return nil, err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// Someone may have rejected, meanwhile, the very token this flight found.
		if h := s.held.Load(); h.usable(s.now()) {
			return h.tok, nil
		}
		if f.save {
			continue // it did not look for a token
		}
		if f.err != nil {
			return nil, f.err
		}
		tries++
		if now := s.now(); f.held.usable(now) && !s.isRejected(f.held) {
			return f.held.tok, nil
		}
	}
	return nil, &Error{Op: "refresh", Key: s.key, Err: errUseless, temporary: true}
}

func (s *Source) isRejected(h *held) bool {
	cur := s.held.Load()
	return cur != nil && cur.rejected && cur.tok.AccessToken == h.tok.AccessToken
}

// join returns the flight under way, or starts one, unless the last one's failure still stands.
func (s *Source) join(ctx context.Context, now time.Time) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.flight != nil:
		return s.flight, nil
	case s.failure != nil && now.Before(s.failure.until):
		return nil, s.failure.err
	}
	return s.start(ctx, false), nil
}

// start starts a flight; mu is held and none is under way.
func (s *Source) start(ctx context.Context, save bool) *flight {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.flightTimeout())
	f := &flight{done: make(chan struct{}), save: save, cancel: cancel}
	s.flight = f
	s.after.Add(1)
	go s.fly(ctx, f)
	return f
}

// flightTimeout leaves room for each step's own bound, twice: a refused token can be followed by another.
func (s *Source) flightTimeout() time.Duration {
	return s.opts.LockTimeout + 3*s.opts.RefreshTimeout + 2*s.opts.SaveTimeout
}

func (s *Source) fly(ctx context.Context, f *flight) {
	defer s.after.Done()
	defer f.cancel()
	var after []func(context.Context)
	if err := s.takeTurn(ctx); err != nil {
		f.err = &Error{Op: "lock", Key: s.key, Err: err, temporary: true}
	} else {
		var hold time.Duration
		switch {
		case s.isClosed():
			f.err = ErrClosed
		case f.save:
			f.held, hold, f.err = s.savePending(ctx)
		default:
			f.held, hold, f.err = s.obtain(ctx)
			after = s.afterFlight(s.now())
		}
		s.endTurn()
		if !f.save {
			s.remember(f.err, hold)
		}
	}
	s.mu.Lock()
	s.flight = nil
	s.mu.Unlock()
	close(f.done)
	for _, call := range after {
		call(context.WithoutCancel(ctx))
	}
}

func (s *Source) takeTurn(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Source) endTurn() {
	s.mu.Lock()
	s.unsaved = s.work.pending != nil
	s.mu.Unlock()
	<-s.turn
}

func (s *Source) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Source) remember(err error, hold time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
	if err != nil && hold > 0 {
		s.failure = &failure{err: err, until: s.now().Add(hold)}
	}
}
