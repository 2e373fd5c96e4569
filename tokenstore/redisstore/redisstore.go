// Package redisstore keeps token records in Redis or Valkey, over go-redis: a single server, Sentinel or Cluster.
//
// Encrypt the records (tokenstore.Encrypt): they stand in snapshots and append-only files.
//
// # A weaker store
//
// Redis acknowledges before it replicates, and by default before it writes to disk: a failover or a power loss may take back an
// acknowledged save (set appendfsync always and min-replicas-to-write). A tokenstore.Source that made or saw the newer record
// notices, reports tokenstore.ErrRolledBack and puts it back; a program started after the failover cannot know, and presents the
// spent refresh token of the older record. Over a Sentinel or Cluster client the store gets on with the promoted replica by itself; what
// was refreshed meanwhile is in the Source's memory and saved then.
//
// Its locks are leases (tokenstore.WhileLease): a holder stopped for longer than the lease loses the lock without noticing, and a
// failover may forget it. tokenstore.Source therefore also waits for intents, and checks the lock before it sends; still, with
// an authorization server that revokes the grant when a spent token comes back, prefer the file store or
// PostgreSQL. Entra ID does not revoke, so there the worst case is one request too many.
package redisstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// Options adjusts a [Store]; nil means defaults.
type Options struct {
	Prefix string // of all keys in Redis; default "oauth:". Two stores whose prefixes differ do not meet
	// TTL lets a record vanish when it was not saved for so long; 0: never. Choose more than the refresh token's lifetime.
	TTL time.Duration
	// Lease is the time a lock outlives a holder that stops renewing it. Default 90 seconds: more than a refresh and its save take.
	Lease time.Duration
	// WatchInterval is how often Watch asks for a record's version. Default 5 seconds.
	WatchInterval time.Duration
}

// Store keeps records in Redis. It is a tokenstore.Store with the abilities List, Lock and Watch, safe for concurrent use by
// goroutines, processes and hosts.
type Store struct {
	client redis.UniversalClient
	o      Options
}

// New returns a store over the client, which stays the caller's to close. It does no I/O.
func New(client redis.UniversalClient, o *Options) (*Store, error) {
	if client == nil {
		return nil, errors.New("redisstore: New needs a client")
	}
	s := &Store{client: client}
	if o != nil {
		s.o = *o
	}
	if s.o.Prefix == "" {
		s.o.Prefix = "oauth:"
	}
	if strings.ContainsAny(s.o.Prefix, "{}*?[]\\") {
		return nil, fmt.Errorf(`redisstore: Prefix %q: the characters {}*?[]\ have a meaning in Redis`, s.o.Prefix)
	}
	if s.o.Lease == 0 {
		s.o.Lease = 90 * time.Second
	}
	if s.o.WatchInterval <= 0 {
		s.o.WatchInterval = 5 * time.Second
	}
	if s.o.TTL < 0 || s.o.Lease < time.Second {
		return nil, errors.New("redisstore: TTL must not be negative, Lease at least a second")
	}
	return s, nil
}

// Names are base64, between braces: Redis Cluster then keeps a record and its lock on one node, and keys of any bytes
// can be listed.
func (s *Store) name(key, kind string) string {
	return s.o.Prefix + "{" + base64.RawURLEncoding.EncodeToString([]byte(key)) + "}" + kind
}

const (
	recordKind = ":record"
	lockKind   = ":lock"
)

// Get implements tokenstore.Store.
func (s *Store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := check(ctx, key); err != nil {
		return tokenstore.Record{}, err
	}
	got, err := call(ctx, func() ([]any, error) { return s.client.HMGet(ctx, s.name(key, recordKind), "data", "version").Result() })
	if err != nil {
		return tokenstore.Record{}, wrap("reading", err)
	}
	data, okData := got[0].(string)
	version, okVersion := got[1].(string)
	switch {
	case !okData && !okVersion:
		return tokenstore.Record{}, tokenstore.ErrNotFound
	case !okData || !okVersion || version == "":
		return tokenstore.Record{}, fmt.Errorf("%w: the Redis hash lacks a field", tokenstore.ErrCorrupt)
	}
	return tokenstore.Record{Data: []byte(data), Version: version}, nil
}

