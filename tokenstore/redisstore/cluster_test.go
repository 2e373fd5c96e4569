//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/internal/servers"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/redisstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

// cluster starts three nodes that share the slots.
func cluster(t *testing.T) *redis.ClusterClient {
	const slots, nodes = 16384, 3
	var addrs []string
	var first *redis.Client
	for i := range nodes {
		s, bus := servers.RedisClusterNode(t)
		c := redis.NewClient(&redis.Options{Addr: s.Addr})
		t.Cleanup(func() { c.Close() })
		s.Start(t, func(ctx context.Context) error { return c.Ping(ctx).Err() })
		require.NoError(t, c.ClusterAddSlotsRange(t.Context(), i*slots/nodes, (i+1)*slots/nodes-1).Err())
		if first == nil {
			first = c
		} else {
			_, port, err := net.SplitHostPort(s.Addr)
			require.NoError(t, err)
			require.NoError(t, first.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", port, bus).Err())
		}
		addrs = append(addrs, s.Addr)
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { c.Close() })
	require.Eventually(t, func() bool { // every node knows of all slots
		for _, addr := range addrs {
			node := redis.NewClient(&redis.Options{Addr: addr})
			info, err := node.ClusterInfo(t.Context()).Result()
			node.Close()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	}, time.Minute, 50*time.Millisecond)
	return c
}

// TestCluster runs the contract on three nodes: a record and its lock lie together, records are spread, and List finds all.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	var prefixes atomic.Int32
	open := func(t *testing.T) *redisstore.Store {
		s, err := redisstore.New(c, &redisstore.Options{Prefix: fmt.Sprintf("test%d:", prefixes.Add(1)), WatchInterval: 5 * time.Millisecond})
		require.NoError(t, err)
		return s
	}
	t.Run("contract", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) tokenstore.Store { return open(t) })
	})
	t.Run("slots", func(t *testing.T) {
		s := open(t)
		for i := range 30 {
			key := fmt.Sprintf("mailbox {%d} {}", i)
			_, err := s.Put(t.Context(), key, tokenstore.Record{Data: []byte("x")})
			require.NoError(t, err)
			l, err := s.Lock(t.Context(), key)
			require.NoError(t, err)
			defer func() { require.NoError(t, l.Unlock()) }()
		}
		var all []string
		nodes := 0
		mine := fmt.Sprintf("test%d:*", prefixes.Load())
		slots := map[int64][]string{}
		for _, addr := range c.Options().Addrs {
			n := redis.NewClient(&redis.Options{Addr: addr})
			keys, err := n.Keys(t.Context(), mine).Result()
			n.Close()
			require.NoError(t, err)
			if len(keys) > 0 {
				nodes++
			}
			all = append(all, keys...)
		}
		for _, key := range all {
			slot, err := c.ClusterKeySlot(t.Context(), key).Result()
			require.NoError(t, err)
			slots[slot] = append(slots[slot], key)
		}
		require.Equal(t, 3, nodes, "the records are spread")
		for slot, keys := range slots {
			records := 0
			for _, key := range keys {
				if strings.HasSuffix(key, ":record") {
					records++
					require.Contains(t, keys, strings.TrimSuffix(key, ":record")+":lock", "slot %d", slot)
				}
			}
			require.NotZero(t, records)
		}
	})
}
