package redisstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ewsmail/ewsmail/tokenstore"
)

var (
	// A lock asked for again by the client after a lost answer finds its own token.
	lockScript = redis.NewScript(`
local there = redis.call('GET', KEYS[1])
if there and there ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)
	renewScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)
	unlockScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)
)

// Lock implements tokenstore.Locker by a lease that is renewed until Unlock, see the package's documentation.
func (s *Store) Lock(ctx context.Context, key string) (tokenstore.Lock, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	l := &lease{store: s, name: s.name(key, lockKind), token: tokenstore.NewVersion(), ended: make(chan struct{})}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	l.over, l.end = life.Done(), end
	for wait := 2 * time.Millisecond; ; wait = min(wait*2, 100*time.Millisecond) {
		asked := time.Now()
		ok, err := call(ctx, func() (bool, error) {
			return lockScript.Run(ctx, s.client, []string{l.name}, l.token, s.o.Lease.Milliseconds()).Bool()
		})
		if err != nil {
			end()
			l.release() // the answer may be what got lost
			return nil, wrap("locking", err)
		}
		if ok {
			l.until = asked.Add(s.o.Lease)
			go l.renew(life)
			return l, nil
		}
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			end()
			return nil, fmt.Errorf("redisstore: waiting for a lock: %w", ctx.Err())
		}
	}
}

type lease struct {
	store       *Store
	name, token string
	over        <-chan struct{} // closed by end
	end         func()
	ended       chan struct{} // the renewing goroutine has
	once        sync.Once

	mu    sync.Mutex
	until time.Time // counted from before the request, so that it ends here before it ends there
}

func (l *lease) renew(life context.Context) {
	defer close(l.ended)
	tick := time.NewTicker(l.store.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-tick.C:
			ctx, cancel := context.WithTimeout(life, l.store.o.Lease/3)
			_ = l.extend(ctx)
			cancel()
		}
	}
}

func (l *lease) extend(ctx context.Context) error {
	asked := time.Now()
	n, err := call(ctx, func() (int, error) {
		return renewScript.Run(ctx, l.store.client, []string{l.name}, l.token, l.store.o.Lease.Milliseconds()).Int()
	})
	if err != nil {
		return wrap("renewing a lock", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == 0 {
		l.until = time.Time{}
		return tokenstore.ErrLockLost
	}
	if !l.until.IsZero() {
		l.until = asked.Add(l.store.o.Lease)
	}
	return nil
}

// Check renews the lease, so that its whole length lies ahead.
func (l *lease) Check(ctx context.Context) error {
	select {
	case <-l.over:
		return tokenstore.ErrLockLost
	default:
	}
	if err := l.extend(ctx); err != nil {
		return fmt.Errorf("%w: %w", tokenstore.ErrLockLost, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !time.Now().Before(l.until) {
		return tokenstore.ErrLockLost
	}
	return nil
}

func (l *lease) Tenure() tokenstore.Tenure { return tokenstore.WhileLease }

func (l *lease) Unlock() error {
	l.once.Do(func() {
		l.end()
		<-l.ended
		l.release()
	})
	return nil
}

// release may fail: then the lease runs out by itself. Nobody waits long for a server that does not answer.
func (l *lease) release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = call(ctx, func() (any, error) {
		return unlockScript.Run(ctx, l.store.client, []string{l.name}, l.token).Result()
	})
}