// A script runs as one step in Redis. A write repeated by the client after a lost answer finds its own version and says so.
var putScript = redis.NewScript(`
local there = redis.call('HGET', KEYS[1], 'version') or ''
if there == ARGV[2] then return 1 end
if there ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'data', ARGV[3], 'version', ARGV[2])
if tonumber(ARGV[4]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) else redis.call('PERSIST', KEYS[1]) end
return 1`)

// Put implements tokenstore.Store.
func (s *Store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := tokenstore.CheckPut(key, r); err != nil {
		return "", err
	}
	next, data := tokenstore.NewVersion(), bytes.Clone(r.Data) // the call may outlast this one
	done, err := call(ctx, func() (int, error) {
		return putScript.Run(ctx, s.client, []string{s.name(key, recordKind)}, r.Version, next, data, s.o.TTL.Milliseconds()).Int()
	})
	if err != nil {
		return "", wrap("saving", err)
	}
	if done == 0 {
		return "", tokenstore.ErrConflict
	}
	return next, nil
}

// Delete implements tokenstore.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if _, err := call(ctx, func() (int64, error) { return s.client.Del(ctx, s.name(key, recordKind)).Result() }); err != nil {
		return wrap("deleting", err)
	}
	return nil
}

// List implements tokenstore.Lister, by SCAN on every master.
func (s *Store) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := ctx.Err(); err != nil {
			yield("", err)
			return
		}
		keys, err := call(ctx, func() (map[string]bool, error) { return s.scan(ctx) })
		if err != nil {
			yield("", wrap("listing", err))
			return
		}
		for key := range keys {
			if !yield(key, nil) {
				return
			}
		}
	}
}

// scan collects all names: SCAN may return one several times.
func (s *Store) scan(ctx context.Context) (map[string]bool, error) {
	var mu sync.Mutex // ForEachMaster runs on several goroutines
	keys := make(map[string]bool)
	node := func(ctx context.Context, c redis.Cmdable) error {
		it := c.Scan(ctx, 0, s.o.Prefix+"{*}"+recordKind, 500).Iterator()
		for it.Next(ctx) {
			b64 := strings.TrimSuffix(strings.TrimPrefix(it.Val(), s.o.Prefix+"{"), "}"+recordKind)
			key, err := base64.RawURLEncoding.DecodeString(b64)
			if err != nil {
				continue // somebody else's
			}
			mu.Lock()
			keys[string(key)] = true
			mu.Unlock()
		}
		return it.Err()
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		err := cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return node(ctx, c) })
		return keys, err
	}
	return keys, node(ctx, s.client)
}

// Watch implements tokenstore.Watcher by polling, see Options.WatchInterval: Redis notifies of changes only where the server is
// configured to, and not across a failover.
func (s *Store) Watch(ctx context.Context, key string) iter.Seq2[string, error] {
	return tokenstore.WatchByPolling(ctx, key, s.o.WatchInterval, func(ctx context.Context) (string, error) {
		version, err := call(ctx, func() (string, error) { return s.client.HGet(ctx, s.name(key, recordKind), "version").Result() })
		if errors.Is(err, redis.Nil) {
			return "", tokenstore.ErrNotFound
		}
		if err != nil {
			return "", wrap("reading", err)
		}
		return version, nil
	})
}

// call returns when ctx ends, which go-redis does not: it waits for the server as long as its own timeouts and retries take. Those
// end the call that is left behind.
func call[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func wrap(what string, err error) error { return fmt.Errorf("redisstore: %s: %w", what, err) }

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return tokenstore.CheckKey(key)
}
