//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/internal/servers"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/redisstore"
)

// pair is a Redis server, its replica, and a Sentinel that promotes the replica when the server is gone.
type pair struct {
	master, replica, sentinel *servers.Server
	toMaster, toReplica       *redis.Client
}

func startPair(t *testing.T) *pair {
	p := &pair{master: servers.Redis(t)}
	connect := func(s *servers.Server) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: s.Addr})
		t.Cleanup(func() { c.Close() })
		s.Start(t, func(ctx context.Context) error { return c.Ping(ctx).Err() })
		return c
	}
	p.toMaster = connect(p.master)
	p.replica = servers.RedisReplica(t, p.master)
	p.toReplica = connect(p.replica)
	p.sentinel = servers.RedisSentinel(t, p.master, "tokens")
	toSentinel := connect(p.sentinel)
	require.Eventually(t, func() bool {
		replicas, err := redis.NewSentinelClient(toSentinel.Options()).Replicas(t.Context(), "tokens").Result()
		n, werr := p.toMaster.Wait(t.Context(), 1, time.Second).Result()
		return err == nil && len(replicas) == 1 && replicas[0]["flags"] == "slave" && werr == nil && n == 1
	}, 2*time.Minute, 50*time.Millisecond, "replica and Sentinel know each other")
	return p
}

// replicated returns when the replica has all that was written so far. WAIT counts the writes of its own connection only.
func (p *pair) replicated(t *testing.T) {
	t.Helper()
	c := p.toMaster.Conn()
	defer c.Close()
	require.NoError(t, c.Set(t.Context(), "behind", "all", 0).Err())
	n, err := c.Wait(t.Context(), 1, 10*time.Second).Result()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

func (p *pair) client(t *testing.T) *redis.Client {
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "tokens", SentinelAddrs: []string{p.sentinel.Addr}})
	t.Cleanup(func() { c.Close() })
	return c
}

// loseMaster kills the server, of which Sentinel hears soon.
func (p *pair) loseMaster(t *testing.T) {
	t.Helper()
	p.master.Stop(syscall.SIGKILL)
	s := redis.NewSentinelClient(&redis.Options{Addr: p.sentinel.Addr})
	defer s.Close()
	require.NoError(t, s.Set(t.Context(), "tokens", "down-after-milliseconds", "500").Err())
}

func (p *pair) promoted(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		role, err := p.toReplica.Do(t.Context(), "ROLE").Slice()
		return err == nil && len(role) > 0 && role[0] == "master"
	}, 2*time.Minute, 20*time.Millisecond, "the replica becomes the master")
}

// numbered answers with tokens numbered from 2, and remembers what it was asked with.
type numbered struct {
	asked []string
	then  func()
}

func (n *numbered) Refresh(_ context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	n.asked = append(n.asked, old.RefreshToken)
	if n.then != nil {
		n.then()
	}
	i := len(n.asked) + 1
	return &oauth2.Token{AccessToken: fmt.Sprint("access-", i), RefreshToken: fmt.Sprint("refresh-", i), Expiry: time.Now().Add(time.Hour)}, nil
}

func signIn(t *testing.T, src *tokenstore.Source) {
	t.Helper()
	require.NoError(t, src.SignIn(t.Context(), &oauth2.Token{AccessToken: "access-1", RefreshToken: "refresh-1", Expiry: time.Now()}, tokenstore.Account{}))
}

