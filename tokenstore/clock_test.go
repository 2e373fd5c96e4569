package tokenstore_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// clock is a host's: its wall clock is off by an amount that changes when somebody sets it, or when the machine sleeps; its
// monotonic one is the bubble's. That is what time.Now reads on a real machine; in a bubble it has the wall clock's reading only.
type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time { return nowOff(c.offset()) }

func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off
}

func (c *clock) set(off time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = off
}

func (c *clock) move(by time.Duration) { c.set(c.offset() + by) }

// nowOff returns the present with a wall clock that is off, and a monotonic reading. Package time offers no way to make one, so
// this knows its layout; TestNowOff finds out if that changes.
func nowOff(by time.Duration) time.Time {
	type layout struct {
		wall uint64 // 1 bit: monotonic reading present; 33 bits: seconds since 1885; 30 bits: nanoseconds
		ext  int64  // the monotonic reading
		loc  *time.Location
	}
	const hasMonotonic = 1 << 63
	epoch := time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC)
	now := time.Now().Round(0)
	moved := now.Add(by)
	seconds := moved.Unix() - epoch.Unix()
	t := layout{wall: hasMonotonic | uint64(seconds)<<30 | uint64(moved.Nanosecond()), ext: int64(now.Sub(epoch)), loc: time.UTC}
	return *(*time.Time)(unsafe.Pointer(&t))
}

func TestNowOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		real := time.Now()
		c := &clock{}
		first := c.now()
		for _, off := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 40 * days, -time.Nanosecond} {
			c.set(off)
			require.Zero(t, c.now().Sub(first), "the monotonic reading stays")
			require.Equal(t, off, c.now().Round(0).Sub(real), "the wall clock moves")
		}
		time.Sleep(time.Minute)
		require.Equal(t, time.Minute, c.now().Sub(first))
	})
}