// TestFailover loses the server in the middle of a refresh. The caller gets the token, errors say what is down, and the tokens are
// saved on the promoted replica without a restart of the program.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, pinned := range map[string]bool{"shipped": false, "mutant: a client that stays with the old server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t)
			client := p.client(t)
			if pinned {
				client = p.toMaster
			}
			s, err := redisstore.New(client, nil)
			require.NoError(t, err)
			r := &numbered{then: func() {
				p.replicated(t)
				p.loseMaster(t)
			}}
			src := tokenstore.NewSource(s, "a", r, &tokenstore.SourceOptions{SaveTimeout: time.Second})
			signIn(t, src)
			tok, err := src.Token(t.Context())
			require.NoError(t, err, "the answer is not lost with the server")
			require.Equal(t, "access-2", tok.AccessToken)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err = src.Status(ctx); err != nil { // unless the failover is over already
				require.ErrorContains(t, err, "redisstore: reading")
				var e *tokenstore.Error
				require.ErrorAs(t, err, &e)
				require.True(t, e.Temporary())
			}
			p.promoted(t)
			recovered := false
			within := map[bool]time.Duration{false: 2 * time.Minute, true: 5 * time.Second}[pinned]
			for end := time.Now().Add(within); time.Now().Before(end) && !recovered; time.Sleep(50 * time.Millisecond) {
				st, err := src.Status(t.Context())
				recovered = err == nil && !st.Unsaved && st.Generation == 2
			}
			require.Equal(t, !pinned, recovered)
			closing, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := src.Close(closing); !pinned {
				require.NoError(t, err)
			}
			require.Equal(t, []string{"refresh-1"}, r.asked)
		})
	}
}

// TestFailoverLosesASave: Redis acknowledges before it replicates, so the promoted replica can show an older record. A source that has
// seen the newer one notices, says so and puts it back; it does not present the spent token. What has no memory of it cannot.
func TestFailoverLosesASave(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	s, err := redisstore.New(p.client(t), &redisstore.Options{Lease: 10 * time.Second})
	require.NoError(t, err)
	r := &numbered{}
	src := tokenstore.NewSource(s, "a", r, nil)
	signIn(t, src)
	p.replicated(t)
	// The replica cannot follow for a while.
	for name, value := range map[string]string{"masteruser": "nobody", "masterauth": "wrong"} {
		require.NoError(t, p.toReplica.ConfigSet(t.Context(), name, value).Err())
	}
	require.NoError(t, p.toReplica.Do(t.Context(), "CLIENT", "KILL", "TYPE", "master").Err())
	tok, err := src.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "access-2", tok.AccessToken)
	st, err := src.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(2), st.Generation)
	require.False(t, st.Unsaved, "acknowledged")
	p.loseMaster(t)
	p.promoted(t)
	require.Eventually(t, func() bool {
		st, err = src.Status(t.Context())
		return err == nil
	}, 2*time.Minute, 50*time.Millisecond)
	require.Equal(t, int64(1), st.Generation, "the acknowledged save is gone")

	src.Reject(t.Context(), tok, "") // the next refresh
	require.Eventually(t, func() bool {
		tok, err = src.Token(t.Context())
		return err == nil && tok.AccessToken == "access-3"
	}, 2*time.Minute, 100*time.Millisecond)
	require.Equal(t, []string{"refresh-1", "refresh-2"}, r.asked, "the spent token is not presented again")
	require.EqualValues(t, 1, src.Counters().RolledBack)
	require.NoError(t, src.Close(t.Context()))

	// Mutant: a source without that memory.
	require.NoError(t, p.toReplica.Del(t.Context(), "oauth:{YQ}:record").Err())
	forgetful := &numbered{}
	first := tokenstore.NewSource(s, "a", forgetful, nil)
	signIn(t, first)
	old, err := s.Get(t.Context(), "a")
	require.NoError(t, err)
	_, err = first.Token(t.Context())
	require.NoError(t, err)
	require.NoError(t, first.Close(t.Context()))
	now, err := s.Get(t.Context(), "a")
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "a", tokenstore.Record{Data: old.Data, Version: now.Version})
	require.NoError(t, err)
	second := tokenstore.NewSource(s, "a", forgetful, nil)
	_, err = second.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"refresh-1", "refresh-1"}, forgetful.asked, "the check sees it")
	require.NoError(t, second.Close(t.Context()))
}
